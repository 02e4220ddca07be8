// From new notes on the grid to a file: a piece of its own, or the prompt's events with the new
// notes among them.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "beats/time_map.h"
#include "compose/splice.h"
#include "data/source.h"
#include "score/grid_score.h"

namespace hemiola {

struct AddedNote {
  int track = 0;  // of the whole piece's grid score
  GridNote note;  // onset from bar 0 (or 1, without an upbeat)
};

struct Addition {
  const GridScore* whole =
      nullptr;  // the piece with the new notes; its first tracks are the prompt's
  std::vector<AddedNote> notes;
  int first_bar = 0;  // index of the first bar with new notes
  int end_bar = 0;    // one past the last
  // Going on: all that the file has from first_bar on goes. Otherwise only the notes of those bars
  // in these tracks (indices) are taken out.
  bool goes_on = true;
  std::vector<int> tracks;
  std::optional<double> tempo;  // quarters a minute asked for
};

// How new music that goes on from `from` maps to the prompt's ticks: a performance goes on at its
// usual pace, or at the tempo asked for.
TimeMap steady_map(const data::Source& prompt, GridTick from, std::optional<double> tempo);

// The prompt's events with the additions, in the prompt's own ticks. A note that a held one of its
// channel and pitch leaves no place, or that would come before the file begins, is not in it.
Result<Spliced> finish_prompt(const data::Source& prompt, const Addition& addition);

}  // namespace hemiola
