#include "nn/gpt2_layout.h"

#include <algorithm>

#include "model/gpt2_tensors.h"

namespace hemiola::nn {

namespace {

constexpr std::size_t kAlign = 16;  // floats

}  // namespace

Gpt2Shape shape_of(const ModelConfig& config) {
  return {config.layers, config.heads, config.width, config.context, config.vocabulary};
}

Gpt2Layout::Gpt2Layout(const Gpt2Shape& s) : shape(s) {
  ModelConfig config;
  config.layers = s.layers;
  config.heads = s.heads;
  config.width = s.width;
  config.inner = 4 * s.width;
  config.context = s.context;
  config.vocabulary = s.vocabulary;
  for (TensorSpec& spec : gpt2_tensors(config)) {
    const std::size_t count = element_count(spec.shape);
    tensors.push_back({std::move(spec.name), std::move(spec.shape), size, count});
    parameters += count;
    size += (count + kAlign - 1) / kAlign * kAlign;
  }
  const auto offset = [this](const std::string& name) {
    return std::find_if(tensors.begin(), tensors.end(),
                        [&](const TensorSlot& slot) { return slot.name == name; })
        ->offset;
  };
  wte = offset("wte.weight");
  wpe = offset("wpe.weight");
  lnf_weight = offset("ln_f.weight");
  lnf_bias = offset("ln_f.bias");
  for (int i = 0; i < s.layers; ++i) {
    const std::string h = "h." + std::to_string(i) + ".";
    layers.push_back({offset(h + "ln_1.weight"), offset(h + "ln_1.bias"),
                      offset(h + "attn.c_attn.weight"), offset(h + "attn.c_attn.bias"),
                      offset(h + "attn.c_proj.weight"), offset(h + "attn.c_proj.bias"),
                      offset(h + "ln_2.weight"), offset(h + "ln_2.bias"),
                      offset(h + "mlp.c_fc.weight"), offset(h + "mlp.c_fc.bias"),
                      offset(h + "mlp.c_proj.weight"), offset(h + "mlp.c_proj.bias")});
  }
}

Status check_trainable(const ModelConfig& config) {
  HEMIOLA_CHECK(check(config));
  if (!config.tied_head || config.inner != 4 * config.width || config.layer_norm_epsilon != 1e-5F) {
    return fail(
        "only models with a tied head, an MLP of 4 times the width and a layer norm epsilon of "
        "1e-5 can be trained; got {}, {} for width {} and {}",
        config.tied_head ? "a tied head" : "a head of its own", config.inner, config.width,
        config.layer_norm_epsilon);
  }
  if (config.head_width() % 16 != 0) {
    return fail("the width of an attention head must be a multiple of 16, got {} ({} / {})",
                config.head_width(), config.width, config.heads);
  }
  return {};
}

std::vector<float> initial_weights(const Gpt2Layout& layout, const ModelConfig& config,
                                   std::uint64_t seed) {
  std::vector<float> weights(layout.size, 0.0F);
  const OwnedWeights fresh = OwnedWeights::random(config, seed);
  for (const TensorSlot& slot : layout.tensors) {
    const std::vector<float>& from = fresh.values(slot.name);
    std::copy(from.begin(), from.end(), weights.begin() + static_cast<std::ptrdiff_t>(slot.offset));
  }
  return weights;
}

}  // namespace hemiola::nn
