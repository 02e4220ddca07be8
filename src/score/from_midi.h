// From the events of a MIDI file to a Score: notes paired, tracks told apart by chunk, channel and
// program, tempo map, metres, keys and lyrics collected. Nothing is quantised, and ticks stay the
// file's own. Linear in the number of events but for sorting.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "midi/events.h"
#include "score/score.h"

namespace hemiola {

struct FromMidiOptions {
  // Notes that the sustain pedal holds last until it is lifted or their key is struck again.
  bool pedal = false;
};

// What was odd, by count.
struct FromMidiReport {
  std::size_t zero_length_notes = 0;    // given one tick
  std::size_t unmatched_note_ons = 0;   // ended with their track, or after four quarters
  std::size_t unmatched_note_offs = 0;  // passed over
  std::size_t bad_tempos = 0;           // of zero, or cut; passed over
  std::size_t bad_metres = 0;           // numerator 0, or a denominator over 32; passed over
  std::size_t bad_keys = 0;             // passed over
};

// A note that is struck again before it ended is ended by the first note-off (first in, first out).
// One chunk gives a track for each channel and program in it. Channel 10 is drums. In a file of
// format 2, patterns follow each other, each from a new bar on. With SMPTE division, a quarter is
// half a second (or a whole one, where half a second is no whole number of ticks).
// Fails where the file holds no note at all.
Result<Score> score_from_midi(const midi::File& file, const FromMidiOptions& options = {},
                              FromMidiReport* report = nullptr);

}  // namespace hemiola
