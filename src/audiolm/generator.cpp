#include "audiolm/generator.h"

#include <algorithm>
#include <cmath>

#include "audio/resample.h"

namespace hemiola::audiolm {
namespace {

constexpr double kLongestSound = 3600;  // seconds

Result<int> samples_of_unit(const Codec& codec) {
  const CodecShape& shape = codec.shape();
  const int samples = shape.hop * kFramesPerUnit;
  if (samples * kUnitsPerSecond != shape.rate) {
    return fail("the codec has {} frames a second; the stages are made for {}",
                static_cast<double>(shape.rate) / shape.hop, kUnitsPerSecond * kFramesPerUnit);
  }
  return samples;
}

bool is_quiet(std::span<const float> sound) {
  constexpr float kQuiet = 0.02f;  // RMS, -34 dBFS: of sound that is as loud as LoudnessTarget says
  float squares = 0;
  for (const float sample : sound) squares += sample * sample;
  return squares < kQuiet * kQuiet * static_cast<float>(sound.size());
}

}  // namespace

Result<Generator> Generator::from_parts(Codec codec, SemanticEncoder encoder, Stages stages) {
  HEMIOLA_CHECK(check(stages));
  HEMIOLA_TRY(const int unit, samples_of_unit(codec));
  static_cast<void>(unit);
  const TokenShape& shape = stages.semantic.layout.shape();
  if (shape.quantizers != codec.shape().quantizers || shape.codebook != codec.shape().codebook) {
    return fail("the stages know {} quantizers of {} codes, the codec has {} of {}",
                shape.quantizers, shape.codebook, codec.shape().quantizers, codec.shape().codebook);
  }
  if (shape.units != encoder.units()) {
    return fail("the stages know {} units, the semantic encoder has {}", shape.units,
                encoder.units());
  }
  return Generator(std::move(codec), std::move(encoder), std::move(stages));
}

Result<std::vector<float>> as_prompt(Audio sound, int rate) {
  Audio mono{rate, 1, {}};
  HEMIOLA_TRY(mono.samples, mono_at(sound, rate));
  HEMIOLA_TRY(const double gain, normalise_loudness(mono));
  static_cast<void>(gain);
  const auto block = static_cast<std::size_t>(rate) / 50;
  std::size_t end = mono.samples.size();
  while (end >= block && is_quiet(std::span(mono.samples).subspan(end - block, block))) {
    end -= block;
  }
  if (end >= block) mono.samples.resize(end);  // nothing but silence stays as it is
  return std::move(mono.samples);
}

double Generator::longest_prompt() const {
  return static_cast<double>(stages_.semantic.layout.window()) / kUnitsPerSecond;
}

PieceTokens Generator::tokens_of(std::span<const float> sound) const {
  return whole_units(encoder_.encode(sound), codec_.encode(sound), codec_.shape().quantizers);
}

Result<WrittenSound> Generator::generate(const SoundRequest& request,
                                         const SoundCallbacks& callbacks) const {
  if (!(request.seconds > 0 && request.seconds <= kLongestSound)) {
    return fail("seconds: expected more than 0, at most {}, got {}", kLongestSound,
                request.seconds);
  }
  const TokenShape& shape = stages_.coarse.layout.shape();
  HEMIOLA_CHECK(check(request.sampling, shape));
  const auto heard = static_cast<std::size_t>(request.sampling.heard(shape));
  const auto quantizers = static_cast<std::size_t>(codec_.shape().quantizers);
  const auto hop = static_cast<std::size_t>(codec_.shape().hop);
  WrittenSound written;
  if (!request.prompt.empty()) {
    const auto longest = static_cast<std::size_t>(longest_prompt() * rate());
    const std::span<const float> all(request.prompt);
    PieceTokens prompt = tokens_of(all.last(std::min(all.size(), longest)));
    written.units = std::move(prompt.units);
    written.codes = std::move(prompt.codes);
    if (written.units.empty()) {
      return fail("the sound to go on from is shorter than {:.2f} s", 1.0 / kUnitsPerSecond);
    }
  }
  TokenWriter writer(stages_, {written.units, written.codes}, request.sampling, request.seed);
  Codec::Decoder decoder(codec_);
  for (std::size_t at = 0; at < written.codes.size(); at += quantizers) {
    decoder.push(std::span(written.codes).subspan(at, heard), written.samples);
  }
  written.prompt_samples = written.samples.size();
  const auto wanted =
      written.prompt_samples + static_cast<std::size_t>(std::llround(request.seconds * rate()));
  const auto tell = [&](std::size_t from) {
    if (!callbacks.sound) return true;
    const double done = static_cast<double>(written.samples.size()) / static_cast<double>(wanted);
    return callbacks.sound(std::span(written.samples).subspan(from), done);
  };
  bool go_on = written.samples.empty() || tell(0);
  while (go_on && written.samples.size() < wanted) {
    const std::vector<std::int16_t> chunk = writer.next();
    const std::size_t from = written.samples.size();
    for (std::size_t at = 0; at < chunk.size() && written.samples.size() < wanted;
         at += quantizers) {
      const auto frame = std::span(chunk).subspan(at, quantizers);
      written.codes.insert(written.codes.end(), frame.begin(), frame.end());
      decoder.push(frame.first(heard), written.samples);
    }
    if (written.samples.size() > wanted) written.samples.resize(wanted);
    go_on = tell(from);
  }
  written.complete = written.samples.size() == wanted;
  const std::size_t units =
      (written.samples.size() + hop * kFramesPerUnit - 1) / (hop * kFramesPerUnit);
  written.units = writer.units();
  written.units.resize(std::min(written.units.size(), units));
  return written;
}

}  // namespace hemiola::audiolm
