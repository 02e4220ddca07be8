// Does a measure put music of known quality in its place? Only then is it believed.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/json.h"
#include "evaluate/distance.h"

namespace hemiola::compare {

// How far a set is from real music by some measure: less is nearer.
struct Figure {
  double value = 0;
  std::optional<evaluate::Interval> interval;  // 95 %
};

using Pair = std::pair<std::string, std::string>;  // the nearer set, the farther one

// {"trusted", "pairs": [{"nearer","farther","holds","apart"}]}. A pair holds if the nearer set has
// the smaller figure, and is apart if even their intervals say so (null where there are none).
// Pairs of which a set has no figure are left out. Trusted: there are pairs, and all of them hold.
Json judge_order(const std::map<std::string, Figure>& figures, std::span<const Pair> pairs);

}  // namespace hemiola::compare
