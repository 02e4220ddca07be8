#include "audiolm/agreement.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hemiola::audiolm {
namespace {

TEST(AgreementTest, IsOneForTheSameAndNothingForIndependentOnes) {
  const std::vector<int> a = {5, 5, 7, 7}, b = {1, 1, 0, 0}, c = {1, 0, 1, 0};
  EXPECT_EQ(measure_agreement(a, b).purity, 1);
  EXPECT_NEAR(measure_agreement(a, b).information, 1, 1e-12);
  EXPECT_EQ(measure_agreement(a, c).purity, 0.5);
  EXPECT_NEAR(measure_agreement(a, c).information, 0, 1e-12);
  EXPECT_EQ(measure_agreement({}, {}).frames, 0u);
}

TEST(AgreementTest, IsThatOfTheDefinition) {
  const std::vector<int> units = {0, 0, 0, 1, 1}, labels = {4, 4, 9, 9, 9};
  const Agreement agreement = measure_agreement(units, labels);
  EXPECT_DOUBLE_EQ(agreement.purity, 0.8);
  EXPECT_DOUBLE_EQ(agreement.commonest, 0.6);
  EXPECT_EQ(agreement.units, 2u);
  EXPECT_EQ(agreement.labels, 2u);
  const double each = -0.6 * std::log(0.6) - 0.4 * std::log(0.4);
  const double joint = -2 * 0.4 * std::log(0.4) - 0.2 * std::log(0.2);
  EXPECT_NEAR(agreement.information, (2 * each - joint) / each, 1e-12);
}

SoundPiece loop() {
  SoundPiece piece;
  piece.labels = {{"style", "bossa"},
                  {"key", "A minor"},
                  {"chords", {"A:min7", "C:maj7 D:7", "A:min7", "E:min7"}},
                  {"tempo", 120},
                  {"drum_pattern", nullptr}};
  return piece;
}

TEST(LoopLabelsTest, GivesEachFrameItsChord) {
  LoopLabels labels;
  ASSERT_TRUE(labels.add(loop(), 16));
  const auto kinds = labels.kinds();
  ASSERT_EQ(kinds.size(), 6u);
  EXPECT_EQ(kinds[0].name, "chord");
  EXPECT_EQ(kinds[0].labels, (std::vector<int>{0, 0, 0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 3, 3, 3, 3}));
  EXPECT_EQ(kinds[3].labels, std::vector<int>(16, 0));
}

TEST(LoopLabelsTest, PassesOverWhatHasNoLabels) {
  LoopLabels labels;
  EXPECT_FALSE(labels.add(SoundPiece(), 16));
  SoundPiece piece = loop();
  piece.labels["chords"][1] = "";
  EXPECT_FALSE(labels.add(piece, 16));
  piece = loop();
  piece.labels.erase("tempo");
  EXPECT_FALSE(labels.add(piece, 16));
  EXPECT_TRUE(labels.kinds()[0].labels.empty());
}

}  // namespace
}  // namespace hemiola::audiolm
