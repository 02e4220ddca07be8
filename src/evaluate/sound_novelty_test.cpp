#include "evaluate/sound_novelty.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <numbers>

#include "audio/audio.h"
#include "audiolm/generator.h"
#include "audiolm/little_codec_for_tests.h"
#include "audiolm/semantic_for_tests.h"
#include "base/rng.h"
#include "evaluate/embedding.h"
#include "evaluate/fad.h"
#include "model/safetensors.h"

namespace hemiola::evaluate {
namespace {

using audiolm::SemanticEncoder;
using audiolm::SoundSet;

// Six seconds of a melody of its own: notes of a third of a second with three overtones.
std::vector<float> melody(std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> sound;
  for (int note = 0; note < 18; ++note) {
    const double hertz = 110 * std::exp2(rng.between(0, 36) / 12.0);
    const double bright = rng.uniform();
    for (int i = 0; i < 5333; ++i) {
      const double angle = 2 * std::numbers::pi * hertz * i / kEmbeddingRate;
      const double value =
          std::sin(angle) + bright * std::sin(2 * angle) + bright * bright * std::sin(3 * angle);
      sound.push_back(static_cast<float>(0.15 * std::exp(-i / 3000.0) * value));
    }
  }
  return sound;
}

class SoundNoveltyTest : public testing::Test {
 protected:
  SoundNoveltyTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("hemiola-sound-novelty-{}", ::getpid())) {
    std::filesystem::create_directories(folder_);
    std::vector<std::int16_t> samples;
    Json pieces = Json::array();
    for (std::uint64_t i = 0; i < 30; ++i) {
      const auto sound = melody(i);
      pieces.push_back({{"name", fmt::format("piece-{}", i)},
                        {"start", samples.size()},
                        {"samples", sound.size()},
                        {"split", i < 20 ? "train" : "validation"},
                        {"labels", Json::object()}});
      for (const float value : sound) {
        samples.push_back(static_cast<std::int16_t>(std::lround(32767 * value)));
      }
    }
    const Json table = {{"format", "hemiola-sounds-1"}, {"rate", 16000}, {"pieces", pieces}};
    EXPECT_TRUE(write_text(folder_ / "sound.json", json_text(table)));
    EXPECT_TRUE(
        write_file(folder_ / "sound.i16",
                   {reinterpret_cast<const std::uint8_t*>(samples.data()), 2 * samples.size()}));
    const audiolm::TinySemantic tiny(
        {.width = 48, .layers = 1, .heads = 2, .hidden = 48, .reach = 4});
    EXPECT_TRUE(tiny.write(folder_ / "semantic.safetensors"));
    encoder_ = std::make_unique<SemanticEncoder>(
        SemanticEncoder::load(folder_ / "semantic.safetensors").value());
    const auto sounds = SoundSet::open(folder_).value();
    auto index = SoundIndex::build(sounds, *encoder_, nullptr, {.threads = 2});
    EXPECT_TRUE(index) << index.error().message;
    index_ = std::make_unique<SoundIndex>(std::move(*index));
  }
  ~SoundNoveltyTest() override { std::filesystem::remove_all(folder_); }

  SoundNovelty ask(std::span<const float> sound) const {
    const auto novelty = sound_novelty(sound, *index_, *encoder_, nullptr);
    EXPECT_TRUE(novelty) << novelty.error().message;
    return *novelty;
  }

