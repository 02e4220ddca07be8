// How fast this machine runs a model: tokens a second of decoding and of prefill, and what bounds
// it, the bandwidth at which the same threads can read the same number of bytes. And what the
// machine does with no model: multiply-adds and reading.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace hemiola::engine {

// decode.int8.t2, decode.bf16.t1.b8, prefill.int8.t2; bytes.int8.t2: of weights and cache that one
// stream reads; read.int8.t2: what the same threads read of so many bytes of weights and do no
// more.
struct Measurement {
  std::string name;
  double value = 0;  // the median of the runs
  std::string unit;  // "tokens/s" of all streams together, "GB/s", "GFLOP/s", "GOP/s"
};

struct MeasureOptions {
  std::vector<Precision> precisions = {Precision::kInt4, Precision::kInt8, Precision::kBf16,
                                       Precision::kFp32};
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

// peak.fp32.t2 (two operations a multiply-add), peak.bf16, peak.int8; read.large.t2 (256 MB, which
// no cache holds), read.46MB.t2, read.24MB.t2 (the `seed` shape in int8 and in int4).
Result<std::vector<Measurement>> measure_machine(const std::vector<int>& threads, int runs,
                                                 std::string_view isa = {});

}  // namespace hemiola::engine
