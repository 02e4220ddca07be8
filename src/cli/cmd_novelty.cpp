// hemiola novelty FILE [--data DIR]: does a piece, or part of it, stand in the training data?
#include <memory>

#include "cli/command.h"
#include "cli/novelty_sound.h"
#include "data/novelty.h"
#include "data/novelty_index.h"
#include "data/source.h"
#include "model/locate.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file, data, model, audiolm;
  bool json = false;
};

Result<data::Novelty> compare(const Options& options) {
  HEMIOLA_TRY(const Bytes bytes, read_file(options.file));
  HEMIOLA_TRY(const data::Source source, data::read_source(options.file));
  if (!options.data.empty()) {
    HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(options.data));
    return data::novelty(source.grid(), dataset, sha256(bytes));
  }
  HEMIOLA_TRY(const Path model, locate_model(options.model));
  const Path path = data::novelty_index_path(model);
  if (!std::filesystem::exists(path)) {
    return fail(
        "{} does not exist, so there is nothing to compare with; name the training data with "
        "--data DIR, or write the index with hemiola dataset export-index",
        path.string());
  }
  HEMIOLA_TRY(const auto index, data::NoveltyIndex::load(path));
  return data::novelty(source.grid(), index, sha256(bytes));
}

Result<int> run(const Options& options) {
  if (is_sound_file(options.file)) {
    return report_sound_novelty({options.file, options.data, options.audiolm, options.json});
  }
  HEMIOLA_TRY(const data::Novelty novelty, compare(options));
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
        "\nlongest shared run: {}{} of {} notes, here bars {}-{}, bars {}-{} of {}\n{:.0f} % of "
        "its "
        "bars stand in the training data",
        novelty.run_slack > 0 ? "at least " : "", run.notes, novelty.notes, run.own_bars.first,
        run.own_bars.last, run.bars.first, run.bars.last, run.piece, 100 * novelty.copied_bars);
  }
  print(text);
  return 0;
}

}  // namespace

Action add_novelty(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "MIDI, .jianpu or .tokens; or sound")->required();
  auto* data =
      app.add_option("--data", options->data, "compare with this data set, or set of sounds");
  app.add_option("--model", options->model,
                 "compare with the index of this model's training data; else HEMIOLA_MODEL, else "
                 "models/default")
      ->excludes(data);
  app.add_option("--audiolm", options->audiolm,
                 "sound: the folder of semantic.safetensors, and of codec.safetensors where codes "
                 "are to be compared; else HEMIOLA_AUDIOLM, else models/audiolm");
  app.add_flag("--json", options->json, "report as JSON");
  app.footer(
      "Notes are compared up to transposition, tempo and the way they are spread over tracks.\n"
      "Without --data: with the index beside the model, which tells runs a little short.\n"
      "Sound is compared by the codec's codes, and by semantic features of windows of two "
      "seconds,\n"
      "with the training pieces of a set of sounds; the index is written into its folder once.\n"
      "Without --data: with the index of AudioLM's training sounds beside it.\n"
      "Examples:\n"
      "  hemiola novelty out/piece-7.mid\n"
      "  hemiola novelty out/piece-7.mid --data data --json\n"
      "  hemiola novelty made.wav\n"
      "  hemiola novelty made.wav --data sounds");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
