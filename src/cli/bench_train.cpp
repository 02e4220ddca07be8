#include "cli/bench_train.h"

#include <algorithm>
#include <chrono>

#include "base/rng.h"
#include "nn/learner.h"

namespace hemiola::cli {
namespace {

// Rows that are one document each, of random tokens.
nn::Batch random_batch(const ModelConfig& config) {
  nn::Batch batch;
  batch.resize(8, std::min(512, config.context));
  Rng rng(1);
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    batch.ids[i] = rng.between(0, config.vocabulary - 1);
    batch.targets[i] = rng.between(0, config.vocabulary - 1);
    batch.positions[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(batch.length));
  }
  return batch;
}

}  // namespace

Result<std::vector<engine::Measurement>> measure_training(const ModelConfig& config,
                                                          const std::vector<int>& threads,
                                                          int runs) {
  HEMIOLA_CHECK(check(config));
  const nn::Batch batch = random_batch(config);
  const nn::Gpt2Shape shape = nn::shape_of(config);
  std::vector<engine::Measurement> results;
  for (const auto precision : {nn::cpu::Precision::kFp32, nn::cpu::Precision::kAuto}) {
    const nn::cpu::Kernels& kernels = nn::cpu::choose_kernels(precision);
    const bool bf16 = std::string_view(kernels.name).ends_with("bf16");
    if (precision == nn::cpu::Precision::kAuto && !bf16) continue;  // fp32 is the best there is
    for (const int count : threads) {
      const auto learner = nn::make_cpu_learner(shape, kernels, count);
      nn::LearnerState state;
      state.weights = nn::initial_weights(learner->layout(), config, 1);
      learner->set_state(std::move(state));
      nn::UpdateSettings settings;
      std::vector<double> rates;
      for (int run = 0; run <= runs; ++run) {
        settings.step = run + 1;
        const auto start = std::chrono::steady_clock::now();
        learner->step(std::span(&batch, 1), settings);
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
        if (run > 0) rates.push_back(static_cast<double>(batch.ids.size()) / taken.count());
      }
      std::sort(rates.begin(), rates.end());
      results.push_back({fmt::format("train.{}.t{}", bf16 ? "bf16" : "fp32", count),
                         rates[rates.size() / 2], "tokens/s"});
    }
  }
  return results;
}

}  // namespace hemiola::cli
