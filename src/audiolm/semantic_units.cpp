#include "audiolm/semantic_units.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>

#include "audiolm/features.h"
#include "engine/thread_pool.h"

namespace hemiola::audiolm {
namespace {

// Pieces evenly over the set that have about so many frames together.
std::vector<std::size_t> some_pieces(const SoundSet& sounds, std::span<const std::size_t> pieces,
                                     std::size_t frames) {
  std::size_t all = 0;
  for (const std::size_t i : pieces) all += semantic_frames(sounds.piece(i).samples);
  const double share = std::min(
      1.0, static_cast<double>(frames) / static_cast<double>(std::max<std::size_t>(1, all)));
  std::vector<std::size_t> some;
  double owed = 1;
  for (const std::size_t i : pieces) {
    if (owed >= 1) {
      some.push_back(i);
      owed -= 1;
    }
    owed += share;
  }
  return some;
}

std::vector<float> joined(const std::vector<std::vector<float>>& parts) {
  std::vector<float> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

Status for_each_piece(std::size_t count, int threads, const std::function<bool()>& stop,
                      const std::function<void(std::size_t, int)>& work) {
  engine::ThreadPool pool(threads > 0 ? threads : engine::ThreadPool::usable_processors());
  std::mutex mutex;
  std::atomic<bool> stopped{false};
  constexpr std::size_t kAtOnce = 1 << 14;  // the pool takes a limited number of tasks at a time
  for (std::size_t begin = 0; begin < count; begin += kAtOnce) {
    pool.run(static_cast<int>(std::min(kAtOnce, count - begin)), [&](int index, int thread) {
      if (stopped) return;
      if (stop) {
        const std::lock_guard lock(mutex);
        if (stop()) stopped = true;
      }
      if (!stopped) work(begin + static_cast<std::size_t>(index), thread);
    });
  }
  if (stopped) return fail("stopped");
  return {};
}

Result<MfccUnits> MfccUnits::fit_points(std::span<float> points, int clusters, std::uint64_t seed) {
  Standardiser scale = Standardiser::fit(points, kMfccFrame);
  scale.apply(points);
  KMeansOptions means;
  means.seed = seed;
  means.clusters = clusters;
  HEMIOLA_TRY(const auto centres, fit_kmeans(points, kMfccFrame, means));
  HEMIOLA_TRY(auto nearest, NearestCentre::create(centres, kMfccFrame));
  return MfccUnits(std::move(scale), std::move(nearest));
}

Result<MfccUnits> MfccUnits::fit(const SoundSet& sounds, std::span<const std::size_t> pieces,
                                 int clusters, const ClusterOptions& options) {
  const auto some = some_pieces(sounds, pieces, options.frames);
  std::vector<std::vector<float>> mfccs(some.size());
  HEMIOLA_CHECK(for_each_piece(some.size(), options.threads, options.stop, [&](std::size_t i, int) {
    const std::vector<float> sound = sounds.sound(some[i]);
    mfccs[i] = mfcc(log_mel(sound, 0, semantic_frames(sound.size())));
  }));
  std::vector<float> points = joined(mfccs);
  return fit_points(points, clusters, options.seed);
}

std::vector<std::int16_t> MfccUnits::find(std::span<const float> sound) const {
  std::vector<float> points = mfcc(log_mel(sound, 0, semantic_frames(sound.size())));
  scale_.apply(points);
  return nearest_.find(points);
}

Result<SemanticTeacher> SemanticTeacher::fit(const SoundSet& sounds,
                                             std::span<const std::size_t> pieces,
                                             std::span<const int> clusters,
                                             const ClusterOptions& options) {
  const auto some = some_pieces(sounds, pieces, options.frames);
  std::vector<std::vector<float>> mels(some.size()), mfccs(some.size()), chromas(some.size());
  HEMIOLA_CHECK(for_each_piece(some.size(), options.threads, options.stop, [&](std::size_t i, int) {
    const std::vector<float> sound = sounds.sound(some[i]);
    mels[i] = log_mel(sound, 0, semantic_frames(sound.size()));
    mfccs[i] = mfcc(mels[i]);
    chromas[i] = chroma(sound);
    // A tenth is more than enough for two moments of 80 bands.
    mels[i].resize(mels[i].size() / kMelFrame / 10 * kMelFrame);
  }));
  Standardiser mel = Standardiser::fit(joined(mels), kMelBands);
  std::vector<float> points = joined(mfccs);
  HEMIOLA_TRY(auto timbres, MfccUnits::fit_points(points, clusters[0], options.seed));
  KMeansOptions means;
  means.seed = options.seed;
  means.clusters = clusters[1];
  HEMIOLA_TRY(const auto centres, fit_kmeans(joined(chromas), kChroma, means));
  HEMIOLA_TRY(auto pitches, NearestCentre::create(centres, kChroma));
  return SemanticTeacher(std::move(mel), std::move(timbres), std::move(pitches));
}

std::vector<std::int32_t> SemanticTeacher::targets(std::span<const float> sound) const {
  const auto timbres = mfcc_.find(sound), pitches = chroma_.find(chroma(sound));
  std::vector<std::int32_t> result;
  for (std::size_t i = 0; i < timbres.size(); ++i) {
    result.push_back(timbres[i]);
    result.push_back(pitches[i]);
  }
  return result;
}

Result<SemanticUnits> fit_units(const SemanticNetwork& network, const SoundSet& sounds,
                                std::span<const std::size_t> pieces, int units, float rise_weight,
                                const ClusterOptions& options) {
  const auto some = some_pieces(sounds, pieces, options.frames);
  std::vector<std::vector<float>> features(some.size()), beginnings(some.size());
  HEMIOLA_CHECK(for_each_piece(some.size(), options.threads, options.stop, [&](std::size_t i, int) {
    const std::vector<float> sound = sounds.sound(some[i]);
    const std::vector<float> mel = log_mel(sound, 0, semantic_frames(sound.size()));
    features[i] = network.run_windows(mel);
    if (rise_weight > 0) beginnings[i] = rises(mel);
  }));
  SemanticUnits result;
  result.centres.features = Standardiser::fit(joined(features), network.shape().width);
  if (rise_weight > 0) {
    result.centres.rises = Standardiser::fit(joined(beginnings), kRises);
    for (float& deviation : result.centres.rises.deviation) deviation /= rise_weight;
  }
  const int dimensions = network.shape().width + (rise_weight > 0 ? kRises : 0);
  for (std::size_t i = 0; i < some.size(); ++i) {
    features[i] = result.centres.points(std::move(features[i]), std::move(beginnings[i]));
  }
  const std::vector<float> points = joined(features);
  result.frames = points.size() / static_cast<std::size_t>(dimensions);
  KMeansOptions means;
  means.seed = options.seed;
  means.clusters = units;
  HEMIOLA_TRY(result.centres.centres, fit_kmeans(points, dimensions, means));
  HEMIOLA_TRY(const auto nearest, NearestCentre::create(result.centres.centres, dimensions));
  std::vector<float> distances(result.frames);
  nearest.find(points, distances);
  for (const float distance : distances) result.error += static_cast<double>(distance);
  result.error /= static_cast<double>(points.size());
  return result;
}

}  // namespace hemiola::audiolm
