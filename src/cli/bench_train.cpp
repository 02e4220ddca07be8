#include "cli/bench_train.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "base/files.h"
#include "base/rng.h"
#include "nn/learner.h"
#include "nn/workers.h"

namespace hemiola::cli {
namespace {

using engine::Measurement;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Rows that are one document each, of random tokens.
nn::Batch random_batch(const ModelConfig& config, int rows, int length) {
  nn::Batch batch;
  batch.resize(rows, length);
  Rng rng(1);
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    batch.ids[i] = rng.between(0, config.vocabulary - 1);
    batch.targets[i] = rng.between(0, config.vocabulary - 1);
    batch.positions[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(batch.length));
  }
  return batch;
}

// The largest resident memory since the last forget_peak_memory(), in MB; 0 where Linux does not
// say.
double peak_memory() {
  const auto text = read_text("/proc/self/status");
  const std::size_t at = text ? text->find("VmHWM:") : std::string::npos;
  return at == std::string::npos ? 0 : std::strtod(text->c_str() + at + 6, nullptr) / 1024;
}

void forget_peak_memory() {
  if (std::FILE* file = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", file);
    std::fclose(file);
  }
}

// Products whose two sides stay in the nearest cache, on all threads at once.
double measure_product(const nn::cpu::Kernels& kernels, int threads, int runs) {
  constexpr int kRows = 96, kColumns = 32, kDepth = 256, kRounds = 2000;
  struct Sides {
    alignas(64) std::byte left[kRows * kDepth * 4], panels[kColumns * kDepth * 4];
    alignas(64) float result[kRows * kColumns];
  };
  nn::Workers workers(threads);
  std::vector<std::unique_ptr<Sides>> sides;
  for (int i = 0; i < workers.count(); ++i) sides.push_back(std::make_unique<Sides>());
  std::vector<double> rates;
  for (int run = 0; run <= runs; ++run) {
    const auto start = Clock::now();
    workers.run(workers.count(), [&](int task, int) {
      Sides& s = *sides[static_cast<std::size_t>(task)];
      for (int i = 0; i < kRounds; ++i) {
        kernels.product(s.left, s.panels, kRows, kernels.panel, kDepth, s.result);
      }
    });
    const double operations = 2.0 * kRows * kernels.panel * kDepth * kRounds * workers.count();
    if (run > 0) rates.push_back(operations / seconds_since(start) / 1e9);
  }
  return median(rates);
}

double measure_updates(nn::Learner& learner, const nn::Batch& batch, int runs) {
  nn::UpdateSettings settings;
  std::vector<double> rates;
  for (int run = 0; run <= runs; ++run) {
    settings.step = run + 1;
    const auto start = Clock::now();
    learner.step(std::span(&batch, 1), settings);
    if (run > 0) rates.push_back(static_cast<double>(batch.ids.size()) / seconds_since(start));
  }
  return median(rates);
}

}  // namespace

Result<std::vector<Measurement>> measure_training(const ModelConfig& config,
                                                  const TrainMeasureOptions& options) {
  HEMIOLA_CHECK(check(config));
  const nn::Batch batch =
      random_batch(config, options.rows, std::min(options.length, config.context));
  const nn::Gpt2Shape shape = nn::shape_of(config);
  std::vector<Measurement> results;
  for (const auto precision : {nn::cpu::Precision::kFp32, nn::cpu::Precision::kAuto}) {
    const nn::cpu::Kernels& kernels = nn::cpu::choose_kernels(precision);
    // Where there are no bf16 instructions, kAuto is fp32 once more.
    if (precision == nn::cpu::Precision::kAuto && !kernels.bf16) continue;
    if (!(kernels.bf16 ? options.bf16 : options.fp32)) continue;
    for (const int count : options.threads) {
      const std::string name = fmt::format("{}.t{}", kernels.bf16 ? "bf16" : "fp32", count);
      results.push_back(
          {"product." + name, measure_product(kernels, count, options.runs), "GFLOP/s"});
      forget_peak_memory();
      const auto learner = nn::make_cpu_learner(shape, kernels, count);
      nn::LearnerState state;
      state.weights = nn::initial_weights(learner->layout(), config, 1);
      learner->set_state(std::move(state));
      results.push_back(
          {"train." + name, measure_updates(*learner, batch, options.runs), "tokens/s"});
      results.push_back({"train." + name + ".peak", peak_memory(), "MB"});
    }
  }
  return results;
}

}  // namespace hemiola::cli
