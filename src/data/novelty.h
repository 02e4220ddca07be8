// Is this piece new? Compared with every training piece of a data set, up to transposition: the
// same file, the same notes, the longest run of notes they share, and the share of bars that stand
// in the training data as they are. Answered from the index in the shards in some milliseconds;
// novelty_index.h does the same without the data set.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/hash.h"
#include "base/json.h"
#include "data/dataset.h"
#include "score/grid_score.h"

namespace hemiola::data {

// Bars are numbered as everywhere outside: from 1, an upbeat is 0; both ends included.
struct BarRange {
  int first = 0;
  int last = 0;
};

// Notes on end, in the order of canonical notes (all tracks merged).
struct SharedRun {
  std::uint32_t notes = 0;  // 0: nothing shared
  std::string piece;        // path of the training piece
  BarRange bars;            // where in that piece
  BarRange own_bars;        // where in the piece that was asked about
};

struct Novelty {
  bool exact_file = false;
  bool exact_notes = false;
  SharedRun longest_run;
  // The run may be longer than could be told, by so many notes at most; 0 from a data set.
  std::uint32_t run_slack = 0;
  double copied_bars = 0;   // of the bars in which notes begin
  std::uint32_t notes = 0;  // canonical notes of the piece that was asked about

  // A copy by any of these: the same notes, a shared run of kCopiedRun notes or more (or of more
  // than half the piece, from kLeastRun notes on), or more than kCopiedBars of the bars. Where the
  // run is not known exactly, the first takes the middle of what it may be. Real held-out music is
  // hardly ever a copy in this sense; docs/benchmarks.md has the figures.
  bool is_copy() const;
};
inline constexpr std::uint32_t kCopiedRun = 64;
inline constexpr std::uint32_t kLeastRun = 24;
inline constexpr double kCopiedBars = 0.8;

// `file_hash`: SHA-256 of the file the score was read from, if there is one.
Novelty novelty(const GridScore& score, const Dataset& dataset,
                const std::optional<Sha256Digest>& file_hash = std::nullopt);

Json to_json(const Novelty& novelty);

}  // namespace hemiola::data
