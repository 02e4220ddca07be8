// What makes two pieces the same music: the canonical notes. Tracks are merged, onsets are counted
// on the grid from the first note, pitches relative to the first (the lowest at the first onset),
// doubles are dropped, and durations, velocities, instruments, tempo and bar lines do not matter.
// So transposed, re-timed and re-instrumented copies are equal. Drums do not transpose and are left
// out, unless there is nothing else.
#pragma once

#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "score/grid_score.h"

namespace hemiola::data {

struct CanonicalNote {
  GridTick onset{};        // from the first note
  std::int16_t pitch = 0;  // relative to the first, -127 to 127

  bool operator==(const CanonicalNote&) const = default;
};

// By onset, then pitch from low to high; no two alike.
std::vector<CanonicalNote> canonical_notes(const GridScore& score);

// SHA-256 of the text "onset pitch\n" of each note, in decimal.
Sha256Digest canonical_hash(const std::vector<CanonicalNote>& notes);

// The notes as steps from one to the next, which is how shared runs are looked for: equal runs of
// steps are equal runs of notes up to transposition. A step is 256 * (grid ticks, at most 255) +
// (semitones + 128), so silences of two and a half bars and more count as alike. Step i leads from
// note i to note i + 1. No step is 0.
std::vector<std::uint16_t> note_steps(const std::vector<CanonicalNote>& notes);

// One hash for each bar: what sounds in it, onsets from the bar's start and pitches relative to the
// bar's first. 0 for a bar in which no note begins.
std::vector<std::uint64_t> bar_hashes(const GridScore& score);

// For each canonical note the index of its bar in score.bars.
std::vector<std::uint32_t> bars_of_notes(const GridScore& score);

}  // namespace hemiola::data
