// The same music otherwise: in another key, louder or softer, faster or slower. Every result is a
// valid score.
#pragma once

#include <utility>

#include "base/rng.h"
#include "score/grid_score.h"

namespace hemiola::data {

// Semitones by which all pitched notes can be moved within `low` to `high` and stay in 0 to 127.
std::pair<int, int> transposition_range(const GridScore& score, int low, int high);

// Pitches, keys and chords; drums stay. The new key has at most six accidentals, as flats or sharps
// as the direction of the old one where both are possible. Must be within transposition_range.
void transpose(GridScore& score, int semitones);

void shift_velocity(GridScore& score, int classes);  // ends at the softest and loudest class
void shift_tempo(GridScore& score, int classes);     // ends at the slowest and fastest

// All pitched tracks as one piano track, doubled notes dropped, overlapping ones of a pitch cut.
GridScore flattened(const GridScore& score);

}  // namespace hemiola::data
