#include "audiolm/semantic_network.h"

#include <algorithm>
#include <cmath>

#include "audiolm/features.h"

namespace hemiola::audiolm {
namespace {

constexpr float kEpsilon = 1e-5F;  // of the norms

struct Limits {
  const char* field;
  int SemanticNetworkShape::*value;
  int least, most;
};
constexpr Limits kLimits[] = {{"width", &SemanticNetworkShape::width, 1, 4096},
                              {"layers", &SemanticNetworkShape::layers, 1, 64},
                              {"heads", &SemanticNetworkShape::heads, 1, 64},
                              {"hidden", &SemanticNetworkShape::hidden, 1, 16384},
                              {"reach", &SemanticNetworkShape::reach, 1, 4096}};

std::string layer_name(int layer, std::string_view part) {
  return fmt::format("layers.{}.{}", layer, part);
}

Result<std::vector<float>> read_tensor(const WeightMap& weights, const std::string& name,
                                       const Shape& shape, std::string_view where) {
  const auto found = weights.find(name);
  if (found == weights.end()) return fail("{}: tensor \"{}\" is missing", where, name);
  const TensorView& tensor = found->second;
  if (tensor.shape != shape) {
    return fail("{}: tensor \"{}\": expected shape {}, got {}", where, name, shown(shape),
                shown(tensor.shape));
  }
  if (tensor.dtype != Dtype::kF32 && tensor.dtype != Dtype::kBf16) {
    return fail("{}: tensor \"{}\": expected F32 or BF16, got {}", where, name,
                hemiola::name(tensor.dtype));
  }
  std::vector<float> values(tensor.elements());
  read_floats(tensor, 0, values);
  if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
    return fail("{}: tensor \"{}\" holds numbers that are not finite", where, name);
  }
  return values;
}

}  // namespace

Json to_json(const SemanticNetworkShape& shape) {
  Json json = Json::object();
  for (const Limits& limit : kLimits) json[limit.field] = shape.*limit.value;
  return json;
}

Result<SemanticNetworkShape> semantic_network_shape(const Json& json, std::string_view where) {
  SemanticNetworkShape shape;
  for (const Limits& limit : kLimits) {
    const auto found = json.find(limit.field);
    if (found == json.end() || !found->is_number_integer() ||
        found->get<std::int64_t>() < limit.least || found->get<std::int64_t>() > limit.most) {
      return fail("{}: field \"{}\": expected a whole number from {} to {}", where, limit.field,
                  limit.least, limit.most);
    }
    shape.*limit.value = found->get<int>();
  }
  if (shape.width % shape.heads != 0) {
    return fail("{}: width {} is not a multiple of {} heads", where, shape.width, shape.heads);
  }
  return shape;
}

std::vector<std::pair<std::string, Shape>> semantic_network_tensors(
    const SemanticNetworkShape& shape) {
  const std::int64_t width = shape.width, hidden = shape.hidden;
  std::vector<std::pair<std::string, Shape>> tensors = {
      {"mel.mean", {kMelBands}},
      {"mel.deviation", {kMelBands}},
      {"input.weight", {width, kMelFrame}},
      {"input.bias", {width}},
      {"positions", {shape.heads, 2 * shape.reach + 1}}};
  for (int i = 0; i < shape.layers; ++i) {
    const auto add = [&](const char* part, std::int64_t out, std::int64_t in) {
      tensors.push_back({layer_name(i, part) + ".weight", in > 0 ? Shape{out, in} : Shape{out}});
      tensors.push_back({layer_name(i, part) + ".bias", {out}});
    };
    add("norm1", width, 0);
    add("attention.in", 3 * width, width);
    add("attention.out", width, width);
    add("norm2", width, 0);
    add("mlp.in", hidden, width);
    add("mlp.out", width, hidden);
  }
  return tensors;
}

Result<SemanticNetwork> SemanticNetwork::create(const SemanticNetworkShape& shape,
                                                const WeightMap& weights, std::string_view where) {
  std::map<std::string, std::vector<float>, std::less<>> values;
  for (const auto& [name, tensor_shape] : semantic_network_tensors(shape)) {
    HEMIOLA_TRY(values[name], read_tensor(weights, name, tensor_shape, where));
  }
  const auto linear = [&](const std::string& name, int out, int in) {
    return engine::Linear::create(fmt::format("{}: {}", where, name), in, out,
                                  values[name + ".weight"], values[name + ".bias"]);
  };
  SemanticNetwork network;
  network.shape_ = shape;
  network.mel_mean_ = values["mel.mean"];
  network.mel_deviation_ = values["mel.deviation"];
  for (const float deviation : network.mel_deviation_) {
    if (!(deviation > 0))
      return fail("{}: a deviation in \"mel.deviation\" is not positive", where);
  }
  network.positions_ = values["positions"];
  HEMIOLA_TRY(auto input, linear("input", shape.width, kMelFrame));
  network.input_.push_back(std::move(input));
  for (int i = 0; i < shape.layers; ++i) {
    const auto name = [i](const char* part) { return layer_name(i, part); };
    const auto norm = [&](const char* part) {
      return Norm{values[name(part) + ".weight"], values[name(part) + ".bias"]};
    };
    HEMIOLA_TRY(auto attention_in, linear(name("attention.in"), 3 * shape.width, shape.width));
    HEMIOLA_TRY(auto attention_out, linear(name("attention.out"), shape.width, shape.width));
    HEMIOLA_TRY(auto mlp_in, linear(name("mlp.in"), shape.hidden, shape.width));
    HEMIOLA_TRY(auto mlp_out, linear(name("mlp.out"), shape.width, shape.hidden));
    network.layers_.push_back({norm("norm1"), norm("norm2"), std::move(attention_in),
                               std::move(attention_out), std::move(mlp_in), std::move(mlp_out)});
  }
  return network;
}

