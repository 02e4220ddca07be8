// Snaps notes to the grid, given where the bars lie: for each cell the subdivision that explains
// its onsets best, straight (down to 3 grid ticks, a thirty-second) or triplet (down to 2).
#pragma once

#include <cstddef>
#include <vector>

#include "beats/bar_plan.h"
#include "score/grid_score.h"
#include "score/score.h"

namespace hemiola {

struct SnapStyle {
  double spread = 0.35;    // expected of onsets, in grid ticks: small for written music
  bool performed = false;  // ends are loose: coarser grids for them; one subdivision for all tracks
};

struct SnapCounts {
  std::size_t doubled = 0;
  std::size_t trimmed = 0;
  std::size_t lengthened = 0;
  std::size_t shortened = 0;
  double snap_sum = 0;  // of |error|, in grid ticks
  double snap_max = 0;
};

// One grid track for each track of the score, in order; its notes fulfil GridTrack's rules. A note
// that snaps to the end of the last bar may begin there.
std::vector<GridTrack> snap_tracks(const Score& score, const BarPlan& plan, const SnapStyle& style,
                                   SnapCounts& counts);

}  // namespace hemiola
