// hemiola compare: generated music against real music and against anchors, as one report.
#include <memory>

#include "cli/command.h"
#include "compare/compare.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  compare::CompareOptions options;
  std::vector<std::string> runs;
  bool json = false;
};

// "small=runs/small": a name, and the run's folder.
Status read_runs(Arguments& arguments) {
  for (const std::string& text : arguments.runs) {
    const std::size_t at = text.find('=');
    if (at == 0 || at == std::string::npos || at + 1 == text.size()) {
      return fail("--run {}: expected NAME=FOLDER", text);
    }
    arguments.options.runs.emplace_back(text.substr(0, at), text.substr(at + 1));
  }
  return {};
}

// FAD-infinity of each set by each embedding, and which measures are to be trusted.
std::string to_text(const Json& report) {
  std::string text = fmt::format("{:12}", "FAD-infinity");
  for (const auto& [embedding, row] : report["distances"].items()) {
    text += fmt::format("{:>16}", embedding);
  }
  for (const auto& [set, about] : report["sets"].items()) {
    text += fmt::format("\n{:12}", set);
    for (const auto& [embedding, row] : report["distances"].items()) {
      const Json& value = row["sets"][set]["fad_inf"];
      text += value.is_number() ? fmt::format("{:16.4g}", value.get<double>())
                                : fmt::format("{:>16}", "-");
    }
  }
  text += fmt::format("\n{:12}", "in order");
  for (const auto& [embedding, row] : report["distances"].items()) {
    text += fmt::format(
        "{:>16}", row["orders"]["fad_inf"]["trusted"].get<bool>() ? "yes" : "no: not trusted");
  }
  return text;
}

Result<int> run(Arguments& arguments) {
  HEMIOLA_CHECK(read_runs(arguments));
  catch_interrupts();
  Json report;
  {
    Progress progress("compare");
    arguments.options.progress = [&](std::string_view what, std::size_t done, std::size_t total) {
      progress.line(total > 0 ? fmt::format("{}: {} of {}", what, done, total) : std::string(what));
      return interrupted();
    };
    HEMIOLA_TRY(report, compare::compare(arguments.options));
  }
  if (arguments.json) {
    print(report);
  } else {
    print(to_text(report));
    note(fmt::format("report: {}", (arguments.options.out / "report.html").string()));
  }
  return 0;
}

}  // namespace

Action add_compare(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  compare::CompareOptions& o = arguments->options;
  app.add_option("-o,--output", o.out,
                 "folder of the comparison: report.html, report.json, and all that they stand on; "
                 "gone on with where it was begun")
      ->required();
  app.add_option("--loops", o.loops, "folder that hemiola dataset loops --audio has made")
      ->required();
  app.add_option("--count", o.count, "pieces of each set")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "same seed, same machine class: same figures")
      ->capture_default_str();
  app.add_option("--model", o.model,
                 "model folder or file; else HEMIOLA_MODEL, else models/default");
  app.add_flag("--styles", o.styles,
               "ask the model for the styles of the held-out loops; for a model that has learnt "
               "other music too");
  auto* audiolm = app.add_option("--audiolm", o.audiolm, "bundle of AudioLM that makes its set");
  app.add_option("--audiolm-sounds", o.audiolm_sounds,
                 "folder of sound that AudioLM has made, instead")
      ->excludes(audiolm);
  app.add_option("--codec", o.codec,
                 "codec.safetensors, through which real loops go as a further anchor; else that of "
                 "--audiolm");
  app.add_option("--embedding", o.embeddings,
                 "musicnn, yamnet, vggish, lyra or semantic, several with commas; else all whose "
                 "weights are there")
      ->delimiter(',')
      ->check(CLI::IsMember({"musicnn", "yamnet", "vggish", "lyra", "semantic"}));
  app.add_option("--models", o.weights,
                 "folder of the embeddings' weights; else where hemiola models add puts them");
  app.add_option("--pca", o.axes,
                 "distances on so many principal axes of the reference, at most; 0: on all")
      ->capture_default_str();
  app.add_option("--order", o.ngram_order, "of the n-gram model")
      ->check(CLI::Range(1, 5))
      ->capture_default_str();
  app.add_option("--known", o.known, "training loops whose sound is searched for the nearest")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--heard", o.heard, "pieces of each set that the report plays")
      ->check(CLI::Range(0, 50))
      ->capture_default_str();
  app.add_option("--run", arguments->runs,
                 "NAME=FOLDER of a training run, whose cost and loss curve the report shows; may "
                 "be given again");
  app.add_option("--threads", o.threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  app.add_flag("--json", arguments->json, "the report on stdout as JSON");
  app.footer(
      "Example: hemiola compare --loops loops --model runs/seed/last --run seed=runs/seed -o out");
  return [arguments] { return run(*arguments); };
}

}  // namespace hemiola::cli
