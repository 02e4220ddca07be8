// Procedural loops: four bars of music each, made from a seed by rules. A style gives tempo, drums,
// bass, accompaniment and melody their manner; a chain of chords is drawn for a key; the parts
// follow the chords. Everything about a loop is known, so it can serve where labels must be true:
// for the waveform model, and to tell whether a model has learnt key, chord or rhythm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "score/grid_score.h"

namespace hemiola::data {

enum class Role : std::uint8_t { kDrums, kBass, kComping, kPad, kMelody };
std::string_view role_name(Role role);  // "drums", "bass", "comping", "pad", "melody"

struct LoopLabels {
  std::string style;                // "bossa", "house", ...
  Key key;                          //
  std::string progression;          // in degrees: "i7 VII7 VI7 v7"
  std::vector<std::string> chords;  // one a bar, and a second where it changes: "A:min7 G:7"
  int tempo = 120;                  // quarters a minute
  Metre metre;                      //
  bool swing = false;
  std::string drum_pattern;  // "house-2"; empty without drums
  std::vector<Role> roles;   // of each track
  std::string split;         // train, validation or test: by progression and drum pattern, so
                             // that no held-out pair of both is heard in training
};

struct Loop {
  GridScore score;  // four bars, chords stated, a track for each role
  LoopLabels labels;
};

// The same on every machine.
Loop make_loop(std::uint64_t seed);

std::string chord_text(const Chord& chord, const Key& key);  // "F#:min7", spelled as the key is

struct LoopSetOptions {
  std::size_t count = 30000;
  std::uint64_t seed = 0;
  int threads = 0;  // 0: one for each processor
  // Loops written so far, and of how many; true ends it early with an error.
  std::function<bool(std::size_t, std::size_t)> progress;
};

// Exactly `count` files OUT/loop-00001.mid ..., no two with the same notes (transposed or not), and
// OUT/labels.jsonl. The same arguments give the same bytes; files that stand already are written
// again.
Status write_loops(const Path& out, const LoopSetOptions& options = {});

Json to_json(const LoopLabels& labels);

}  // namespace hemiola::data
