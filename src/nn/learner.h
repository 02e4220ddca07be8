// One model being trained on one device: holds weights, gradients and the optimiser's state, takes
// whole steps and scores held-out tokens. Two implementations: make_cpu_learner (hand-written
// forward and backward passes over the kernels of cpu_kernels.h) and make_torch_learner (libtorch:
// a GPU, or the plain reference that the other is tested against). Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "nn/cpu_kernels.h"
#include "nn/example_source.h"
#include "nn/gpt2_layout.h"
#include "nn/ranks.h"

namespace hemiola::nn {

enum class Optimiser { kAdamW, kMuon };

// One update of the weights.
struct UpdateSettings {
  Optimiser optimiser = Optimiser::kAdamW;
  float rate = 1e-3F;
  float beta1 = 0.9F;
  float beta2 = 0.95F;
  float epsilon = 1e-8F;
  float decay = 0.1F;      // of matrices, decoupled
  float momentum = 0.95F;  // Muon
  float clip = 1.0F;       // largest norm of the gradient; 0: none
  float average = 0.0F;    // averaged weights += (weights - averaged) * average; 0: not kept
  float dropout = 0.0F;
  std::int64_t step = 1;  // from 1; Adam's bias correction and the dropout masks
  std::uint64_t seed = 0;
};

struct StepResult {
  double loss = 0;           // nats, summed over all targets
  std::int64_t targets = 0;  // tokens with a target
  double grad_norm = 0;      // before clipping, of the mean loss
  bool skipped = false;      // the gradient was not finite: weights and state are as before
  std::string lost;          // not empty: so was another rank, and weights and state are as before
};

// Flat, in the order of Gpt2Layout. Empty where not kept.
struct LearnerState {
  std::vector<float> weights, mean, square, average;
};

class Learner {
 public:
  virtual ~Learner() = default;

  virtual const Gpt2Layout& layout() const = 0;
  virtual std::string device() const = 0;  // "CPU, avx512-bf16, 2 threads"

  // From now on each step is one of all ranks together: each gives its batches, loss, targets and
  // gradient are those of all of them, and all ranks' weights stay the same. Null: alone. Must
  // outlive the learner or the next call.
  virtual void set_ranks(Ranks* ranks) = 0;

  // One update from all batches together (gradient accumulation). Each batch is well-formed.
  virtual StepResult step(std::span<const Batch> batches, const UpdateSettings& settings) = 0;

  // The gradient of the last step's mean loss, before clipping.
  virtual std::vector<float> gradient() const = 0;

  // The loss of each token in nats, 0 where there is no target: (rows, length).
  virtual std::vector<float> score(const Batch& batch, bool averaged) = 0;

  virtual LearnerState state() const = 0;
  // Sizes fit the layout, or are 0 for what has not begun.
  virtual void set_state(LearnerState state) = 0;
};

// threads < 1: all processors. Throws std::bad_alloc.
std::unique_ptr<Learner> make_cpu_learner(const Gpt2Shape& shape, const cpu::Kernels& kernels,
                                          int threads);

struct TorchLearnerOptions {
  std::string device = "cpu";  // or "cuda", "cuda:1"
  bool bf16 = false;           // matrix products
  bool fp64 = false;           // everything: the reference of tests
  int threads = 0;             // on a processor; < 1: all
};

// Fails if there is no libtorch (torch_module.h) or it has no such device.
Result<std::unique_ptr<Learner>> make_torch_learner(const Gpt2Shape& shape,
                                                    const TorchLearnerOptions& options);
// Whether libtorch can use a GPU here.
bool has_gpu();

// A batch that a learner may take: ids and positions in range, targets in range or kNoTarget,
// segments in order.
Status check_batch(const Batch& batch, const Gpt2Shape& shape);

}  // namespace hemiola::nn
