// Distances between two sets of embeddings, each a set of clips, each clip some frames.
//   FAD          Frechet audio distance (Kilgour and others, "Frechet Audio Distance: A Metric for
//                Evaluating Music Enhancement Algorithms", 2019).
//   FAD-infinity what it tends to with ever more clips (Gui and others, "Adapting Frechet Audio
//                Distance for Generative Music Evaluation", 2024).
//   KAD          Kernel audio distance (Chung and others, "KAD: No More FAD!", 2025).
// All in double precision and the same for the same seed, whatever the number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "evaluate/matrix.h"

namespace hemiola::evaluate {

// Mean and covariance, the latter as a factor: covariance = root^T root, with the divisor n - 1.
struct Gaussian {
  std::vector<double> mean;
  Matrix root;
  double trace = 0;  // of the covariance
};

// Of the rows; two at least.
Gaussian fit_gaussian(const Matrix& frames);

// |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2). The last trace is the sum of the singular values of
// R1 R2^T, R being the factors: no root of a matrix is taken, which would lose half the digits of
// small eigenvalues, and the result is real whatever the rank.
double frechet_distance(const Gaussian& a, const Gaussian& b);

// Frames of some clips, one after the other.
struct FrameSet {
  Matrix frames;                   // (frames, dimensions)
  std::vector<std::size_t> clips;  // where each clip begins, and one past the last frame

  std::size_t clip_count() const { return clips.empty() ? 0 : clips.size() - 1; }
  FrameSet select(const std::vector<std::size_t>& chosen) const;  // clips, in this order
};

// Onto the axes of the reference, about its mean.
FrameSet project(const FrameSet& set, const Gaussian& reference, const Matrix& axes);

struct Interval {
  double low = 0, high = 0;  // 95 %
};

struct Extrapolated {
  double value = 0;   // at infinitely many frames
  Interval interval;  // of the straight line's intercept, by Student's t
  double r_squared = 0;
  int draws = 0;
};

struct ExtrapolateOptions {
  std::uint64_t seed = 0;
  int threads = 1;
};

// FAD of the reference to ever larger draws of clips, without replacement, fitted by a straight
// line over 1/frames. Where there are fewer than eight clips, frames are drawn instead of clips.
// Nothing where there are too few frames for draws of different sizes.
std::optional<Extrapolated> extrapolated_frechet(const Gaussian& reference, const FrameSet& set,
                                                 const ExtrapolateOptions& options = {});

struct KernelDistance {
  double value = 0;   // 100 times the unbiased squared MMD; about 0, perhaps below, for equal sets
  Interval interval;  // by leaving out one clip at a time; as wide as the real line for one clip
  double bandwidth = 0;  // of the Gaussian kernel: the median distance within the reference
};

// Two frames at least in each.
KernelDistance kernel_distance(const FrameSet& reference, const FrameSet& set);

// The 97.5 % point of Student's t with this many degrees of freedom, one at least.
double student_t(std::size_t degrees);

}  // namespace hemiola::evaluate
