// sampling_bench --data DIR [--model PATH] [--pieces 50] [--bars 32]: which sampling settings write
// music most like held-out music? For each setting so many pieces are written from nothing and
// compared, by the figures of figures.h, with as many bars from the start of each held-out piece.
// The first row is held-out music against held-out music: nothing can be expected to come nearer.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>

#include "base/json.h"
#include "base/rng.h"
#include "bench/sampling/figures.h"
#include "compose/generate.h"
#include "data/dataset.h"
#include "midi/writer.h"
#include "model/locate.h"
#include "tokens/frame.h"

namespace {

using namespace hemiola;
using bench::Figures;
using engine::SamplerOptions;

struct Options {
  Path data, model, out;
  int pieces = 50, bars = 32;
  std::uint64_t seed = 1;
  std::vector<std::string> settings;
  bool json = false;
};

const std::vector<std::string> kSettings = {
    "t=0.8",         "t=0.9",        "t=0.95",           "t=1",           "t=1.05",
    "t=0.95,p=0.97", "t=1,p=0.97",   "t=1,p=0.95",       "t=1.05,p=0.95", "t=1,m=0.02",
    "t=1,m=0.05",    "t=1.1,m=0.05", "t=1,p=0.97,r=1.05"};

// "t=0.95,p=0.97,m=0.02,k=40,r=1.1": temperature, top-p, min-p, top-k, repetition penalty.
Result<SamplerOptions> parse_setting(const std::string& text) {
  SamplerOptions options;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    const float value = part.size() > 2 ? std::strtof(part.c_str() + 2, nullptr) : -1;
    if (part.size() < 3 || part[1] != '=')
      return fail("setting '{}': expected t=0.95,p=0.97", text);
    switch (part[0]) {
      case 't':
        options.temperature = value;
        break;
      case 'p':
        options.top_p = value;
        break;
      case 'm':
        options.min_p = value;
        break;
      case 'k':
        options.top_k = static_cast<int>(value);
        break;
      case 'r':
        options.repetition_penalty = value;
        break;
      default:
        return fail("setting '{}': expected t, p, m, k or r", text);
    }
    at = end + 1;
  }
  HEMIOLA_CHECK(engine::check(options));
  return options;
}

Result<std::vector<Figures>> held_out(const Options& options) {
  HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(options.data));
  std::vector<Figures> figures;
  for (const data::Split split : {data::Split::kValidation, data::Split::kTest}) {
    for (const std::uint32_t entry : dataset.entries_of(split)) {
      HEMIOLA_TRY(const GridScore score, dataset.score(entry));
      const int bars = std::min(options.bars, static_cast<int>(score.bars.size()));
      const GridScore start = tokens::window(score, 0, bars);
      if (start.note_count() > 0) figures.push_back(bench::figures_of(start));
    }
  }
  if (figures.size() < 20) {
    return fail("{}: {} held-out pieces are too few", options.data.string(), figures.size());
  }
  Rng rng(7);
  rng.shuffle(std::span(figures));
  return figures;
}

struct Row {
  std::string name;
  std::vector<Figures> figures;
  double distance = 0, copies = 0, run = 0, seconds = 0;
};

Result<Row> write_pieces(const Composer& composer, const Options& options,
                         const std::string& name) {
  Row row;
  row.name = name;
  GenerateRequest request;
  HEMIOLA_TRY(request.sampling, parse_setting(name));
  request.bars = options.bars;
  request.count = options.pieces;
  request.seed = options.seed;
  const auto start = std::chrono::steady_clock::now();
  HEMIOLA_TRY(const auto pieces, composer.generate(request));
  row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const WrittenPiece& piece = pieces[i];
    row.figures.push_back(bench::figures_of(piece.grid));
    if (piece.novelty) {
      row.copies += piece.novelty->is_copy() ? 1.0 / options.pieces : 0;
      row.run += static_cast<double>(piece.novelty->longest_run.notes) / options.pieces;
    }
    if (!options.out.empty()) {
      HEMIOLA_CHECK(
          write_file(options.out / name / fmt::format("{:03}.mid", i), midi::write(piece.file)));
    }
  }
  return row;
}

void print_text(const std::vector<Row>& rows) {
  fmt::print("{:<24}{:>10}{:>9}{:>7}{:>9}\n", "setting", "distance", "copies", "run", "seconds");
  for (const Row& row : rows) {
    fmt::print("{:<24}{:>10.3f}{:>9.2f}{:>7.1f}{:>9.1f}\n", row.name, row.distance, row.copies,
               row.run, row.seconds);
  }
  fmt::print("\n{:<26}", "mean of");
  for (const Row& row : rows) fmt::print("{:>19}", row.name);
  for (std::size_t f = 0; f < bench::kFigureNames.size(); ++f) {
    fmt::print("\n{:<26}", bench::kFigureNames[f]);
    for (const Row& row : rows) fmt::print("{:>19.3f}", bench::mean(row.figures, f));
  }
  fmt::print("\n");
}

Result<int> run(const Options& options) {
  HEMIOLA_TRY(const std::vector<Figures> reference, held_out(options));
  HEMIOLA_TRY(const Path model, locate_model(options.model));
  HEMIOLA_TRY(const Composer composer, Composer::load(model));
  std::vector<Row> rows;
  const auto few = std::min(static_cast<std::size_t>(options.pieces), reference.size() / 2);
  Row& real = rows.emplace_back();
  real.name = "held out";
  real.figures.assign(reference.begin(), reference.begin() + static_cast<std::ptrdiff_t>(few));
  real.distance = bench::mean_distance(real.figures, std::span(reference).subspan(few));
  for (const std::string& name : options.settings.empty() ? kSettings : options.settings) {
    HEMIOLA_TRY(Row row, write_pieces(composer, options, name));
    row.distance = bench::mean_distance(row.figures, reference);
    fmt::print(stderr, "{}: {:.3f} ({:.0f} s)\n", name, row.distance, row.seconds);
    rows.push_back(std::move(row));
  }
  if (!options.json) return print_text(rows), 0;
  Json json = Json::array();
  for (const Row& row : rows) {
    Json figures = Json::object();
    for (std::size_t f = 0; f < bench::kFigureNames.size(); ++f) {
      figures[std::string(bench::kFigureNames[f])] = {
          {"mean", bench::mean(row.figures, f)},
          {"distance", bench::distance(row.figures, reference, f)}};
    }
    json.push_back({{"setting", row.name},
                    {"distance", row.distance},
                    {"copies", row.copies},
                    {"longest_run", row.run},
                    {"seconds", row.seconds},
                    {"figures", figures}});
  }
  fmt::print("{}\n", json.dump());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares sampling settings by how near written music comes to held-out music");
  app.add_option("--data", options.data, "Data set with held-out pieces")->required();
  app.add_option("--model", options.model, "Else HEMIOLA_MODEL, else models/default");
  app.add_option("--pieces", options.pieces, "For each setting")->capture_default_str();
  app.add_option("--bars", options.bars)->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--setting", options.settings, "Such as t=0.95,p=0.97; several; else a list");
  app.add_option("-o,--output", options.out, "Keep the pieces in this folder");
  app.add_flag("--json", options.json);
  CLI11_PARSE(app, argc, argv);
  const auto result = run(options);
  if (!result) fmt::print(stderr, "{}\n", result.error().message);
  return result ? *result : 1;
}
