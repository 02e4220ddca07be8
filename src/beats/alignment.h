// Does a file's own grid mean anything? Whether its onsets sit on the quarters and their parts, or
// were played freely and only written down at some tempo.
#pragma once

#include "score/score.h"

namespace hemiola {

struct Alignment {
  // The share of onsets that lie on 1/24 of a quarter to the tick, beyond what chance would give:
  // 1 for written music, about 0 for played, 0 too where the division is too coarse to tell.
  double exact = 0;
  // How near onsets are to halves, thirds or quarters of a quarter: the mean cosine at the best of
  // these, over stretches of 32 onsets. 1: all are on them; free play has about 0.13.
  double gathered = 0;
  // Of onsets from the nearest quarter of a quarter or third, in 24ths of a quarter: the root of
  // the mean square, about 1.4 for free play.
  double spread = 0;
  // The share of onsets near whole quarters, and near those other quarters of a quarter where there
  // are most. Music that was played to a click and stored beside it has more of the latter.
  double on_quarters = 0;
  double beside = 0;

  bool is_aligned() const;
};

Alignment measure_alignment(const Score& score);

}  // namespace hemiola
