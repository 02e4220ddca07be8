// Where the bar lines of written music lie. Many files state a metre and then begin with an upbeat
// as if it were a whole bar, so that every bar line is off by the rest of that bar. The music says
// where they should be: long notes, low notes, changes of harmony and the last chord fall on
// downbeats.
#pragma once

#include <array>
#include <vector>

#include "base/time_units.h"
#include "score/score.h"

namespace hemiola {

// A stretch of a score under one metre, with bar lines stated to lie at `from` and every bar after.
struct MetreStretch {
  Tick from{};
  Tick until{};
  Metre metre;
  bool is_bounded = false;  // another metre begins at `until`, so that a bar should end there
};

struct BarPhase {
  GridTick upbeat{};      // what stands before the first bar line: 0 where the file is right
  double confidence = 0;  // 0 to 1: the probability of this place among all places
};

// What speaks for a bar line at one place.
struct PhaseEvidence {
  static constexpr std::size_t kCount = 13;
  std::array<float, kCount> values{};
};

// By place in the bar, in eighths from where the file says; empty where there is too little music
// or the metre has no eighths to choose from.
std::vector<PhaseEvidence> bar_phase_evidence(const Score& score, const MetreStretch& stretch);

BarPhase find_bar_phase(const Score& score, const MetreStretch& stretch);

// For written music that states no metre: 4/4, 3/4 or 6/8, by how the accents repeat.
Metre estimate_metre(const Score& score);

// The metres of a score with the bar lines where they should be: after a change whose bar lines are
// off, the metre is stated again where the first bar line belongs. `moved` is set if any is.
std::vector<MetreChange> with_true_bar_lines(const Score& score, std::vector<MetreChange> metres,
                                             bool& moved);

}  // namespace hemiola
