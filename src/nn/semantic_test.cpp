#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "nn/semantic_trainer.h"
#include "nn/torch_module.h"

namespace hemiola::nn {
namespace {

SemanticShape small_shape() {
  return {.input = 6,
          .width = 16,
          .layers = 2,
          .heads = 2,
          .hidden = 32,
          .reach = 4,
          .classes = {3, 2}};
}

// Frames follow one of three patterns in turn, so that a hidden one follows from its neighbours.
class Patterns final : public SemanticPieces {
 public:
  std::size_t count() const override { return 7; }
  std::size_t frames(std::size_t piece) const override { return 6 + 9 * piece; }
  void read(std::size_t piece, std::size_t first, std::size_t count, std::span<float> frames,
            std::span<std::int32_t> targets) const override {
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t kind = (piece + first + i) % 3;
      for (std::size_t k = 0; k < 6; ++k) frames[i * 6 + k] = k % 3 == kind ? 1.0F : -1.0F;
      targets[2 * i] = static_cast<std::int32_t>(kind);
      targets[2 * i + 1] = kind == 0;
    }
  }
};

SemanticTrainOptions small_options() {
  SemanticTrainOptions options;
  options.shape = small_shape();
  options.rows = 4;
  options.length = 12;
  options.mask_span = 2;
  options.warmup_steps = 5;
  options.log_every = 2;
  options.evaluate_every = 10;
  options.evaluate_rows = 4;
  return options;
}

class TemporaryFolder {
 public:
  TemporaryFolder()
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("hemiola-semantic-{}-{}-{}", ::getpid(),
                          ::testing::UnitTest::GetInstance()->current_test_info()->name(),
                          next_++)) {
    std::filesystem::remove_all(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const Path& path() const { return path_; }

 private:
  static inline int next_ = 0;
  Path path_;
};

TEST(SemanticBatchTest, DrawsEachPieceOnceAPassAndHidesAboutTheShare) {
  SemanticTrainOptions options = small_options();
  options.rows = 7;
  options.length = 40;
  const Patterns pieces;
  const SemanticBatch batch = semantic_batch(options, pieces, 3);
  ASSERT_EQ(batch.masked.size(), 7 * 40u);
  for (std::size_t row = 0; row < 7; ++row) {
    const auto hidden = std::count(
        batch.masked.begin() + static_cast<std::ptrdiff_t>(row * 40),
        batch.masked.begin() + static_cast<std::ptrdiff_t>(row * 40 + 40), std::uint8_t{1});
    EXPECT_THAT(hidden, testing::AllOf(testing::Ge(20), testing::Le(21)));
  }
  EXPECT_EQ(batch.frames, semantic_batch(options, pieces, 3).frames);
  EXPECT_EQ(batch.masked, semantic_batch(options, pieces, 3).masked);
  EXPECT_NE(batch.masked, semantic_batch(options, pieces, 4).masked);
}

TEST(SemanticLayoutTest, HoldsTheSizeThatIsTrained) {
  const SemanticLayout layout({.classes = {256, 128}});
  EXPECT_THAT(layout.parameters, testing::AllOf(testing::Gt(1'800'000u), testing::Lt(2'000'000u)));
  EXPECT_EQ(layout.tensors.back().name, "targets.1.bias");
  EXPECT_EQ(initial_weights(layout, 1), initial_weights(layout, 1));
}

TEST(SemanticLayoutTest, RefusesWhatCannotBe) {
  EXPECT_FALSE(check(SemanticShape{.classes = {}}));
  EXPECT_FALSE(check(SemanticShape{.width = 10, .heads = 4, .classes = {3}}));
  EXPECT_TRUE(check(small_shape()));
}

#ifdef HEMIOLA_HAS_TORCH

std::unique_ptr<SemanticLearner> learner() {
  auto made = make_semantic_learner(small_shape(), {.threads = 1});
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

TEST(SemanticLearnerTest, LooksAtNoHiddenFrameAndTakesLossesOnThemOnly) {
  const auto it = learner();
  it->set_state({initial_weights(it->layout(), 5), {}, {}, {}});
  SemanticBatch batch = semantic_batch(small_options(), Patterns(), 1);
  const SemanticScore score = it->score(batch);
  EXPECT_EQ(score.frames, std::count(batch.masked.begin(), batch.masked.end(), 1));
  SemanticBatch other = batch;
  for (std::size_t i = 0; i < batch.masked.size(); ++i) {
    for (std::size_t k = 0; k < 6 && batch.masked[i]; ++k) other.frames[6 * i + k] = 100;
    if (!batch.masked[i]) other.targets[2 * i] = 2 - other.targets[2 * i];
  }
  EXPECT_EQ(it->score(other).losses, score.losses);
  other = batch;
  for (std::size_t i = 0; i < batch.masked.size(); ++i) {
    if (!batch.masked[i]) other.frames[6 * i] += 1;
  }
  EXPECT_NE(it->score(other).losses, score.losses);
}

TEST(SemanticTrainerTest, LearnsWhatNeighboursTell) {
  const TemporaryFolder folder;
  SemanticTrainOptions options = small_options();
  options.steps = 400;
  options.evaluate_rows = 40;
  options.update.rate = 5e-3F;
  const auto it = learner();
  const auto summary = train_semantic(*it, options, Patterns(), Patterns(), folder.path(), false);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_TRUE(summary->finished);
  EXPECT_LT(summary->held_out.loss(), 0.4);  // 1.73 without looking
  EXPECT_GT(summary->held_out.correct[0], 0.85 * static_cast<double>(summary->held_out.frames));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "metrics.csv"));
}

TEST(SemanticTrainerTest, GoesOnToTheBit) {
  const TemporaryFolder whole, parts;
  SemanticTrainOptions options = small_options();
  options.steps = 12;
  const auto first = learner(), second = learner(), third = learner();
  ASSERT_TRUE(train_semantic(*first, options, Patterns(), Patterns(), whole.path(), false));
  int steps = 0;
  SemanticCallbacks callbacks;
  callbacks.stop = [&] { return ++steps > 5; };
  const auto stopped =
      train_semantic(*second, options, Patterns(), Patterns(), parts.path(), false, callbacks);
  ASSERT_TRUE(stopped) << stopped.error().message;
  EXPECT_FALSE(stopped->finished);
  EXPECT_FALSE(train_semantic(*third, options, Patterns(), Patterns(), parts.path(), false));
  ASSERT_TRUE(train_semantic(*third, options, Patterns(), Patterns(), parts.path(), true));
  EXPECT_EQ(first->state().weights, third->state().weights);
  EXPECT_EQ(first->state().square, third->state().square);
  options.seed = 1;
  EXPECT_FALSE(train_semantic(*third, options, Patterns(), Patterns(), parts.path(), true));
}

#endif

}  // namespace
}  // namespace hemiola::nn
