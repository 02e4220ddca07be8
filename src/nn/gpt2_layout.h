// Where each tensor of a GPT-2 stands in one flat array of floats, under its Hugging Face name. The
// weights, the gradients and the optimiser's state all use it. Tensors begin on multiples of 16
// floats; the gaps stay zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/config.h"

namespace hemiola::nn {

struct Gpt2Shape {
  int layers = 0;
  int heads = 0;
  int width = 0;    // a multiple of heads
  int context = 0;  // positions
  int vocabulary = 0;

  int head_width() const { return width / heads; }
  bool operator==(const Gpt2Shape&) const = default;
};

// Offsets in floats. Matrices are stored (in, out), as Conv1D of Hugging Face does.
struct LayerOffsets {
  std::size_t ln1_weight, ln1_bias;    // (C)
  std::size_t qkv_weight, qkv_bias;    // (C, 3C), (3C): attn.c_attn
  std::size_t proj_weight, proj_bias;  // (C, C), (C): attn.c_proj
  std::size_t ln2_weight, ln2_bias;    // (C)
  std::size_t fc_weight, fc_bias;      // (C, 4C), (4C): mlp.c_fc
  std::size_t out_weight, out_bias;    // (4C, C), (C): mlp.c_proj
};

Gpt2Shape shape_of(const ModelConfig& config);

struct TensorSlot {
  std::string name;  // "h.0.attn.c_attn.weight", as in model/gpt2_tensors.h
  std::vector<std::int64_t> shape;
  std::size_t offset = 0;
  std::size_t size = 0;

  bool is_matrix() const { return shape.size() == 2; }
};

struct Gpt2Layout {
  explicit Gpt2Layout(const Gpt2Shape& shape);

  Gpt2Shape shape;
  std::size_t wte = 0;  // (V, C), also the head
  std::size_t wpe = 0;  // (context, C)
  std::vector<LayerOffsets> layers;
  std::size_t lnf_weight = 0, lnf_bias = 0;  // (C)
  std::vector<TensorSlot> tensors;           // in the order of the offsets
  std::size_t size = 0;                      // floats in all, gaps included
  std::size_t parameters = 0;                // without the gaps
};

// Whether the trainer can train it; the reason if not.
Status check_trainable(const ModelConfig& config);

// Fresh weights, the same for the same seed on every machine.
std::vector<float> initial_weights(const Gpt2Layout& layout, const ModelConfig& config,
                                   std::uint64_t seed);

}  // namespace hemiola::nn
