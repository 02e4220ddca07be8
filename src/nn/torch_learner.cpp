// Training through libtorch: on a GPU, or as the plain reference. Weights, gradient and the
// optimiser's state are one flat tensor each; what the model computes with are views of them.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/rng.h"
#include "nn/learner.h"
#include "nn/torch_attention.h"
#include "nn/torch_codec_learner.h"
#include "nn/torch_gpt2.h"
#include "nn/torch_module.h"
#include "nn/torch_ranks.h"
#include "nn/torch_semantic.h"
#include "nn/torch_threads.h"

namespace hemiola::nn {

namespace {

class TorchLearner final : public Learner {
 public:
  TorchLearner(const Gpt2Shape& shape, const TorchLearnerOptions& options)
      : layout_(shape), device_(options.device) {
    dtype_ = options.fp64 ? torch::kFloat64 : torch::kFloat32;
    compute_ = options.fp64 ? torch::kFloat64 : (options.bf16 ? torch::kBFloat16 : torch::kFloat32);
    if (device_.is_cpu()) {
      set_torch_threads(options.threads);
    }
    const auto size = static_cast<std::int64_t>(layout_.size);
    weights_ = torch::zeros({size}, like());
    grad_ = torch::zeros({size}, like());
    make_leaves();
    decayed_ = torch::zeros({size}, like());
    adam_ = torch::ones({size}, like());
    for (const TensorSlot& slot : layout_.tensors) {
      if (slot.is_matrix()) part(decayed_, slot).fill_(1);
      if (is_hidden(slot)) part(adam_, slot).fill_(0);
    }
  }

  const Gpt2Layout& layout() const override { return layout_; }

  std::string device() const override {
    return fmt::format(
        "{}, libtorch {}.{}, {}, {} attention", device_.str(), TORCH_VERSION_MAJOR,
        TORCH_VERSION_MINOR,
        compute_ == torch::kBFloat16 ? "bf16" : (dtype_ == torch::kFloat64 ? "fp64" : "fp32"),
        attention_name());
  }

  void set_ranks(Ranks* ranks) override { ranks_ = ranks; }

  StepResult step(std::span<const Batch> batches, const UpdateSettings& u) override {
    StepResult result;
    for (const Batch& batch : batches) {
      result.targets += std::count_if(batch.targets.begin(), batch.targets.end(),
                                      [](std::int32_t t) { return t >= 0; });
    }
    std::array<double, 1> targets = {static_cast<double>(result.targets)};
    if (ranks_ != nullptr) {
      if (Status status = ranks_->sum(targets); !status) return lost(status.error());
      result.targets = static_cast<std::int64_t>(targets[0]);
    }
    const double scale = 1.0 / std::max(1.0, targets[0]);
    // Stateless dropout: the masks follow from step and rank, so that a resumed run draws the same.
    const std::uint64_t rank = ranks_ == nullptr ? 0 : static_cast<std::uint64_t>(ranks_->rank());
    torch::manual_seed(mix64(u.seed + static_cast<std::uint64_t>(u.step)) + rank);
    grad_.zero_();
    torch::Tensor loss = torch::zeros({}, like());
    for (const Batch& batch : batches) {
      const torch::Tensor sum =
          gpt2_losses(leaves_, layout_.shape, TorchBatch(batch, device_), {compute_, u.dropout})
              .sum();
      (sum * scale).backward();
      loss += sum.detach();
    }
    std::array<double, 1> total = {loss.item<double>()};
    if (ranks_ != nullptr) {
      if (Status status = sum_gradient(); !status) return lost(status.error());
      if (Status status = ranks_->sum(total); !status) return lost(status.error());
    }
    result.loss = total[0];
    result.grad_norm = grad_.norm().item<double>();
    if (!std::isfinite(result.grad_norm) || !std::isfinite(result.loss)) {
      result.skipped = true;
      return result;
    }
    const torch::NoGradGuard guard;
    update(u, result.grad_norm);
    return result;
  }

  std::vector<float> gradient() const override { return to_host(grad_); }

