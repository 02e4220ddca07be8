// How steady time is: how regularly a beat tracker's beats follow each other, and how near onsets
// lie to the grid that the beats make. Measured in the same way on notes and on sound, so that
// music made as notes, music made as sound and real music can be compared.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "beats/beat_track.h"
#include "beats/tracker.h"

namespace hemiola::evaluate {

struct TemporalConsistency {
  // Standard deviation over mean of the time from beat to beat. 0: a metronome.
  double beat_variation = 0;
  // The same of the ratio between neighbouring intervals, as logarithms to base 2: slow changes of
  // tempo, which are no fault, hardly count.
  double beat_jitter = 0;
  // Of the onsets between the first and the last beat, the share within 1/24 of a beat of a quarter
  // or a third of it, whichever suits that beat better, less what chance gives for that division:
  // 1 for all on the grid. Onsets that know nothing of it get up to about 0.2, by that choice.
  double on_grid = 0;
  std::size_t beats = 0, onsets = 0;
};

// Onsets rising. Fails with fewer than four beats, or no onset among them.
Result<TemporalConsistency> measure_consistency(const BeatTrack& track,
                                                std::span<const Seconds> onsets);

// Notes are tracked as a performance whatever they are, so that written music has no advantage.
Result<TemporalConsistency> measure_consistency(std::span<const PlayedNote> notes);

// Onsets of sound at 16 kHz, by spectral flux: how much louder each of 64 bands has become since 20
// ms ago, in logarithms, summed (Bello and others, "A Tutorial on Onset Detection in Music
// Signals", 2005), and peaks well above their surroundings. A "note" lasts until the next; velocity
// says how strong the onset is; the pitch says nothing.
std::vector<PlayedNote> find_onsets(std::span<const float> sound);

}  // namespace hemiola::evaluate
