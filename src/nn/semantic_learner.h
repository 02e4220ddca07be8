// The encoder of semantic tokens while it is trained: frames of features, some of them masked,
// through a transformer that sees both ways; at the masked ones it must say to which cluster of
// each of several kinds the frame belongs (HuBERT: Hsu and others, arXiv 2106.07447). It knows
// nothing of sound. There is one implementation, in the library that has libtorch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "nn/gpt2_layout.h"
#include "nn/learner.h"

namespace hemiola::nn {

struct SemanticShape {
  int input = 320;                // numbers of a frame
  int width = 192;                // a multiple of heads
  int layers = 4;                 //
  int heads = 4;                  //
  int hidden = 768;               // of the feed-forward parts
  int reach = 64;                 // frames; positions farther apart than that count as this far
  std::vector<int> classes = {};  // clusters of each kind of target

  int head_width() const { return width / heads; }
  bool operator==(const SemanticShape&) const = default;
};

// Where each tensor stands in one flat array: input.weight (width, input), input.bias, mask
// (width), positions (heads, 2 * reach + 1), layers.N.norm1.weight, .bias, .attention.in.weight (3
// * width, width), .bias, .attention.out..., .norm2..., .mlp.in.weight (hidden, width)...,
// .mlp.out..., norm.weight, .bias, targets.N.weight (classes, width), .bias. Tensors begin on
// multiples of 16 floats; the gaps stay zero.
struct SemanticLayout {
  explicit SemanticLayout(const SemanticShape& shape);

  SemanticShape shape;
  std::vector<TensorSlot> tensors;  // in the order of the offsets
  std::size_t size = 0;             // floats in all, gaps included
  std::size_t parameters = 0;       // without the gaps
};

// Refuses shapes that cannot be trained.
Status check(const SemanticShape& shape);

// Fresh weights, the same for the same seed on every machine.
std::vector<float> initial_weights(const SemanticLayout& layout, std::uint64_t seed);

struct SemanticBatch {
  int rows = 0, length = 0;           // length in frames
  std::vector<float> frames;          // (rows, length, input)
  std::vector<std::int32_t> targets;  // (rows, length, kinds)
  std::vector<std::uint8_t> masked;   // (rows, length), 1: hidden, and with a loss
};

struct SemanticScore {
  std::int64_t frames = 0;      // masked ones
  std::vector<double> losses;   // of each kind: nats, summed over the masked frames
  std::vector<double> correct;  // of each kind: masked frames whose likeliest class is right

  double loss() const;  // nats a masked frame, all kinds together
};

struct SemanticStep {
  SemanticScore score;
  double grad_norm = 0;  // before clipping
  bool skipped = false;  // the gradient was not finite: weights and state are as before
};

// Used by one thread at a time.
class SemanticLearner {
 public:
  virtual ~SemanticLearner() = default;

  virtual const SemanticLayout& layout() const = 0;
  virtual std::string device() const = 0;

  // One update by AdamW (settings.optimiser and .dropout are passed over) with the mean loss of the
  // masked frames, the kinds added.
  virtual SemanticStep step(const SemanticBatch& batch, const UpdateSettings& settings) = 0;
  virtual SemanticScore score(const SemanticBatch& batch) = 0;
  // The output of layer `layer` (from 1) with nothing masked: (rows, length, width).
  virtual std::vector<float> features(const SemanticBatch& batch, int layer) = 0;

  virtual LearnerState state() const = 0;
  virtual void set_state(LearnerState state) = 0;
};

// Through libtorch (torch_module.h); fails where there is none or it has no such device.
Result<std::unique_ptr<SemanticLearner>> make_semantic_learner(const SemanticShape& shape,
                                                               const TorchLearnerOptions& options);

}  // namespace hemiola::nn
