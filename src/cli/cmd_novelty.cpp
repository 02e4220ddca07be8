// hemiola novelty FILE --data DIR: does a piece, or part of it, stand in the training data?
#include <memory>

#include "cli/command.h"
#include "data/novelty.h"
#include "data/source.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file, data;
  bool json = false;
};

Result<int> run(const Options& options) {
  HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(options.data));
  HEMIOLA_TRY(const Bytes bytes, read_file(options.file));
  HEMIOLA_TRY(const data::Source source, data::read_source(options.file));
  const data::Novelty novelty = data::novelty(source.grid(), dataset, sha256(bytes));
  if (options.json) {
    print(data::to_json(novelty));
    return 0;
  }
  const data::SharedRun& run = novelty.longest_run;
  std::string text = novelty.exact_file    ? "this very file is training data"
                     : novelty.exact_notes ? "the same notes are training data"
                     : novelty.is_copy()   ? "a copy of training music"
                                           : "new";
  if (run.notes > 0) {
    text += fmt::format(
        "\nlongest shared run: {} of {} notes, here bars {}-{}, bars {}-{} of {}\n{:.0f} % of its "
        "bars stand in the training data",
        run.notes, novelty.notes, run.own_bars.first, run.own_bars.last, run.bars.first,
        run.bars.last, run.piece, 100 * novelty.copied_bars);
  }
  print(text);
  return 0;
}

}  // namespace

Action add_novelty(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "MIDI, .jianpu or .tokens")->required();
  app.add_option("--data", options->data, "the data set it is compared with")->required();
  app.add_flag("--json", options->json, "report as JSON");
  app.footer(
      "Notes are compared up to transposition, tempo and the way they are spread over tracks.\n"
      "Example: hemiola novelty out/piece-7.mid --data data");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
