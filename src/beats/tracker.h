// Finds the beats, downbeats and metre of a performance from its notes alone. Three steps: chords
// are judged one by one (tracker_onsets.h), the most likely beats and bars are searched for
// (tracker_search.h), and a second search follows the rhythms and the tempo that the first one
// found. No randomness: the same notes give the same beats.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "beats/beat_track.h"
#include "beats/standardise.h"
#include "score/score.h"

namespace hemiola {

struct PlayedNote {
  Seconds onset{};
  Seconds duration{};
  std::uint8_t pitch = 60;  // a General MIDI percussion key on a drum
  std::uint8_t velocity = 64;
  bool is_drum = false;
};

// What is known beforehand.
struct TrackOptions {
  std::optional<double> beats_per_minute;  // about; 20 to 400
  std::optional<int> beats_per_bar;        // 2, 3 or 4
};

// Notes in any order. Fails where there are none, or where an option is out of its range. A single
// chord gives two beats, at a guess, with confidence 0.
Result<BeatTrack> track_beats(std::span<const PlayedNote> notes, const TrackOptions& options = {});

// All tracks together, at the times of the score's own tempo map.
Result<BeatTrack> track_beats(const Score& score, const TrackOptions& options = {});

// The beats of any file, from the first beat on or after its first note, to its last onset. Written
// music (Timing::kAuto decides as standardise() does): those of its own metres, at its own tempo;
// in compound metre (6/8, 6/4, 12/16, ...) they are dotted. A performance: the tracker's.
Result<std::vector<BeatTrack::Beat>> beats_of(const Score& score, Timing timing = Timing::kAuto);

}  // namespace hemiola
