#include "model/gpt2_tensors.h"

#include <cmath>
#include <stdexcept>

#include "base/rng.h"

namespace hemiola {
namespace {

// Nearly normal (the sum of eight uniform numbers), with arithmetic that no mathematical library
// has a say in. Mean 0, deviation 1, never beyond 4.9.
float nearly_normal(Rng& rng) {
  std::int64_t sum = 0;
  for (std::uint64_t word : {rng.next(), rng.next()}) {
    for (int i = 0; i < 4; ++i, word >>= 16) sum += static_cast<std::int64_t>(word & 0xffff);
  }
  constexpr double kMean = 8 * 65535.0 / 2;
  constexpr double kDeviation = 53509.92;  // sqrt(8 * (65536^2 - 1) / 12)
  return static_cast<float>((static_cast<double>(sum) - kMean) / kDeviation);
}

}  // namespace

std::vector<TensorSpec> gpt2_tensors(const ModelConfig& config) {
  const std::int64_t width = config.width, inner = config.inner;
  std::vector<TensorSpec> specs;
  const auto add = [&](std::string name, Shape shape, TensorRole role) {
    specs.push_back({std::move(name), std::move(shape), role});
  };
  const auto norm = [&](const std::string& name) {
    add(name + ".weight", {width}, TensorRole::kNormWeight);
    add(name + ".bias", {width}, TensorRole::kNormBias);
  };
  const auto linear = [&](const std::string& name, std::int64_t in, std::int64_t out,
                          TensorRole role) {
    add(name + ".weight", {in, out}, role);
    add(name + ".bias", {out}, TensorRole::kBias);
  };
  add("wte.weight", {config.vocabulary, width}, TensorRole::kEmbedding);
  add("wpe.weight", {config.context, width}, TensorRole::kEmbedding);
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::string h = fmt::format("h.{}.", layer);
    norm(h + "ln_1");
    linear(h + "attn.c_attn", width, 3 * width, TensorRole::kMatrix);
    linear(h + "attn.c_proj", width, width, TensorRole::kProjection);
    norm(h + "ln_2");
    linear(h + "mlp.c_fc", width, inner, TensorRole::kMatrix);
    linear(h + "mlp.c_proj", inner, width, TensorRole::kProjection);
  }
  norm("ln_f");
  if (!config.tied_head) {
    add("lm_head.weight", {config.vocabulary, width}, TensorRole::kEmbedding);
  }
  return specs;
}

OwnedWeights::OwnedWeights(const ModelConfig& config)
    : config_(config), specs_(gpt2_tensors(config)) {
  for (const TensorSpec& spec : specs_) {
    values_.emplace_back(element_count(spec.shape),
                         spec.role == TensorRole::kNormWeight ? 1.0f : 0.0f);
  }
}

OwnedWeights OwnedWeights::zero(const ModelConfig& config) { return OwnedWeights(config); }

OwnedWeights OwnedWeights::random(const ModelConfig& config, std::uint64_t seed) {
  OwnedWeights weights(config);
  const float projection_scale = 1 / std::sqrt(2 * static_cast<float>(config.layers));
  for (std::size_t i = 0; i < weights.specs_.size(); ++i) {
    float deviation = config.initializer_range;
    switch (weights.specs_[i].role) {
      case TensorRole::kProjection:
        deviation *= projection_scale;
        break;
      case TensorRole::kEmbedding:
      case TensorRole::kMatrix:
        break;
      default:
        continue;
    }
    Rng rng(mix64(seed) ^ i);
    for (float& value : weights.values_[i]) value = deviation * nearly_normal(rng);
  }
  return weights;
}

std::vector<float>& OwnedWeights::values(std::string_view name) {
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    if (specs_[i].name == name) return values_[i];
  }
  throw std::invalid_argument(fmt::format("no tensor named {}", name));
}

const std::vector<float>& OwnedWeights::values(std::string_view name) const {
  return const_cast<OwnedWeights&>(*this).values(name);
}

std::vector<TensorView> OwnedWeights::views() const {
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    views.push_back(view_of(specs_[i].name, specs_[i].shape, values_[i]));
  }
  return views;
}

}  // namespace hemiola
