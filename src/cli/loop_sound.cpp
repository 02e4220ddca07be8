#include "cli/loop_sound.h"

#include <memory>

#include "audio/loop_audio.h"

namespace hemiola::cli {
namespace {

Status write_loop_sound(const data::Loop& loop, const midi::File& file, const Path& midi_path,
                        HeldSamples& samples) {
  Path path = midi_path;
  path.replace_extension(".flac");
  std::error_code code;
  if (std::filesystem::exists(path, code)) return {};

  samples.hold(file);
  const int bar = bar_length(loop.labels.metre).count();
  const Seconds length(4.0 * bar / kGridQuarter.count() * 60 / loop.labels.tempo);
  HEMIOLA_TRY(const Audio mono, synthesise_loop(file, length, 16000));
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
