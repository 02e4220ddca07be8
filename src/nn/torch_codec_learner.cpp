// One codec being trained through libtorch: the steps of both phases.
#include "nn/torch_codec_learner.h"

#include <cmath>
#include <utility>

#include "nn/torch_codec.h"
#include "nn/torch_codec_losses.h"
#include "nn/torch_threads.h"

namespace hemiola::nn {

namespace {

// Weights with their AdamW state, flat.
struct Moved {
  torch::Tensor weights, mean, square;
  std::int64_t steps = 0;  // that moved it

  explicit Moved(torch::Tensor first)
      : weights(std::move(first)),
        mean(torch::zeros_like(weights)),
        square(torch::zeros_like(weights)) {}

  // Of what stands from `begin` on.
  void move(const torch::Tensor& grad, double norm, const CodecUpdate& u, std::int64_t begin) {
    ++steps;
    const auto t = static_cast<double>(steps);
    const double beta1 = static_cast<double>(u.beta1), beta2 = static_cast<double>(u.beta2);
    const double rate = static_cast<double>(u.rate), clip = static_cast<double>(u.clip);
    torch::Tensor w = weights.slice(0, begin), m = mean.slice(0, begin), s = square.slice(0, begin);
    const torch::Tensor g = grad.slice(0, begin) * (norm > clip ? clip / (norm + 1e-6) : 1.0);
    m.mul_(beta1).add_(g, 1 - beta1);
    s.mul_(beta2).addcmul_(g, g, 1 - beta2);
    w.mul_(1 - rate * static_cast<double>(u.decay));
    w.addcdiv_(m, (s / (1 - std::pow(beta2, t))).sqrt_().add_(1e-8),
               -rate / (1 - std::pow(beta1, t)));
  }
};

bool is_finite(double value) { return std::isfinite(value); }

class TorchCodecLearner final : public CodecLearner {
 public:
  TorchCodecLearner(const CodecShape& shape, const CodecLearnerOptions& options)
      : device_(options.device),
        network_(shape),
        quantizer_(shape, device_),
        mel_(shape.rate, device_),
        codec_(network_.initial_weights(options.seed).to(device_)),
        critic_(discriminator_.initial_weights(options.seed).to(device_)) {
    if (device_.is_cpu()) {
      set_torch_threads(options.threads);
    }
  }

  std::string device() const override {
    return fmt::format("{}, libtorch {}.{}, {}", device_.str(), TORCH_VERSION_MAJOR,
                       TORCH_VERSION_MINOR, counted(at::get_num_threads()));
  }

  CodecStepResult step(std::span<const float> sound, int rows, const CodecUpdate& u) override {
    at::globalContext().setFlushDenormal(true);  // silence would be slow
    return u.adversarial ? second_phase(to_tensor(sound, rows), u)
                         : first_phase(to_tensor(sound, rows), u);
  }

  void begin_codebooks(std::span<const float> sound, int rows, std::uint64_t seed) override {
    const torch::NoGradGuard guard;
    constexpr std::int64_t kAtOnce = 16;
    const auto weights = network_.tensors(codec_.weights);
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& part : to_tensor(sound, rows).split(kAtOnce)) {
      const torch::Tensor x = network_.encode(weights, part).permute({0, 2, 1});
      parts.push_back(x.reshape({-1, x.size(2)}));
    }
    Rng rng(seed);
    quantizer_.begin(torch::cat(parts), rng);
  }

  CodecReconstruction reconstruct(std::span<const float> sound, int rows,
                                  int quantizers) const override {
    const torch::NoGradGuard guard;
    const torch::Tensor x = to_tensor(sound, rows);
    const auto weights = network_.tensors(codec_.weights);
    torch::Tensor features = network_.encode(weights, x);
    CodecReconstruction result;
    if (quantizers > 0) {
      const auto quantised =
          quantizer_.run(features, torch::full({rows}, quantizers, torch::kLong).to(device_));
      features = quantised.features;
      const torch::Tensor codes = quantised.codes.to(torch::kCPU, torch::kInt16).contiguous();
      const auto* data = codes.data_ptr<std::int16_t>();
      result.codes.assign(data, data + codes.numel());
    }
    const torch::Tensor y = network_.decode(weights, features);
    result.sound = to_host(y);
    result.mel = to_doubles(mel_.of_rows(y, x));
    result.si_sdr = to_doubles(si_sdr(y, x));
    return result;
  }

  CodecWeights weights() const override {
    CodecWeights result{network_.shape(), {}};
    for (const auto& [name, tensor] : network_.tensors(codec_.weights)) {
      result.tensors[name] = to_host(tensor);
    }
    result.tensors[kCodebooks] = to_host(quantizer_.codebooks);
    return result;
  }

