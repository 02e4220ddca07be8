// What an outside reader finds in a written file: is the prompt intact to the tick, are the new
// notes on the grid and in the bars asked for, are the controls honoured? Everything is told from
// the bytes, read again; of the prompt only what was read from its own file is used (its events,
// and where its bars lie).
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "compose/generate.h"

namespace hemiola::acceptance {

struct Findings {
  std::vector<std::string> wrong;  // empty: all as it should be
  std::size_t new_notes = 0;
  int bars = 0;            // new ones
  int longest_repeat = 0;  // bars in a row that are alike, silent ones included
  bool silent_last_bar = false;
};

// `bytes` was written for `request`.
Findings check_written(const GenerateRequest& request, const Bytes& bytes);

// How many bars in a row are alike: the same onsets and pitches in the same tracks.
int longest_repeat(const GridScore& score, int first_bar, int bars);

}  // namespace hemiola::acceptance
