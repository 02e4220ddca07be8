// For each token of a vocabulary what it needs and does inside a cell, as sets: which tokens begin
// with which words, contain which pitches, need a velocity in force, and so on. Made once for a
// vocabulary; masks combine these sets instead of looking at tokens one by one. Immutable: any
// number of threads may use one.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "tokens/grammar.h"
#include "tokens/shape.h"
#include "tokens/token_set.h"
#include "tokens/tokenizer.h"

namespace hemiola::tokens {

class MaskTables {
 public:
  // The vocabulary must outlive the tables.
  explicit MaskTables(const Vocabulary& vocabulary);

  const Vocabulary& vocabulary() const { return *vocabulary_; }
  // The shape of a token that has notes below the last before it (joins_chord).
  const PitchSet& head_downs(Token token) const { return head_downs_[token]; }

  // Below, "tokens" are those inside cells.
  std::array<TokenSet, kNodes> may_follow;        // by their first word; none begins with Track
  std::array<TokenSet, kMaxTracks> begins_track;  // with this Track
  // No Pos, or the first no earlier than [p]; no Pos, or the last earlier than [p].
  std::array<TokenSet, kMaxCellLength + 1> position_from, position_below;
  std::array<TokenSet, kVelocityClasses> first_velocity;
  std::array<TokenSet, kDurations.size()> first_duration;
  TokenSet odd_first_duration;  // one that is not one word
  TokenSet needs_velocity, needs_duration;
  TokenSet opens_position, joins_chord;
  std::array<TokenSet, 129> head_drum_below;  // no Drum in the head, or the first below [d]
  TokenSet melodic, percussive;               // with Tone or Down; with Drum
  std::array<TokenSet, kTones> has_tone;
  std::array<TokenSet, 128> has_drum;
  TokenSet may_collide, fragment;
  TokenSet long_notes;  // a known duration over kShortNote
  TokenSet has_notes;
  TokenSet several_onsets;                            // notes that do not all begin together
  std::array<TokenSet, 129> head_over, at_once_over;  // more than [n] notes in the head; at once
  TokenSet dangling;                                  // a note must still follow
  TokenSet dangling_free, dangling_inherits;          // by Shape::floor
  std::array<TokenSet, kTones> dangling_above_tone;
  std::array<TokenSet, 128> dangling_above_drum;

  static constexpr int kShortNote = 48;

 private:
  void add(Token token, const Shape& shape);

  const Vocabulary* vocabulary_;
  std::vector<PitchSet> head_downs_;
};

}  // namespace hemiola::tokens