  void set_weights(const CodecWeights& given) override {
    const torch::NoGradGuard guard;
    for (const auto& [name, tensor] : network_.tensors(codec_.weights)) {
      tensor.copy_(from_host(given.tensors.at(name)).view_as(tensor));
    }
    quantizer_.codebooks.copy_(
        from_host(given.tensors.at(kCodebooks)).view_as(quantizer_.codebooks));
    quantizer_.counts.fill_(1.0);
    quantizer_.sums.copy_(quantizer_.codebooks);
    quantizer_.set_begun(true);
  }

  std::vector<NamedArray> state() const override {
    std::vector<NamedArray> arrays;
    for (const auto& [name, tensor] : state_tensors()) arrays.push_back({name, to_host(tensor)});
    arrays.push_back({"steps",
                      {static_cast<float>(codec_.steps), static_cast<float>(critic_.steps),
                       quantizer_.begun() ? 1.0f : 0.0f}});
    return arrays;
  }

  Status set_state(const std::vector<NamedArray>& state) override {
    const torch::NoGradGuard guard;
    const auto find = [&](const std::string& name) -> const std::vector<float>* {
      for (const NamedArray& array : state) {
        if (array.name == name) return &array.values;
      }
      return nullptr;
    };
    for (const auto& [name, tensor] : state_tensors()) {
      const std::vector<float>* values = find(name);
      if (values == nullptr || values->size() != static_cast<std::size_t>(tensor.numel())) {
        return fail("the checkpoint's \"{}\" does not fit this codec", name);
      }
    }
    const std::vector<float>* steps = find("steps");
    if (steps == nullptr || steps->size() != 3) return fail("the checkpoint has no \"steps\"");
    for (const auto& [name, tensor] : state_tensors()) {
      tensor.copy_(from_host(*find(name)).view_as(tensor));
    }
    codec_.steps = static_cast<std::int64_t>((*steps)[0]);
    critic_.steps = static_cast<std::int64_t>((*steps)[1]);
    quantizer_.set_begun((*steps)[2] != 0);
    return {};
  }

 private:
  std::vector<std::pair<std::string, torch::Tensor>> state_tensors() const {
    return {{"weights", codec_.weights},
            {"mean", codec_.mean},
            {"square", codec_.square},
            {"codebooks", quantizer_.codebooks},
            {"counts", quantizer_.counts},
            {"sums", quantizer_.sums},
            {"discriminator.weights", critic_.weights},
            {"discriminator.mean", critic_.mean},
            {"discriminator.square", critic_.square}};
  }

  static std::string counted(int threads) {
    return fmt::format("{} {}", threads, threads == 1 ? "thread" : "threads");
  }

  torch::Tensor to_tensor(std::span<const float> sound, int rows) const {
    return torch::from_blob(const_cast<float*>(sound.data()),
                            {rows, static_cast<std::int64_t>(sound.size()) / rows}, torch::kFloat32)
        .to(device_, torch::kFloat32, /*non_blocking=*/false, /*copy=*/true);
  }
  torch::Tensor from_host(const std::vector<float>& values) const { return to_tensor(values, 1); }
  static std::vector<float> to_host(const torch::Tensor& tensor) {
    const torch::Tensor host = tensor.detach().to(torch::kCPU).contiguous();
    const float* data = host.data_ptr<float>();
    return {data, data + host.numel()};
  }
  static std::vector<double> to_doubles(const torch::Tensor& tensor) {
    const std::vector<float> values = to_host(tensor);
    return {values.begin(), values.end()};
  }

  // How many codes of each row are decoded.
  torch::Tensor draw_use(std::int64_t rows, const CodecUpdate& u, Rng& rng) const {
    const int all = network_.shape().quantizers;
    torch::Tensor use = torch::full({rows}, u.codes > 0 ? u.codes : all, torch::kLong);
    for (std::int64_t row = 0; row < rows; ++row) {
      if (rng.chance(static_cast<double>(u.fewer_codes))) use[row] = rng.between(1, all);
    }
    return use.to(device_);
  }

  static Rng rng_of(const CodecUpdate& u) {
    return Rng(mix64(u.seed) + static_cast<std::uint64_t>(u.step));
  }

