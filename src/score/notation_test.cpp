#include "score/notation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "score/random_grid_score.h"

namespace hemiola {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GridScore read(std::string_view text) {
  auto score = read_notation(text, "song");
  EXPECT_TRUE(score) << (score ? "" : score.error().message);
  return score ? *std::move(score)
               : GridScore{.has_upbeat = false, .bars = {}, .tracks = std::vector<GridTrack>(1)};
}

std::string problem(std::string_view text) {
  const auto score = read_notation(text, "song");
  return score ? "" : score.error().message;
}

std::string written(const GridScore& score) {
  const auto text = write_notation(score);
  EXPECT_TRUE(text) << (text ? "" : text.error().message);
  return text.value_or("");
}

std::vector<int> pitches(const GridScore& score, std::size_t track = 0) {
  std::vector<int> list;
  for (const GridNote& note : score.tracks[track].notes) list.push_back(note.pitch);
  return list;
}

std::vector<std::pair<int, int>> times(const GridScore& score, std::size_t track = 0) {
  std::vector<std::pair<int, int>> list;
  for (const GridNote& note : score.tracks[track].notes) {
    list.emplace_back(note.onset.count(), note.duration.count());
  }
  return list;
}

using P = std::pair<int, int>;

TEST(Notation, TheFirstExample) {
  const GridScore score = read("1=C 4/4 q=96 | 1 1 5 5 | 6 6 5 - |");
  ASSERT_EQ(score.bars.size(), 2u);
  EXPECT_EQ(score.bars[0].metre, (Metre{4, 4}));
  EXPECT_EQ(score.bars[0].key, (Key{0, false}));
  EXPECT_EQ(kTempos[score.bars[1].tempo_class], 96);
  ASSERT_EQ(score.tracks.size(), 1u);
  EXPECT_EQ(score.tracks[0].program, 0);
  EXPECT_THAT(pitches(score), ElementsAre(60, 60, 67, 67, 69, 69, 67));
  EXPECT_THAT(times(score), ElementsAre(P(0, 24), P(24, 24), P(48, 24), P(72, 24), P(96, 24),
                                        P(120, 24), P(144, 48)));
  EXPECT_EQ(written(score), "1=C 4/4 q=96 | 1 1 5 5 | 6 6 5 - |\n");
}

TEST(Notation, PitchesInEveryKey) {
  EXPECT_THAT(pitches(read("1=G | 1, #4 b7' 2 |")), ElementsAre(55, 73, 89, 69));
  EXPECT_THAT(pitches(read("1=Bb | 1 3 5 1' |")), ElementsAre(58, 62, 65, 70));
  EXPECT_THAT(pitches(read("1=bB | 1 3 5 1' |")), ElementsAre(58, 62, 65, 70));
  EXPECT_EQ(read("6=F# | 6 - - - |").bars[0].key, (Key{3, true}));
  EXPECT_THAT(pitches(read("6=F# | 6, 1 3 6 |")), ElementsAre(54, 57, 61, 66));
  EXPECT_EQ(read("1 2 3 4").bars[0].key, std::nullopt);
}

TEST(Notation, Values) {
  EXPECT_THAT(times(read("4/4 | 1_ 2__ 3___ 4___ 5. 0_ 6_. 7__ |")),
              ElementsAre(P(0, 12), P(12, 6), P(18, 3), P(21, 3), P(24, 36), P(72, 18), P(90, 6)));
  EXPECT_THAT(times(read("| {3 1_ 2_ 3_} {3 1 2 3} 5 |")),
              ElementsAre(P(0, 8), P(8, 8), P(16, 8), P(24, 16), P(40, 16), P(56, 16), P(72, 24)));
  EXPECT_THAT(times(read("3/8 | {2 1_ 2_} | {4:3 1_ 2_ 3_ 4_} |")).size(), 6u);
}

TEST(Notation, TiesAndDashesCrossBarLines) {
  EXPECT_THAT(times(read("| 1 2 3 4~ | 4 - 5 - | - 0 0 0 |")),
              ElementsAre(P(0, 24), P(24, 24), P(48, 24), P(72, 72), P(144, 72)));
  EXPECT_THAT(times(read("| 1 2 [3 5] -~ | [3 5]_ 4_ 0 0 0 |")),
              ElementsAre(P(0, 24), P(24, 24), P(48, 60), P(48, 60), P(108, 12)));
}

TEST(Notation, ChordsVoicesAndTracks) {
  const GridScore score = read(R"(
    title: Two of them
    1=F 3/4 q=120      % waltz
    track violin
    | 3' 2' 1' | [1 3 5] - - |
    w: la la la
    voice
    | R | v12 1, - - |
    track Cello
    | 1,, - - | 5,, - - |
    track drums
    | x36 [x38 x42]_ x42_ x38 |)");
  ASSERT_EQ(score.tracks.size(), 3u);
  EXPECT_EQ(score.tracks[0].program, 40);
  EXPECT_EQ(score.tracks[1].program, 42);
  EXPECT_TRUE(score.tracks[2].is_drum);
  EXPECT_THAT(pitches(score, 0), ElementsAre(81, 79, 77, 72, 69, 65, 53));
  EXPECT_EQ(score.tracks[0].notes.back().velocity_class, 12);
  EXPECT_EQ(score.tracks[0].notes.front().velocity_class, 9);
  EXPECT_THAT(pitches(score, 2), ElementsAre(36, 42, 38, 42, 38));
}

TEST(Notation, AShortFirstBarIsAnUpbeat) {
  const GridScore score = read("1=G 3/4 | 5_ 5_ | 6 5 1' | 7 - |");
  EXPECT_TRUE(score.has_upbeat);
  ASSERT_EQ(score.bars.size(), 3u);
  EXPECT_THAT(times(score).front(), P(48, 12));
  EXPECT_THAT(times(score)[2], P(72, 24));
  EXPECT_FALSE(read("3/4 | 5 |").has_upbeat);
  EXPECT_TRUE(read("3/4 upbeat | 5 |").has_upbeat);
  EXPECT_THAT(problem("3/4 | 5 | 1 2 3 |\nvoice\n| 5 5 | 1 2 3 |"), HasSubstr("unlike lengths"));
}

TEST(Notation, WhatChangesIsSaidAtTheBar) {
  const GridScore score = read("1=C 4/4 q=96 | 1 2 3 4 | 3/4 1=D q=60 1 2 3 | 1=? 1 2 3 |");
  EXPECT_EQ(score.bars[1].metre, (Metre{3, 4}));
  EXPECT_EQ(score.bars[1].key, (Key{2, false}));
  EXPECT_EQ(kTempos[score.bars[1].tempo_class], 60);
  EXPECT_EQ(score.bars[2].key, std::nullopt);
  EXPECT_THAT(pitches(score), ElementsAre(60, 62, 64, 65, 62, 64, 66, 60, 62, 64));
}

TEST(Notation, ChordSymbols) {
  const GridScore score =
      read(R"(| "C:maj" 1 2 "G:7" 3 4 | "A:min / F#:hdim7" 1 2 3 4 | "/ Bb:6" 1 - - - |)");
  EXPECT_EQ(score.bars[0].chord, (Chord{0, ChordQuality::kMajor}));
  EXPECT_EQ(score.bars[0].chord_at_middle, (Chord{7, ChordQuality::kDominant7}));
  EXPECT_EQ(score.bars[1].chord_at_middle, (Chord{6, ChordQuality::kHalfDiminished}));
  EXPECT_EQ(score.bars[2].chord, std::nullopt);
  EXPECT_EQ(score.bars[2].chord_at_middle, (Chord{10, ChordQuality::kSixth}));
}

TEST(Notation, DynamicsSlursAndCompactWriting) {
  const GridScore score = read("p|(1155)|ff 665-|");
  EXPECT_EQ(score.note_count(), 7u);
  EXPECT_EQ(score.tracks[0].notes[0].velocity_class, 6);
  EXPECT_EQ(score.tracks[0].notes[4].velocity_class, 14);
}

TEST(Notation, ErrorsPointAtLineAndColumn) {
  EXPECT_EQ(problem("1=C 4/4 | 1 1 5 5 |\n| 6 6 5 |\n| 1 - - - |"),
            "song:2:3: bar 2 lasts 3 quarters, expected 4");
  EXPECT_EQ(problem("| 1 2 3 4_ |\n| 1 2 3 4 | 5 6 7_ 1__ |\n| 1 2 3 4 |"),
            "song:2:13: bar 2 lasts 2 3/4 quarters, expected 4");
  EXPECT_THAT(problem("| 1 2 3 9 |"), HasSubstr("song:1:9: expected a digit from 1 to 7"));
  EXPECT_THAT(problem("% é\n| ü |"), HasSubstr("song:2:3: 'ü' means nothing here"));
  EXPECT_THAT(problem("1=H | 1 |"), HasSubstr("song:1:1: '1=H' is no key"));
  EXPECT_THAT(problem("1=G# | 1 |"), HasSubstr("is no key"));
  EXPECT_THAT(problem("5/3 | 1 |"), HasSubstr("denominator"));
  EXPECT_THAT(problem("| 1 2 3 4 | 5~ 6 7 1 |"), HasSubstr("song:1:13: this tie leads to no note"));
  EXPECT_THAT(problem("| 1 2 3 4~ |"), HasSubstr("leads nowhere"));
  EXPECT_THAT(problem("| [1 3 5 |"), HasSubstr("not closed"));
  EXPECT_THAT(problem("| {3 1 2 3 |"), HasSubstr("song:1:3: this group is not closed"));
  EXPECT_THAT(problem("| {7 1 2 3} |"), HasSubstr("no whole number of ticks"));
  EXPECT_THAT(problem("|: 1 2 3 4 :|"), HasSubstr("repeats"));
  EXPECT_THAT(problem("| 1 2 3 4 :|"), HasSubstr("repeats"));
  EXPECT_THAT(problem("track kazoo\n| 1 |"), HasSubstr("song:1:1: "));
  EXPECT_THAT(problem("| 1 2 x128 3 |"), HasSubstr("song:1:8: a key after 'x'"));
  EXPECT_THAT(problem("| 1'''''' - - - |"), HasSubstr("out of the range"));
  EXPECT_THAT(problem("| hello |"), HasSubstr("song:1:3: 'hello' means nothing"));
  EXPECT_THAT(problem(""), HasSubstr("no notes and no bars"));
  EXPECT_THAT(problem("4/4 | 1 2 3 4 |\nvoice\n3/4 | 1 2 3 |"),
              HasSubstr("song:3:1: bar 1 is said"));
  EXPECT_THAT(problem("| 1 2 3/4 |"), HasSubstr("song:1:7: a metre stands at the start of a bar"));
  EXPECT_THAT(problem("- | 1 |"), HasSubstr("a dash stands after"));
}

TEST(Notation, WritesTripletsTiesAndExactValues) {
  GridScore score;
  score.bars.resize(2);
  score.tracks.push_back({.notes = {{GridTick(0), GridTick(8), 60, 9},
                                    {GridTick(8), GridTick(8), 62, 9},
                                    {GridTick(16), GridTick(8), 64, 9},
                                    {GridTick(24), GridTick(30), 65, 9},
                                    {GridTick(54), GridTick(7), 67, 9},
                                    {GridTick(64), GridTick(8), 67, 9},
                                    {GridTick(72), GridTick(60), 67, 12}}});
  const std::string text = written(score);
  EXPECT_THAT(text, HasSubstr("| {3 1_ 2_ 3_} 4~ 4__ 5:7 0___ 5:8 v12 5~ | 5. "));
  EXPECT_EQ(read(text), score);
}

TEST(Notation, ReadingWhatWasWrittenGivesTheSameScore) {
  Rng rng(2);
  for (int i = 0; i < 1500; ++i) {
    const GridScore score = random_grid_score(rng, {.plain = i % 3 == 0});
    ASSERT_TRUE(validate(score)) << validate(score).error().message;
    const std::string text = written(score);
    const auto again = read_notation(text, "random");
    ASSERT_TRUE(again) << again.error().message << '\n' << text;
    ASSERT_EQ(again->bars, score.bars) << text;
    ASSERT_EQ(again->has_upbeat, score.has_upbeat) << text;
    ASSERT_EQ(again->tracks, score.tracks) << text;
    ASSERT_EQ(written(*again), text);
  }
}

TEST(Notation, EmptyTracksAndNoTracksComeBack) {
  GridScore score;
  score.bars.resize(3);
  EXPECT_EQ(read(written(score)), score);
  score.tracks.resize(2);
  score.tracks[1].program = 40;
  EXPECT_EQ(read(written(score)), score);
  score.has_upbeat = true;
  EXPECT_EQ(read(written(score)), score);
}

TEST(Notation, TitlesAndInvalidScores) {
  GridScore score;
  score.bars.resize(1);
  EXPECT_EQ(write_notation(score, {.title = "A\nB"})->substr(0, 11), "title: A B\n");
  score.bars.clear();
  EXPECT_FALSE(write_notation(score));
}

}  // namespace
}  // namespace hemiola
