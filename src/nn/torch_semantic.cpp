#include "nn/torch_semantic.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/torch_threads.h"

namespace hemiola::nn {
namespace {

using torch::Tensor;

std::vector<float> to_host(const Tensor& tensor) {
  if (!tensor.defined()) return {};
  const Tensor host = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  const float* data = host.data_ptr<float>();
  return {data, data + host.numel()};
}

class TorchSemantic final : public SemanticLearner {
 public:
  TorchSemantic(const SemanticShape& shape, const TorchLearnerOptions& options)
      : layout_(shape), device_(options.device) {
    dtype_ = options.fp64 ? torch::kFloat64 : torch::kFloat32;
    compute_ = options.bf16 && !options.fp64 ? torch::kBFloat16 : dtype_;
    if (device_.is_cpu()) {
      set_torch_threads(options.threads);
    }
    weights_ = torch::zeros({static_cast<std::int64_t>(layout_.size)}, like());
    decayed_ = torch::zeros_like(weights_);
    for (const TensorSlot& slot : layout_.tensors) {
      if (slot.is_matrix() && slot.name != "positions") part(decayed_, slot).fill_(1);
    }
  }

  const SemanticLayout& layout() const override { return layout_; }

  std::string device() const override {
    return fmt::format("{}, libtorch {}.{}, {}", device_.str(), TORCH_VERSION_MAJOR,
                       TORCH_VERSION_MINOR, compute_ == torch::kBFloat16 ? "bf16" : "fp32");
  }

  SemanticStep step(const SemanticBatch& batch, const UpdateSettings& u) override {
    SemanticStep result;
    const Tensor leaf = weights_.detach().set_requires_grad(true);
    const Tensor loss = measure(leaf, batch, result.score);
    if (result.score.frames > 0) {
      (loss / static_cast<double>(result.score.frames)).backward();
    }
    const torch::NoGradGuard guard;
    const Tensor grad = leaf.grad().defined() ? leaf.grad() : torch::zeros_like(weights_);
    result.grad_norm = grad.norm().item<double>();
    result.skipped = !std::isfinite(result.grad_norm) || !std::isfinite(result.score.loss());
    if (!result.skipped) update(grad, result.grad_norm, u);
    return result;
  }

  SemanticScore score(const SemanticBatch& batch) override {
    const torch::NoGradGuard guard;
    SemanticScore result;
    measure(weights_, batch, result);
    return result;
  }

  std::vector<float> features(const SemanticBatch& batch, int layer) override {
    const torch::NoGradGuard guard;
    next_ = 0;
    return to_host(encode(weights_, frames_of(batch), Tensor(), layer));
  }

  LearnerState state() const override {
    return {to_host(weights_), to_host(mean_), to_host(square_), {}};
  }
  void set_state(LearnerState state) override {
    weights_ = to_device(state.weights);
    mean_ = to_device(state.mean);
    square_ = to_device(state.square);
  }

 private:
  torch::TensorOptions like() const { return torch::dtype(dtype_).device(device_); }

  static Tensor part(const Tensor& flat, const TensorSlot& slot) {
    const auto begin = static_cast<std::int64_t>(slot.offset);
    return flat.slice(0, begin, begin + static_cast<std::int64_t>(slot.size)).view(slot.shape);
  }

  Tensor to_device(const std::vector<float>& values) const {
    if (values.empty()) return {};
    return torch::from_blob(const_cast<float*>(values.data()),
                            {static_cast<std::int64_t>(values.size())}, torch::kFloat32)
        .to(device_, dtype_, /*non_blocking=*/false, /*copy=*/true);
  }

  Tensor frames_of(const SemanticBatch& batch) const {
    return torch::from_blob(const_cast<float*>(batch.frames.data()),
                            {batch.rows, batch.length, layout_.shape.input}, torch::kFloat32)
        .to(device_, dtype_);
  }

  // The tensors are taken in the order of the layout.
  Tensor next(const Tensor& flat) const { return part(flat, layout_.tensors[next_++]); }

  Tensor linear(const Tensor& flat, const Tensor& x) const {
    const Tensor weight = next(flat), bias = next(flat);
    if (compute_ == dtype_) return torch::nn::functional::linear(x, weight, bias);
    return torch::matmul(x.to(compute_), weight.to(compute_).t()).to(dtype_) + bias;
  }

  Tensor norm(const Tensor& flat, const Tensor& x) const {
    const Tensor weight = next(flat), bias = next(flat);
    return torch::layer_norm(x, {layout_.shape.width}, weight, bias);
  }

  // x (rows, length, width) -> the same, for one layer.
  Tensor attention(const Tensor& flat, const Tensor& x, const Tensor& bias) const {
    const std::int64_t rows = x.size(0), length = x.size(1);
    const std::int64_t heads = layout_.shape.heads, each = layout_.shape.head_width();
    const Tensor qkv =
        linear(flat, x).view({rows, length, 3, heads, each}).permute({2, 0, 3, 1, 4});
    const Tensor q = (qkv[0] / std::sqrt(static_cast<double>(each))).to(compute_);
    const Tensor scores = torch::matmul(q, qkv[1].to(compute_).transpose(-2, -1)).to(dtype_) + bias;
    const Tensor mixed =
        torch::matmul(torch::softmax(scores, -1).to(compute_), qkv[2].to(compute_));
    return linear(flat, mixed.to(dtype_).transpose(1, 2).reshape({rows, length, heads * each}));
  }

