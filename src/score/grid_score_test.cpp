#include "score/grid_score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace hemiola {
namespace {

using testing::HasSubstr;

GridScore small_score() {
  GridScore score;
  score.bars.resize(2);
  score.tracks.push_back({.notes = {{GridTick(0), GridTick(24), 64, 9},
                                    {GridTick(0), GridTick(24), 60, 9},
                                    {GridTick(24), GridTick(96), 60, 9}}});
  return score;
}

std::string problem(const GridScore& score) {
  const Status status = validate(score);
  return status ? "" : status.error().message;
}

TEST(GridScore, MetresHaveTheLengthsAndCellsOfTheTable) {
  const auto check = [](Metre metre, int length, int cell, int count) {
    EXPECT_EQ(bar_length(metre).count(), length);
    EXPECT_EQ(cell_length(metre).count(), cell);
    EXPECT_EQ(cell_count(metre), count);
  };
  check({4, 4}, 96, 24, 4);
  check({6, 8}, 72, 36, 2);
  check({3, 8}, 36, 36, 1);
  check({5, 8}, 60, 24, 3);
  check({9, 16}, 54, 18, 3);
  check({2, 2}, 96, 24, 4);
  check({1, 1}, 96, 24, 4);
  check({32, 4}, 768, 24, 32);
}

TEST(GridScore, BarStartsAddUp) {
  GridScore score;
  score.bars = {{.metre = {3, 4}}, {.metre = {6, 8}}, {.metre = {5, 8}}};
  const std::vector<GridTick> starts = {GridTick(0), GridTick(72), GridTick(144), GridTick(204)};
  EXPECT_EQ(score.bar_starts(), starts);
}

TEST(GridScore, TempoClassesAreNearestInProportion) {
  for (std::size_t i = 0; i < kTempos.size(); ++i) {
    EXPECT_EQ(nearest_tempo_class(kTempos[i]), static_cast<int>(i));
  }
  EXPECT_EQ(nearest_tempo_class(0.1), 0);
  EXPECT_EQ(nearest_tempo_class(-1), 0);
  EXPECT_EQ(nearest_tempo_class(4000), 57);
  EXPECT_EQ(kTempos[static_cast<std::size_t>(nearest_tempo_class(121.9))], 120);
  EXPECT_EQ(kTempos[static_cast<std::size_t>(nearest_tempo_class(295))], 300);
}

TEST(GridScore, AValidScorePasses) { EXPECT_EQ(problem(small_score()), ""); }

TEST(GridScore, EachBrokenRuleIsNamedWithItsPlace) {
  const auto broken = [](auto&& change) {
    GridScore score = small_score();
    change(score);
    return problem(score);
  };
  EXPECT_THAT(broken([](GridScore& s) { s.bars.clear(); }), HasSubstr("no bars"));
  EXPECT_THAT(broken([](GridScore& s) {
                s.bars[1].metre = {5, 3};
              }),
              HasSubstr("bar 2: metre 5/3: the denominator"));
  EXPECT_THAT(broken([](GridScore& s) { s.bars[1].metre = {0, 4}; }), HasSubstr("numerator"));
  EXPECT_THAT(broken([](GridScore& s) { s.bars[0].metre = {30, 2}; }), HasSubstr("lasts 1440"));
  EXPECT_THAT(broken([](GridScore& s) { s.bars[0].key = Key{8, false}; }), HasSubstr("8 fifths"));
  EXPECT_THAT(broken([](GridScore& s) { s.bars[0].tempo_class = 58; }), HasSubstr("tempo class"));
  EXPECT_THAT(broken([](GridScore& s) {
                s.bars[0].chord = Chord{12, ChordQuality::kMajor};
              }),
              HasSubstr("chord root 12"));
  EXPECT_THAT(broken([](GridScore& s) {
                s.bars[0].metre = {3, 4};
                s.bars[0].chord_at_middle = Chord{};
              }),
              HasSubstr("no middle"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks.resize(33); }), HasSubstr("33 tracks"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].program = 128; }), HasSubstr("program 128"));
  EXPECT_THAT(broken([](GridScore& s) {
                s.tracks[0].is_drum = true;
                s.tracks[0].program = 5;
              }),
              HasSubstr("drum"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[2].onset = GridTick(192); }),
              HasSubstr("track 1: pitch 60 at 192: begins outside"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[0].onset = GridTick(-1); }),
              HasSubstr("begins outside"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[0].duration = GridTick(0); }),
              HasSubstr("lasts 0"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[0].duration = GridTick(1537); }),
              HasSubstr("lasts 1537"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[0].pitch = 128; }), HasSubstr("pitch"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[0].velocity_class = 16; }),
              HasSubstr("velocity class 16"));
  EXPECT_THAT(broken([](GridScore& s) { std::swap(s.tracks[0].notes[0], s.tracks[0].notes[1]); }),
              HasSubstr("out of order"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[1].pitch = 64; }),
              HasSubstr("out of order"));
  EXPECT_THAT(broken([](GridScore& s) { s.tracks[0].notes[1].duration = GridTick(25); }),
              HasSubstr("pitch 60 at 24: overlaps"));
  EXPECT_THAT(broken([](GridScore& s) { s.has_upbeat = true; }), HasSubstr("silent at its start"));
  EXPECT_THAT(broken([](GridScore& s) {
                s.bars.assign(3'000'000, {.metre = {32, 4}});
              }),
              HasSubstr("longer than"));
}

