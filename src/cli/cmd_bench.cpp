// hemiola bench decode|train|tokenize: how fast this machine is, measured, not claimed.
#include <memory>
#include <thread>

#include "cli/bench_train.h"
#include "cli/command.h"
#include "data/loops.h"
#include "model/model_folder.h"
#include "model/packed.h"
#include "tokens/tokenizer.h"

namespace hemiola::cli {
namespace {

using engine::Measurement;

struct Options {
  std::string preset = "seed";
  Path model;
  int runs = 5, tokens = 0;
  std::vector<int> threads;
  bool json = false;
};

// The processor's own name, as Linux tells it.
std::string processor_name() {
  const auto text = read_text("/proc/cpuinfo");
  const std::size_t at = text ? text->find("model name") : std::string::npos;
  if (at == std::string::npos) return "unknown processor";
  const std::size_t begin = text->find(": ", at), end = text->find('\n', at);
  return begin < end ? text->substr(begin + 2, end - begin - 2) : "unknown processor";
}

Json machine() {
  return {{"processor", processor_name()},
          {"threads", std::thread::hardware_concurrency()},
          {"kernels", std::string(engine::isa_names().back())},
          {"version", HEMIOLA_VERSION}};
}

std::vector<int> threads_of(const Options& options) {
  if (!options.threads.empty()) return options.threads;
  const auto all = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return all > 1 ? std::vector{1, all} : std::vector{1};
}

// Speed does not depend on what weights say, so of a model its shape is taken.
Result<ModelConfig> shape_of(const Options& options) {
  if (options.model.empty()) return preset(options.preset);
  if (std::filesystem::is_directory(options.model)) {
    HEMIOLA_TRY(const ModelFolder folder, load_model_folder(options.model));
    return folder.config;
  }
  HEMIOLA_TRY(const PackedModel packed, load_export(options.model));
  return packed.config;
}

Result<std::vector<Measurement>> bench_decode(const Options& options) {
  HEMIOLA_TRY(const ModelConfig config, shape_of(options));
  engine::MeasureOptions measure;
  measure.threads = threads_of(options);
  measure.runs = options.runs;
  measure.tokens = options.tokens;
  return engine::measure_engine(config, measure);
}

Result<std::vector<Measurement>> bench_train(const Options& options) {
  HEMIOLA_TRY(const ModelConfig config, shape_of(options));
  return measure_training(config, threads_of(options), options.runs);
}

// Grid scores of loops made by rules to tokens of a vocabulary learnt from them, on one thread.
Result<std::vector<Measurement>> bench_tokenize(const Options& options) {
  constexpr std::uint64_t kPieces = 2000;
  std::vector<GridScore> scores;
  tokens::MergeTrainer trainer;
  for (std::uint64_t seed = 0; seed < kPieces; ++seed) {
    scores.push_back(data::make_loop(seed).score);
    trainer.add(scores.back());
  }
  HEMIOLA_TRY(const tokens::Tokenizer tokenizer, trainer.finish());
  std::vector<double> rates, note_rates;
  tokens::Encoded encoded;
  for (int run = 0; run <= options.runs; ++run) {
    std::size_t tokens = 0, notes = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const GridScore& score : scores) {
      HEMIOLA_CHECK(tokenizer.encode(score, {}, encoded));
      tokens += encoded.tokens.size();
      notes += encoded.notes;
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (run == 0) continue;  // to warm up
    rates.push_back(static_cast<double>(tokens) / seconds);
    note_rates.push_back(static_cast<double>(notes) / seconds);
  }
  const auto median = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
  };
  return std::vector<Measurement>{{"tokenize.t1", median(rates), "tokens/s"},
                                  {"tokenize.notes.t1", median(note_rates), "notes/s"}};
}

Result<int> report(const Options& options, Result<std::vector<Measurement>> results) {
  if (!results) return fail(std::move(results.error()));
  if (options.json) {
    Json rows = Json::array();
    for (const Measurement& each : *results) {
      rows.push_back({{"name", each.name}, {"value", each.value}, {"unit", each.unit}});
    }
    print(Json{{"machine", machine()}, {"results", rows}});
    return 0;
  }
  const Json about = machine();
  std::string text =
      fmt::format("{}, {} threads, {} kernels", about["processor"].get<std::string>(),
                  about["threads"].get<int>(), about["kernels"].get<std::string>());
  for (const Measurement& each : *results) {
    text += fmt::format("\n{:<22}{:>14.1f} {}", each.name, each.value, each.unit);
  }
  print(text);
  return 0;
}

}  // namespace

Action add_bench(CLI::App& app) {
  app.require_subcommand(1);
  auto action = std::make_shared<Action>();
  struct What {
    const char *name, *summary, *example;
    Result<std::vector<Measurement>> (*run)(const Options&);
    bool of_model;
  };
  static constexpr What kAll[] = {
      {"decode", "Tokens a second that the engine writes and reads",
       "decode.PRECISION.tTHREADS, .bSTREAMS where several are written at once; prefill: a prompt\n"
       "read at once; read: bytes of weights a second, which bounds decoding one stream.\n"
       "Example: hemiola bench decode --preset small --json",
       bench_decode, true},
      {"train", "Tokens a second that training takes in",
       "Whole updates of 8 rows of 512 tokens: forward, backward, AdamW.\n"
       "Example: hemiola bench train --preset small --threads 1,2",
       bench_train, true},
      {"tokenize", "Tokens a second that the tokenizer encodes",
       "2,000 loops made by rules, in memory.\nExample: hemiola bench tokenize --json",
       bench_tokenize, false},
  };
  for (const What& what : kAll) {
    CLI::App* sub = app.add_subcommand(what.name, what.summary);
    auto options = std::make_shared<Options>();
    if (what.of_model) {
      auto* named = sub->add_option("--preset", options->preset, "Shape, with random weights")
                        ->capture_default_str();
      sub->add_option("--model", options->model, "The shape of this model instead")
          ->excludes(named);
      sub->add_option("--threads", options->threads, "Such as 1,2; default: one, and all")
          ->delimiter(',')
          ->check(CLI::Range(1, 1024));
    }
    if (what.run == bench_decode) {
      sub->add_option("--tokens", options->tokens, "Decoded in a run; 0: a whole context");
    }
    sub->add_option("--runs", options->runs, "The median of so many is told")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    sub->add_flag("--json", options->json, "Report as JSON");
    sub->footer(what.example);
    sub->final_callback(
        [=, run = what.run] { *action = [=] { return report(*options, run(*options)); }; });
  }
  return [action] { return (*action)(); };
}

}  // namespace hemiola::cli
