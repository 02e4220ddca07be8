// K-means: seeding by k-means++ (Arthur and Vassilvitskii 2007), mini-batches for a quick approach
// (Sculley, "Web-scale k-means clustering", 2010), then whole passes (Lloyd). The same points, in
// the same order, and the same seed give the same centres.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/linear.h"

namespace hemiola::audiolm {

struct KMeansOptions {
  int clusters = 512;
  int batches = 100;     // mini-batches
  int batch = 10'000;    // points of each
  int passes = 5;        // over all points, at the end
  int seeding = 20'000;  // points among which the first centres are drawn
  std::uint64_t seed = 0;
};

// Points (count, dimensions), all finite. Returns centres (clusters, dimensions). A cluster that
// loses all its points begins again at the point that is farthest from its own centre. Fails with
// fewer points than clusters.
Result<std::vector<float>> fit_kmeans(std::span<const float> points, int dimensions,
                                      const KMeansOptions& options = {});

// Finds the nearest centre, of two at the same distance the first. Any number of threads at once.
class NearestCentre {
 public:
  // centres (clusters, dimensions), 1 to 32,767 of them; fails where one is not finite.
  static Result<NearestCentre> create(std::span<const float> centres, int dimensions);

  int clusters() const { return linear_.out(); }
  int dimensions() const { return linear_.in(); }
  // points (count, dimensions) -> (count). `distances`, if not empty: the squared ones, (count).
  std::vector<std::int16_t> find(std::span<const float> points,
                                 std::span<float> distances = {}) const;

 private:
  explicit NearestCentre(engine::Linear linear) : linear_(std::move(linear)) {}

  engine::Linear linear_;  // centre * x - |centre|^2 / 2: largest for the nearest
};

// Mean and standard deviation of each dimension; what does not vary has deviation 1.
struct Standardiser {
  std::vector<float> mean, deviation;  // (dimensions)

  static Standardiser fit(std::span<const float> points, int dimensions);
  void apply(std::span<float> points) const;  // (count, dimensions), in place
};

}  // namespace hemiola::audiolm
