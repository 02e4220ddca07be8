// The numbers of the network in tracker_evidence.cpp, as tracker_fit writes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "beats/tracker_onsets.h"

namespace hemiola::tracker {

inline constexpr std::ptrdiff_t kNeighbours = 4;  // chords on either side
inline constexpr std::size_t kHidden = 40;

struct Weights {
  Features mean, inverse_spread;  // (features)
  // (1 + 2 neighbours, from the earliest to the latest; features; hidden)
  std::array<std::array<std::array<float, kHidden>, kFeatures>, 2 * kNeighbours + 1> hidden;
  std::array<float, kHidden> hidden_bias;
  std::array<std::array<float, kLevels>, kHidden> output;  // (hidden, levels)
  std::array<float, kLevels> bias;
  std::array<float, kLevels> log_share;  // of each level among all chords
};
inline constexpr std::size_t kWeights = sizeof(Weights) / sizeof(float);

// In the order of the struct, in 1024ths.
extern const std::array<std::int16_t, kWeights> kEvidenceWeights;

}  // namespace hemiola::tracker
