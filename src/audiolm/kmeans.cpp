#include "audiolm/kmeans.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"

namespace hemiola::audiolm {
namespace {

// Points of which only some are looked at.
struct Points {
  std::span<const float> values;
  std::size_t width;

  std::size_t count() const { return values.size() / width; }
  std::span<const float> at(std::size_t i) const { return values.subspan(i * width, width); }
};

float squared_distance(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// Each centre drawn with probability in proportion to its squared distance from those before.
std::vector<float> draw_centres(const Points& points, std::size_t clusters, Rng& rng) {
  std::vector<float> centres;
  std::vector<float> nearest(points.count(), std::numeric_limits<float>::infinity());
  std::size_t chosen = rng.below(points.count());
  for (std::size_t k = 0;; ++k) {
    const auto centre = points.at(chosen);
    centres.insert(centres.end(), centre.begin(), centre.end());
    if (k + 1 == clusters) return centres;
    double total = 0;
    for (std::size_t i = 0; i < nearest.size(); ++i) {
      nearest[i] = std::min(nearest[i], squared_distance(points.at(i), centre));
      total += static_cast<double>(nearest[i]);
    }
    // All points may stand on centres already.
    if (total <= 0) {
      chosen = rng.below(points.count());
      continue;
    }
    double rest = rng.uniform() * total;
    chosen = nearest.size() - 1;
    for (std::size_t i = 0; i < nearest.size(); ++i) {
      if ((rest -= static_cast<double>(nearest[i])) < 0) {
        chosen = i;
        break;
      }
    }
  }
}

// The points with the largest distances take the places of clusters without any.
void revive(std::vector<float>& centres, const std::vector<bool>& dead, const Points& points,
            std::vector<float>& distances) {
  for (std::size_t k = 0; k < dead.size(); ++k) {
    if (!dead[k]) continue;
    const auto far = static_cast<std::size_t>(std::max_element(distances.begin(), distances.end()) -
                                              distances.begin());
    const auto point = points.at(far);
    std::copy(point.begin(), point.end(),
              centres.begin() + static_cast<std::ptrdiff_t>(k * points.width));
    distances[far] = 0;
  }
}

Status whole_pass(std::vector<float>& centres, const Points& points) {
  const std::size_t clusters = centres.size() / points.width;
  HEMIOLA_TRY(const NearestCentre nearest,
              NearestCentre::create(centres, static_cast<int>(points.width)));
  std::vector<float> distances(points.count());
  const auto units = nearest.find(points.values, distances);
  std::vector<double> sums(centres.size());
  std::vector<double> counts(clusters);
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto unit = static_cast<std::size_t>(units[i]);
    const auto point = points.at(i);
    counts[unit] += 1;
    for (std::size_t d = 0; d < points.width; ++d) {
      sums[unit * points.width + d] += static_cast<double>(point[d]);
    }
  }
  std::vector<bool> dead(clusters);
  for (std::size_t k = 0; k < clusters; ++k) {
    dead[k] = counts[k] <= 0;
    for (std::size_t d = 0; d < points.width && !dead[k]; ++d) {
      centres[k * points.width + d] = static_cast<float>(sums[k * points.width + d] / counts[k]);
    }
  }
  revive(centres, dead, points, distances);
  return {};
}

}  // namespace

Result<std::vector<float>> fit_kmeans(std::span<const float> points, int dimensions,
                                      const KMeansOptions& options) {
  const Points all{points, static_cast<std::size_t>(dimensions)};
  const auto clusters = static_cast<std::size_t>(options.clusters);
  if (options.clusters < 1 || all.count() < clusters) {
    return fail("k-means: {} clusters need as many points, got {}", options.clusters, all.count());
  }
  Rng rng(options.seed);
  std::vector<std::size_t> order(all.count());
  std::iota(order.begin(), order.end(), 0);
  rng.shuffle(std::span(order));
  const auto gather = [&](std::size_t begin, std::size_t count) {
    std::vector<float> some;
    some.reserve(count * all.width);
    for (std::size_t i = 0; i < count; ++i) {
      const auto point = all.at(order[(begin + i) % order.size()]);
      some.insert(some.end(), point.begin(), point.end());
    }
    return some;
  };
  const std::size_t first =
      std::min(all.count(), std::max(clusters, static_cast<std::size_t>(options.seeding)));
  std::vector<float> centres = draw_centres({gather(0, first), all.width}, clusters, rng);

  const auto batch = std::min(all.count(), static_cast<std::size_t>(options.batch));
  std::vector<float> seen(clusters);
  for (int b = 0; b < options.batches; ++b) {
    const std::vector<float> some = gather(static_cast<std::size_t>(b) * batch, batch);
    const Points points_now{some, all.width};
    HEMIOLA_TRY(const NearestCentre nearest, NearestCentre::create(centres, dimensions));
    const auto units = nearest.find(some);
    for (std::size_t i = 0; i < units.size(); ++i) {
      const auto unit = static_cast<std::size_t>(units[i]);
      const float rate = 1 / ++seen[unit];
      const auto point = points_now.at(i);
      for (std::size_t d = 0; d < all.width; ++d) {
        float& value = centres[unit * all.width + d];
        value += rate * (point[d] - value);
      }
    }
  }
  for (int pass = 0; pass < options.passes; ++pass) HEMIOLA_CHECK(whole_pass(centres, all));
  return centres;
}

Result<NearestCentre> NearestCentre::create(std::span<const float> centres, int dimensions) {
  const auto width = static_cast<std::size_t>(dimensions);
  if (dimensions < 1 || centres.empty() || centres.size() % width != 0 ||
      centres.size() / width > 32'767) {
    return fail("k-means: {} numbers are not 1 to 32767 centres of {} dimensions", centres.size(),
                dimensions);
  }
  const auto clusters = static_cast<int>(centres.size() / width);
  std::vector<float> bias;
  for (std::size_t k = 0; k < static_cast<std::size_t>(clusters); ++k) {
    double square = 0;
    for (const float value : centres.subspan(k * width, width)) {
      square += static_cast<double>(value) * static_cast<double>(value);
    }
    bias.push_back(static_cast<float>(-square / 2));
  }
  HEMIOLA_TRY(auto linear, engine::Linear::create("k-means", dimensions, clusters, centres, bias));
  return NearestCentre(std::move(linear));
}

std::vector<std::int16_t> NearestCentre::find(std::span<const float> points,
                                              std::span<float> distances) const {
  constexpr std::size_t kAtOnce = 256;
  const auto width = static_cast<std::size_t>(dimensions());
  const auto outputs = static_cast<std::size_t>(clusters());
  const std::size_t count = points.size() / width;
  std::vector<float> scores(kAtOnce * outputs);
  std::vector<std::int16_t> result;
  result.reserve(count);
  for (std::size_t begin = 0; begin < count; begin += kAtOnce) {
    const std::size_t rows = std::min(kAtOnce, count - begin);
    linear_.apply(points.data() + begin * width, static_cast<int>(rows), scores.data(), clusters());
    for (std::size_t row = 0; row < rows; ++row) {
      const float* first = scores.data() + row * outputs;
      const float* best = std::max_element(first, first + outputs);
      result.push_back(static_cast<std::int16_t>(best - first));
      if (distances.empty()) continue;
      float square = 0;
      for (const float value : points.subspan((begin + row) * width, width))
        square += value * value;
      distances[begin + row] = std::max(0.0F, square - 2 * *best);
    }
  }
  return result;
}

Standardiser Standardiser::fit(std::span<const float> points, int dimensions) {
  const auto width = static_cast<std::size_t>(dimensions);
  std::vector<double> sums(width), squares(width);
  // Around the first point, so that large means cost no digits.
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double value = static_cast<double>(points[i]) - static_cast<double>(points[i % width]);
    sums[i % width] += value;
    squares[i % width] += value * value;
  }
  const double count = std::max(1.0, static_cast<double>(points.size() / width));
  Standardiser result;
  for (std::size_t d = 0; d < width; ++d) {
    const double shift = points.empty() ? 0.0 : static_cast<double>(points[d]);
    const double mean = sums[d] / count;
    const double deviation = std::sqrt(std::max(0.0, squares[d] / count - mean * mean));
    result.mean.push_back(static_cast<float>(shift + mean));
    result.deviation.push_back(deviation > 1e-6 ? static_cast<float>(deviation) : 1.0F);
  }
  return result;
}

void Standardiser::apply(std::span<float> points) const {
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i] = (points[i] - mean[i % mean.size()]) / deviation[i % mean.size()];
  }
}

}  // namespace hemiola::audiolm
