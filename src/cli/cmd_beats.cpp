// hemiola beats FILE: where the beats and downbeats are.
#include <memory>

#include "beats/alignment.h"
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
  HEMIOLA_TRY(const Score score, data::read_score(options.file));
  const bool performed = options.performed || !measure_alignment(score).is_aligned();
  auto found = beats_of(score, performed ? Timing::kPerformed : Timing::kAligned);
  if (!found) return fail(std::move(found.error()).within(options.file.string()));
  Json rows = Json::array();
  std::string text;
  for (const BeatTrack::Beat& beat : *found) {
    if (options.json) {
      rows.push_back({{"seconds", beat.at.count()}, {"downbeat", beat.downbeat}});
    } else {
      text += fmt::format("{:.3f}\t{}\n", beat.at.count(), beat.downbeat ? "db" : "b");
    }
  }
  if (options.json) {
    print(Json{{"performed", performed}, {"beats", rows}});
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
  app.footer(
      "One line a beat: seconds, tab, \"b\" or \"db\" (downbeat), from the first sounding beat "
      "on.\n"
      "Written music has the beats of its own metres; of a performance they are tracked.\n"
      "Example: hemiola beats performance.mid > performance.beats");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
