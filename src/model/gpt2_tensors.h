// The tensors of a GPT-2: one registry of names and shapes for the reader, the writer, the engine
// and the trainer. Names here are without the prefix "transformer."; files may have it or not.
//
//   wte.weight (vocabulary, width)      wpe.weight (context, width)
//   h.N.ln_1.{weight,bias} (width)      h.N.ln_2.{weight,bias} (width)
//   h.N.attn.c_attn.{weight (width, 3*width), bias}    query, key, value side by side
//   h.N.attn.c_proj.{weight (width, width), bias}
//   h.N.mlp.c_fc.{weight (width, inner), bias}         h.N.mlp.c_proj.{weight (inner, width), bias}
//   ln_f.{weight,bias} (width)          lm_head.weight (vocabulary, width), only when not tied
//
// The matrices of the layers are stored (in, out): y = x * weight + bias.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/tensor.h"

namespace hemiola {

enum class TensorRole {
  kEmbedding,   // wte, wpe, lm_head: (rows, width), a row an entry
  kMatrix,      // (in, out)
  kProjection,  // (in, out), its product is added to the residual: c_proj of both kinds
  kBias,
  kNormWeight,
  kNormBias,
};

struct TensorSpec {
  std::string name;
  Shape shape;
  TensorRole role;
};

// In the order in which they are written.
std::vector<TensorSpec> gpt2_tensors(const ModelConfig& config);

inline constexpr std::string_view kTensorPrefix = "transformer.";

// A set of owned fp32 tensors with the registry's names.
class OwnedWeights {
 public:
  // GPT-2's own initialisation: (nearly) normal(0, initializer_range), projections divided by
  // sqrt(2 * layers), norms 1, biases 0. The same seed gives the same weights everywhere.
  static OwnedWeights random(const ModelConfig& config, std::uint64_t seed);
  // All zero, norm weights 1.
  static OwnedWeights zero(const ModelConfig& config);

  const ModelConfig& config() const { return config_; }
  const std::vector<TensorSpec>& specs() const { return specs_; }
  std::vector<float>& values(std::string_view name);  // precondition: in the registry
  const std::vector<float>& values(std::string_view name) const;
  // In the registry's order; valid as long as this object.
  std::vector<TensorView> views() const;

 private:
  explicit OwnedWeights(const ModelConfig& config);

  ModelConfig config_;
  std::vector<TensorSpec> specs_;
  std::vector<std::vector<float>> values_;
};

}  // namespace hemiola
