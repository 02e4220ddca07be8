// A track taken apart into voices, each one chord at a time, as notations need it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "score/grid_score.h"

namespace hemiola {

// Notes that begin and end together.
struct Sound {
  struct Pitch {
    std::uint8_t pitch = 60;
    std::uint8_t velocity_class = 9;
  };
  GridTick onset{};
  GridTick duration{};
  std::vector<Pitch> pitches;  // from low to high

  GridTick end() const { return onset + duration; }
};

using VoiceLine = std::vector<Sound>;  // by onset, none overlaps another

// As few voices as the notes need, in a track's order; of what begins together, the highest goes to
// the first voice that is free.
std::vector<VoiceLine> split_voices(std::span<const GridNote> notes);

}  // namespace hemiola
