// GPT-2 as libtorch says it, over the flat weights of Gpt2Layout: the reference that the
// hand-written passes are tested against, and what runs on a GPU. Includes libtorch; few files
// should.
#pragma once

#include <torch/torch.h>

#include <span>
#include <vector>

#include "nn/example_source.h"
#include "nn/gpt2_layout.h"

namespace hemiola::nn {

// A batch as tensors (rows, length), int64, on a device.
struct TorchBatch {
  torch::Tensor ids, targets, positions, segments;
  bool packed = false;  // some row holds more than one segment

  TorchBatch(const Batch& batch, const torch::Device& device);
};

// Views of the flat tensor under the layout's order; gradients flow into `flat`.
std::vector<torch::Tensor> split_tensors(const torch::Tensor& flat, const Gpt2Layout& layout);

struct TorchOptions {
  torch::Dtype compute = torch::kFloat32;  // of matrix products
  double dropout = 0;
};

// Logits (rows, length, vocabulary).
torch::Tensor gpt2_logits(const std::vector<torch::Tensor>& tensors, const Gpt2Shape& shape,
                          const TorchBatch& batch, const TorchOptions& options);

// Losses of all tokens (rows, length), 0 where there is no target.
torch::Tensor gpt2_losses(const std::vector<torch::Tensor>& tensors, const Gpt2Shape& shape,
                          const TorchBatch& batch, const TorchOptions& options);

}  // namespace hemiola::nn
