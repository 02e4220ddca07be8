// From a Score or a GridScore to the events of a MIDI file of format 1: a first track with tempo,
// metre and key, then one for each track of notes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "midi/events.h"
#include "score/grid_score.h"
#include "score/score.h"

namespace hemiola {

struct FromGridOptions {
  int ticks_per_quarter = 480;                  // a multiple of 24
  std::optional<double> quarters_per_minute{};  // this tempo throughout, not the nominal ones
  std::string title{};
  std::vector<std::string> track_names{};  // where none is given: the instrument's
};

// A grid score in ticks, as it is to sound. An upbeat is a short first bar. Each track gets a
// channel of its own while the 15 melodic ones last; after that, tracks of one instrument share a
// channel, and only then unlike instruments do. Fails on an invalid score and impossible options.
Result<Score> score_from_grid(const GridScore& grid, const FromGridOptions& options = {});

// Tracks keep their channels, but drums go to channel 10 and nothing else does. Where unlike
// instruments share a channel, the program is set before their notes.
midi::File midi_from_score(const Score& score);

Result<midi::File> midi_from_grid(const GridScore& grid, const FromGridOptions& options = {});

}  // namespace hemiola
