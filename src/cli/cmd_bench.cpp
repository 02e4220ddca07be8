// hemiola bench decode|train|tokenize|machine: how fast this machine is, measured, not claimed.
#include <memory>
#include <thread>

#include "cli/bench_tokenize.h"
#include "cli/bench_train.h"
#include "cli/command.h"
#include "model/model_folder.h"
#include "model/packed.h"

namespace hemiola::cli {
namespace {

using engine::Measurement;

struct Options {
  std::string preset = "seed";
  Path model;
  int runs = 5, tokens = 0;
  std::vector<int> threads, streams;
  int rows = 8, length = 512;
  std::string precision = "all";
  std::vector<std::string> files;
  Path tokenizer;
  std::vector<std::string> precisions;
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
  if (!options.streams.empty()) measure.batches = options.streams;
  if (!options.precisions.empty()) measure.precisions.clear();
  for (const std::string& name : options.precisions) {
    measure.precisions.push_back(engine::precision_named(name).value());
  }
  return engine::measure_engine(config, measure);
}

Result<std::vector<Measurement>> bench_machine(const Options& options) {
  return engine::measure_machine(threads_of(options), options.runs);
}

Result<std::vector<Measurement>> bench_train(const Options& options) {
  HEMIOLA_TRY(const ModelConfig config, shape_of(options));
  TrainMeasureOptions measure;
  measure.threads = threads_of(options);
  measure.rows = options.rows;
  measure.length = options.length;
  measure.fp32 = options.precision != "bf16";
  measure.bf16 = options.precision != "fp32";
  measure.runs = options.runs;
  return measure_training(config, measure);
}

Result<std::vector<Measurement>> bench_tokenize(const Options& options) {
  if (options.files.empty()) return measure_encoding(options.runs);
  FilesMeasureOptions measure;
  measure.paths.assign(options.files.begin(), options.files.end());
  measure.tokenizer = options.tokenizer;
  measure.threads = threads_of(options);
  measure.runs = options.runs;
  return measure_files(measure);
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
       "All of it takes many minutes where there is no AVX-512; name a --precision, or fewer "
       "--runs.\n"
       "Example: hemiola bench decode --preset small --json",
       bench_decode, true},
      {"train", "Tokens a second that training takes in",
       "Whole updates: forward, backward, AdamW. train.PRECISION.tTHREADS, .peak: resident "
       "memory;\n"
       "product: matrix products out of the nearest cache, which bound it.\n"
       "Example: hemiola bench train --preset small --threads 1,2",
       bench_train, true},
      {"tokenize", "Tokens a second that the tokenizer encodes",
       "2,000 loops made by rules, in memory; or, with MIDI files or folders of them, ms a file "
       "from\n"
       "bytes to events (parse), with opening (read), to notes (score), and to tokens by the "
       "file's\n"
       "own beats (tokens) or those that are found in what was played (tracked).\n"
       "Examples: hemiola bench tokenize --json\n"
       "          hemiola bench tokenize midi/ --tokenizer data/tokenizer.json",
       bench_tokenize, false},
      {"machine", "What the processor does with no model: multiply-adds and reading",
       "peak.KIND.tTHREADS counts two operations a multiply-add; read.SIZE.tTHREADS.\n"
       "Example: hemiola bench machine --json",
       bench_machine, false},
  };
  for (const What& what : kAll) {
    CLI::App* sub = app.add_subcommand(what.name, what.summary);
    auto options = std::make_shared<Options>();
    if (what.of_model) {
      auto* named = sub->add_option("--preset", options->preset, "Shape, with random weights")
                        ->capture_default_str();
      sub->add_option("--model", options->model, "The shape of this model instead")
          ->excludes(named);
    }
    sub->add_option("--threads", options->threads, "Such as 1,2; default: one, and all")
        ->delimiter(',')
        ->check(CLI::Range(1, 1024));
    if (what.run == bench_tokenize) {
      auto* file = sub->add_option("--tokenizer", options->tokenizer, "Tokenizer file");
      sub->add_option("PATH", options->files, "MIDI files or folders of them")->needs(file);
    }
    if (what.run == bench_train) {
      sub->add_option("--rows", options->rows, "Of an update")
          ->check(CLI::Range(1, 4096))
          ->capture_default_str();
      sub->add_option("--length", options->length, "Tokens of a row, at most the context")
          ->check(CLI::Range(2, 65536))
          ->capture_default_str();
      sub->add_option("--precision", options->precision, "fp32, bf16 or all that there is")
          ->check(CLI::IsMember({"fp32", "bf16", "all"}))
          ->capture_default_str();
    }
    if (what.run == bench_decode) {
      sub->add_option("--tokens", options->tokens, "Decoded in a run; 0: a whole context");
      sub->add_option("--precision", options->precisions, "int4, int8, bf16, fp32; default: all")
          ->delimiter(',')
          ->check(CLI::IsMember({"int4", "int8", "bf16", "fp32"}));
      sub->add_option("--streams", options->streams, "Such as 1,8, the default")
          ->delimiter(',')
          ->check(CLI::Range(1, 1024));
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
