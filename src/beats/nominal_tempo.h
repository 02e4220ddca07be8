// The tempo a piece is in: one for all of it, unless a long section goes at another.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time_units.h"

namespace hemiola {

struct TimedBar {
  GridTick length{};   // > 0
  Seconds duration{};  // > 0
};

// Quarters a minute for each bar. Constant where `constant`, or where no eight bars on end are
// slower or faster than the rest by more than 15 %; else constant within each such section.
std::vector<double> nominal_tempos(const std::vector<TimedBar>& bars, bool constant);

}  // namespace hemiola
