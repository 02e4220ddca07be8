// hemiola audiolm measure: what a codec keeps of held-out sound.
#include <chrono>
#include <cmath>
#include <memory>

#include "audiolm/codec.h"
#include "audiolm/sound_distance.h"
#include "audiolm/sound_set.h"
#include "cli/audiolm_commands.h"
#include "evaluate/fad.h"
#include "model/code_perplexity.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  std::string sounds, codec, split = "test";
  std::size_t most = 200;
  bool json = false;
};

constexpr double kLongest = 30;  // seconds of each piece

// The pieces of a split, or all files of a folder.
Result<std::vector<std::vector<float>>> sounds_of(const Arguments& a) {
  std::vector<std::vector<float>> sounds;
  std::error_code code;
  if (std::filesystem::exists(Path(a.sounds) / "sound.json", code)) {
    HEMIOLA_TRY(const audiolm::SoundSet set, audiolm::SoundSet::open(a.sounds));
    for (const std::size_t i : set.of_split(a.split)) {
      if (sounds.size() < a.most) sounds.push_back(set.sound(i));
    }
  } else {
    HEMIOLA_TRY(const auto files, evaluate::list_files(a.sounds, evaluate::is_sound_name));
    for (const Path& file : files) {
      if (sounds.size() >= a.most) break;
      HEMIOLA_TRY(sounds.emplace_back(), evaluate::load_sound(file, Seconds(kLongest)));
    }
  }
  for (auto& sound : sounds) {
    sound.resize(std::min(sound.size(), static_cast<std::size_t>(kLongest * audiolm::kSoundRate)));
  }
  std::erase_if(sounds, [](const auto& sound) { return sound.size() < 2048; });
  if (sounds.empty()) return fail("{}: no sound of the split \"{}\"", a.sounds, a.split);
  return sounds;
}

Result<int> run(const Arguments& a) {
  HEMIOLA_TRY(const audiolm::Codec codec, audiolm::Codec::load(a.codec));
  const audiolm::CodecShape& shape = codec.shape();
  HEMIOLA_TRY(const auto sounds, sounds_of(a));
  catch_interrupts();
  const audiolm::SoundMeter meter;
  const auto all = static_cast<std::size_t>(shape.quantizers);
  std::vector<audiolm::SoundDistances> sums(all);
  std::vector<std::int16_t> codes;
  double seconds = 0, encoding = 0, decoding = 0;
  const auto since = [](std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Progress progress("measure");
  for (std::size_t piece = 0; piece < sounds.size(); ++piece) {
    if (interrupted()) return fail("stopped");
    const std::vector<float>& sound = sounds[piece];
    auto start = std::chrono::steady_clock::now();
    const auto of_piece = codec.encode(sound);
    encoding += since(start);
    seconds += static_cast<double>(sound.size()) / shape.rate;
    codes.insert(codes.end(), of_piece.begin(), of_piece.end());
    for (std::size_t used = 1; used <= all; ++used) {
      const auto first = audiolm::first_codes(of_piece, shape.quantizers, static_cast<int>(used));
      start = std::chrono::steady_clock::now();
      auto heard = codec.decode(first, static_cast<int>(used));
      if (used == all) decoding += since(start);
      heard.resize(sound.size());
      const audiolm::SoundDistances distances = meter.measure(heard, sound);
      sums[used - 1].si_sdr += distances.si_sdr;
      sums[used - 1].stft += distances.stft;
      sums[used - 1].mel += distances.mel;
    }
    progress.show(static_cast<double>(piece + 1), static_cast<double>(sounds.size()));
  }
  const auto perplexity = code_perplexity(codes, shape);
  const double bits = std::log2(shape.codebook) * shape.rate / shape.hop;
  Json rows = Json::array();
  std::string text = fmt::format(
      "{} pieces, {}\nquantizers  kbit/s  SI-SDR dB   STFT    mel  "
      "perplexity\n",
      sounds.size(), duration_text(seconds));
  for (std::size_t used = 1; used <= all; ++used) {
    const double n = static_cast<double>(sounds.size());
    const audiolm::SoundDistances& sum = sums[used - 1];
    const double kbit = bits * static_cast<double>(used) / 1000;
    rows.push_back({{"quantizers", used},
                    {"kbit_per_second", kbit},
                    {"si_sdr", sum.si_sdr / n},
                    {"stft", sum.stft / n},
                    {"mel", sum.mel / n},
                    {"perplexity", perplexity[used - 1]}});
    text += fmt::format("{:10}  {:6.1f}  {:9.2f}  {:5.3f}  {:5.3f}  {:10.0f}\n", used, kbit,
                        sum.si_sdr / n, sum.stft / n, sum.mel / n, perplexity[used - 1]);
  }
  if (a.json) {
    print(Json{{"pieces", sounds.size()},
               {"seconds_audio", seconds},
               {"encode_seconds", encoding},
               {"decode_seconds", decoding},
               {"codec", codec.sha256()},
               {"results", rows}});
  } else {
    text += fmt::format("encoding {:.0f} and decoding {:.0f} times as fast as the sound",
                        seconds / encoding, seconds / decoding);
    print(text);
  }
  return 0;
}

}  // namespace

Action add_audiolm_measure(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option("SOUNDS", a->sounds, "A set of sounds, or a folder of sound files")->required();
  app.add_option("--codec", a->codec, "codec.safetensors")->required();
  app.add_option("--split", a->split, "Of a set: train, validation or test")->capture_default_str();
  app.add_option("--most", a->most, "At most so many pieces")->capture_default_str();
  app.add_flag("--json", a->json, "Report as JSON");
  return [a] { return run(*a); };
}

}  // namespace hemiola::cli