  std::vector<float> score(const Batch& batch, bool averaged) override {
    const torch::NoGradGuard guard;
    const torch::Tensor& weights = averaged && average_.defined() ? average_ : weights_;
    return to_host(gpt2_losses(split_tensors(weights, layout_), layout_.shape,
                               TorchBatch(batch, device_), {compute_, 0.0}));
  }

  LearnerState state() const override {
    return {to_host(weights_), to_host(mean_), to_host(square_), to_host(average_)};
  }

  void set_state(LearnerState state) override {
    weights_ = to_device(state.weights);
    make_leaves();
    mean_ = to_device(state.mean);
    square_ = to_device(state.square);
    average_ = to_device(state.average);
  }

 private:
  // Each tensor by itself, so that its gradient lands in its place of the flat one.
  void make_leaves() {
    leaves_ = split_tensors(weights_.detach(), layout_);
    const std::vector<torch::Tensor> gradients = split_tensors(grad_, layout_);
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      leaves_[i] = leaves_[i].detach().set_requires_grad(true);
      leaves_[i].mutable_grad() = gradients[i];
    }
  }

  // Over all ranks, in buckets, so that copying one goes on while others are summed.
  Status sum_gradient() {
    constexpr std::int64_t kBucket = std::int64_t{4} << 20;
    torch::Tensor host = torch::empty({grad_.numel()}, torch::kFloat32);
    for (std::int64_t begin = 0; begin < grad_.numel(); begin += kBucket) {
      const std::int64_t end = std::min(grad_.numel(), begin + kBucket);
      host.slice(0, begin, end).copy_(grad_.slice(0, begin, end));
      ranks_->begin_sum({host.data_ptr<float>() + begin, static_cast<std::size_t>(end - begin)});
    }
    HEMIOLA_CHECK(ranks_->finish_sums());
    grad_.copy_(host);
    return {};
  }

  static StepResult lost(const Error& error) {
    StepResult result;
    result.lost = error.message;
    return result;
  }

  torch::TensorOptions like() const { return torch::dtype(dtype_).device(device_); }

  // The matrices that Muon treats: all but the embeddings.
  bool is_hidden(const TensorSlot& slot) const {
    return slot.is_matrix() && slot.offset != layout_.wte && slot.offset != layout_.wpe;
  }

  static torch::Tensor part(const torch::Tensor& flat, const TensorSlot& slot) {
    const auto begin = static_cast<std::int64_t>(slot.offset);
    return flat.slice(0, begin, begin + static_cast<std::int64_t>(slot.size)).view(slot.shape);
  }

  static std::vector<float> to_host(const torch::Tensor& tensor) {
    if (!tensor.defined()) return {};
    const torch::Tensor host = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    const float* data = host.data_ptr<float>();
    return {data, data + host.numel()};
  }

  torch::Tensor to_device(const std::vector<float>& values) const {
    if (values.empty()) return {};
    return torch::from_blob(const_cast<float*>(values.data()),
                            {static_cast<std::int64_t>(values.size())}, torch::kFloat32)
        .to(device_, dtype_, /*non_blocking=*/false, /*copy=*/true);
  }

