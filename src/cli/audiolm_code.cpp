// hemiola audiolm encode and decode: sound -> the codec's codes -> sound.
#include <memory>

#include "audio/audio.h"
#include "audiolm/code_file.h"
#include "cli/audiolm_commands.h"
#include "evaluate/fad.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  std::string file, out, codec;
  int quantizers = 0;
  bool force = false;
};

Result<int> run_encode(const Arguments& a) {
  HEMIOLA_CHECK(may_write(a.out, a.force));
  HEMIOLA_TRY(const audiolm::Codec codec, audiolm::Codec::load(a.codec));
  HEMIOLA_TRY(const std::vector<float> sound, evaluate::load_sound(a.file));
  audiolm::CodeFile file{codec.shape().quantizers, codec.encode(sound)};
  HEMIOLA_CHECK(audiolm::write_codes(a.out, file, codec));
  return 0;
}

Result<int> run_decode(const Arguments& a) {
  HEMIOLA_CHECK(may_write(a.out, a.force));
  HEMIOLA_TRY(const audiolm::Codec codec, audiolm::Codec::load(a.codec));
  HEMIOLA_TRY(const Bytes bytes, read_file(a.file));
  HEMIOLA_TRY(const audiolm::CodeFile file, audiolm::read_codes(bytes, codec, a.file));
  const int used = a.quantizers == 0 ? file.quantizers : a.quantizers;
  if (used > file.quantizers) {
    return fail("{}: has {} codes a frame, not {}", a.file, file.quantizers, used);
  }
  const auto codes = audiolm::first_codes(file.codes, file.quantizers, used);
  const Audio audio{codec.shape().rate, 1, codec.decode(codes, used)};
  HEMIOLA_CHECK(write_audio(a.out, audio));
  return 0;
}

void add_common(CLI::App& app, Arguments& a, const char* file, const char* out) {
  app.add_option("FILE", a.file, file)->required();
  app.add_option("--codec", a.codec, "codec.safetensors")->required();
  app.add_option("-o,--out", a.out, out)->required();
  app.add_flag("--force", a.force, "Replace an output that stands already");
}

}  // namespace

Action add_audiolm_encode(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  add_common(app, *a, "Sound, or music, which is rendered first", "The codes, .safetensors");
  return [a] { return run_encode(*a); };
}

Action add_audiolm_decode(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  add_common(app, *a, "Codes that `hemiola audiolm encode` wrote",
             "Sound: .wav, .flac, .ogg, .mp3");
  app.add_option("--quantizers", a->quantizers, "Use only the first codes of each frame; 0: all")
      ->check(CLI::Range(0, 64));
  return [a] { return run_decode(*a); };
}

}  // namespace hemiola::cli
