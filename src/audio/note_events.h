// From the network's activations to notes, by the rules that basic-pitch was published with. Frames
// and keys here; no seconds but in frame_time().
#pragma once

#include <cstddef>
#include <vector>

#include "audio/pitch_network.h"
#include "audio/transcribe.h"
#include "base/time_units.h"

namespace hemiola {

struct NoteEvent {
  std::size_t begin = 0, end = 0;  // frames
  int pitch = 60;                  // MIDI
  float amplitude = 0;             // 0 to 1
};

// Where a frame lies in the sound. Each window gives 142 frames but goes on by a little less than
// 142 hops; the published correction for it is applied, which stays within 11 ms of the truth.
Seconds frame_time(std::size_t frame);

// In the order they are found: by onset from the last to the first, then those without one by
// strength. Options are in their ranges.
std::vector<NoteEvent> find_notes(const PitchActivations& activations, const NoteOptions& options);

// Where the contour peaks in each of the note's frames, in bins from the one that its pitch names.
// Needs the contour.
std::vector<int> bends_of(const PitchActivations& activations, const NoteEvent& note);

}  // namespace hemiola
