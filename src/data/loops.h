// Procedural loops: four bars of music each, made from a seed by rules. A style gives tempo, drums,
// bass, accompaniment and melody their manner; a chain of chords is drawn for a key; the parts
// follow the chords. Everything about a loop is known, so it can serve where labels must be true:
// for the waveform model, and to tell whether a model has learnt key, chord or rhythm.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "midi/events.h"
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

// What tells near copies: for each bar a hash of the other three, of what is played there by other
// instruments than drums, up to transposition.
std::array<std::uint64_t, 4> near_copy_hashes(const Loop& loop);

struct LoopSetOptions {
  std::size_t count = 30000;
  std::uint64_t seed = 0;
  int threads = 0;  // 0: one for each processor
  // Makes more of a loop that has just been written to PATH (sound, beside it). Called from several
  // threads.
  std::function<Status(const Loop&, const midi::File&, const Path&)> then{};
  // Loops written so far, and of how many; true ends it early with an error.
  std::function<bool(std::size_t, std::size_t)> progress{};
};

// Exactly `count` files OUT/loop-00001.mid ..., OUT/labels.jsonl and OUT/loops.json, which says
// what the set is. No two loops have the same notes in three of their four bars, transposed or not,
// whatever the drums. The same arguments give the same bytes, and a longer set begins with the
// shorter one. A set that stands already is written again or continued; refused is a folder that
// holds loops of another seed, or more of them.
Status write_loops(const Path& out, const LoopSetOptions& options = {});

Json to_json(const LoopLabels& labels);

}  // namespace hemiola::data
