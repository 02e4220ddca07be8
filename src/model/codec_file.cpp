#include "model/codec_file.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "model/safetensors.h"

namespace hemiola {

std::vector<std::pair<std::string, Shape>> codec_tensors(const CodecShape& shape) {
  std::vector<std::pair<std::string, Shape>> tensors;
  for (const CodecLayer& layer : codec_layers(shape)) {
    tensors.emplace_back(layer.name + ".weight",
                         Shape{layer.outputs(), layer.taps, layer.inputs()});
    tensors.emplace_back(layer.name + ".bias", Shape{layer.outputs()});
  }
  tensors.emplace_back(kCodebooks, Shape{shape.quantizers, shape.codebook, shape.width});
  return tensors;
}

Result<CodecWeights> read_codec(std::span<const std::uint8_t> bytes, std::string_view where) {
  HEMIOLA_TRY(const SafetensorsView file, SafetensorsView::parse(bytes, where));
  const auto entry = [&](const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  if (entry("format") != kCodecFormat) {
    return fail("{}: not a codec of this program (expected format {})", where, kCodecFormat);
  }
  HEMIOLA_TRY(const Json json, parse_json(entry("shape"), where));
  CodecWeights weights;
  HEMIOLA_TRY(weights.shape, codec_shape_from_json(json, where));
  for (const auto& [name, shape] : codec_tensors(weights.shape)) {
    const TensorView* tensor = file.find(name);
    if (tensor == nullptr || tensor->shape != shape) {
      return fail("{}: expected a tensor {} {}, got {}", where, name, shown(shape),
                  tensor == nullptr ? "none" : shown(tensor->shape));
    }
    if (tensor->dtype != Dtype::kF32 && tensor->dtype != Dtype::kF16 &&
        tensor->dtype != Dtype::kBf16) {
      return fail("{}: {} is {}; expected F32, F16 or BF16", where, name,
                  hemiola::name(tensor->dtype));
    }
    std::vector<float>& values = weights.tensors[name];
    values.resize(tensor->elements());
    read_floats(*tensor, 0, values);
    // Sums of products of such numbers stay finite.
    constexpr float kMost = 1e6f;
    if (!std::all_of(values.begin(), values.end(), [](float x) { return std::abs(x) <= kMost; })) {
      return fail("{}: {} holds numbers that are not finite, or beyond {}", where, name, kMost);
    }
  }
  return weights;
}

Status write_codec(const Path& path, const CodecWeights& weights, Dtype dtype,
                   const std::map<std::string, std::string>& about) {
  assert(dtype == Dtype::kF32 || dtype == Dtype::kBf16);
  const auto names = codec_tensors(weights.shape);
  std::vector<std::vector<std::uint16_t>> halves;
  halves.reserve(names.size());
  std::vector<TensorView> views;
  for (const auto& [name, shape] : names) {
    const std::vector<float>& values = weights.tensors.at(name);
    assert(values.size() == element_count(shape));
    if (dtype == Dtype::kF32) {
      views.push_back(view_of(name, shape, values));
      continue;
    }
    std::vector<std::uint16_t>& half = halves.emplace_back(values.size());
    std::transform(values.begin(), values.end(), half.begin(), to_bf16);
    views.push_back({name,
                     Dtype::kBf16,
                     shape,
                     {reinterpret_cast<const std::uint8_t*>(half.data()), half.size() * 2}});
  }
  std::map<std::string, std::string> metadata = about;
  metadata["format"] = kCodecFormat;
  metadata["shape"] = json_text(to_json(weights.shape));
  return write_safetensors(path, views, metadata);
}

}  // namespace hemiola
