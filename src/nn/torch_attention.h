// Causal attention within segments, as the libtorch at hand does it best: one of two files is
// linked, torch_attention_plain.cpp before 2.0, torch_attention_fused.cpp from then on.
#pragma once

#include <torch/torch.h>

namespace hemiola::nn {

// q, k, v (rows, heads, length, head width); segments (rows, length), looked at only if packed.
torch::Tensor causal_attention(const torch::Tensor& q, const torch::Tensor& k,
                               const torch::Tensor& v, const torch::Tensor& segments, bool packed);

// Which one this is: "plain" or "fused".
const char* attention_name();

}  // namespace hemiola::nn
