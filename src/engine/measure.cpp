#include "engine/measure.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "engine/kernels.h"
#include "engine/thread_pool.h"
#include "model/aligned.h"

namespace hemiola::engine {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

TokenId some_token(int t, int vocabulary) { return (t * 7919 + t / 3) % vocabulary; }

// Tokens a second of `streams` streams growing from empty, all together.
double decode_rate(const Model& model, int streams, int tokens) {
  const int vocabulary = model.config().vocabulary;
  KvCache cache = model.make_cache(streams);
  std::vector<std::vector<float>> logits(static_cast<std::size_t>(streams),
                                         std::vector<float>(static_cast<std::size_t>(vocabulary)));
  std::vector<Step> steps(static_cast<std::size_t>(streams));
  const double begin = now();
  for (int t = 0; t < tokens; ++t) {
    for (int s = 0; s < streams; ++s) {
      steps[static_cast<std::size_t>(s)] = {.stream = s,
                                            .token = some_token(t + s, vocabulary),
                                            .logits = logits[static_cast<std::size_t>(s)]};
    }
    model.decode(cache, steps);
  }
  return streams * tokens / (now() - begin);
}

double prefill_rate(const Model& model, int tokens) {
  std::vector<TokenId> prompt;
  for (int t = 0; t < tokens; ++t) prompt.push_back(some_token(t, model.config().vocabulary));
  std::vector<float> logits(static_cast<std::size_t>(model.config().vocabulary));
  KvCache cache = model.make_cache(1);
  const double begin = now();
  model.prefill(cache, 0, prompt, logits);
  return tokens / (now() - begin);
}

// GB/s at which the threads read `bytes` bytes of weights: by an int8 product whose input is one
// row, the lightest kernel there is for the bytes it takes.
double read_rate(const Kernels& kernels, int threads, std::size_t bytes) {
  constexpr int kIn = 1024;
  const std::size_t one = panel_bytes(Packing::kInt8, kIn);
  const int panels = static_cast<int>(bytes / one);
  const AlignedBytes weights(static_cast<std::size_t>(panels) * one);
  const std::vector<float> scales(static_cast<std::size_t>(panels * kPanel), 1.0f);
  std::vector<float> y(scales.size());
  const std::vector<std::int8_t> x(kIn, 1);
  const std::vector<float> x_scales(kIn / kQuantGroup, 1.0f);
  const std::vector<std::int32_t> offsets(x_scales.size(), 0);
  Matmul whole{};
  whole.panels = weights.data();
  whole.scales = scales.data();
  whole.in = kIn;
  whole.out = panels * kPanel;
  whole.rows = 1;
  whole.x = x.data();
  whole.x_scales = x_scales.data();
  whole.x_offsets = offsets.data();
  whole.y = y.data();
  ThreadPool pool(threads);
  constexpr int kPieces = 64;
  const auto read_all = [&] {
    pool.run(kPieces, [&](int piece, int) {
      Matmul part = whole;
      part.panel_begin = panels * piece / kPieces;
      part.panel_end = panels * (piece + 1) / kPieces;
      kernels.matmul_int8(part);
    });
  };
  read_all();
  constexpr int kTimes = 20;
  const double begin = now();
  for (int i = 0; i < kTimes; ++i) read_all();
  return kTimes * static_cast<double>(weights.size()) / (now() - begin) * 1e-9;
}

// Thousands of millions of operations a second, two for each multiply-add, of all threads together.
double peak_rate(const Kernels& kernels, MultiplyAdd kind, int threads) {
  constexpr long kRounds = 2000000;
  ThreadPool pool(threads);
  std::vector<long> counts(static_cast<std::size_t>(threads));
  const double begin = now();
  pool.run(threads, [&](int task, int) {
    counts[static_cast<std::size_t>(task)] = kernels.multiply_adds(kind, kRounds);
  });
  return 2e-9 * static_cast<double>(std::accumulate(counts.begin(), counts.end(), 0L)) /
         (now() - begin);
}

// Appends to `results`: the median of some runs, after one to warm up.
template <class Run>
void measure(std::vector<Measurement>& results, int runs, std::string what, std::string unit,
             const Run& run) {
  run();
  std::vector<double> values;
  for (int i = 0; i < std::max(1, runs); ++i) values.push_back(run());
  results.push_back({std::move(what), median(std::move(values)), std::move(unit)});
}

}  // namespace

Result<std::vector<Measurement>> measure_machine(const std::vector<int>& threads, int runs,
                                                 std::string_view isa) {
  const Kernels* kernels = find_kernels(isa);
  if (kernels == nullptr) return fail("this processor has no kernels \"{}\"", isa);
  std::vector<Measurement> results;
  for (const int count : threads) {
    for (const auto& [kind, what] : {std::pair{MultiplyAdd::kF32, "fp32"},
                                     {MultiplyAdd::kBf16, "bf16"},
                                     {MultiplyAdd::kInt8, "int8"}}) {
      measure(results, runs, fmt::format("peak.{}.t{}", what, count),
              kind == MultiplyAdd::kInt8 ? "GOP/s" : "GFLOP/s",
              [&, kind = kind] { return peak_rate(*kernels, kind, count); });
    }
    for (const auto& [bytes, what] : {std::pair{std::size_t{256} << 20, "large"},
                                      {std::size_t{46} << 20, "46MB"},
                                      {std::size_t{24} << 20, "24MB"}}) {
      measure(results, runs, fmt::format("read.{}.t{}", what, count), "GB/s",
              [&, bytes = bytes] { return read_rate(*kernels, count, bytes); });
    }
  }
  return results;
}

Result<std::vector<Measurement>> measure_engine(const ModelConfig& config,
                                                const MeasureOptions& options) {
  const Kernels* kernels = find_kernels(options.isa);
  if (kernels == nullptr) return fail("this processor has no kernels \"{}\"", options.isa);
  HEMIOLA_CHECK(check(config));
  const int tokens = options.tokens > 0 ? std::min(options.tokens, config.context)
                                        : std::max(1, config.context - 24);
  const int prompt = std::clamp(options.prompt, 1, config.context);
  const OwnedWeights weights = OwnedWeights::random(config, 1);
  std::vector<Measurement> results;
  for (const Precision precision : options.precisions) {
    for (const int threads : options.threads) {
      HEMIOLA_TRY(const Model model,
                  Model::from_weights(
                      weights, {.precision = precision, .threads = threads, .isa = options.isa}));
      const std::string suffix = fmt::format("{}.t{}", name(precision), threads);
      measure(results, options.runs, fmt::format("read.{}", suffix), "GB/s",
              [&] { return read_rate(*kernels, threads, model.bytes_per_token()); });
      for (const int batch : options.batches) {
        measure(results, options.runs,
                fmt::format("decode.{}{}", suffix, batch == 1 ? "" : fmt::format(".b{}", batch)),
                "tokens/s", [&] { return decode_rate(model, batch, tokens); });
        if (batch != 1) continue;
        const double bytes = static_cast<double>(model.bytes_per_token()) +
                             static_cast<double>(model.cache_bytes_per_token()) * tokens / 2;
        results.push_back(
            {fmt::format("bytes.{}", suffix), results.back().value * bytes * 1e-9, "GB/s"});
      }
      measure(results, options.runs, fmt::format("prefill.{}", suffix), "tokens/s",
              [&] { return prefill_rate(model, prompt); });
    }
  }
  return results;
}

}  // namespace hemiola::engine
