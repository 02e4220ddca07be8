#include "nn/torch_gpt2.h"

#include "nn/torch_attention.h"

namespace hemiola::nn {

namespace {

torch::Tensor to_tensor(const std::vector<std::int32_t>& values, const Batch& batch,
                        const torch::Device& device) {
  return torch::from_blob(const_cast<std::int32_t*>(values.data()), {batch.rows, batch.length},
                          torch::kInt32)
      .to(device, torch::kInt64, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

TorchBatch::TorchBatch(const Batch& batch, const torch::Device& device)
    : ids(to_tensor(batch.ids, batch, device)),
      targets(to_tensor(batch.targets, batch, device)),
      positions(to_tensor(batch.positions, batch, device)),
      segments(to_tensor(batch.segments, batch, device)) {
  for (std::size_t i = 1; i < batch.segments.size(); ++i) {
    const bool row_start = i % static_cast<std::size_t>(batch.length) == 0;
    packed = packed || (!row_start && batch.segments[i] != batch.segments[i - 1]);
  }
}

std::vector<torch::Tensor> split_tensors(const torch::Tensor& flat, const Gpt2Layout& layout) {
  std::vector<torch::Tensor> tensors;
  for (const TensorSlot& slot : layout.tensors) {
    const auto begin = static_cast<std::int64_t>(slot.offset);
    tensors.push_back(
        flat.slice(0, begin, begin + static_cast<std::int64_t>(slot.size)).view(slot.shape));
  }
  return tensors;
}

namespace {

// The residual stream after the last layer norm.
torch::Tensor hidden(const std::vector<torch::Tensor>& w, const Gpt2Shape& shape,
                     const TorchBatch& batch, const TorchOptions& options) {
  const auto linear = [&](const torch::Tensor& x, const torch::Tensor& weight,
                          const torch::Tensor& bias) {
    return torch::matmul(x.to(options.compute), weight.to(options.compute)).to(bias.dtype()) + bias;
  };
  const auto norm = [&](const torch::Tensor& x, const torch::Tensor& weight,
                        const torch::Tensor& bias) {
    return torch::layer_norm(x, {shape.width}, weight, bias, 1e-5);
  };
  const auto drop = [&](const torch::Tensor& x) {
    return options.dropout > 0 ? torch::dropout(x, options.dropout, true) : x;
  };
  const std::int64_t rows = batch.ids.size(0);
  const std::int64_t length = batch.ids.size(1);
  torch::Tensor x =
      drop(torch::embedding(w[0], batch.ids) + torch::embedding(w[1], batch.positions));
  for (int i = 0; i < shape.layers; ++i) {
    const torch::Tensor* p = &w[static_cast<std::size_t>(2 + 12 * i)];
    const torch::Tensor qkv = linear(norm(x, p[0], p[1]), p[2], p[3])
                                  .to(options.compute)
                                  .view({rows, length, 3, shape.heads, shape.head_width()})
                                  .permute({2, 0, 3, 1, 4});
    const torch::Tensor attended =
        causal_attention(qkv[0], qkv[1], qkv[2], batch.segments, batch.packed)
            .transpose(1, 2)
            .reshape({rows, length, shape.width});
    x = x + drop(linear(attended, p[4], p[5]));
    const torch::Tensor inner = torch::gelu(linear(norm(x, p[6], p[7]), p[8], p[9]), "tanh");
    x = x + drop(linear(inner, p[10], p[11]));
  }
  const std::size_t last = w.size() - 2;
  return norm(x, w[last], w[last + 1]);
}

}  // namespace

torch::Tensor gpt2_logits(const std::vector<torch::Tensor>& w, const Gpt2Shape& shape,
                          const TorchBatch& batch, const TorchOptions& options) {
  const torch::Tensor x = hidden(w, shape, batch, options);
  return torch::matmul(x.to(options.compute), w[0].to(options.compute).t()).to(x.dtype());
}

torch::Tensor gpt2_losses(const std::vector<torch::Tensor>& w, const Gpt2Shape& shape,
                          const TorchBatch& batch, const TorchOptions& options) {
  const torch::Tensor logits = gpt2_logits(w, shape, batch, options);
  namespace F = torch::nn::functional;
  return F::cross_entropy(
             logits.flatten(0, 1), batch.targets.flatten(),
             F::CrossEntropyFuncOptions().ignore_index(kNoTarget).reduction(torch::kNone))
      .view(batch.targets.sizes());
}

}  // namespace hemiola::nn
