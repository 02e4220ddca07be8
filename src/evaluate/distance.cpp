#include "evaluate/distance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"
#include "engine/thread_pool.h"

namespace hemiola::evaluate {
namespace {

double real(std::size_t n) { return static_cast<double>(n); }

double squared_length(std::span<const double> v) {
  return std::inner_product(v.begin(), v.end(), v.begin(), 0.0);
}

}  // namespace

Gaussian fit_gaussian(const Matrix& frames) {
  Gaussian gaussian;
  gaussian.mean.resize(frames.columns);
  for (std::size_t i = 0; i < frames.rows; ++i) {
    const auto row = frames.row(i);
    for (std::size_t k = 0; k < row.size(); ++k) gaussian.mean[k] += row[k];
  }
  for (double& mean : gaussian.mean) mean /= real(frames.rows);
  Matrix centred = frames;
  const double scale = 1 / std::sqrt(real(frames.rows) - 1);
  for (std::size_t i = 0; i < centred.rows; ++i) {
    const auto row = centred.row(i);
    for (std::size_t k = 0; k < row.size(); ++k) row[k] = (row[k] - gaussian.mean[k]) * scale;
  }
  gaussian.trace = squared_length(centred.values);
  gaussian.root = triangular_root(std::move(centred));
  return gaussian;
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
  double distance = a.trace + b.trace - 2 * nuclear_norm_of_product(a.root, b.root);
  for (std::size_t k = 0; k < a.mean.size(); ++k) {
    distance += (a.mean[k] - b.mean[k]) * (a.mean[k] - b.mean[k]);
  }
  return distance;
}

FrameSet FrameSet::select(const std::vector<std::size_t>& chosen) const {
  FrameSet result;
  result.clips = {0};
  result.frames.columns = frames.columns;
  for (const std::size_t clip : chosen) {
    for (std::size_t i = clips[clip]; i < clips[clip + 1]; ++i) {
      const auto row = frames.row(i);
      result.frames.values.insert(result.frames.values.end(), row.begin(), row.end());
      ++result.frames.rows;
    }
    result.clips.push_back(result.frames.rows);
  }
  return result;
}

FrameSet project(const FrameSet& set, const Gaussian& reference, const Matrix& axes) {
  FrameSet result;
  result.clips = set.clips;
  Matrix centred = set.frames;
  for (std::size_t i = 0; i < centred.rows; ++i) {
    const auto row = centred.row(i);
    for (std::size_t k = 0; k < row.size(); ++k) row[k] -= reference.mean[k];
  }
  result.frames = times_transposed(centred, axes);
  return result;
}

double student_t(std::size_t degrees) {
  // Exact values for few degrees of freedom, then the expansion about the normal distribution
  // (Abramowitz and Stegun 26.7.5), which is right to four digits there.
  static constexpr double kFew[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469};
  if (degrees <= std::size(kFew)) return kFew[std::max<std::size_t>(degrees, 1) - 1];
  constexpr double z = 1.959963985;
  const double n = real(degrees);
  return z + (z * z * z + z) / (4 * n) +
         (5 * std::pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * n * n) +
         (3 * std::pow(z, 7) + 19 * std::pow(z, 5) + 17 * z * z * z - 15 * z) / (384 * n * n * n);
}

std::optional<Extrapolated> extrapolated_frechet(const Gaussian& reference, const FrameSet& set,
                                                 const ExtrapolateOptions& options) {
  constexpr std::size_t kFewestClips = 8, kDraws = 3, kEighths = 8;
  FrameSet by_frames;
  const FrameSet* from = &set;
  if (set.clip_count() < kFewestClips) {
    by_frames.frames = set.frames;
    by_frames.clips.resize(set.frames.rows + 1);
    std::iota(by_frames.clips.begin(), by_frames.clips.end(), std::size_t{0});
    from = &by_frames;
  }
  if (from->clip_count() < kFewestClips) return std::nullopt;

  // A quarter to all of the clips, in steps of an eighth; all of them only once.
  std::vector<std::vector<std::size_t>> draws;
  Rng rng(options.seed);
  for (std::size_t eighths = 2; eighths <= kEighths; ++eighths) {
    for (std::size_t draw = 0; draw < (eighths < kEighths ? kDraws : 1); ++draw) {
      std::vector<std::size_t> order(from->clip_count());
      std::iota(order.begin(), order.end(), std::size_t{0});
      rng.shuffle(std::span(order));
      order.resize(from->clip_count() * eighths / kEighths);
      std::sort(order.begin(), order.end());
      draws.push_back(std::move(order));
    }
  }
  std::vector<double> x(draws.size()), y(draws.size());
  engine::ThreadPool pool(options.threads);
  pool.run(static_cast<int>(draws.size()), [&](int index, int) {
    const auto i = static_cast<std::size_t>(index);
    const FrameSet drawn = from->select(draws[i]);
    x[i] = 1 / real(drawn.frames.rows);
    y[i] = drawn.frames.rows < 2 ? std::numeric_limits<double>::quiet_NaN()
                                 : frechet_distance(reference, fit_gaussian(drawn.frames));
  });
  if (std::any_of(y.begin(), y.end(), [](double v) { return std::isnan(v); })) return std::nullopt;

  const double n = real(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
  }
  const double slope = xy / xx;
  const double rest = std::max(0.0, yy - slope * xy);
  const double error = std::sqrt(rest / (n - 2) * (1 / n + mean_x * mean_x / xx));
  Extrapolated result;
  result.value = mean_y - slope * mean_x;
  const double half = student_t(x.size() - 2) * error;
  result.interval = {result.value - half, result.value + half};
  result.r_squared = yy > 0 ? 1 - rest / yy : 1;
  result.draws = static_cast<int>(draws.size());
  return result;
}

namespace {

// Sums of the kernel over pairs of frames, by pairs of clips: (a's clips, b's clips). Where a and b
// are one set, a frame is not paired with itself.
Matrix kernel_sums(const FrameSet& a, const FrameSet& b, double gamma) {
  Matrix sums(a.clip_count(), b.clip_count());
  const Matrix products = times_transposed(a.frames, b.frames);
  std::vector<double> lengths;
  for (std::size_t j = 0; j < b.frames.rows; ++j)
    lengths.push_back(squared_length(b.frames.row(j)));
  for (std::size_t p = 0; p < a.clip_count(); ++p) {
    for (std::size_t i = a.clips[p]; i < a.clips[p + 1]; ++i) {
      const double length = squared_length(a.frames.row(i));
      const auto row = products.row(i);
      for (std::size_t q = 0; q < b.clip_count(); ++q) {
        for (std::size_t j = b.clips[q]; j < b.clips[q + 1]; ++j) {
          if (&a == &b && i == j) continue;
          sums.row(p)[q] += std::exp(-gamma * std::max(0.0, length + lengths[j] - 2 * row[j]));
        }
      }
    }
  }
  return sums;
}

double median_distance(const Matrix& frames) {
  const Matrix products = times_transposed(frames, frames);
  std::vector<double> squares;
  for (std::size_t i = 0; i < frames.rows; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      squares.push_back(products.row(i)[i] + products.row(j)[j] - 2 * products.row(i)[j]);
    }
  }
  const auto middle = squares.begin() + static_cast<std::ptrdiff_t>((squares.size() - 1) / 2);
  std::nth_element(squares.begin(), middle, squares.end());
  return std::sqrt(std::max(0.0, *middle));
}

// What the estimate would be without one clip of one of the sets.
struct KernelTotals {
  double xx = 0, yy = 0, xy = 0;  // sums
  double m = 0, n = 0;            // frames