  void update(const UpdateSettings& u, double norm) {
    if (!mean_.defined()) mean_ = torch::zeros_like(weights_);
    if (!square_.defined()) square_ = torch::zeros_like(weights_);
    if (u.average > 0 && !average_.defined()) average_ = weights_.clone();
    if (u.average <= 0) average_ = torch::Tensor();
    const double clip = static_cast<double>(u.clip);
    const bool clipped = clip > 0 && norm > clip;
    const torch::Tensor grad = clipped ? grad_ * (clip / (norm + 1e-6)) : grad_;
    const double rate = static_cast<double>(u.rate);
    const double beta1 = static_cast<double>(u.beta1);
    const double beta2 = static_cast<double>(u.beta2);
    const bool use_muon = u.optimiser == Optimiser::kMuon;
    std::vector<torch::Tensor> momentum;  // the parts that Adam must not touch
    if (use_muon) {
      for (const TensorSlot& slot : layout_.tensors) {
        if (is_hidden(slot)) momentum.push_back(part(mean_, slot).clone());
      }
    }
    weights_.mul_(1 - rate * static_cast<double>(u.decay) * decayed_);
    mean_.mul_(beta1).add_(grad, 1 - beta1);
    square_.mul_(beta2).addcmul_(grad, grad, 1 - beta2);
    const double t = static_cast<double>(u.step);
    const torch::Tensor deviation = (square_ / (1 - std::pow(beta2, t))).sqrt_();
    torch::Tensor move =
        mean_ / deviation.add_(static_cast<double>(u.epsilon)) * (rate / (1 - std::pow(beta1, t)));
    if (use_muon) move.mul_(adam_);
    weights_.sub_(move);
    if (use_muon) {
      std::size_t next = 0;
      for (const TensorSlot& slot : layout_.tensors) {
        if (!is_hidden(slot)) continue;
        torch::Tensor mean = part(mean_, slot);
        mean.copy_(momentum[next++]);
        part(square_, slot).zero_();
        muon(u, part(weights_, slot), part(grad, slot), mean,
             slot.name.ends_with("c_attn.weight") ? 3 : 1);
      }
    }
    if (average_.defined()) average_.lerp_(weights_, static_cast<double>(u.average));
  }

  void muon(const UpdateSettings& u, torch::Tensor weights, const torch::Tensor& grad,
            torch::Tensor& momentum, std::int64_t blocks) const {
    const double keep = static_cast<double>(u.momentum);
    momentum.mul_(keep).add_(grad);
    const std::vector<torch::Tensor> updates = (grad + momentum * keep).chunk(blocks, 1);
    const std::vector<torch::Tensor> targets = weights.chunk(blocks, 1);
    for (std::size_t i = 0; i < updates.size(); ++i) {
      const bool flip = updates[i].size(0) > updates[i].size(1);
      torch::Tensor x = flip ? updates[i].t() : updates[i];
      x = (x / (x.norm() + 1e-7)).to(compute_);
      for (int step = 0; step < 5; ++step) {
        const torch::Tensor gram = torch::matmul(x, x.t());
        x = x * 3.4445 + torch::matmul(gram * -4.7750 + torch::matmul(gram, gram) * 2.0315, x);
      }
      const double size = 0.2 * std::sqrt(static_cast<double>(x.size(1)));
      targets[i].sub_((flip ? x.t() : x).to(dtype_), static_cast<double>(u.rate) * size);
    }
  }

  Gpt2Layout layout_;
  torch::Device device_;
  torch::Dtype dtype_ = torch::kFloat32;    // of weights and state
  torch::Dtype compute_ = torch::kFloat32;  // of matrix products
  Ranks* ranks_ = nullptr;
  torch::Tensor weights_, grad_, mean_, square_, average_;
  std::vector<torch::Tensor> leaves_;  // views of weights_, with gradients that are views of grad_
  torch::Tensor decayed_, adam_;       // 1 where weight decay, and AdamW under Muon, applies
};

std::unique_ptr<Learner> make(const Gpt2Shape& shape, const TorchLearnerOptions& options,
                              std::string& error) {
  try {
    return std::make_unique<TorchLearner>(shape, options);
  } catch (const c10::Error& e) {
    error = fmt::format("libtorch cannot train on \"{}\": {}", options.device,
                        e.what_without_backtrace());
    return nullptr;
  }
}

bool gpu() { return torch::cuda::is_available(); }

}  // namespace

}  // namespace hemiola::nn

extern "C" const hemiola::nn::TorchEntry hemiola_torch_entry;
const hemiola::nn::TorchEntry hemiola_torch_entry{hemiola::nn::kTorchVersion,
                                                  hemiola::nn::gpu,
                                                  hemiola::nn::make,
                                                  hemiola::nn::make_torch_semantic,
                                                  hemiola::nn::make_torch_codec_learner,
                                                  hemiola::nn::make_torch_ranks};
