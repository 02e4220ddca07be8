#include "beats/time_map.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hemiola {
namespace {

using Anchor = TimeMap::Anchor;

double along(const Anchor& a, const Anchor& b, Tick tick) {
  const double share = static_cast<double>((tick - a.source).count()) /
                       static_cast<double>((b.source - a.source).count());
  return a.grid.count() + share * static_cast<double>((b.grid - a.grid).count());
}

// Whether b lies on the line from a to c, exactly.
bool on_line(const Anchor& a, const Anchor& b, const Anchor& c) {
  return static_cast<__int128>((b.source - a.source).count()) * (c.grid - a.grid).count() ==
         static_cast<__int128>((c.source - a.source).count()) * (b.grid - a.grid).count();
}

}  // namespace

TimeMap::TimeMap(const std::vector<Anchor>& anchors, int ticks_per_quarter) {
  anchors_.clear();
  for (const Anchor& anchor : anchors) {
    if (!anchors_.empty() &&
        (anchor.source <= anchors_.back().source || anchor.grid <= anchors_.back().grid)) {
      continue;
    }
    const std::size_t n = anchors_.size();
    if (n >= 2 && on_line(anchors_[n - 2], anchors_[n - 1], anchor)) {
      anchors_.back() = anchor;
    } else {
      anchors_.push_back(anchor);
    }
  }
  if (anchors_.empty()) anchors_.push_back({});
  if (anchors_.size() == 1) {
    anchors_.push_back(
        {anchors_[0].source + Tick(ticks_per_quarter), anchors_[0].grid + kGridQuarter});
  }
}

double TimeMap::exact_grid_at(Tick tick) const {
  auto after = std::upper_bound(anchors_.begin() + 1, anchors_.end() - 1, tick,
                                [](Tick t, const Anchor& anchor) { return t < anchor.source; });
  return along(*(after - 1), *after, tick);
}

GridTick TimeMap::grid_at(Tick tick) const {
  constexpr double kLow = std::numeric_limits<std::int32_t>::min() / 2;
  constexpr double kHigh = std::numeric_limits<std::int32_t>::max() / 2;
  return GridTick(
      static_cast<std::int32_t>(std::lround(std::clamp(exact_grid_at(tick), kLow, kHigh))));
}

Tick TimeMap::source_at(GridTick grid) const {
  auto after = std::upper_bound(anchors_.begin() + 1, anchors_.end() - 1, grid,
                                [](GridTick g, const Anchor& anchor) { return g < anchor.grid; });
  const Anchor& a = *(after - 1);
  const Anchor& b = *after;
  const double share =
      static_cast<double>((grid - a.grid).count()) / static_cast<double>((b.grid - a.grid).count());
  return a.source + Tick(std::llround(share * static_cast<double>((b.source - a.source).count())));
}

TimeMap TimeMap::shifted(GridTick origin) const {
  TimeMap map = *this;
  for (Anchor& anchor : map.anchors_) anchor.grid -= origin;
  return map;
}

double TimeMap::Cursor::exact_grid_at(Tick tick) {
  while (at_ + 2 < anchors_.size() && anchors_[at_ + 1].source <= tick) ++at_;
  while (at_ > 0 && anchors_[at_].source > tick) --at_;
  return along(anchors_[at_], anchors_[at_ + 1], tick);
}

}  // namespace hemiola
