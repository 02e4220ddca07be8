// How fast this machine runs a model: tokens a second of decoding and of prefill, and what bounds
// it, the bandwidth at which the same threads can read the same number of bytes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace hemiola::engine {

struct Measurement {
  std::string name;  // decode.int8.t2, decode.bf16.t1.b8, prefill.int8.t2, read.t2
  double value = 0;  // the median of the runs
  std::string unit;  // "tokens/s" of all streams together, "GB/s"
};

struct MeasureOptions {
  std::vector<Precision> precisions = {Precision::kInt8, Precision::kBf16, Precision::kFp32};
  std::vector<int> threads = {1, 2};
  std::vector<int> batches = {1, 8};  // streams
  int tokens = 0;    // decoded by each stream, from empty; 0: the whole context - 24
  int prompt = 512;  // prefilled at once, at most the context
  int runs = 5;
  std::string_view isa = {};
};

// Random weights of that shape, seed 1: speed does not depend on what they say.
Result<std::vector<Measurement>> measure_engine(const ModelConfig& config,
                                                const MeasureOptions& options);

}  // namespace hemiola::engine
