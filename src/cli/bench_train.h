// What `hemiola bench train` measures; a build without the trainer says so instead
// (bench_train_none.cpp).
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/measure.h"
#include "model/config.h"

namespace hemiola::cli {

struct TrainMeasureOptions {
  std::vector<int> threads = {1, 2};
  int rows = 8;      // of one update
  int length = 512;  // tokens of a row, at most the context
  bool fp32 = true, bf16 = true;
  int runs = 5;
};

// Of whole updates (forward, backward, clipping, AdamW), with each number of threads, in every
// precision that is asked for and that the processor has instructions for; medians of the runs:
//   train.fp32.t2        tokens/s
//   train.fp32.t2.peak   MB, the process's largest resident memory meanwhile
//   product.fp32.t2      GFLOP/s, matrix products out of the nearest cache: what bounds the first
Result<std::vector<engine::Measurement>> measure_training(const ModelConfig& config,
                                                          const TrainMeasureOptions& options);

}  // namespace hemiola::cli
