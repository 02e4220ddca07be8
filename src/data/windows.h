// How many tokens the bars of a piece take, and which stretch of bars fits a context.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "score/grid_score.h"
#include "tokens/tokenizer.h"

namespace hemiola::data {

class BarCosts {
 public:
  // Encodes the piece once, plainly.
  static Result<BarCosts> measure(const GridScore& piece, const tokens::Tokenizer& tokenizer);

  int bars() const { return static_cast<int>(begins_.size()) - 1; }
  // About how many tokens a window takes, all told.
  int window(int first, int count) const {
    return header_ + begins_[static_cast<std::size_t>(first + count)] -
           begins_[static_cast<std::size_t>(first)];
  }
  // The most bars from `first` on that take at most `tokens`; 1 at least.
  int fitting(int first, int tokens) const;
  // The earliest bar from which the window up to `end` (not included) takes at most `tokens`; at
  // most `end`.
  int earliest(int end, int tokens) const;

 private:
  int header_ = 0;           // the tokens before the first bar, and the end
  std::vector<int> begins_;  // of each bar, and one past the last
};

}  // namespace hemiola::data
