// What `hemiola bench train` measures; a build without the trainer says so instead
// (bench_train_none.cpp).
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/measure.h"
#include "model/config.h"

namespace hemiola::cli {

// Tokens a second of whole updates, with each number of threads, in every precision that the
// processor has: train.fp32.t2. The median of `runs`.
Result<std::vector<engine::Measurement>> measure_training(const ModelConfig& config,
                                                          const std::vector<int>& threads,
                                                          int runs);

}  // namespace hemiola::cli
