// A training run of the semantic encoder: crops of pieces, masks, steps, checkpoint, metrics. What
// pieces are is the caller's business.
//
// Step n draws the same crops and masks whatever came before, so a run that is resumed goes on as
// if it had never stopped: to the bit with a budget of steps, on one machine.
#pragma once

#include <functional>

#include "base/files.h"
#include "nn/semantic_learner.h"

namespace hemiola::nn {

class SemanticPieces {
 public:
  virtual ~SemanticPieces() = default;

  virtual std::size_t count() const = 0;
  virtual std::size_t frames(std::size_t piece) const = 0;  // at least 1
  // Frames [first, first + count) of a piece: frames (count, input), targets (count, kinds).
  virtual void read(std::size_t piece, std::size_t first, std::size_t count,
                    std::span<float> frames, std::span<std::int32_t> targets) const = 0;
};

struct SemanticTrainOptions {
  SemanticShape shape;
  int rows = 8;                  // crops of a step
  int length = 200;              // frames of a crop; shorter pieces are repeated
  double mask_share = 0.5;       // of the frames, about
  int mask_span = 5;             // frames that are hidden together
  std::int64_t steps = 0;        // length of the run: either steps,
  double processor_minutes = 0;  // or processor minutes of this and earlier sittings
  UpdateSettings update = {.rate = 1e-3F, .beta2 = 0.98F, .decay = 0.01F};
  int warmup_steps = 100;    // then a cosine down to a twentieth of the rate
  std::uint64_t seed = 0;    // of weights, crops and masks
  int log_every = 20;        // steps
  int evaluate_every = 200;  // steps
  int evaluate_rows = 64;    // held-out crops scored each time, always the same
  double checkpoint_minutes = 2;
};

struct SemanticProgress {
  std::int64_t step = 0;
  double done = 0;  // 0 to 1
  double loss = 0;  // nats a masked frame
};

struct SemanticCallbacks {
  std::function<bool()> stop{};
  std::function<void(const SemanticProgress&)> progress{};
  std::function<void(const std::string&)> note{};
};

struct SemanticSummary {
  std::int64_t steps = 0;
  double seconds = 0, processor_seconds = 0;
  bool finished = false;
  SemanticScore held_out;  // of the last evaluation
};

// Writes RUN/checkpoint.safetensors and RUN/metrics.csv (columns of nn/metrics.h; a "token" is a
// masked frame) with its curve. `resume`: goes on with the run that stands there, which must have
// begun with the same shape, seed, crops and masks; else there must be none. At the end the learner
// holds the weights.
Result<SemanticSummary> train_semantic(SemanticLearner& learner,
                                       const SemanticTrainOptions& options,
                                       const SemanticPieces& train, const SemanticPieces& held_out,
                                       const Path& run, bool resume,
                                       const SemanticCallbacks& callbacks = {});

// The crops and masks of a step (from 1), for the tests.
SemanticBatch semantic_batch(const SemanticTrainOptions& options, const SemanticPieces& pieces,
                             std::int64_t step);

}  // namespace hemiola::nn
