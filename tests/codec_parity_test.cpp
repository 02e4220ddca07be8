// The codec as it is run equals libtorch's module: codes exactly, sound to 1e-4.
#include <gtest/gtest.h>

#include <cmath>

#include "audiolm/codec.h"
#include "audiolm/little_codec_for_tests.h"
#include "nn/codec_learner.h"

namespace hemiola {
namespace {

void expect_parity(const CodecWeights& weights, std::uint64_t seed) {
  auto learner = nn::make_codec_learner(weights.shape, {"cpu", 1, 1});
  ASSERT_TRUE(learner) << learner.error().message;
  (*learner)->set_weights(weights);
  const audiolm::Codec codec = audiolm::opened(weights);
  Rng rng(seed);
  std::vector<float> sound(static_cast<std::size_t>(weights.shape.hop) * 75);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const double t = static_cast<double>(i) / 16000;
    sound[i] = static_cast<float>(0.3 * std::sin(2 * M_PI * 220 * t) + 0.1 * (rng.uniform() - 0.5));
  }
  const int all = weights.shape.quantizers;
  const auto expected = (*learner)->reconstruct(sound, 1, all);
  const auto codes = codec.encode(sound);
  EXPECT_EQ(codes, expected.codes);
  const auto heard = codec.decode(codes, all);
  ASSERT_EQ(heard.size(), expected.sound.size());
  for (std::size_t i = 0; i < heard.size(); ++i) {
    ASSERT_NEAR(heard[i], expected.sound[i], 1e-4f) << i;
  }
}

TEST(CodecParity, LittleCodecs) {
  expect_parity(audiolm::little_codec(CodecActivation::kLeakyRelu, 1), 1);
  expect_parity(audiolm::little_codec(CodecActivation::kElu, 2), 2);
}

TEST(CodecParity, ThePresets) {
  for (const char* preset : {"small", "paper"}) {
    const auto shape = codec_preset(preset);
    ASSERT_TRUE(shape);
    CodecWeights weights{*shape, {}};
    Rng rng(3);
    for (const auto& [name, sizes] : codec_tensors(*shape)) {
      std::vector<float>& values = weights.tensors[name];
      values.resize(element_count(sizes));
      const double inputs = name.ends_with(".weight")
                                ? static_cast<double>(values.size()) / static_cast<double>(sizes[0])
                                : 100.0;
      const double scale = name == kCodebooks ? 0.3 : 1.5 / std::sqrt(inputs);
      for (float& value : values) value = static_cast<float>((2 * rng.uniform() - 1) * scale);
    }
    expect_parity(weights, 4);
  }
}

}  // namespace
}  // namespace hemiola
