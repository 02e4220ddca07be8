// codec.safetensors: the codec's layers as codec_shape.h lists them, its codebooks, and its shape
// in the metadata ("format": "hemiola-codec-1", "shape": JSON). Numbers are fp32, fp16 or bf16.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/codec_shape.h"
#include "model/tensor.h"

namespace hemiola {

struct CodecWeights {
  CodecShape shape;
  // "NAME.weight" (outputs, taps, inputs) and "NAME.bias" (outputs) of each layer, and "codebooks".
  std::map<std::string, std::vector<float>, std::less<>> tensors;
};

// The size that a tensor must have, by its name: what `tensors` holds, in the file's order.
std::vector<std::pair<std::string, Shape>> codec_tensors(const CodecShape& shape);

// Refuses tensors that are missing, of another shape, or not finite.
Result<CodecWeights> read_codec(std::span<const std::uint8_t> bytes, std::string_view where);

// kF32, or kBf16 for half the size. `about` is added to the metadata.
Status write_codec(const Path& path, const CodecWeights& weights, Dtype dtype,
                   const std::map<std::string, std::string>& about = {});

}  // namespace hemiola
