// A codec learns one clip by heart, goes on exactly, and refuses what is not its run.
#include "nn/codec_trainer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "model/code_perplexity.h"

namespace hemiola::nn {
namespace {

TEST(CodecPerplexity, CountsTheEntriesInUse) {
  CodecShape shape;
  shape.quantizers = 2;
  // The first quantizer uses four entries alike, the second one.
  const std::vector<std::int16_t> codes{0, 5, 1, 5, 2, 5, 3, 5};
  const auto perplexity = code_perplexity(codes, shape);
  EXPECT_NEAR(perplexity[0], 4, 1e-9);
  EXPECT_NEAR(perplexity[1], 1, 1e-9);
}

#ifdef HEMIOLA_HAS_TORCH

CodecShape little_shape() {
  CodecShape shape;
  shape.quantizers = 4;
  shape.codebook = 32;
  shape.width = 16;
  shape.channels = {16, 16, 32, 32};
  return shape;
}

// A chord with a decay, so that there is something to learn at every frame.
std::vector<float> clip() {
  std::vector<float> sound(16000);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const double t = static_cast<double>(i) / 16000;
    const double beat = std::exp(-6 * std::fmod(t, 0.25));
    for (const double hz : {220.0, 277.2, 329.6}) {
      sound[i] += static_cast<float>(0.15 * beat * std::sin(2 * std::numbers::pi * hz * t));
    }
  }
  return sound;
}

class CodecTrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("hemiola-codec-{}-{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    const std::vector<float> sound = clip();
    data_.crop = [sound](Rng& rng, std::span<float> crop) {
      const std::size_t start = 320 * rng.below((sound.size() - crop.size()) / 320 + 1);
      std::copy_n(sound.begin() + static_cast<std::ptrdiff_t>(start), crop.size(), crop.begin());
    };
    data_.held_out = {sound};
    options_.shape = little_shape();
    options_.rows = 4;
    options_.samples = 6400;
    options_.budget = Budget::kSteps;
    options_.warmup_steps = 10;
    options_.quantise_after = 40;
    options_.update.rate = 4e-3f;
    options_.seed = 3;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Result<CodecSummary> train(double steps, const std::string& name, bool resume = false) {
    options_.amount = steps;
    return train_codec(options_, data_, folder_ / name, resume, {});
  }

  Path folder_;
  CodecData data_;
  CodecTrainOptions options_;
};

TEST_F(CodecTrainerTest, LearnsOneClipByHeart) {
  const auto before = train(1, "before");
  ASSERT_TRUE(before) << before.error().message;
  const auto after = train(300, "after");
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_TRUE(after->finished);
  EXPECT_LT(after->held_out.mel, 0.5 * before->held_out.mel);
  EXPECT_GT(after->held_out.perplexity[0], 4);
  const auto bytes = read_file(folder_ / "after" / "codec.safetensors");
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_TRUE(read_codec(*bytes, "codec"));
}

TEST_F(CodecTrainerTest, GoesOnToTheBitThroughBothPhases) {
  options_.quantise_after = 6;
  options_.adversarial_share = 0.4;
  options_.amount = 20;
  ASSERT_TRUE(train_codec(options_, data_, folder_ / "whole", false, {}));
  for (const int stop_at : {4, 9, 15}) {
    const Path folder = folder_ / std::to_string(stop_at);
    int calls = 0;
    CodecCallbacks callbacks;
    callbacks.stop = [&] { return calls++ == stop_at; };
    const auto stopped = train_codec(options_, data_, folder, false, callbacks);
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_FALSE(stopped->finished);
    EXPECT_EQ(stopped->steps, stop_at);
    const auto rest = train_codec(options_, data_, folder, true, {});
    ASSERT_TRUE(rest) << rest.error().message;
    EXPECT_TRUE(rest->finished);
    EXPECT_EQ(*read_file(folder / "codec.safetensors"),
              *read_file(folder_ / "whole" / "codec.safetensors"))
        << stop_at;
    const auto a = read_array_checkpoint(folder / "checkpoint.safetensors");
    const auto b = read_array_checkpoint(folder_ / "whole" / "checkpoint.safetensors");
    ASSERT_TRUE(a && b);
    for (std::size_t i = 0; i < a->arrays.size(); ++i) {
      EXPECT_EQ(a->arrays[i].values, b->arrays[i].values) << a->arrays[i].name;
    }
  }
}

TEST_F(CodecTrainerTest, SecondPhaseLeavesTheCodesAsTheyAre) {
  ASSERT_TRUE(train(60, "run"));
  const auto first = read_codec(*read_file(folder_ / "run" / "codec.safetensors"), "first");
  options_.adversarial_share = 0.25;
  ASSERT_TRUE(train(80, "run", true));
  const auto second = read_codec(*read_file(folder_ / "run" / "codec.safetensors"), "second");
  ASSERT_TRUE(first && second);
  for (const auto& [name, values] : first->tensors) {
    const bool stays = !name.starts_with("decoder.");
    EXPECT_EQ(values == second->tensors.at(name), stays) << name;
  }
}

TEST_F(CodecTrainerTest, GoesOnFromACodecWithItsDecoderAlone) {
  ASSERT_TRUE(train(60, "first"));
  const Path codec = folder_ / "first" / "codec.safetensors";
  const auto first = read_codec(*read_file(codec), "first");
  const auto of_two_codes = [&](const Path& path) {
    auto learner = make_codec_learner(little_shape(), {"cpu", 1, 1});
    (*learner)->set_weights(*read_codec(*read_file(path), "codec"));
    return (*learner)->reconstruct(clip(), 1, 2).mel[0];
  };
  options_.from = codec;
  options_.adversarial_share = 1;
  options_.adversarial_rate = 2e-3;
  options_.update.codes = 2;
  options_.update.fewer_codes = 0;
  ASSERT_TRUE(train(40, "second"));
  const auto second = read_codec(*read_file(folder_ / "second" / "codec.safetensors"), "second");
  ASSERT_TRUE(first && second);
  for (const auto& [name, values] : first->tensors) {
    EXPECT_EQ(values == second->tensors.at(name), !name.starts_with("decoder.")) << name;
  }
  // It has learnt what two codes sound like.
  EXPECT_LT(of_two_codes(folder_ / "second" / "codec.safetensors"), of_two_codes(codec));
  ASSERT_TRUE(train(42, "second", true));
  options_.from.clear();
  const auto forgotten = train(44, "second", true);
  ASSERT_FALSE(forgotten);
  EXPECT_NE(forgotten.error().message.find("cannot go on"), std::string::npos);
  options_.from = codec;
  options_.shape.quantizers = 3;
  options_.update.codes = 4;
  EXPECT_FALSE(train(1, "third"));  // more codes than there are
  options_.update.codes = 0;
  const auto other = train(1, "third");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("shape"), std::string::npos);
}

