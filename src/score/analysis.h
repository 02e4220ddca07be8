// What a grid score does not state but its notes say: key and mode, chords, and figures of each
// track. Estimates: they are right for most tonal music and mean nothing for drums.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "score/grid_score.h"

namespace hemiola {

struct KeyEstimate {
  Key key;
  // How much likelier than the next best key of another signature, and than the same signature in
  // the other mode: natural logarithms per pitch, 0 where there is nothing to go by.
  double lead_over_signature = 0;
  double lead_over_mode = 0;
};

// Of the bars from `begin` to before `end`; all tracks but drums.
KeyEstimate estimate_key(const GridScore& score, std::size_t begin_bar, std::size_t end_bar);
KeyEstimate estimate_key(const GridScore& score);

// Bars without a key get the one estimated from all such bars. Many files state each key as major;
// where `correct_mode`, a stretch of bars of one signature gets the mode that its notes plainly
// have.
void complete_keys(GridScore& score, bool correct_mode);

// Fills chord and chord_at_middle where they are empty: one chord for each half bar, or for each
// bar that has no middle; none where it is silent or nothing fits. The middle gets one only where
// it is another than at the start.
void complete_chords(GridScore& score);
void clear_chords(GridScore& score);

struct TrackFigures {
  std::size_t notes = 0;
  int lowest = 0, highest = 0;  // pitch; 0 without notes
  double mean_pitch = 0;
  double notes_per_bar = 0;   // over the bars in which it plays
  double sounding_share = 0;  // 0 to 1: of the piece's time
  double mean_polyphony = 0;  // notes at once, while it sounds
  int max_polyphony = 0;
  double mean_duration = 0;  // in quarters
  double mean_velocity_class = 0;
};

TrackFigures measure_track(const GridScore& score, std::size_t track);
// All tracks but drums taken as one.
TrackFigures measure_pitched(const GridScore& score);

}  // namespace hemiola
