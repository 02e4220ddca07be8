// hemiola stats DIR: what can be counted in a set of pieces, with intervals.
#include <memory>

#include "cli/command.h"
#include "evaluate/statistics.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  Path folder, reference;
  evaluate::StatisticsOptions options;
  bool json = false;
};

Result<evaluate::MeasuredSet> measure(const Path& path, evaluate::StatisticsOptions options) {
  Progress progress("stats");
  options.progress = [&](std::size_t done, std::size_t total) {
    progress.show(static_cast<double>(done), static_cast<double>(total),
                  fmt::format("{} pieces", done));
    return interrupted();
  };
  return evaluate::measure_set(path, options);
}

std::string to_text(const Json& report) {
  std::string text = fmt::format("{} pieces", report["pieces"].get<std::size_t>());
  for (const auto& [name, row] : report["metrics"].items()) {
    const auto figures = [](const Json& figure) {
      return fmt::format("{:10.4f}  ({:.4f} to {:.4f})", figure["mean"].get<double>(),
                         figure["low"].get<double>(), figure["high"].get<double>());
    };
    text += fmt::format("\n{:20}{}", name, figures(row));
    if (row.contains("reference")) text += "   reference " + figures(row["reference"]);
    if (row.contains("overlap")) {
      text += fmt::format("   overlap {:.3f}", row["overlap"].get<double>());
    }
  }
  return text;
}

Result<int> run(const Arguments& arguments) {
  catch_interrupts();
  HEMIOLA_TRY(const evaluate::MeasuredSet set, measure(arguments.folder, arguments.options));
  evaluate::MeasuredSet reference;
  const bool compared = !arguments.reference.empty();
  if (compared) {
    HEMIOLA_TRY(reference, measure(arguments.reference, arguments.options));
  }
  const Json report =
      evaluate::report_statistics(set, compared ? &reference : nullptr, arguments.options.seed);
  std::vector<evaluate::Skipped> skipped = set.skipped;
  skipped.insert(skipped.end(), reference.skipped.begin(), reference.skipped.end());
  for (const auto& file : skipped) note(fmt::format("left out: {}: {}", file.path, file.reason));
  if (arguments.json) {
    print(report);
  } else {
    print(to_text(report));
  }
  return 0;
}

}  // namespace

Action add_stats(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("DIR", arguments->folder,
                 "folder of MIDI, .jianpu, .tokens or sound files, or a data set")
      ->required();
  app.add_option("--reference", arguments->reference, "the same, to compare with");
  app.add_flag("--as-sound", arguments->options.as_sound,
               "render music first and measure time on the sound, as of sound files");
  app.add_option("--seed", arguments->options.seed, "of the resampling")->capture_default_str();
  app.add_option("--threads", arguments->options.threads, "0: one for each processor")
      ->check(CLI::Range(0, 1024));
  app.add_flag("--json", arguments->json, "report as JSON");
  app.footer(
      "Sound files give the measures of time alone. docs/evaluation.md says what each measure is.\n"
      "Example: hemiola stats generated/ --reference held-out/ --json");
  return [arguments] { return run(*arguments); };
}

}  // namespace hemiola::cli
