// The beats that written music states itself, by its metres.
#pragma once

#include <vector>

#include "base/result.h"
#include "score/score.h"

namespace hemiola::tracker {

struct WrittenBeat {
  double tick = 0;
  double length = 0;  // ticks
  int place = 0;      // in its bar; 0: a downbeat. In an upbeat, counted as if the bar were whole
  int beats_in_bar = 4;  // of the metre
};

// From the first beat on or after the first note to the last before the end of the last onset. A
// beat is the unit of the metre, or three of them in compound metre (6/8, 6/4, 12/16, ...). Bar
// lines that are off by an upbeat are put right. Fails where there are millions.
Result<std::vector<WrittenBeat>> written_beats(const Score& score);

}  // namespace hemiola::tracker