  Path folder_;
  std::unique_ptr<SemanticEncoder> encoder_;
  std::unique_ptr<SoundIndex> index_;
};

TEST_F(SoundNoveltyTest, FindsACopyAndWhereItStands) {
  const SoundNovelty novelty = ask(melody(7));
  EXPECT_TRUE(novelty.is_copy());
  EXPECT_EQ(novelty.nearest.piece, "piece-7");
  EXPECT_EQ(novelty.nearest.at, novelty.nearest.own);
  EXPECT_LT(novelty.nearest.distance, 1e-3);
  EXPECT_GT(novelty.copied, 0.95);
}

TEST_F(SoundNoveltyTest, FindsNearCopies) {
  std::vector<float> quiet = melody(3), noisy = melody(4), shifted(11'111);
  for (float& value : quiet) value *= 0.1F;
  Rng rng(9);
  for (float& value : noisy) value += static_cast<float>(0.002 * (rng.uniform() - 0.5));
  const auto original = melody(5);
  shifted.insert(shifted.end(), original.begin(), original.end());
  EXPECT_TRUE(ask(quiet).is_copy());
  EXPECT_TRUE(ask(noisy).is_copy());
  const SoundNovelty moved = ask(shifted);
  EXPECT_TRUE(moved.is_copy());
  EXPECT_EQ(moved.nearest.piece, "piece-5");
  EXPECT_NEAR(moved.nearest.own.count() - moved.nearest.at.count(), 11'111.0 / 16'000, 0.04);

  const Path encoded = folder_ / "encoded.mp3";
  ASSERT_TRUE(write_audio(encoded, {kEmbeddingRate, 1, melody(6)}));
  EXPECT_TRUE(ask(load_sound(encoded).value()).is_copy());
}

TEST_F(SoundNoveltyTest, CallsOtherMusicNew) {
  for (std::uint64_t seed = 100; seed < 110; ++seed) EXPECT_FALSE(ask(melody(seed)).is_copy());
  // Half of it is from a training piece: that half is found.
  std::vector<float> mixed = melody(200);
  const auto copied = melody(8);
  std::copy(copied.begin(), copied.begin() + 48'000, mixed.begin());
  const SoundNovelty novelty = ask(mixed);
  EXPECT_EQ(novelty.nearest.piece, "piece-8");
  EXPECT_GT(novelty.copied, 0.3);
  EXPECT_LT(novelty.copied, 0.7);
}

TEST_F(SoundNoveltyTest, FailsWhereThereIsNothingToCompare) {
  EXPECT_FALSE(sound_novelty(std::vector<float>(1000, 0.1F), *index_, *encoder_, nullptr));
  EXPECT_FALSE(sound_novelty(std::vector<float>(100'000), *index_, *encoder_, nullptr));
  const Path other = folder_ / "other.safetensors";
  ASSERT_TRUE(audiolm::TinySemantic().write(other));
  EXPECT_FALSE(sound_novelty(melody(1), *index_, SemanticEncoder::load(other).value(), nullptr));
}

TEST_F(SoundNoveltyTest, FindsTheSameCodes) {
  // Of random codecs the first whose first codes tell these two apart.
  const auto sounds = SoundSet::open(folder_).value();
  const auto first_codes = [](const audiolm::Codec& codec, std::span<const float> sound) {
    auto codes = codec.encode(sound);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = i % 4 < 2 ? codes[i] : 0;
    return codes;
  };
  std::uint64_t seed = 1;
  auto codec = audiolm::opened(audiolm::little_codec(CodecActivation::kLeakyRelu, seed));
  while (first_codes(codec, sounds.sound(11)) == first_codes(codec, melody(100))) {
    codec = audiolm::opened(audiolm::little_codec(CodecActivation::kLeakyRelu, ++seed));
    ASSERT_LT(seed, 50u);
  }
  const auto index = SoundIndex::build(sounds, *encoder_, &codec, {.threads = 2});
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ(index->codec_sha256(), codec.sha256());
  const auto same = sound_novelty(sounds.sound(11), *index, *encoder_, &codec).value();
  EXPECT_TRUE(same.exact_codes);
  EXPECT_FALSE(same.exact_piece.empty());
  const auto other = sound_novelty(melody(100), *index, *encoder_, &codec).value();
  EXPECT_FALSE(other.exact_codes);
  // Without the codec that it was made with, codes are not compared.
  EXPECT_FALSE(sound_novelty(sounds.sound(11), *index, *encoder_, nullptr)->exact_codes);
}

TEST_F(SoundNoveltyTest, ReadsTheIndexThatItWrote) {
  const Path path = folder_ / "index.safetensors";
  ASSERT_TRUE(index_->write(path));
  const auto index = SoundIndex::load(path);
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ(index->pieces(), 20u);
  EXPECT_EQ(index->windows(), index_->windows());
  EXPECT_EQ(to_json(sound_novelty(melody(30), *index, *encoder_, nullptr).value()),
            to_json(ask(melody(30))));
  Bytes bytes = read_file(path).value();
  bytes.resize(bytes.size() - 1);
  EXPECT_FALSE(SoundIndex::parse(bytes, "cut"));
}

// Indexes had their windows in bf16, and such ones are about.
TEST_F(SoundNoveltyTest, ReadsAnIndexWithWindowsInHalves) {
  const Path path = folder_ / "index.safetensors";
  ASSERT_TRUE(index_->write(path));
  const Bytes bytes = read_file(path).value();
  const auto view = SafetensorsView::parse(bytes, "index").value();
  const TensorView* whole = view.find("windows");
  ASSERT_NE(whole, nullptr);
  std::vector<float> scales(view.find("scales")->elements());
  read_floats(*view.find("scales"), 0, scales);
  std::vector<std::uint16_t> halves;
  for (std::size_t i = 0; i < whole->bytes.size(); ++i) {
    const auto number = static_cast<float>(static_cast<std::int8_t>(whole->bytes[i]));
    halves.push_back(to_bf16(number * scales[i / SoundIndex::kNumbers]));
  }
  std::vector<TensorView> tensors;
  for (const char* name : {"mean", "axes", "places"}) tensors.push_back(*view.find(name));
  tensors.push_back({"windows",
                     Dtype::kBf16,
                     whole->shape,
                     {reinterpret_cast<const std::uint8_t*>(halves.data()), 2 * halves.size()}});
  const Path old = folder_ / "old.safetensors";
  ASSERT_TRUE(write_safetensors(old, tensors, view.metadata()));
  const auto index = SoundIndex::load(old);
  ASSERT_TRUE(index) << index.error().message;
  const SoundNovelty now = ask(melody(30));
  const auto then = sound_novelty(melody(30), *index, *encoder_, nullptr).value();
  EXPECT_NEAR(then.nearest.distance, now.nearest.distance, 0.01);
  EXPECT_EQ(then.windows, now.windows);
}

TEST_F(SoundNoveltyTest, FindsTheIndexInABundle) {
  auto index = bundled_index(folder_, *encoder_);
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_FALSE(*index);
  ASSERT_TRUE(index_->write(folder_ / audiolm::kBundleIndex));
  index = bundled_index(folder_, *encoder_);
  ASSERT_TRUE(index) << index.error().message;
  ASSERT_TRUE(*index);
  EXPECT_EQ((*index)->windows(), index_->windows());
  const Path other = folder_ / "other.safetensors";
  ASSERT_TRUE(audiolm::TinySemantic().write(other));
  EXPECT_FALSE(bundled_index(folder_, SemanticEncoder::load(other).value()));
  ASSERT_TRUE(write_text(folder_ / audiolm::kBundleIndex, "no index"));
  EXPECT_FALSE(bundled_index(folder_, *encoder_));
}

}  // namespace
}  // namespace hemiola::evaluate
