#include "audiolm/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "audiolm/kmeans.h"
#include "base/files.h"
#include "base/json.h"

namespace hemiola::audiolm {
namespace {

// What tests/parity/semantic_features.py wrote.
const Json& golden() {
  static const Json json = [] {
    const auto path = Path(HEMIOLA_SOURCE_DIR) / "tests/parity/semantic_features.json";
    return parse_json(read_text(path).value(), path.string()).value();
  }();
  return json;
}

std::vector<float> noise(std::size_t count) {
  std::uint32_t state = 1;
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525u + 1013904223u;
    values.push_back(static_cast<float>(state / 4294967296.0 - 0.5));
  }
  return values;
}

std::vector<float> test_sound() {
  const std::vector<float> rough = noise(4000);
  std::vector<float> sound;
  for (std::size_t i = 0; i < rough.size(); ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / kSemanticRate;
    sound.push_back(static_cast<float>(0.3 * std::sin(220 * angle) +
                                       0.2 * std::sin(1234.5 * angle + 1) +
                                       0.1 * static_cast<double>(rough[i])));
  }
  return sound;
}

void expect_near(std::span<const float> values, const Json& expected, float tolerance) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(values[i], expected[i].get<float>(), tolerance) << i;
  }
}

TEST(FeaturesTest, LogMelIsThatOfScipy) {
  const auto mel = log_mel(test_sound(), 0, 7);
  ASSERT_EQ(mel.size(), 7u * kMelFrame);
  std::vector<float> rows;
  for (const std::ptrdiff_t row : {0, 13, 27}) {
    rows.insert(rows.end(), mel.begin() + row * kMelBands, mel.begin() + (row + 1) * kMelBands);
  }
  expect_near(rows, golden()["mel"], 2e-3F);
}

TEST(FeaturesTest, MfccAreThoseOfScipy) {
  expect_near(mfcc(log_mel(test_sound(), 0, 7)), golden()["mfcc"], 2e-3F);
}

TEST(FeaturesTest, ChromaIsThatOfScipy) {
  const auto classes = chroma(test_sound());
  expect_near(classes, golden()["chroma"], 2e-4F);
  // 220 Hz is an A; 1234.5 Hz is near D sharp.
  const auto first = classes.begin() + 3 * kChroma;
  EXPECT_EQ(std::max_element(first, first + kChroma) - first, 9);
}

TEST(FeaturesTest, FramesDoNotDependOnWhereTheWorkBegins) {
  const auto sound = test_sound();
  const auto all = log_mel(sound, 0, 7), part = log_mel(sound, 2, 3);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), all.begin() + 2 * kMelFrame));
}

TEST(FeaturesTest, StaysFiniteWhateverTheSound) {
  std::vector<float> sound = test_sound();
  sound[100] = std::numeric_limits<float>::quiet_NaN();
  sound[1000] = std::numeric_limits<float>::infinity();
  sound[2000] = 1e38F;
  const auto finite = [](float value) { return std::isfinite(value); };
  for (const auto& values : {log_mel(sound, 0, 7), chroma(sound), mfcc(log_mel(sound, 0, 7)),
                             chroma(std::vector<float>(3000)), log_mel({}, 0, 1)}) {
    EXPECT_TRUE(std::all_of(values.begin(), values.end(), finite));
  }
  EXPECT_TRUE(chroma({}).empty());
  EXPECT_TRUE(mfcc({}).empty());
}

TEST(KMeansTest, FindsTheNearestAsScipyDoes) {
  const auto points = noise(600);
  const auto nearest = NearestCentre::create(std::span(points).first(21), 3);
  ASSERT_TRUE(nearest) << nearest.error().message;
  std::vector<float> distances(200);
  const auto units = nearest->find(points, distances);
  ASSERT_EQ(units.size(), 200u);
  for (std::size_t i = 0; i < 200; ++i) EXPECT_EQ(units[i], golden()["units"][i].get<int>()) << i;
  expect_near(distances, golden()["distances"], 1e-5F);
}

// Nine heaps of points around places of a grid.
std::vector<float> heaps() {
  std::vector<float> points = noise(2 * 900);
  for (std::size_t i = 0; i < 900; ++i) {
    points[2 * i] += 10 * static_cast<float>(i % 3);
    points[2 * i + 1] += 10 * static_cast<float>(i / 3 % 3);
  }
  return points;
}

