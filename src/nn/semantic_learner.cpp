#include "nn/semantic_learner.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "base/rng.h"

namespace hemiola::nn {
namespace {

constexpr std::size_t kAlign = 16;  // floats

// Box and Muller; one of the two numbers is left.
float normal(Rng& rng) {
  const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
  return static_cast<float>(radius * std::cos(2 * std::numbers::pi * rng.uniform()));
}

}  // namespace

SemanticLayout::SemanticLayout(const SemanticShape& s) : shape(s) {
  const auto add = [&](std::string name, std::vector<std::int64_t> dimensions) {
    std::size_t count = 1;
    for (const std::int64_t dimension : dimensions) count *= static_cast<std::size_t>(dimension);
    tensors.push_back({std::move(name), std::move(dimensions), size, count});
    size += (count + kAlign - 1) / kAlign * kAlign;
    parameters += count;
  };
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    add(name + ".weight", {out, in});
    add(name + ".bias", {out});
  };
  const auto norm = [&](const std::string& name) {
    add(name + ".weight", {s.width});
    add(name + ".bias", {s.width});
  };
  linear("input", s.width, s.input);
  add("mask", {s.width});
  add("positions", {s.heads, 2 * s.reach + 1});
  for (int i = 0; i < s.layers; ++i) {
    const std::string layer = fmt::format("layers.{}.", i);
    norm(layer + "norm1");
    linear(layer + "attention.in", 3 * s.width, s.width);
    linear(layer + "attention.out", s.width, s.width);
    norm(layer + "norm2");
    linear(layer + "mlp.in", s.hidden, s.width);
    linear(layer + "mlp.out", s.width, s.hidden);
  }
  norm("norm");
  for (std::size_t i = 0; i < s.classes.size(); ++i) {
    linear(fmt::format("targets.{}", i), s.classes[i], s.width);
  }
}

Status check(const SemanticShape& s) {
  if (s.input < 1 || s.width < 1 || s.layers < 1 || s.heads < 1 || s.hidden < 1 || s.reach < 1) {
    return fail("semantic encoder: every size must be at least 1");
  }
  if (s.width % s.heads != 0) {
    return fail("semantic encoder: width {} is not a multiple of {} heads", s.width, s.heads);
  }
  if (s.classes.empty()) return fail("semantic encoder: nothing to predict");
  for (const int classes : s.classes) {
    if (classes < 2) return fail("semantic encoder: {} classes; at least 2 are needed", classes);
  }
  return {};
}

std::vector<float> initial_weights(const SemanticLayout& layout, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> weights(layout.size);
  // What is added to the stream by each layer starts small, the more layers there are.
  const float added = 1 / std::sqrt(2.0F * static_cast<float>(layout.shape.layers));
  for (const TensorSlot& slot : layout.tensors) {
    float* to = weights.data() + slot.offset;
    if (slot.name.ends_with("norm1.weight") || slot.name.ends_with("norm2.weight") ||
        slot.name == "norm.weight") {
      std::fill(to, to + slot.size, 1.0F);
    } else if (slot.name == "mask") {
      for (std::size_t i = 0; i < slot.size; ++i) to[i] = 0.5F * normal(rng);
    } else if (slot.is_matrix() && slot.name != "positions") {
      float scale = 1 / std::sqrt(static_cast<float>(slot.shape[1]));
      if (slot.name.ends_with(".out.weight")) scale *= added;
      if (slot.name.starts_with("targets.")) scale = 0.02F;
      for (std::size_t i = 0; i < slot.size; ++i) to[i] = scale * normal(rng);
    }
  }
  return weights;
}

double SemanticScore::loss() const {
  return std::accumulate(losses.begin(), losses.end(), 0.0) /
         static_cast<double>(std::max<std::int64_t>(1, frames));
}

}  // namespace hemiola::nn
