// hemiola fad REF GEN: how far the sound of one folder is from that of another.
#include <memory>

#include "cli/command.h"
#include "evaluate/fad.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  Path reference, generated, weights;
  std::string embedding = "musicnn";
  double longest = 3600;
  evaluate::FadOptions options;
  bool json = false;
};

std::string to_text(const evaluate::FadReport& report) {
  std::string text = fmt::format("FAD            {:.6g}\n", report.fad);
  if (report.fad_infinity) {
    text += fmt::format("FAD-infinity   {:.6g}  ({:.6g} to {:.6g}; R2 {:.3f})\n",
                        report.fad_infinity->value, report.fad_infinity->interval.low,
                        report.fad_infinity->interval.high, report.fad_infinity->r_squared);
  }
  text += fmt::format("KAD            {:.6g}  ({:.6g} to {:.6g})\n", report.kad.value,
                      report.kad.interval.low, report.kad.interval.high);
  text += fmt::format(
      "embedding      {}, {} dimensions\nreference      {} files, {} frames\n"
      "generated      {} files, {} frames",
      report.embedding, report.dimensions, report.reference_files, report.reference_frames,
      report.generated_files, report.generated_frames);
  for (const auto& song : report.songs) {
    text += song.fad ? fmt::format("\n{:12.6g}   {}", *song.fad, song.path)
                     : fmt::format("\n{:>12}   {}", "one frame", song.path);
  }
  return text;
}

Result<int> run(Arguments arguments) {
  catch_interrupts();
  Path weights = arguments.weights;
  if (weights.empty()) {
    HEMIOLA_TRY(weights, evaluate::locate_embedding(arguments.embedding));
  }
  HEMIOLA_TRY(const auto embedding, evaluate::open_embedding(arguments.embedding, weights));
  arguments.options.longest = Seconds(arguments.longest);
  evaluate::FadReport report;
  {
    Progress progress("fad");
    arguments.options.progress = [&](std::size_t done, std::size_t total) {
      progress.show(static_cast<double>(done), static_cast<double>(total),
                    fmt::format("{} files", done));
      return interrupted();
    };
    HEMIOLA_TRY(report, evaluate::measure_fad(arguments.reference, arguments.generated, *embedding,
                                              arguments.options));
  }
  for (const auto& file : report.skipped)
    note(fmt::format("left out: {}: {}", file.path, file.reason));
  if (arguments.json) {
    print(evaluate::to_json(report));
  } else {
    print(to_text(report));
  }
  return 0;
}

}  // namespace

Action add_fad(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("REF", arguments->reference, "folder of real music")->required();
  app.add_option("GEN", arguments->generated, "folder of the music that is measured")->required();
  app.add_option("--embedding", arguments->embedding,
                 "musicnn, yamnet, vggish, lyra or semantic (the bundled one, which favours\nwhat "
                 "it was trained on)")
      ->check(CLI::IsMember({"musicnn", "yamnet", "vggish", "lyra", "semantic"}))
      ->capture_default_str();
  app.add_option("--weights", arguments->weights,
                 "the embedding's file; else the one that hemiola models add has put in place, or "
                 "the bundled one");
  app.add_option("--pca", arguments->options.axes,
                 "measure on so many principal axes of the reference; 0: on all dimensions");
  app.add_option("--longest", arguments->longest, "seconds of each file that are used")
      ->check(CLI::Range(1.0, 36000.0))
      ->capture_default_str();
  app.add_flag("--per-song", arguments->options.per_song,
               "also each file of GEN by itself: good for an order among them only");
  app.add_option("--seed", arguments->options.seed, "of the draws for FAD-infinity")
      ->capture_default_str();
  app.add_option("--threads", arguments->options.threads, "0: one for each processor")
      ->check(CLI::Range(0, 1024));
  app.add_flag("--json", arguments->json, "report as JSON");
  app.footer(
      "Sound files count as they are; MIDI, .jianpu and .tokens are rendered first. n_ref and "
      "n_gen "
      "count files.\nExample: hemiola fad held-out/ generated/ --embedding yamnet --json");
  return [arguments] { return run(*arguments); };
}

}  // namespace hemiola::cli
