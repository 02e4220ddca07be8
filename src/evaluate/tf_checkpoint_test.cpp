#include "evaluate/tf_checkpoint.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/rng.h"

namespace hemiola::evaluate {
namespace {

// Written by TensorFlow 2.21 (tf.compat.v1.train.Saver with write_version V1): a convolution of
// 3 x 3 x 1 x 2 from numpy's RandomState(0).randn, its biases {0.5, -1.25}, and 4 x 3 weights from
// the numbers that follow.
constexpr std::string_view kSmall =
    "000088010a85010a210a137667676973682f636f6e76312f626961736573120412020802180122020a000a34"
    "0a147667676973682f636f6e76312f7765696768747312101202080312020803120208011202080218012208"
    "0a000a000a000a000a260a127667676973682f6663322f776569676874731208120208041202080318012204"
    "0a000a0012020801001a27007667676973682f636f6e76312f62696173657300010101807f12250a13766767"
    "6973682f636f6e76312f62696173657312020a001a0a2a080000003f0000a0bf0e136e776569676874730001"
    "0104807f807f807f807f126c0a147667676973682f636f6e76312f7765696768747312080a000a000a000a00"
    "1a4a2a4878cce13f68e1cc3e938e7a3fcb6a0f40240cef3fe22e7abfff38733f62fd1abe6864d3bdf839d23e"
    "2880133ea225ba3f5ed3423fc030f93d0b42e33e5dd7aa3efc3dbf3f021552be0813506663322f7765696768"
    "747300010102807f807f124e0a127667676973682f6663322f7765696768747312040a000a001a322a30694a"
    "a03e05a65abf2f6423c08c53273fb14b5d3f87fe3dbfa9431140a828babf486d3b3d20ad3fbe1c32c43ff313"
    "bc3f0000000001000000008704040b000000000100000000c0f2a1b00001030100c203000000000100000000"
    "945877f5c70308d4030f00000000000000000000000000000000000000000000000000000000000000000000"
    "57fb808b247547db";

Bytes small_checkpoint() {
  Bytes bytes;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i < kSmall.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(kSmall[i]) * 16 + digit(kSmall[i + 1])));
  }
  return bytes;
}

TEST(TfCheckpoint, ReadsWhatTensorFlowWrote) {
  const Bytes bytes = small_checkpoint();
  const auto checkpoint = parse_checkpoint(bytes, "small.ckpt");
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  ASSERT_EQ(checkpoint->size(), 3u);
  const auto& weights = checkpoint->at("vggish/conv1/weights");
  EXPECT_EQ(weights.shape, (std::vector<int>{3, 3, 1, 2}));
  EXPECT_FLOAT_EQ(weights.values()[0], 1.7640524f);
  EXPECT_FLOAT_EQ(weights.values()[3], 2.2408931f);
  EXPECT_EQ(checkpoint->at("vggish/conv1/biases").values(), (std::vector<float>{0.5f, -1.25f}));
  const auto& dense = checkpoint->at("vggish/fc2/weights");
  EXPECT_EQ(dense.shape, (std::vector<int>{4, 3}));
  EXPECT_FLOAT_EQ(dense.values()[0], 0.3130677f);
  EXPECT_FLOAT_EQ(dense.values()[11], 1.4693588f);
}

TEST(TfCheckpoint, RefusesWhatIsCut) {
  const Bytes bytes = small_checkpoint();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_checkpoint(std::span(bytes).first(size), "cut")) << size;
  }
}

TEST(TfCheckpoint, ReadsDamageWithoutHarm) {
  Rng rng(1);
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = small_checkpoint();
    for (int i = 0; i < 4; ++i) {
      bytes[rng.below(bytes.size() - 8)] = static_cast<std::uint8_t>(rng.below(256));
    }
    const auto checkpoint = parse_checkpoint(bytes, "damaged");
    if (!checkpoint) continue;
    for (const auto& [name, tensor] : *checkpoint) {
      std::size_t elements = 1;
      for (const int size : tensor.shape) elements *= static_cast<std::size_t>(size);
      EXPECT_EQ(tensor.bytes.size(), 4 * elements) << name;
    }
  }
}

}  // namespace
}  // namespace hemiola::evaluate
