#include "beats/time_map.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace hemiola {
namespace {

using Anchor = TimeMap::Anchor;

TEST(TimeMap, StraightLinesFromAnchorToAnchorAndBeyond) {
  const TimeMap map(
      {{Tick(100), GridTick(0)}, {Tick(200), GridTick(24)}, {Tick(400), GridTick(48)}}, 480);
  EXPECT_DOUBLE_EQ(map.exact_grid_at(Tick(150)), 12);
  EXPECT_DOUBLE_EQ(map.exact_grid_at(Tick(300)), 36);
  EXPECT_DOUBLE_EQ(map.exact_grid_at(Tick(0)), -24);
  EXPECT_DOUBLE_EQ(map.exact_grid_at(Tick(600)), 72);
  EXPECT_EQ(map.source_at(GridTick(36)), Tick(300));
  EXPECT_EQ(map.source_at(GridTick(-24)), Tick(0));
  EXPECT_EQ(map.source_at(GridTick(72)), Tick(600));
  EXPECT_EQ(map.shifted(GridTick(24)).source_at(GridTick(0)), Tick(200));
}

TEST(TimeMap, WhatDoesNotRiseIsLeftOutAndWhatIsOnALineIsNotNeeded) {
  const TimeMap map({{Tick(0), GridTick(0)},
                     {Tick(480), GridTick(24)},
                     {Tick(480), GridTick(30)},
                     {Tick(500), GridTick(24)},
                     {Tick(960), GridTick(48)},
                     {Tick(961), GridTick(72)}},
                    480);
  const std::vector<Anchor> left = {
      {Tick(0), GridTick(0)}, {Tick(960), GridTick(48)}, {Tick(961), GridTick(72)}};
  EXPECT_EQ(map.anchors(), left);
}

TEST(TimeMap, OneAnchorOrNoneGivesTheDivision) {
  EXPECT_EQ(TimeMap({}, 96).source_at(GridTick(24)), Tick(96));
  EXPECT_EQ(TimeMap({{Tick(10), GridTick(48)}}, 96).source_at(GridTick(72)), Tick(106));
  EXPECT_EQ(TimeMap().source_at(GridTick(24)), Tick(480));
}

TEST(TimeMap, BothWaysUndoEachOtherAndCursorsAgree) {
  Rng rng(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<Anchor> anchors;
    Tick source(rng.between(-1000, 1000));
    GridTick grid(rng.between(-100, 100));
    for (int i = rng.between(1, 30); i > 0; --i) {
      anchors.push_back({source, grid});
      const int step = rng.between(1, 96);
      grid += GridTick(step);
      source += Tick(step * rng.between(1, 100));  // a source tick or more to each grid tick
    }
    const TimeMap map(anchors, 480);
    TimeMap::Cursor cursor(map);
    for (int g = -200; g < 3000; g += rng.between(1, 40)) {
      const Tick tick = map.source_at(GridTick(g));
      EXPECT_EQ(map.grid_at(tick), GridTick(g));
      EXPECT_DOUBLE_EQ(cursor.exact_grid_at(tick), map.exact_grid_at(tick));
    }
    EXPECT_DOUBLE_EQ(cursor.exact_grid_at(Tick(-50)), map.exact_grid_at(Tick(-50)));
  }
}

}  // namespace
}  // namespace hemiola