TEST_F(CodecTrainerTest, SkipsWhatIsNotFinite) {
  auto learner = make_codec_learner(little_shape(), {"cpu", 1, 1});
  ASSERT_TRUE(learner) << learner.error().message;
  std::vector<float> sound = clip();
  CodecUpdate update;
  update.quantise = false;
  EXPECT_FALSE((*learner)->step(sound, 1, update).skipped);
  const auto before = (*learner)->state();
  sound[77] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE((*learner)->step(sound, 1, update).skipped);
  const auto after = (*learner)->state();
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].values, after[i].values);
}

TEST_F(CodecTrainerTest, RefusesAnotherRunsCheckpoint) {
  ASSERT_TRUE(train(2, "run"));
  EXPECT_FALSE(train(4, "run"));  // a run stands there
  options_.seed = 4;
  const auto other = train(4, "run", true);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("cannot go on"), std::string::npos);
}

TEST(CodecPresets, PaperHasThePublishedSizes) {
  const auto shape = codec_preset("paper");
  ASSERT_TRUE(shape);
  EXPECT_EQ(shape->hop, 320);
  EXPECT_EQ(shape->quantizers, 12);
  ASSERT_TRUE(hemiola::check(*shape));
  auto learner = make_codec_learner(*shape, {"cpu", 1, 1});
  ASSERT_TRUE(learner) << learner.error().message;
  const auto heard = (*learner)->reconstruct(std::vector<float>(3200, 0.1f), 1, 12);
  EXPECT_EQ(heard.sound.size(), 3200u);
  EXPECT_EQ(heard.codes.size(), 10u * 12);
}

#endif

}  // namespace
}  // namespace hemiola::nn
