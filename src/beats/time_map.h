// Between a file's ticks and the grid, both ways: straight lines from anchor to anchor, drawn on
// beyond the first and the last. Strictly rising, so that each way undoes the other to rounding.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time_units.h"

namespace hemiola {

class TimeMap {
 public:
  struct Anchor {
    Tick source{};
    GridTick grid{};

    bool operator==(const Anchor&) const = default;
  };

  TimeMap() = default;  // a quarter of 480 ticks is a quarter, tick 0 is grid tick 0

  // Anchors by time. One that does not rise in both from the one before is left out, and one that
  // lies on the line between its neighbours is not needed. With fewer than two left, the map is
  // a line through what there is, at `ticks_per_quarter`.
  TimeMap(const std::vector<Anchor>& anchors, int ticks_per_quarter);

  double exact_grid_at(Tick tick) const;
  GridTick grid_at(Tick tick) const;    // the nearest
  Tick source_at(GridTick grid) const;  // the nearest

  const std::vector<Anchor>& anchors() const { return anchors_; }  // two at least

  // The same with the grid counted from `origin` on.
  TimeMap shifted(GridTick origin) const;

  // Many questions, each near the one before.
  class Cursor {
   public:
    explicit Cursor(const TimeMap& map) : anchors_(map.anchors_) {}
    double exact_grid_at(Tick tick);

   private:
    const std::vector<Anchor>& anchors_;
    std::size_t at_ = 0;  // of the line from this anchor to the next
  };

 private:
  std::vector<Anchor> anchors_ = {{Tick(0), GridTick(0)}, {Tick(480), GridTick(24)}};
};

}  // namespace hemiola
