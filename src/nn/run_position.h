// Where a run stands: what a checkpoint holds besides the learner's arrays.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "nn/held_out.h"

namespace hemiola::nn {

struct RunPosition {
  std::int64_t step = 0;  // done
  std::int64_t tokens = 0;
  double seconds = 0;
  double processor_seconds = 0;
  double epochs = 0;
  std::string data;
  double loss_sum = 0;  // since the last logged step
  std::int64_t loss_targets = 0;
  std::int64_t best_step = 0;
  HeldOutLoss best;
  int worse = 0;                   // evaluations since the best
  HeldOutLoss before, before_old;  // of the model that it goes on from
};

// `options`: the run's options as JSON, kept beside it.
Json position_to_json(const RunPosition& position, const Json& options);
Result<RunPosition> position_from_json(const Json& json, std::string_view where);

}  // namespace hemiola::nn
