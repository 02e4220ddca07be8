// The beats of a performance, as a tracker or an annotation gives them. Standardising warps time by
// them: each beat becomes a quarter note, or a dotted value in compound metre.
#pragma once

#include <vector>

#include "base/time_units.h"
#include "score/score.h"

namespace hemiola {

struct BeatTrack {
  struct Beat {
    Seconds at{};
    bool downbeat = false;  // the first beat of a bar
  };

  std::vector<Beat> beats;  // strictly rising; two at least
  // The usual metre of the piece. A beat is one cell of it (cell_length()): a quarter, or a dotted
  // value in compound metre (6/8, 9/8, 12/8). A bar with another number of beats is a bar of its
  // own metre.
  Metre metre;
  double confidence = 0;  // 0 to 1; below about 0.2 the beats are hardly better than a guess
};

}  // namespace hemiola
