// hemiola beats FILE: where the beats and downbeats are.
#include <memory>

#include "beats/tracker.h"
#include "cli/command.h"
#include "data/source.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file;
  bool performed = false, json = false;
};

Result<int> run(const Options& options) {
  data::SourceOptions source_options;
  if (options.performed) source_options.timing = Timing::kPerformed;
  HEMIOLA_TRY(const data::Source source, data::read_source(options.file, source_options));
  HEMIOLA_TRY(const auto beats, beats_of(source.score, source_options.timing));
  Json rows = Json::array();
  std::string text;
  for (const BeatTrack::Beat& beat : beats) {
    if (options.json) {
      rows.push_back({{"seconds", beat.at.count()}, {"downbeat", beat.downbeat}});
    } else {
      text += fmt::format("{:.3f}\t{}\n", beat.at.count(), beat.downbeat ? "db" : "b");
    }
  }
  if (options.json) {
    print(Json{{"performed", source.standard.report.performed}, {"beats", rows}});
  } else {
    print(text);
  }
  return 0;
}

}  // namespace

Action add_beats(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "MIDI, .jianpu or .tokens")->required();
  app.add_flag("--performed", options->performed,
               "track the beats even if the file seems to lie on its own grid");
  app.add_flag("--json", options->json, "report as JSON");
  app.footer("One line a beat: seconds, tab, \"b\" or \"db\" (downbeat).");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