TEST(KMeansTest, FindsHeaps) {
  const auto points = heaps();
  const auto centres = fit_kmeans(points, 2, {.clusters = 9, .batches = 20, .batch = 100});
  ASSERT_TRUE(centres) << centres.error().message;
  const auto nearest = NearestCentre::create(*centres, 2);
  std::vector<float> distances(900);
  const auto units = nearest->find(points, distances);
  for (std::size_t i = 9; i < 900; ++i) EXPECT_EQ(units[i], units[i % 9]) << i;
  // The mean of each heap, which is where whole passes come to rest.
  std::vector<double> sums(18);
  for (std::size_t i = 0; i < 900; ++i) {
    sums[2 * (i % 9)] += static_cast<double>(points[2 * i]) / 100;
    sums[2 * (i % 9) + 1] += static_cast<double>(points[2 * i + 1]) / 100;
  }
  for (std::size_t heap = 0; heap < 9; ++heap) {
    const auto unit = static_cast<std::size_t>(units[heap]);
    EXPECT_NEAR((*centres)[2 * unit], sums[2 * heap], 1e-4);
    EXPECT_NEAR((*centres)[2 * unit + 1], sums[2 * heap + 1], 1e-4);
  }
  EXPECT_EQ(*centres, *fit_kmeans(points, 2, {.clusters = 9, .batches = 20, .batch = 100}));
}

TEST(KMeansTest, RefusesTooFewPoints) {
  EXPECT_FALSE(fit_kmeans(std::vector<float>(10), 2, {.clusters = 6}));
  EXPECT_FALSE(NearestCentre::create(std::vector<float>(5), 2));
  const std::vector<float> bad = {1, std::numeric_limits<float>::infinity()};
  EXPECT_FALSE(NearestCentre::create(bad, 2));
}

TEST(KMeansTest, TakesPointsThatAreAllAlike) {
  const auto centres = fit_kmeans(std::vector<float>(100, 1.0F), 2, {.clusters = 5});
  ASSERT_TRUE(centres);
  EXPECT_EQ(*centres, std::vector<float>(10, 1.0F));
}

TEST(StandardiserTest, GivesMeanZeroAndDeviationOne) {
  std::vector<float> points = {1, 7, 3, 7, 5, 7};
  const auto standardiser = Standardiser::fit(points, 2);
  EXPECT_THAT(standardiser.mean, testing::ElementsAre(3, 7));
  EXPECT_NEAR(standardiser.deviation[0], std::sqrt(8.0 / 3), 1e-6);
  EXPECT_EQ(standardiser.deviation[1], 1);
  standardiser.apply(points);
  EXPECT_NEAR(points[0] + points[4], 0, 1e-6);
  EXPECT_EQ(points[1], 0);
}

// Of a sine that is switched on, in the group of bands that it lies in, at the half of the frame in
// which it begins, and nowhere else. (A window reaches 120 samples into the row after it.)
TEST(RisesTest, StandWhereSomethingBegins) {
  std::vector<float> sound(20 * kSemanticHop, 0.0F);
  const std::size_t begin = 8 * kSemanticHop + kSemanticHop / 2 + 130;
  for (std::size_t i = begin; i < sound.size(); ++i) {
    sound[i] = 0.3F * static_cast<float>(std::sin(2 * std::numbers::pi * 440 *
                                                  static_cast<double>(i) / kSemanticRate));
  }
  const std::vector<float> result = rises(log_mel(sound, 0, 20));
  ASSERT_EQ(result.size(), 20u * kRises);
  for (std::size_t half = 0; half < 40; ++half) {
    // 440 Hz is 550 mel, of 2,840 in six groups: the second one.
    const float rise = result[half * kRiseBands + 1];
    if (half == 17) {
      EXPECT_GT(rise, 5) << half;
    } else {
      EXPECT_LT(rise, 0.7F) << half;
    }
    EXPECT_GE(rise, 0);
  }
  EXPECT_TRUE(rises({}).empty());
}

}  // namespace
}  // namespace hemiola::audiolm
