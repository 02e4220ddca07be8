#include "evaluate/distance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "evaluate/statistics.h"

namespace hemiola::evaluate {
namespace {

// The sets that the reference figures below were made from.
Matrix made(std::size_t rows, std::size_t columns, double seed, double shift) {
  Matrix x(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const double a = static_cast<double>(i), b = static_cast<double>(j);
      x.row(i)[j] = std::sin((a + 1) * (b + 1) * 0.37 + seed) * (1 + b * 0.1) +
                    std::cos((a + 1) * 1.7 + (b + 1) * (b + 1) * 0.9 + seed * 2) + shift * b;
    }
  }
  return x;
}

FrameSet in_clips(Matrix frames, std::size_t clip) {
  FrameSet set;
  for (std::size_t i = 0; i < frames.rows; i += clip) set.clips.push_back(i);
  set.clips.push_back(frames.rows);
  set.frames = std::move(frames);
  return set;
}

// Normal numbers by the sum of uniform ones.
Matrix random_frames(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Rng rng(seed);
  Matrix x(rows, columns);
  for (double& value : x.values) {
    for (int i = 0; i < 12; ++i) value += rng.uniform();
    value -= 6;
  }
  return x;
}

TEST(FrechetDistance, EqualsFadtk) {
  // fadtk 1.1.0: calc_frechet_distance of the same sets.
  const double distance =
      frechet_distance(fit_gaussian(made(60, 6, 0, 0)), fit_gaussian(made(45, 6, 0.5, 0.2)));
  EXPECT_NEAR(distance, 2.252539697263444, 1e-9);
}

TEST(FrechetDistance, KnowsTheClosedFormOfDiagonalCovariances) {
  Gaussian a, b;
  a.mean = {0, 0, 0};
  b.mean = {1, 2, 2};
  a.root = b.root = Matrix(3, 3);
  double expected = 9;
  const double first[] = {1, 4, 1e-9}, second[] = {9, 0.25, 1e-12};  // variances
  for (std::size_t i = 0; i < 3; ++i) {
    a.root.row(i)[i] = std::sqrt(first[i]);
    b.root.row(i)[i] = std::sqrt(second[i]);
    a.trace += first[i];
    b.trace += second[i];
    expected += std::pow(std::sqrt(first[i]) - std::sqrt(second[i]), 2);
  }
  EXPECT_NEAR(frechet_distance(a, b), expected, 1e-12);
}

TEST(FrechetDistance, OfASetWithItselfIsZeroEvenWithFewerFramesThanDimensions) {
  for (const std::size_t rows : {5u, 40u, 200u}) {
    const Gaussian gaussian = fit_gaussian(random_frames(rows, 40, rows));
    EXPECT_NEAR(frechet_distance(gaussian, gaussian), 0, 1e-9 * gaussian.trace) << rows;
  }
}

TEST(ExtrapolatedFrechet, RemovesTheBiasOfFewFrames) {
  const Gaussian reference = fit_gaussian(random_frames(20000, 24, 1));
  const FrameSet set = in_clips(random_frames(400, 24, 2), 10);
  const double biased = frechet_distance(reference, fit_gaussian(set.frames));
  const auto result = extrapolated_frechet(reference, set, {.seed = 3, .threads = 2});
  ASSERT_TRUE(result);
  EXPECT_GT(biased, 0.25);
  EXPECT_LT(std::abs(result->value), biased / 5);
  EXPECT_GT(result->r_squared, 0.95);
  EXPECT_LT(result->interval.low, result->value);
  EXPECT_GT(result->interval.high, result->value);
  const auto alone = extrapolated_frechet(reference, set, {.seed = 3, .threads = 1});
  EXPECT_EQ(alone->value, result->value);
}

TEST(ExtrapolatedFrechet, NeedsFramesToDrawFrom) {
  const Gaussian reference = fit_gaussian(random_frames(50, 4, 1));
  EXPECT_FALSE(extrapolated_frechet(reference, in_clips(random_frames(5, 4, 2), 1)));
}

TEST(KernelDistance, EqualsKadtk) {
  // kadtk 1.1.0: calc_kernel_audio_distance(y, x) in float64, whose bandwidth is that of x.
  const auto result =
      kernel_distance(in_clips(made(60, 6, 0, 0), 10), in_clips(made(45, 6, 0.5, 0.2), 9));
  EXPECT_NEAR(result.value, 5.945377920169936, 1e-4);
}

TEST(KernelDistance, IsAboutZeroForTheSameSourceAndItsIntervalSaysSo) {
  const auto same = kernel_distance(in_clips(random_frames(200, 8, 1), 10),
                                    in_clips(random_frames(150, 8, 2), 10));
  EXPECT_LT(same.interval.low, 0);
  EXPECT_GT(same.interval.high, 0);
  Matrix moved = random_frames(150, 8, 2);
  for (double& value : moved.values) value += 1;
  const auto other =
      kernel_distance(in_clips(random_frames(200, 8, 1), 10), in_clips(std::move(moved), 10));
  EXPECT_GT(other.interval.low, same.interval.high);
}

TEST(Project, KeepsDistancesWhereAllAxesAreKept) {
  const Matrix x = made(60, 6, 0, 0);
  const Gaussian reference = fit_gaussian(x);
  const Matrix axes = principal_axes(reference.root, 6);
  const FrameSet turned = project(in_clips(made(45, 6, 0.5, 0.2), 45), reference, axes);
  const FrameSet own = project(in_clips(x, 60), reference, axes);
  EXPECT_NEAR(frechet_distance(fit_gaussian(own.frames), fit_gaussian(turned.frames)),
              2.252539697263444, 1e-9);
  // The axes are the covariance's, the largest first.
  for (std::size_t k = 0; k + 1 < 6; ++k) {
    double here = 0, next = 0;
    for (std::size_t i = 0; i < own.frames.rows; ++i) {
      here += own.frames.row(i)[k] * own.frames.row(i)[k];
      next += own.frames.row(i)[k + 1] * own.frames.row(i)[k + 1];
    }
    EXPECT_GE(here, next);
  }
}

TEST(StudentT, EqualsScipy) {
  EXPECT_NEAR(student_t(1), 12.706204736174694, 1e-4);
  EXPECT_NEAR(student_t(5), 2.5705818356363146, 1e-4);
  EXPECT_NEAR(student_t(7), 2.364624251592784, 1e-3);
  EXPECT_NEAR(student_t(17), 2.1098155778333156, 1e-4);
  EXPECT_NEAR(student_t(100), 1.9839715185235518, 1e-4);
}

TEST(OverlappedArea, EqualsScipysDensities) {
  // scipy 1.x: gaussian_kde of both, integral of the lesser.
  std::vector<double> a, b;
  const Matrix x = made(60, 6, 0, 0), y = made(45, 6, 0.5, 0.2);
  for (std::size_t i = 0; i < x.rows; ++i) a.push_back(x.row(i)[0]);
  for (std::size_t i = 0; i < y.rows; ++i) b.push_back(y.row(i)[1]);
  EXPECT_NEAR(overlapped_area(a, b), 0.9146623721846285, 1e-4);
  EXPECT_NEAR(overlapped_area(a, a), 1, 1e-4);
}

TEST(BootstrapMean, CoversTheMeanAndLeavesOutWhatSaysNothing) {
  std::vector<double> values = {std::nan(""), std::nan("")};
  EXPECT_FALSE(bootstrap_mean(values, 0));
  const Matrix x = random_frames(400, 1, 5);
  values.insert(values.end(), x.values.begin(), x.values.end());
  const auto estimate = bootstrap_mean(values, 7);
  ASSERT_TRUE(estimate);
  EXPECT_EQ(estimate->pieces, 400u);
  // The normal interval of a mean of 400 numbers of deviation 1 is 0.098 to either side.
  EXPECT_NEAR(estimate->high - estimate->low, 2 * 0.098, 0.025);
  EXPECT_EQ(bootstrap_mean(values, 7)->low, estimate->low);
}

}  // namespace
}  // namespace hemiola::evaluate