  CodecStepResult first_phase(const torch::Tensor& x, const CodecUpdate& u) {
    Rng rng = rng_of(u);
    torch::Tensor leaf = codec_.weights.detach().set_requires_grad(true);
    const auto weights = network_.tensors(leaf);
    torch::Tensor features = network_.encode(weights, x);
    TorchQuantizer::Output quantised;
    torch::Tensor commit = torch::zeros({}, x.options());
    if (u.quantise) {
      quantised = quantizer_.run(features, draw_use(x.size(0), u, rng));
      features = quantised.features;
      commit = quantised.commit;
    }
    const torch::Tensor y = network_.decode(weights, features);
    const torch::Tensor wave = (y - x).abs().mean();
    const torch::Tensor mel = mel_.of_rows(y, x).mean();
    const torch::Tensor loss = wave * static_cast<double>(u.wave_weight) +
                               mel * static_cast<double>(u.mel_weight) +
                               commit * static_cast<double>(u.commit_weight);
    loss.backward();
    const torch::Tensor grad = leaf.grad();
    CodecStepResult result;
    result.wave = wave.item<double>();
    result.mel = mel.item<double>();
    result.commit = commit.item<double>();
    result.grad_norm = grad.norm().item<double>();
    result.skipped = !is_finite(loss.item<double>()) || !is_finite(result.grad_norm);
    if (result.skipped) return result;
    const torch::NoGradGuard guard;
    codec_.move(grad, result.grad_norm, u, 0);
    if (u.quantise) {
      result.replaced = quantizer_.follow(quantised, static_cast<double>(u.code_decay),
                                          static_cast<double>(u.dead_share), rng);
    }
    return result;
  }

  CodecStepResult second_phase(const torch::Tensor& x, const CodecUpdate& u) {
    Rng rng = rng_of(u);
    torch::Tensor features;
    {
      const torch::NoGradGuard guard;
      features = quantizer_
                     .run(network_.encode(network_.tensors(codec_.weights), x),
                          draw_use(x.size(0), u, rng))
                     .features.contiguous();
    }
    torch::Tensor leaf = codec_.weights.detach().set_requires_grad(true);
    const torch::Tensor y = network_.decode(network_.tensors(leaf), features);

    // The discriminator first, on the same sound.
    torch::Tensor critic_leaf = critic_.weights.detach().set_requires_grad(true);
    const auto real = discriminator_.run(critic_leaf, x);
    const auto fake = discriminator_.run(critic_leaf, y.detach());
    const torch::Tensor critic_loss =
        torch::relu(1 - real.verdict).mean() + torch::relu(1 + fake.verdict).mean();
    critic_loss.backward();
    const torch::Tensor critic_grad = critic_leaf.grad();

    const auto judged = discriminator_.run(critic_.weights.detach(), y);
    torch::Tensor matched = torch::zeros({}, x.options());
    for (std::size_t i = 0; i < judged.features.size(); ++i) {
      const torch::Tensor wanted = real.features[i].detach();
      matched = matched + (judged.features[i] - wanted).abs().mean() / (wanted.abs().mean() + 1e-6);
    }
    matched = matched / static_cast<double>(judged.features.size());
    const torch::Tensor hinge = torch::relu(1 - judged.verdict).mean();
    const torch::Tensor wave = (y - x).abs().mean();
    const torch::Tensor mel = mel_.of_rows(y, x).mean();
    const torch::Tensor loss = wave * static_cast<double>(u.wave_weight) +
                               mel * static_cast<double>(u.mel_weight) +
                               hinge * static_cast<double>(u.hinge_weight) +
                               matched * static_cast<double>(u.feature_weight);
    loss.backward();
    const torch::Tensor grad = leaf.grad();

    CodecStepResult result;
    result.wave = wave.item<double>();
    result.mel = mel.item<double>();
    result.hinge = hinge.item<double>();
    result.features = matched.item<double>();
    result.discriminator = critic_loss.item<double>();
    result.grad_norm = grad.norm().item<double>();
    const double critic_norm = critic_grad.norm().item<double>();
    result.skipped = !is_finite(loss.item<double>()) || !is_finite(result.grad_norm) ||
                     !is_finite(critic_norm) || !is_finite(result.discriminator);
    if (result.skipped) return result;
    const torch::NoGradGuard guard;
    codec_.move(grad, result.grad_norm, u, network_.decoder_begin());
    CodecUpdate of_critic = u;
    of_critic.decay = 0;
    critic_.move(critic_grad, critic_norm, of_critic, 0);
    return result;
  }

  torch::Device device_;
  TorchCodec network_;
  TorchQuantizer quantizer_;
  MelDistance mel_;
  StftDiscriminator discriminator_;
  Moved codec_, critic_;
};

}  // namespace

std::unique_ptr<CodecLearner> make_torch_codec_learner(const CodecShape& shape,
                                                       const CodecLearnerOptions& options,
                                                       std::string& error) {
  try {
    return std::make_unique<TorchCodecLearner>(shape, options);
  } catch (const c10::Error& e) {
    error = fmt::format("libtorch cannot train on \"{}\": {}", options.device,
                        e.what_without_backtrace());
    return nullptr;
  }
}

}  // namespace hemiola::nn
