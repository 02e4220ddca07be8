// Music of known quality, that a measure has to put in its place before it is believed: real bars
// in a wrong order, notes at random, and what an n-gram model writes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "compare/kneser_ney.h"
#include "score/grid_score.h"
#include "score/score.h"
#include "tokens/mask_tables.h"
#include "tokens/tokenizer.h"

namespace hemiola::compare {

// All bars of all pieces, dealt out anew among the places of bars of the same metre: each bar
// stands once in the result, which has the pieces' numbers of bars, tempos and keys. So every bar
// is real, and what spans bars is not. Notes end with their bar at the latest.
std::vector<GridScore> shuffle_bars(std::span<const GridScore> pieces, std::uint64_t seed);

// As many notes as in the piece on each of its tracks, with its lengths and velocities, but at any
// time (no grid) and any pitch from 36 to 96 (drums 35 to 81).
Result<Score> random_notes(const GridScore& like, Rng& rng);

// A Kneser-Ney n-gram over the tokens of a model, that writes under the same mask as the model.
class NgramWriter {
 public:
  // The tokenizer must outlive it.
  NgramWriter(const tokens::Tokenizer& tokenizer, int order);

  // Learns from a piece, in one key as it is. All of them come before the first write().
  Status learn(const GridScore& piece);
  void finish() { model_.finish(); }

  // A whole piece of so many bars.
  Result<GridScore> write(int bars, std::uint64_t seed) const;

 private:
  const tokens::Tokenizer& tokenizer_;
  tokens::MaskTables tables_;
  KneserNey model_;
};

// How long a piece is at its nominal tempos, bars of silence included.
Seconds nominal_length(const GridScore& piece);

}  // namespace hemiola::compare
