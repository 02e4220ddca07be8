#include "score/analysis.h"

#include <gtest/gtest.h>

#include "score/random_grid_score.h"

namespace hemiola {
namespace {

// Chords of a whole bar of 4/4 each, or of half bars, as root position triads.
GridScore chords(std::initializer_list<std::initializer_list<int>> list, int length) {
  GridScore score;
  GridTrack track;
  int at = 0;
  for (const auto& pitches : list) {
    std::vector<int> high(pitches);
    std::sort(high.rbegin(), high.rend());
    for (const int pitch : high) {
      track.notes.push_back({GridTick(at), GridTick(length), static_cast<std::uint8_t>(pitch), 8});
    }
    at += length;
  }
  score.bars.resize(static_cast<std::size_t>((at + 95) / 96));
  score.tracks.push_back(std::move(track));
  return score;
}

TEST(Analysis, KeysOfCadences) {
  // D major: D G A7 D; B minor: Bm Em F#7 Bm.
  EXPECT_EQ(
      estimate_key(chords({{50, 54, 57}, {55, 59, 62}, {57, 61, 64, 67}, {50, 54, 57}}, 96)).key,
      (Key{2, false}));
  EXPECT_EQ(
      estimate_key(chords({{47, 50, 54}, {52, 55, 59}, {54, 58, 61, 64}, {47, 50, 54}}, 96)).key,
      (Key{2, true}));
}

TEST(Analysis, EveryTranspositionHasItsKeyInTheUsualSpelling) {
  for (int t = 0; t < 12; ++t) {
    GridScore score = chords({{36, 40, 43}, {41, 45, 48}, {43, 47, 50, 53}, {36, 40, 43}}, 96);
    for (GridNote& note : score.tracks[0].notes)
      note.pitch = static_cast<std::uint8_t>(note.pitch + t);
    const KeyEstimate estimate = estimate_key(score);
    EXPECT_FALSE(estimate.key.minor);
    EXPECT_EQ(estimate.key.tonic(), t);
    EXPECT_LE(std::abs(estimate.key.fifths), 6);
    EXPECT_GT(estimate.lead_over_signature, 0);
  }
}

TEST(Analysis, KeysAreFilledInAndModesCorrected) {
  GridScore score = chords({{45, 48, 52}, {50, 53, 57}, {52, 56, 59, 62}, {45, 48, 52}}, 96);
  complete_keys(score, false);
  for (const GridBar& bar : score.bars) EXPECT_EQ(bar.key, (Key{0, true}));
  for (GridBar& bar : score.bars) bar.key = Key{0, false};
  complete_keys(score, false);
  EXPECT_EQ(score.bars[0].key, (Key{0, false}));
  complete_keys(score, true);
  for (const GridBar& bar : score.bars) EXPECT_EQ(bar.key, (Key{0, true}));
  // Another signature is never overruled.
  for (GridBar& bar : score.bars) bar.key = Key{5, false};
  complete_keys(score, true);
  EXPECT_EQ(score.bars[0].key, (Key{5, false}));
}

TEST(Analysis, ChordsOfHalfBars) {
  GridScore score = chords({{36, 64, 67}, {36, 64, 67}, {43, 59, 65, 74}, {45, 60, 64}}, 48);
  complete_chords(score);
  EXPECT_EQ(score.bars[0].chord, (Chord{0, ChordQuality::kMajor}));
  EXPECT_EQ(score.bars[0].chord_at_middle, std::nullopt);  // as at the start
  EXPECT_EQ(score.bars[1].chord, (Chord{7, ChordQuality::kDominant7}));
  EXPECT_EQ(score.bars[1].chord_at_middle, (Chord{9, ChordQuality::kMinor}));
  clear_chords(score);
  EXPECT_EQ(score.bars[1].chord, std::nullopt);
}

TEST(Analysis, SilenceHasNoChordAndStatedChordsStay) {
  GridScore score = chords({{36, 64, 67}}, 96);
  score.bars.resize(3);
  score.bars[2].chord = Chord{3, ChordQuality::kPower};
  complete_chords(score);
  EXPECT_EQ(score.bars[1].chord, std::nullopt);
  EXPECT_EQ(score.bars[2].chord, (Chord{3, ChordQuality::kPower}));
}

TEST(Analysis, AnyScoreStaysValid) {
  Rng rng(5);
  for (int i = 0; i < 300; ++i) {
    GridScore score = random_grid_score(rng);
    clear_chords(score);
    complete_keys(score, true);
    complete_chords(score);
    ASSERT_TRUE(validate(score)) << validate(score).error().message;
    for (std::size_t t = 0; t < score.tracks.size(); ++t) {
      const TrackFigures figures = measure_track(score, t);
      EXPECT_EQ(figures.notes, score.tracks[t].notes.size());
      EXPECT_LE(figures.sounding_share, 1.0);
      EXPECT_GE(figures.max_polyphony + 1e-9, figures.mean_polyphony);
    }
  }
}

TEST(Analysis, Figures) {
  const GridScore score = chords({{60, 64}, {72}}, 48);
  const TrackFigures figures = measure_track(score, 0);
  EXPECT_EQ(figures.notes, 3u);
  EXPECT_EQ(figures.lowest, 60);
  EXPECT_EQ(figures.highest, 72);
  EXPECT_EQ(figures.max_polyphony, 2);
  EXPECT_DOUBLE_EQ(figures.mean_polyphony, 1.5);
  EXPECT_DOUBLE_EQ(figures.sounding_share, 1);
  EXPECT_DOUBLE_EQ(figures.notes_per_bar, 3);
  EXPECT_DOUBLE_EQ(figures.mean_duration, 2);
  EXPECT_DOUBLE_EQ(figures.mean_velocity_class, 8);
  EXPECT_EQ(measure_pitched(GridScore()).notes, 0u);
}

}  // namespace
}  // namespace hemiola
