#include "cli/loop_sound.h"

#include <cmath>
#include <memory>

#include "audio/audio.h"
#include "audio/synthesise.h"

namespace hemiola::cli {
namespace {

Status write_loop_sound(const data::Loop& loop, const midi::File& file, const Path& midi_path,
                        HeldSamples& samples) {
  Path path = midi_path;
  path.replace_extension(".flac");
  std::error_code code;
  if (std::filesystem::exists(path, code)) return {};

  samples.hold(file);
  SynthesisOptions options;
  options.sample_rate = 16000;
  HEMIOLA_TRY(const Audio stereo, synthesise(file, options));
  const int bar = bar_length(loop.labels.metre).count();
  const double seconds = 4.0 * bar / kGridQuarter.count() * 60 / loop.labels.tempo;
  const auto length = static_cast<std::size_t>(std::lround(seconds * options.sample_rate));
  Audio mono{options.sample_rate, 1, std::vector<float>(length)};
  for (std::size_t i = 0; i < stereo.frames(); ++i) {
    mono.samples[i % length] += 0.5f * (stereo.samples[2 * i] + stereo.samples[2 * i + 1]);
  }
  HEMIOLA_CHECK(normalise_loudness(mono));
  return write_audio(path, mono);
}

}  // namespace

Result<LoopSound> make_loop_sound() {
  HEMIOLA_TRY(HeldSamples opened, HeldSamples::open());
  // std::function wants to be copied; the samples are shared by its copies.
  const auto samples = std::make_shared<HeldSamples>(std::move(opened));
  return [samples](const data::Loop& loop, const midi::File& file, const Path& path) {
    return write_loop_sound(loop, file, path, *samples);
  };
}

}  // namespace hemiola::cli
