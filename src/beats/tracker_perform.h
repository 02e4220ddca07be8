// Plays written music as a person might: rubato, phrases that slow down, stress, chords that are
// not quite together, held and cut notes, grace notes and trills. What tracker_fit learns from, and
// what tests measure the tracker against, since the beats of such a performance are known.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "beats/tracker_onsets.h"
#include "score/score.h"

namespace hemiola::tracker {

struct Performance {
  std::vector<Note> notes;    // by onset
  std::vector<Level> levels;  // of each note
  struct Beat {
    double at = 0;
    bool downbeat = false;
  };
  std::vector<Beat> beats;
};

struct PerformOptions {
  double most_seconds = 160;  // the rest is left out
  bool invent_tempo = false;  // where the written one means nothing
  double steadiness = 1;      // 1: people; large: a machine
};

// Fails where there is too little music, or its tempo is beyond sense.
Result<Performance> perform(const Score& score, const PerformOptions& options, Rng& rng);

}  // namespace hemiola::tracker
