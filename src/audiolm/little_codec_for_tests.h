// A codec of few and random weights, for tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "audiolm/codec.h"
#include "base/rng.h"
#include "model/codec_file.h"

namespace hemiola::audiolm {

inline CodecWeights little_codec(CodecActivation activation, std::uint64_t seed) {
  CodecWeights weights;
  weights.shape.quantizers = 4;
  weights.shape.codebook = 24;
  weights.shape.width = 12;
  weights.shape.channels = {8, 12, 20, 36};
  weights.shape.activation = activation;
  Rng rng(seed);
  for (const auto& [name, shape] : codec_tensors(weights.shape)) {
    std::vector<float>& values = weights.tensors[name];
    values.resize(element_count(shape));
    const double inputs = name.ends_with(".bias") || name == kCodebooks
                              ? 1.0
                              : static_cast<double>(values.size()) / static_cast<double>(shape[0]);
    for (float& value : values) {
      value = static_cast<float>((2 * rng.uniform() - 1) * 1.7 / std::sqrt(inputs));
    }
  }
  return weights;
}

inline Bytes bytes_of(const CodecWeights& weights) {
  const Path path = std::filesystem::temp_directory_path() /
                    fmt::format("hemiola-little-codec-{}.safetensors", ::getpid());
  EXPECT_TRUE(write_codec(path, weights, Dtype::kF32));
  const auto bytes = read_file(path);
  std::filesystem::remove(path);
  return bytes.value();
}

inline Codec opened(const CodecWeights& weights) {
  return Codec::read(bytes_of(weights), "little codec").value();
}

}  // namespace hemiola::audiolm
