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
  // The usual metre of the piece. A bar with another number of beats is a bar of its own metre. In
  // compound metre (6/8, 9/8, 12/8: see cell_length()) a beat is the dotted value, else it is one
  // unit of the denominator (4/4: a quarter, 3/8: an eighth, 2/2: a half).
  Metre metre;
  double confidence = 0;  // 0 to 1; below about 0.2 the beats are hardly better than a guess
};

}  // namespace hemiola