  // The output of layer `last`. masked (rows, length, 1), or undefined for none.
  Tensor encode(const Tensor& flat, const Tensor& frames, const Tensor& masked, int last) const {
    const SemanticShape& shape = layout_.shape;
    Tensor x = linear(flat, frames);
    const Tensor mask = next(flat);
    if (masked.defined()) x = torch::where(masked, mask, x);
    const auto places = torch::arange(x.size(1), torch::dtype(torch::kInt64).device(device_));
    const Tensor apart =
        (places.unsqueeze(0) - places.unsqueeze(1)).clamp(-shape.reach, shape.reach);
    const Tensor bias = next(flat)
                            .index_select(1, (apart + shape.reach).flatten())
                            .view({shape.heads, x.size(1), x.size(1)});
    for (int layer = 0; layer < last; ++layer) {
      const Tensor first = norm(flat, x);
      x = x + attention(flat, first, bias);
      const Tensor second = norm(flat, x);
      const Tensor inner = torch::gelu(linear(flat, second), "tanh");
      x = x + linear(flat, inner);
    }
    return x;
  }

  // The loss, summed over masked frames and kinds; fills `score`.
  Tensor measure(const Tensor& flat, const SemanticBatch& batch, SemanticScore& score) const {
    next_ = 0;
    const Tensor masked = torch::from_blob(const_cast<std::uint8_t*>(batch.masked.data()),
                                           {batch.rows, batch.length, 1}, torch::kUInt8)
                              .to(device_)
                              .to(torch::kBool);
    const Tensor places = masked.flatten().nonzero().flatten();
    const auto kinds = static_cast<std::int64_t>(layout_.shape.classes.size());
    const Tensor targets = torch::from_blob(const_cast<std::int32_t*>(batch.targets.data()),
                                            {batch.rows * batch.length, kinds}, torch::kInt32)
                               .to(device_, torch::kInt64)
                               .index_select(0, places);
    Tensor x = encode(flat, frames_of(batch), masked, layout_.shape.layers);
    x = norm(flat, x.flatten(0, 1).index_select(0, places));
    Tensor total = torch::zeros({}, like());
    score.frames = places.size(0);
    for (std::int64_t kind = 0; kind < kinds; ++kind) {
      const Tensor logits = linear(flat, x);
      const Tensor target = targets.select(1, kind);
      const Tensor loss = torch::nn::functional::cross_entropy(
          logits, target, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kSum));
      total = total + loss;
      score.losses.push_back(loss.item<double>());
      score.correct.push_back(logits.argmax(1).eq(target).sum().item<double>());
    }
    return total;
  }

  void update(const Tensor& grad, double norm, const UpdateSettings& u) {
    if (!mean_.defined()) mean_ = torch::zeros_like(weights_);
    if (!square_.defined()) square_ = torch::zeros_like(weights_);
    const double clip = static_cast<double>(u.clip), rate = static_cast<double>(u.rate);
    const double beta1 = static_cast<double>(u.beta1), beta2 = static_cast<double>(u.beta2);
    const double t = static_cast<double>(u.step);
    const Tensor clipped = clip > 0 && norm > clip ? grad * (clip / (norm + 1e-6)) : grad;
    weights_ = weights_ * (1 - rate * static_cast<double>(u.decay) * decayed_);
    mean_.mul_(beta1).add_(clipped, 1 - beta1);
    square_.mul_(beta2).addcmul_(clipped, clipped, 1 - beta2);
    const Tensor deviation = (square_ / (1 - std::pow(beta2, t))).sqrt_();
    weights_.sub_(mean_ / deviation.add_(static_cast<double>(u.epsilon)),
                  rate / (1 - std::pow(beta1, t)));
  }

  SemanticLayout layout_;
  torch::Device device_;
  torch::Dtype dtype_ = torch::kFloat32;    // of weights and state
  torch::Dtype compute_ = torch::kFloat32;  // of matrix products
  Tensor weights_, mean_, square_;
  Tensor decayed_;                // 1 where weight decay applies
  mutable std::size_t next_ = 0;  // the tensor that a pass takes next
};

}  // namespace

std::unique_ptr<SemanticLearner> make_torch_semantic(const SemanticShape& shape,
                                                     const TorchLearnerOptions& options,
                                                     std::string& error) {
  try {
    return std::make_unique<TorchSemantic>(shape, options);
  } catch (const c10::Error& e) {
    error = fmt::format("libtorch cannot train on \"{}\": {}", options.device,
                        e.what_without_backtrace());
    return nullptr;
  }
}

}  // namespace hemiola::nn
