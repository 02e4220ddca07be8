// hemiola render FILE -o OUT.wav: a piece as sound.
#include <memory>

#include "audio/audio.h"
#include "audio/synthesise.h"
#include "cli/command.h"
#include "data/source.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file, out, soundfont;
  int rate = 44100;
  double loudness = -18;
  bool force = false, json = false;
};

Result<int> run(const Options& options) {
  HEMIOLA_CHECK(may_write(options.out, options.force));
  const auto start = std::chrono::steady_clock::now();
  HEMIOLA_TRY(const data::Source source, data::read_source(options.file));
  SynthesisOptions synthesis;
  synthesis.soundfont = options.soundfont;
  synthesis.sample_rate = options.rate;
  catch_interrupts();
  Audio audio;
  {
    Progress progress("render");
    HEMIOLA_TRY(audio, synthesise(source.file, synthesis, [&](double done) {
                  progress.show(done, 1);
                  return !interrupted();
                }));
  }
  HEMIOLA_TRY(const double gain, normalise_loudness(audio, {options.loudness, -1}));
  HEMIOLA_CHECK(write_audio(options.out, audio));
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.json) {
    HEMIOLA_TRY(const Loudness loudness, measure_loudness(audio));
    print(Json{{"path", options.out.string()},
               {"seconds_audio", audio.length().count()},
               {"seconds_taken", seconds},
               {"gain_db", gain},
               {"loudness_lufs", loudness.integrated},
               {"true_peak_dbtp", loudness.true_peak}});
  } else {
    note(fmt::format("{}: {} of sound in {}", options.out.string(),
                     duration_text(audio.length().count()), duration_text(seconds)));
  }
  return 0;
}

}  // namespace

Action add_render(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "MIDI, .jianpu or .tokens")->required();
  app.add_option("-o,--output", options->out, "OUT.wav, .flac, .ogg or .mp3")->required();
  app.add_option("--soundfont", options->soundfont,
                 "SF2 or SF3 file; else HEMIOLA_SOUNDFONT, else Debian's MuseScore General");
  app.add_option("--rate", options->rate, "samples a second")
      ->check(CLI::Range(8000, 96000))
      ->capture_default_str();
  app.add_option("--loudness", options->loudness, "target in LUFS; peaks stay below -1 dBTP")
      ->check(CLI::Range(-60.0, -5.0))
      ->capture_default_str();
  app.add_flag("--force", options->force, "replace an existing file");
  app.add_flag("--json", options->json, "report on stdout as JSON");
  app.footer("Example: hemiola render song.mid -o song.flac");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
