// Attention with the scores in memory, for libtorch before 2.0.
#include <cmath>
#include <limits>

#include "nn/torch_attention.h"

namespace hemiola::nn {

torch::Tensor causal_attention(const torch::Tensor& q, const torch::Tensor& k,
                               const torch::Tensor& v, const torch::Tensor& segments, bool packed) {
  const std::int64_t length = q.size(2);
  torch::Tensor hidden =
      torch::ones({length, length}, torch::dtype(torch::kBool).device(q.device())).triu(1);
  if (packed) hidden = hidden | (segments.unsqueeze(1) != segments.unsqueeze(2)).unsqueeze(1);
  const torch::Tensor scores =
      torch::matmul(q, k.transpose(2, 3)) * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
  const torch::Tensor weights =
      torch::softmax(scores.masked_fill(hidden, -std::numeric_limits<double>::infinity()), -1,
                     q.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32);
  return torch::matmul(weights.to(v.dtype()), v);
}

const char* attention_name() { return "plain"; }

}  // namespace hemiola::nn
