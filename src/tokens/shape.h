// What a token that stands inside cells does, told once from its base words alone: what must hold
// before it, which notes it writes, and what holds after it. Masks go by this.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "tokens/grammar.h"
#include "tokens/occupancy.h"
#include "tokens/words.h"

namespace hemiola::tokens {

// "Head": what stands before the token's first Pos, at the position where the cell stands.
struct Shape {
  WordClass first{};            // class of the first word
  int track = -1;               // index, where it begins with Track
  int first_position = -1;      // -1: it has no Pos
  int last_position = -1;       //
  int first_velocity = -1;      // value of its first Vel
  bool needs_velocity = false;  // one must be in force already
  int first_duration = 0;       // ticks of its first Dur, with its Longs; 0: none
  bool needs_duration = false;  // one must be in force already
  bool opens_position = false;  // its head has a Tone: no note yet at the cell's position
  bool joins_chord = false;     // its head begins with Down: a note before it at the position
  int first_drum = -1;          // first Drum of the head
  int head_notes = 0;           // notes of the head
  int most_at_once = 0;         // the most notes at one position
  PitchSet head_downs;          // bit n: a note n semitones below the last before the token
  std::array<std::uint64_t, 3> tones{};  // known tones, as indices of Tone words
  PitchSet drums;                        // percussion keys
  bool has_tail_notes = false;           // notes after its first Pos
  bool may_collide = false;  // one of its notes may run into another, as the cell may stand
  int longest = 0;           // the longest duration that is known; 0: none
  bool is_fragment = false;  // begins with Dur or Long after Long may be meant, or ends in Long
  Node exit = Node::kNote;   // where it leads
  // Where more notes must follow (exit is not kNote): they must be lower than this tone (as an
  // index of a Tone word) or drum; kNoFloor: no note yet at the position; kInherited: than the note
  // before the token.
  int floor = kNoFloor;

  static constexpr int kNoFloor = 1000, kInherited = -1;

  bool has_notes() const { return head_notes > 0 || has_tail_notes; }
};

// nullopt where the words are not all of them inside one cell, or can never stand together.
std::optional<Shape> shape_of(std::span<const Word> words);

}  // namespace hemiola::tokens
