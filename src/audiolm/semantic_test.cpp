#include "audiolm/semantic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <numbers>

#include "audiolm/semantic_for_tests.h"

namespace hemiola::audiolm {
namespace {

using testing::HasSubstr;

Path temporary_file() {
  return std::filesystem::temp_directory_path() /
         fmt::format("hemiola-semantic-{}-{}.safetensors", ::getpid(),
                     testing::UnitTest::GetInstance()->current_test_info()->name());
}

std::vector<float> glide(std::size_t samples) {
  std::vector<float> sound;
  double phase = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    phase += 2 * std::numbers::pi * (200 + 0.01 * static_cast<double>(i)) / kSemanticRate;
    sound.push_back(static_cast<float>(0.5 * std::sin(phase)));
  }
  return sound;
}

TEST(SemanticEncoderTest, ReadsWhatWasWritten) {
  const Path path = temporary_file();
  const TinySemantic tiny;
  ASSERT_TRUE(tiny.write(path));
  const auto encoder = SemanticEncoder::load(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(encoder) << encoder.error().message;
  EXPECT_EQ(encoder->units(), 10);
  EXPECT_EQ(encoder->dimensions(), 24);
  EXPECT_EQ(encoder->sha256().size(), 64u);

  const auto sound = glide(10'000);
  const auto tokens = encoder->encode(sound);
  EXPECT_EQ(tokens.size(), 16u);  // 15.6 frames
  EXPECT_THAT(tokens, testing::Each(testing::AllOf(testing::Ge(0), testing::Lt(10))));
  const auto network = SemanticNetwork::create(tiny_semantic_shape(), tiny.weights(), "tiny");
  ASSERT_TRUE(network);
  auto features = network->run(sound);
  tiny.units.features.apply(features);
  EXPECT_EQ(features, encoder->features(sound));
  EXPECT_TRUE(encoder->encode({}).empty());
  EXPECT_EQ(encoder->encode(std::span(sound).first(1)).size(), 1u);
}

TEST(SemanticEncoderTest, RisesStandBesideTheFeatures) {
  const Path path = temporary_file();
  TinySemantic tiny;
  const auto width = static_cast<std::size_t>(tiny.shape.width);
  tiny.units.features.deviation.assign(width, 1e6F);  // so that rises alone decide
  tiny.units.features.mean.assign(width, 0.0F);
  tiny.units.rises = {std::vector<float>(kRises, 0.0F), std::vector<float>(kRises, 1.0F)};
  // Unit 0: nothing begins; 1: all does in the first half; 2: all in the second.
  tiny.units.centres.assign(3 * (width + kRises), 0.0F);
  for (std::size_t i = 0; i < kRiseBands; ++i) {
    tiny.units.centres[(width + kRises) + width + i] = 3;
    tiny.units.centres[2 * (width + kRises) + width + kRiseBands + i] = 3;
  }
  ASSERT_TRUE(tiny.write(path));
  const auto encoder = SemanticEncoder::load(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(encoder) << encoder.error().message;
  EXPECT_EQ(encoder->units(), 3);
  std::vector<float> sound(10 * kSemanticHop, 0.0F);
  Rng rng(3);
  const auto noise = [&](std::size_t begin) {
    for (std::size_t i = 0; i < 1600; ++i) {
      sound[begin + i] = static_cast<float>(rng.uniform() - 0.5);
    }
  };
  noise(2 * kSemanticHop + 130);
  noise(6 * kSemanticHop + kSemanticHop / 2 + 130);
  EXPECT_THAT(encoder->encode(sound), testing::ElementsAre(0, 0, 1, 0, 0, 0, 2, 0, 0, 0));
  EXPECT_EQ(encoder->features(sound).size(), 10 * width);
}

TEST(SemanticEncoderTest, SaysWhatIsWrongWithAFile) {
  const Path path = temporary_file();
  TinySemantic tiny;
  tiny.values["input.bias"][3] = std::nanf("");
  ASSERT_TRUE(tiny.write(path));
  auto encoder = SemanticEncoder::load(path);
  ASSERT_FALSE(encoder);
  EXPECT_THAT(encoder.error().message,
              HasSubstr("\"input.bias\" holds numbers that are not finite"));

  tiny = TinySemantic();
  tiny.units.features.deviation[0] = 0;
  ASSERT_TRUE(tiny.write(path));
  encoder = SemanticEncoder::load(path);
  ASSERT_FALSE(encoder);
  EXPECT_THAT(encoder.error().message, HasSubstr("not positive"));

  auto other = tiny_semantic_shape();
  other.hidden = 41;
  EXPECT_FALSE(write_semantic(path, other, tiny.weights(), tiny.units));
  ASSERT_TRUE(write_safetensors(path, {}));
  encoder = SemanticEncoder::load(path);
  std::filesystem::remove(path);
  ASSERT_FALSE(encoder);
  EXPECT_THAT(encoder.error().message, HasSubstr("not a semantic encoder"));
}

TEST(SemanticNetworkTest, RefusesShapesThatCannotBe) {
  Json json = to_json(tiny_semantic_shape());
  EXPECT_EQ(semantic_network_shape(json, "x").value(), tiny_semantic_shape());
  json["heads"] = 5;
  EXPECT_FALSE(semantic_network_shape(json, "x"));
  json["heads"] = -1;
  EXPECT_FALSE(semantic_network_shape(json, "x"));
  json.erase("heads");
  EXPECT_FALSE(semantic_network_shape(json, "x"));
}

// Each frame sees its surroundings and no more, so long sounds may be cut into windows. Attention
// reaches as far as the window, so this holds nearly, not to the bit.
TEST(SemanticNetworkTest, WindowsOfLongSoundsCoverEachFrameOnce) {
  const auto network =
      SemanticNetwork::create(tiny_semantic_shape(), TinySemantic().weights(), "tiny").value();
  const auto sound = glide(500 * kSemanticHop - 100);
  const auto features = network.run(sound);
  ASSERT_EQ(features.size(), 500u * 24);
  // Frames 200 to 399 are those of the window from 172 to 427.
  const auto window = network.run_mel(log_mel(sound, 172, 256));
  EXPECT_TRUE(std::equal(features.begin() + 200 * 24, features.begin() + 400 * 24,
                         window.begin() + 28 * 24));
}

}  // namespace
}  // namespace hemiola::audiolm