  double value() const {
    return 100 * (xx / (m * (m - 1)) + yy / (n * (n - 1)) - 2 * xy / (m * n));
  }
};

double total(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// The variance of a jackknife's estimates.
double jackknife_variance(const std::vector<double>& estimates) {
  const double n = real(estimates.size());
  const double mean = total(estimates) / n;
  double sum = 0;
  for (const double estimate : estimates) sum += (estimate - mean) * (estimate - mean);
  return sum * (n - 1) / n;
}

}  // namespace

KernelDistance kernel_distance(const FrameSet& reference, const FrameSet& set) {
  KernelDistance result;
  result.bandwidth = median_distance(reference.frames);
  const double gamma = 1 / (2 * result.bandwidth * result.bandwidth + 1e-8);
  const Matrix xx = kernel_sums(reference, reference, gamma);
  const Matrix yy = kernel_sums(set, set, gamma);
  const Matrix xy = kernel_sums(reference, set, gamma);
  const KernelTotals all{total(xx.values), total(yy.values), total(xy.values),
                         real(reference.frames.rows), real(set.frames.rows)};
  result.value = all.value();

  std::vector<double> without_x, without_y;
  for (std::size_t p = 0; p < xx.rows; ++p) {
    KernelTotals rest = all;
    rest.xx -= 2 * total(xx.row(p)) - xx.row(p)[p];
    rest.xy -= total(xy.row(p));
    rest.m -= real(reference.clips[p + 1] - reference.clips[p]);
    if (rest.m >= 2) without_x.push_back(rest.value());
  }
  for (std::size_t q = 0; q < yy.rows; ++q) {
    KernelTotals rest = all;
    rest.yy -= 2 * total(yy.row(q)) - yy.row(q)[q];
    for (std::size_t p = 0; p < xy.rows; ++p) rest.xy -= xy.row(p)[q];
    rest.n -= real(set.clips[q + 1] - set.clips[q]);
    if (rest.n >= 2) without_y.push_back(rest.value());
  }
  double half = std::numeric_limits<double>::infinity();
  if (without_x.size() >= 2 && without_y.size() >= 2) {
    half = student_t(std::min(without_x.size(), without_y.size()) - 1) *
           std::sqrt(jackknife_variance(without_x) + jackknife_variance(without_y));
  }
  result.interval = {result.value - half, result.value + half};
  return result;
}

}  // namespace hemiola::evaluate
