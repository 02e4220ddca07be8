// The grammar: which class of words may follow which, as one table. Walk (walk.h) adds what depends
// on more than the last word (the rule of each class); encoder, decoder, masks and docs/tokens.md
// all go by this table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tokens/words.h"

namespace hemiola::tokens {

// The word read last, and where a class stands in several places, in which of them.
enum class Node : std::uint8_t {
  kStart,
  kForm,
  kStyle,
  kDeclare,  // Track in the header
  kProgram,
  kDensity,
  kPolyphony,
  kRange,
  kLow,
  kHigh,
  kBar,  // a bar of the music
  kUpbeat,
  kNumerator,
  kDenominator,
  kKey,
  kTempo,
  kChord,
  kChordQuality,
  kMidChord,
  kMidQuality,
  kHole,
  kHoleTrack,
  kBeat,
  kTrack,  // Track in a cell
  kPosition,
  kVelocity,
  kLong,
  kDuration,
  kNote,  // Tone, Down or Drum in a cell
  kFill,
  kFillBar,  // a bar after Fill
  kEnd,
};
inline constexpr int kNodes = static_cast<int>(Node::kEnd) + 1;

struct Arc {
  Node from;
  WordClass word;
  Node to;
};

// All arcs, by node, in the order in which the documentation shows them.
std::span<const Arc> arcs();

std::span<const Arc> arcs_from(Node node);

// Where the word leads, or nullopt where the table has no such arc.
std::optional<Node> next_node(Node from, WordClass word);

// What the class says, and what must hold for one of its words besides the table; for people.
struct ClassText {
  std::string_view meaning;
  std::string_view rule;  // may be empty
};
const ClassText& text_of(WordClass word_class);
std::string_view text_of(Node node);

// The words inside a cell; these alone are merged.
constexpr bool is_cell_word(WordClass c) {
  return c == WordClass::kTrack || c == WordClass::kPosition || c == WordClass::kVelocity ||
         c == WordClass::kLong || c == WordClass::kDuration || c == WordClass::kTone ||
         c == WordClass::kDown || c == WordClass::kDrum;
}
constexpr bool is_cell_node(Node n) { return n >= Node::kTrack && n <= Node::kNote; }

// docs/tokens.md, whole.
std::string document();

}  // namespace hemiola::tokens
