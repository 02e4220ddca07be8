// Durations and pitches as MusicXML spells them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "score/grid_score.h"

namespace hemiola::musicxml {

// One written note value: a type with dots, in a triplet or not.
struct Value {
  int ticks = 0;
  std::string_view type;  // "quarter"
  int dots = 0;
  bool triplet = false;
};

// A length as note values that add up to it, the longest first. Any length can be said: what is no
// multiple of three ends in values of a triplet.
std::vector<Value> values_of(int ticks);
// The one value of a member of a triplet; nullopt where it has none.
std::optional<Value> triplet_value(int ticks);

struct Spelling {
  char step = 'C';
  int alter = 0;
  int octave = 4;
};

// From three fifths below the key's "1" to eight above it: in C, Eb to G#.
Spelling spell(int pitch, const std::optional<Key>& key);

std::string escaped(std::string_view text);

}  // namespace hemiola::musicxml