std::vector<float> SemanticNetwork::normalised(std::span<const float> x, const Norm& norm) const {
  const auto width = static_cast<std::size_t>(shape_.width);
  const engine::Kernels& kernels = *engine::available_kernels().back();
  std::vector<float> result(x.size());
  for (std::size_t row = 0; row * width < x.size(); ++row) {
    kernels.layer_norm({.x = x.data() + row * width,
                        .weight = norm.weight.data(),
                        .bias = norm.bias.data(),
                        .width = shape_.width,
                        .epsilon = kEpsilon,
                        .out = result.data() + row * width});
  }
  return result;
}

// qkv (frames, 3 * width), out (frames, width). Few enough frames that all scores of a head fit.
void SemanticNetwork::attend(std::span<const float> qkv, std::size_t frames,
                             std::span<float> out) const {
  const auto width = static_cast<std::size_t>(shape_.width);
  const auto head_width = static_cast<std::size_t>(shape_.head_width());
  const auto reach = static_cast<std::ptrdiff_t>(shape_.reach);
  const float scale = 1 / std::sqrt(static_cast<float>(head_width));
  std::vector<float> keys(head_width * frames);  // (head_width, frames)
  std::vector<float> scores(frames);
  for (std::size_t head = 0; head < static_cast<std::size_t>(shape_.heads); ++head) {
    const float* bias = positions_.data() + head * static_cast<std::size_t>(2 * reach + 1);
    const std::size_t first = head * head_width;
    for (std::size_t j = 0; j < frames; ++j) {
      for (std::size_t d = 0; d < head_width; ++d) {
        keys[d * frames + j] = qkv[j * 3 * width + width + first + d];
      }
    }
    for (std::size_t i = 0; i < frames; ++i) {
      std::fill(scores.begin(), scores.end(), 0.0F);
      for (std::size_t d = 0; d < head_width; ++d) {
        const float q = qkv[i * 3 * width + first + d] * scale;
        const float* row = keys.data() + d * frames;
        for (std::size_t j = 0; j < frames; ++j) scores[j] += q * row[j];
      }
      float largest = -INFINITY, sum = 0;
      for (std::size_t j = 0; j < frames; ++j) {
        const auto apart = static_cast<std::ptrdiff_t>(j) - static_cast<std::ptrdiff_t>(i);
        scores[j] += bias[std::clamp(apart, -reach, reach) + reach];
        largest = std::max(largest, scores[j]);
      }
      for (float& score : scores) sum += score = std::exp(score - largest);
      float* to = out.data() + i * width + first;
      std::fill(to, to + head_width, 0.0F);
      for (std::size_t j = 0; j < frames; ++j) {
        const float weight = scores[j] / sum;
        const float* value = qkv.data() + j * 3 * width + 2 * width + first;
        for (std::size_t d = 0; d < head_width; ++d) to[d] += weight * value[d];
      }
    }
  }
}

std::vector<float> SemanticNetwork::run_mel(std::span<const float> mel) const {
  const std::size_t frames = mel.size() / kMelFrame;
  const auto rows = static_cast<int>(frames);
  const auto width = static_cast<std::size_t>(shape_.width);
  std::vector<float> standard(mel.begin(), mel.end());
  for (std::size_t i = 0; i < standard.size(); ++i) {
    const std::size_t band = i % kMelBands;
    standard[i] = (standard[i] - mel_mean_[band]) / mel_deviation_[band];
  }
  std::vector<float> x(frames * width), qkv(frames * 3 * width), attended(frames * width);
  std::vector<float> inner(frames * static_cast<std::size_t>(shape_.hidden));
  input_[0].apply(standard.data(), rows, x.data(), shape_.width);
  for (const Layer& layer : layers_) {
    layer.attention_in.apply(normalised(x, layer.norm1).data(), rows, qkv.data(), 3 * shape_.width);
    attend(qkv, frames, attended);
    layer.attention_out.apply(attended.data(), rows, x.data(), shape_.width,
                              engine::Epilogue::kAdd);
    layer.mlp_in.apply(normalised(x, layer.norm2).data(), rows, inner.data(), shape_.hidden,
                       engine::Epilogue::kGelu);
    layer.mlp_out.apply(inner.data(), rows, x.data(), shape_.width, engine::Epilogue::kAdd);
  }
  return x;
}

std::vector<float> SemanticNetwork::run(std::span<const float> sound) const {
  return run_windows(log_mel(sound, 0, semantic_frames(sound.size())));
}

std::vector<float> SemanticNetwork::run_windows(std::span<const float> mel) const {
  const std::size_t frames = mel.size() / kMelFrame;
  const auto width = static_cast<std::ptrdiff_t>(shape_.width);
  if (frames <= kFrames + 2 * kMargin) return frames == 0 ? std::vector<float>() : run_mel(mel);
  std::vector<float> result;
  result.reserve(frames * static_cast<std::size_t>(width));
  for (std::size_t begin = 0; begin < frames; begin += kFrames) {
    const std::size_t first = begin - std::min(begin, kMargin);
    const std::size_t end = std::min(frames, begin + kFrames);
    const std::size_t last = std::min(frames, end + kMargin);
    const std::vector<float> part =
        run_mel(mel.subspan(first * kMelFrame, (last - first) * kMelFrame));
    const auto from = static_cast<std::ptrdiff_t>(begin - first) * width;
    const auto until = from + static_cast<std::ptrdiff_t>(end - begin) * width;
    result.insert(result.end(), part.begin() + from, part.begin() + until);
  }
  return result;
}

}  // namespace hemiola::audiolm
