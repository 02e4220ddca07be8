// The network behind semantic tokens, run without libtorch: log-mel frames of 40 ms through a
// transformer that sees both ways, with learned relative positions. What trains it is in src/nn;
// the layers above the one whose output is used are not kept. It knows nothing of tokens.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/linear.h"
#include "model/model_folder.h"

namespace hemiola::audiolm {

struct SemanticNetworkShape {
  int width = 192;   // a multiple of heads
  int layers = 3;    // that are run
  int heads = 4;     //
  int hidden = 768;  // of the feed-forward parts
  int reach = 64;    // frames; positions farther apart than that count as this far

  int head_width() const { return width / heads; }
  bool operator==(const SemanticNetworkShape&) const = default;
};

Json to_json(const SemanticNetworkShape& shape);
// Refuses what is missing, not whole or beyond what a network here may have.
Result<SemanticNetworkShape> semantic_network_shape(const Json& json, std::string_view where);

// Names and shapes of its tensors, in the order of the file:
//   mel.mean, mel.deviation (kMelBands)           of the training set's log-mel
//   input.weight (width, kMelFrame), input.bias
//   positions (heads, 2 * reach + 1)              added to the scores of key - query = -reach ...
//   layers.N.norm1.weight, .bias (width), .attention.in.weight (3 * width, width), .bias: queries,
//   keys, values; .attention.out.weight (width, width), .bias; .norm2...; .mlp.in.weight (hidden,
//   width), .bias; .mlp.out.weight (width, hidden), .bias
std::vector<std::pair<std::string, Shape>> semantic_network_tensors(
    const SemanticNetworkShape& shape);

class SemanticNetwork {
 public:
  // Reads the weights (F32 or BF16); refuses missing ones, wrong shapes, and numbers that are not
  // finite or, in a deviation, not positive.
  static Result<SemanticNetwork> create(const SemanticNetworkShape& shape, const WeightMap& weights,
                                        std::string_view where);

  const SemanticNetworkShape& shape() const { return shape_; }

  // The output of the last layer for each frame of a sound: (semantic_frames, width). Long sounds
  // are cut into windows of kFrames, each of which sees kMargin frames on either side. Any number
  // of threads at once.
  std::vector<float> run(std::span<const float> sound) const;
  static constexpr std::size_t kFrames = 200, kMargin = 28;
  // The same of all its frames as log_mel() gives them.
  std::vector<float> run_windows(std::span<const float> mel) const;

  // Of frames as log_mel() gives them, all at once: (frames, width).
  std::vector<float> run_mel(std::span<const float> mel) const;

 private:
  struct Norm {
    std::vector<float> weight, bias;
  };
  struct Layer {
    Norm norm1, norm2;
    engine::Linear attention_in, attention_out, mlp_in, mlp_out;
  };

  SemanticNetwork() = default;
  void attend(std::span<const float> qkv, std::size_t frames, std::span<float> out) const;
  std::vector<float> normalised(std::span<const float> x, const Norm& norm) const;

  SemanticNetworkShape shape_;
  std::vector<float> mel_mean_, mel_deviation_;  // (kMelBands)
  std::vector<float> positions_;                 // (heads, 2 * reach + 1)
  std::vector<engine::Linear> input_;            // one
  std::vector<Layer> layers_;
};

}  // namespace hemiola::audiolm
