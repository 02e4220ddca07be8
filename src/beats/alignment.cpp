#include "beats/alignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace hemiola {
namespace {

constexpr std::size_t kStretch = 32;       // onsets
constexpr std::size_t kMostOnsets = 8192;  // in all; enough to tell
// Parts of a quarter at which onsets may gather. Whole quarters are in none but add to all.
constexpr std::array<int, 3> kParts = {2, 3, 4};
constexpr int kPhases = 48;

std::array<float, kPhases> cosines() {
  std::array<float, kPhases> values{};
  for (std::size_t i = 0; i < kPhases; ++i) {
    values[i] =
        static_cast<float>(std::cos(2 * 3.14159265358979323846 * static_cast<double>(i) / kPhases));
  }
  return values;
}

// The places in a quarter where notes begin: each place once for each chord of each track.
std::vector<std::int32_t> onset_phases(const Score& score) {
  std::vector<std::int32_t> phases;
  const std::size_t most = kMostOnsets / std::min(score.tracks.size(), kMostOnsets / kStretch);
  for (const Track& track : score.tracks) {
    Tick before(-1);
    std::size_t taken = 0;
    for (const Note& note : track.notes) {
      if (note.onset == before) continue;
      before = note.onset;
      phases.push_back(static_cast<std::int32_t>(note.onset.count() % score.ticks_per_quarter));
      if (++taken == most) break;
    }
    if (phases.size() >= kMostOnsets) break;
  }
  return phases;
}

double chance_of_grid(int ticks_per_quarter) {
  int on = 0;
  for (int place = 0; place < 24; ++place) {
    if (place * ticks_per_quarter % 24 == 0) ++on;
  }
  return std::min(1.0, static_cast<double>(on) / ticks_per_quarter);
}

}  // namespace

bool Alignment::is_aligned() const {
  if (exact > 0.5) return true;
  return (gathered > 0.5 || (exact > 0.3 && gathered > 0.25)) && on_quarters > 1.2 * beside;
}

Alignment measure_alignment(const Score& score) {
  static const std::array<float, kPhases> cosine = cosines();
  Alignment result;
  const std::vector<std::int32_t> phases = onset_phases(score);
  if (phases.empty()) return result;
  const std::int32_t quarter = score.ticks_per_quarter;

  std::size_t exact = 0;
  std::array<std::size_t, 8> near{};  // eighths of a quarter
  double squares = 0;
  double gathered = 0;
  for (std::size_t begin = 0; begin < phases.size(); begin += kStretch) {
    const std::size_t end = std::min(phases.size(), begin + kStretch);
    std::array<float, kParts.size()> sums{};
    for (std::size_t i = begin; i < end; ++i) {
      const std::int32_t phase = phases[i];
      if (phase * 24 % quarter == 0) ++exact;
      ++near[static_cast<std::size_t>(std::lround(8.0 * phase / quarter)) % near.size()];
      const double place = 24 * static_cast<double>(phase) / static_cast<double>(quarter);
      const double of_quarters = place - 6 * static_cast<int>(place / 6 + 0.5);
      const double of_thirds = place - 8 * static_cast<int>(place / 8 + 0.5);
      squares += std::min(of_quarters * of_quarters, of_thirds * of_thirds);
      for (std::size_t k = 0; k < kParts.size(); ++k) {
        const auto angle =
            static_cast<std::size_t>(phase * kParts[k] % quarter * kPhases / quarter);
        sums[k] += cosine[angle];
      }
    }
    gathered += *std::max_element(sums.begin(), sums.end());
  }
  const auto count = static_cast<double>(phases.size());
  const double chance = chance_of_grid(score.ticks_per_quarter);
  result.exact = chance > 0.8
                     ? 0
                     : std::max(0.0, (static_cast<double>(exact) / count - chance) / (1 - chance));
  result.gathered = gathered / count;
  result.spread = std::sqrt(squares / count);
  result.on_quarters = static_cast<double>(near[0]) / count;
  result.beside = static_cast<double>(std::max({near[2], near[4], near[6]})) / count;
  return result;
}

}  // namespace hemiola
