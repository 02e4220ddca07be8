// Where the bars lie, in the file's ticks and on the grid: from the metres a file states, or from
// the beats of a performance. Knows no notes but the place of the first and the last.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "beats/beat_track.h"
#include "beats/time_map.h"
#include "score/score.h"

namespace hemiola {

struct BarPlan {
  bool has_upbeat = false;
  std::vector<Metre> metres;  // of each bar; each can be said by a GridBar
  TimeMap map;

  std::size_t partial_bars = 0;  // cut short by a change of metre
  std::size_t rounded_bars = 0;  // stretched to the grid
  std::size_t split_bars = 0;    // of metres that cannot be said
};

// The stretch of time the bars have to cover.
struct Extent {
  Tick first_onset{};
  Tick last_onset{};
  Tick end{};  // of the last note; after last_onset
};

// Score-aligned: `metres` by time, one at least; the first is taken to begin at tick 0. Bars are
// counted anew from each change. A first bar that is shorter than the one after it is an upbeat.
Result<BarPlan> plan_aligned_bars(const std::vector<MetreChange>& metres, int ticks_per_quarter,
                                  const Extent& extent, std::size_t max_bars);

// Performed: each beat becomes one cell of the metre. What comes before the first beat and after
// the last goes on at the pace of the nearest beats; the last note may sound beyond the last bar.
Result<BarPlan> plan_performed_bars(const BeatTrack& beats, const Score& score,
                                    const Extent& extent, std::size_t max_bars);

}  // namespace hemiola
