// The semantic encoder as it is trained (libtorch) and as it is run (src/audiolm): the same
// features, the same tokens.
#include <gtest/gtest.h>

#include <cmath>

#include "audiolm/semantic.h"
#include "base/rng.h"
#include "nn/semantic_learner.h"

namespace hemiola {
namespace {

TEST(SemanticParityTest, FeaturesAndTokensAreThoseOfLibtorch) {
  constexpr int kFrames = 225, kLayers = 3, kUnits = 100;
  nn::SemanticShape shape;
  shape.classes = {8, 8};
  auto made = nn::make_semantic_learner(shape, {.threads = 1});
  ASSERT_TRUE(made) << made.error().message;
  nn::SemanticLearner& learner = **made;
  std::vector<float> weights = nn::initial_weights(learner.layout(), 3);
  Rng rng(4);
  // Nothing stays at its first value while it is trained.
  for (float& weight : weights) weight += static_cast<float>(0.1 * (rng.uniform() - 0.5));
  learner.set_state({weights, {}, {}, {}});

  audiolm::Standardiser mel;
  mel.mean.assign(audiolm::kMelBands, -4);
  mel.deviation.assign(audiolm::kMelBands, 2);
  WeightMap tensors;
  tensors["mel.mean"] = view_of("", {audiolm::kMelBands}, mel.mean);
  tensors["mel.deviation"] = view_of("", {audiolm::kMelBands}, mel.deviation);
  for (const nn::TensorSlot& slot : learner.layout().tensors) {
    tensors[slot.name] =
        view_of(slot.name, slot.shape, std::span(weights).subspan(slot.offset, slot.size));
  }
  const auto network = audiolm::SemanticNetwork::create(
      {shape.width, kLayers, shape.heads, shape.hidden, shape.reach}, tensors, "parity");
  ASSERT_TRUE(network) << network.error().message;

  std::vector<float> sound;
  double phase = 0;
  for (int i = 0; i < kFrames * audiolm::kSemanticHop; ++i) {
    phase += 0.05 + 0.04 * std::sin(i * 0.0007);
    const double beat = std::exp(-(i % 8000) / 2000.0);
    sound.push_back(static_cast<float>(beat * (0.4 * std::sin(phase) + 0.1 * rng.uniform())));
  }
  nn::SemanticBatch batch;
  batch.rows = 1;
  batch.length = kFrames;
  batch.frames = audiolm::log_mel(sound, 0, kFrames);
  mel.apply(batch.frames);
  const std::vector<float> expected = learner.features(batch, kLayers);
  const std::vector<float> features = network->run(sound);
  ASSERT_EQ(features.size(), expected.size());
  for (std::size_t i = 0; i < features.size(); ++i)
    ASSERT_NEAR(features[i], expected[i], 1e-3) << i;

  const auto width = static_cast<std::size_t>(shape.width);
  const auto centres =
      audiolm::NearestCentre::create(std::span(expected).first(kUnits * width), shape.width);
  const auto ours = centres->find(features), theirs = centres->find(expected);
  int same = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) same += ours[i] == theirs[i];
  EXPECT_GE(same, kFrames * 99 / 100);
}

}  // namespace
}  // namespace hemiola
