// The two clusterings of a semantic encoder: of MFCC and of chroma, which teach it before there is
// anything better (the first round of HuBERT), and of its own features, which gives the tokens.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "audiolm/kmeans.h"
#include "audiolm/semantic.h"
#include "audiolm/semantic_network.h"
#include "audiolm/sound_set.h"
#include "base/result.h"

namespace hemiola::audiolm {

struct ClusterOptions {
  std::size_t frames = 200'000;  // about so many are clustered, of pieces evenly over the set
  std::uint64_t seed = 0;
  int threads = 1;  // 0: one for each processor
  // Called from several threads, but by one at a time; true ends the work with an error.
  std::function<bool()> stop{};
};

// Calls work(i, thread) for each of `count` pieces on some threads. Fails where stop() said so.
Status for_each_piece(std::size_t count, int threads, const std::function<bool()>& stop,
                      const std::function<void(std::size_t, int)>& work);

// Clusters of MFCC alone: what units are compared with, and half of what teaches them.
class MfccUnits {
 public:
  static Result<MfccUnits> fit(const SoundSet& sounds, std::span<const std::size_t> pieces,
                               int clusters, const ClusterOptions& options = {});
  // The same of points (count, kMfccFrame), which it standardises in place.
  static Result<MfccUnits> fit_points(std::span<float> points, int clusters, std::uint64_t seed);

  int clusters() const { return nearest_.clusters(); }
  std::vector<std::int16_t> find(std::span<const float> sound) const;

 private:
  MfccUnits(Standardiser scale, NearestCentre nearest)
      : scale_(std::move(scale)), nearest_(std::move(nearest)) {}

  Standardiser scale_;
  NearestCentre nearest_;
};

// What the encoder is taught to tell of a hidden frame: to which cluster its MFCC belong, and to
// which its chroma.
class SemanticTeacher {
 public:
  static constexpr int kKinds = 2;

  // `clusters`: of MFCC and of chroma.
  static Result<SemanticTeacher> fit(const SoundSet& sounds, std::span<const std::size_t> pieces,
                                     std::span<const int> clusters,
                                     const ClusterOptions& options = {});

  std::vector<int> classes() const { return {mfcc_.clusters(), chroma_.clusters()}; }
  const Standardiser& mel() const { return mel_; }  // of each band of log_mel()

  // (frames, kKinds).
  std::vector<std::int32_t> targets(std::span<const float> sound) const;

 private:
  SemanticTeacher(Standardiser mel, MfccUnits mfcc, NearestCentre chroma)
      : mel_(std::move(mel)), mfcc_(std::move(mfcc)), chroma_(std::move(chroma)) {}

  Standardiser mel_;
  MfccUnits mfcc_;
  NearestCentre chroma_;
};

struct SemanticUnits {
  UnitCentres centres;
  double error = 0;        // mean squared distance to the centre over the number of dimensions
  std::size_t frames = 0;  // that were clustered
};

// Tokens from the output of the network's last layer, each dimension standardised, and from rises,
// standardised and times their weight; 0: without them.
Result<SemanticUnits> fit_units(const SemanticNetwork& network, const SoundSet& sounds,
                                std::span<const std::size_t> pieces, int units, float rise_weight,
                                const ClusterOptions& options = {});

}  // namespace hemiola::audiolm
