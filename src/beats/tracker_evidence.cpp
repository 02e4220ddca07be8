// A small network that judges each chord by its features and those of its nearest neighbours. The
// weights come from tracker_fit; see there for the music that they were fitted to.
#include <algorithm>
#include <bit>
#include <cmath>

#include "beats/tracker_onsets.h"
#include "beats/tracker_weights.h"

namespace hemiola::tracker {
namespace {

const Weights& evidence_weights() {
  static const Weights weights = [] {
    std::array<float, kWeights> numbers;
    for (std::size_t i = 0; i < kWeights; ++i) {
      numbers[i] = static_cast<float>(kEvidenceWeights[i]) / 1024;
    }
    return std::bit_cast<Weights>(numbers);
  }();
  return weights;
}

}  // namespace

std::vector<Evidence> chord_evidence(std::span<const Features> features) {
  constexpr float kMost = 2.5F;  // of either sign
  const Weights& weights = evidence_weights();
  std::vector<Features> scaled(features.begin(), features.end());
  for (Features& row : scaled) {
    for (std::size_t k = 0; k < kFeatures; ++k) {
      row[k] = (row[k] - weights.mean[k]) * weights.inverse_spread[k];
    }
  }
  std::vector<Evidence> evidence(features.size());
  const auto n = static_cast<std::ptrdiff_t>(scaled.size());
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    std::array<float, kHidden> hidden = weights.hidden_bias;
    for (std::ptrdiff_t offset = -kNeighbours; offset <= kNeighbours; ++offset) {
      if (i + offset < 0 || i + offset >= n) continue;
      const Features& row = scaled[static_cast<std::size_t>(i + offset)];
      const auto& matrix = weights.hidden[static_cast<std::size_t>(offset + kNeighbours)];
      for (std::size_t k = 0; k < kFeatures; ++k) {
        for (std::size_t h = 0; h < kHidden; ++h) hidden[h] += matrix[k][h] * row[k];
      }
    }
    Evidence out = weights.bias;
    for (std::size_t h = 0; h < kHidden; ++h) {
      const float value = std::max(0.0F, hidden[h]);
      for (std::size_t level = 0; level < kLevels; ++level) {
        out[level] += weights.output[h][level] * value;
      }
    }
    const float highest = *std::max_element(out.begin(), out.end());
    float sum = 0;
    for (float value : out) sum += std::exp(value - highest);
    const float total = highest + std::log(sum);
    for (std::size_t level = 0; level < kLevels; ++level) {
      out[level] = std::clamp(out[level] - total - weights.log_share[level], -kMost, kMost);
    }
    evidence[static_cast<std::size_t>(i)] = out;
  }
  return evidence;
}

}  // namespace hemiola::tracker