Score with_tempos(std::vector<TempoChange> tempos) {
  Score score;
  score.ticks_per_quarter = 480;
  score.tempos = std::move(tempos);
  return score;
}

TEST(Score, WithoutTempoItIs120) {
  const Score score = with_tempos({});
  EXPECT_DOUBLE_EQ(score.seconds_at(Tick(960)).count(), 1.0);
  EXPECT_EQ(score.tick_at(Seconds(1.0)), Tick(960));
  EXPECT_DOUBLE_EQ(score.seconds_at(Tick(-480)).count(), -0.5);
}

TEST(Score, TempoChangesAddUp) {
  // 120 for a quarter, then 60 for two, then 240.
  const Score score = with_tempos({{Tick(480), 1000000}, {Tick(1440), 250000}});
  EXPECT_DOUBLE_EQ(score.seconds_at(Tick(480)).count(), 0.5);
  EXPECT_DOUBLE_EQ(score.seconds_at(Tick(960)).count(), 1.5);
  EXPECT_DOUBLE_EQ(score.seconds_at(Tick(1440)).count(), 2.5);
  EXPECT_DOUBLE_EQ(score.seconds_at(Tick(1920)).count(), 2.75);
}

TEST(Score, OfTwoTemposAtOnceTheLastCounts) {
  const Score score = with_tempos({{Tick(0), 1000000}, {Tick(0), 250000}});
  EXPECT_DOUBLE_EQ(score.seconds_at(Tick(480)).count(), 0.25);
}

TEST(Score, TickAtIsTheInverseOfSecondsAt) {
  const Score score =
      with_tempos({{Tick(0), 500001}, {Tick(7), 16777215}, {Tick(1000), 1}, {Tick(5000), 333333}});
  const TempoMap map(score);
  for (int i = -50; i < 10000; i += 3) {
    EXPECT_EQ(map.tick_at(map.seconds_at(Tick(i))), Tick(i)) << i;
  }
}

TEST(Score, EndIsTheLatestEndOfANote) {
  Score score;
  EXPECT_EQ(score.end(), Tick(0));
  score.tracks.resize(2);
  score.tracks[0].notes = {{Tick(0), Tick(1000), 60, 64}, {Tick(500), Tick(10), 60, 64}};
  score.tracks[1].notes = {{Tick(900), Tick(50), 60, 64}};
  EXPECT_EQ(score.end(), Tick(1000));
  EXPECT_EQ(score.note_count(), 3u);
}

}  // namespace
}  // namespace hemiola
