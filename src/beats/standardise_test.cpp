#include "beats/standardise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "score/from_midi.h"
#include "score/random_grid_score.h"
#include "score/to_midi.h"

namespace hemiola {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kQuarter = 480;

Note note(double quarters, double length, int pitch) {
  return {Tick(std::llround(quarters * kQuarter)), Tick(std::llround(length * kQuarter)),
          static_cast<std::uint8_t>(pitch), 64};
}

Score written(std::vector<MetreChange> metres, std::vector<Note> notes) {
  Score score;
  score.ticks_per_quarter = kQuarter;
  score.metres = std::move(metres);
  score.tracks.resize(1);
  score.tracks[0].notes = std::move(notes);
  return score;
}

// A scale of quarters, so that a score is long enough to be something.
Score scale(std::vector<MetreChange> metres, int quarters, double from = 0) {
  std::vector<Note> notes;
  for (int i = 0; i < quarters; ++i) notes.push_back(note(from + i, 1, 48 + i % 24));
  return written(std::move(metres), std::move(notes));
}

Standardised done(const Score& score, const StandardiseOptions& options = {}) {
  auto result = standardise(score, options);
  EXPECT_TRUE(result) << (result ? "" : result.error().message);
  return result ? *std::move(result) : Standardised();
}

StandardiseOptions for_data() {
  StandardiseOptions options;
  options.for_data = true;
  return options;
}

StandardiseOptions aligned() {
  StandardiseOptions options;
  options.timing = Timing::kAligned;
  return options;
}

StandardiseOptions with_beats(const BeatTrack& beats) {
  StandardiseOptions options;
  options.beats = &beats;
  return options;
}

std::vector<Metre> metres(const Standardised& result) {
  std::vector<Metre> list;
  for (const GridBar& bar : result.grid.bars) list.push_back(bar.metre);
  return list;
}

std::vector<int> onsets(const Standardised& result) {
  std::vector<int> list;
  for (const GridNote& n : result.grid.tracks[0].notes) list.push_back(n.onset.count());
  return list;
}

std::vector<int> durations(const Standardised& result) {
  std::vector<int> list;
  for (const GridNote& n : result.grid.tracks[0].notes) list.push_back(n.duration.count());
  return list;
}

TEST(Standardise, WrittenMusicIsTakenAsItIs) {
  const Score score = written(
      {{Tick(0), {3, 4}}},
      {note(0, 1, 60), note(1, 0.5, 62), note(1.5, 0.5, 64), note(2, 1, 65), note(3, 3, 67)});
  const Standardised result = done(score);
  EXPECT_THAT(onsets(result), ElementsAre(0, 24, 36, 48, 72));
  EXPECT_THAT(durations(result), ElementsAre(24, 12, 12, 24, 72));
  EXPECT_THAT(metres(result), ElementsAre(Metre{3, 4}, Metre{3, 4}));
  EXPECT_FALSE(result.report.performed);
  EXPECT_EQ(result.report.max_snap, 0);
  EXPECT_EQ(result.map.source_at(GridTick(72)), Tick(1440));
  EXPECT_EQ(result.map.grid_at(Tick(1440)), GridTick(72));
}

TEST(Standardise, EachBeatIsStraightOrTriplet) {
  const double third = 1.0 / 3;
  const Score score =
      written({{Tick(0), {4, 4}}},
              {note(0, .125, 60), note(.125, .375, 62), note(.5, .5, 60), note(1, third, 62),
               note(1 + third, third, 64), note(1 + 2 * third, third, 65), note(2, third / 2, 62),
               note(2 + third / 2, third / 2, 64), note(2 + third, 2 * third, 65), note(3, 1, 60)});
  const Standardised result = done(score);
  EXPECT_THAT(onsets(result), ElementsAre(0, 3, 12, 24, 32, 40, 48, 52, 56, 72));
  EXPECT_THAT(durations(result), ElementsAre(3, 9, 12, 8, 8, 8, 4, 4, 16, 24));
}

TEST(Standardise, TwoTracksMayDivideABeatDifferently) {
  Score score =
      written({{Tick(0), {2, 4}}}, {note(0, .125, 60), note(.125, .125, 62), note(.25, .125, 64),
                                    note(.375, .625, 65), note(1, 1, 60)});
  score.tracks.resize(2);
  score.tracks[1].notes = {note(0, 1. / 3, 40), note(1. / 3, 1. / 3, 41), note(2. / 3, 1. / 3, 43)};
  const Standardised result = done(score);
  EXPECT_THAT(onsets(result), ElementsAre(0, 3, 6, 9, 24));
  EXPECT_EQ(result.grid.tracks[1].notes[1].onset, GridTick(8));
  EXPECT_EQ(result.grid.tracks[1].notes[2].onset, GridTick(16));
}

TEST(Standardise, ArticulationIsNotDuration) {
  Score score = scale({{Tick(0), {4, 4}}}, 16);
  for (Note& n : score.tracks[0].notes) n.duration = Tick(432);  // 90 %
  EXPECT_THAT(durations(done(score)), testing::Each(24));
  for (Note& n : score.tracks[0].notes) n.duration = Tick(240);  // staccato stays
  EXPECT_THAT(durations(done(score)), testing::Each(12));
}

TEST(Standardise, PlayedToAClickIsStillAligned) {
  Score score = scale({{Tick(0), {4, 4}}}, 64);
  Rng rng(3);
  for (std::size_t i = 1; i < 64; ++i) score.tracks[0].notes[i].onset += Tick(rng.between(-25, 25));
  const Standardised result = done(score);
  EXPECT_FALSE(result.report.performed);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(onsets(result)[static_cast<std::size_t>(i)], 24 * i);
  EXPECT_GT(result.report.mean_snap, 0.1);
  EXPECT_LE(result.report.max_snap, 1.25);
}

TEST(Standardise, NotesOfOnePitchNeverOverlapAndDoublesGo) {
  const Score score = written({{Tick(0), {4, 4}}}, {note(0, 2, 60), note(0, 1, 60), note(1, 1, 60),
                                                    note(2, .001, 60), note(3, 80, 60)});
  const Standardised result = done(score);
  EXPECT_THAT(onsets(result), ElementsAre(0, 24, 48, 72));
  EXPECT_THAT(durations(result), ElementsAre(24, 24, 1, 1536));
  EXPECT_EQ(result.report.count(Loss::kDoubledNote), 1u);
  EXPECT_EQ(result.report.count(Loss::kTrimmedNote), 1u);
  EXPECT_EQ(result.report.count(Loss::kLengthenedNote), 1u);
  EXPECT_EQ(result.report.count(Loss::kShortenedNote), 1u);
  EXPECT_THAT(result.report.summary(), HasSubstr("1 doubled notes"));
}

TEST(Standardise, FastTrillsKeepTheirNotes) {
  std::vector<Note> notes;
  for (int i = 0; i < 16; ++i) notes.push_back(note(i / 8.0, 0.125, i % 2 == 0 ? 60 : 62));
  EXPECT_EQ(done(written({{Tick(0), {4, 4}}}, notes)).grid.note_count(), 16u);
}

TEST(Standardise, MetreChangesAndCompoundMetre) {
  const Score score =
      scale({{Tick(0), {4, 4}}, {Tick(8 * kQuarter), {6, 8}}, {Tick(14 * kQuarter), {5, 8}}}, 17);
  EXPECT_THAT(metres(done(score)), ElementsAre(Metre{4, 4}, Metre{4, 4}, Metre{6, 8}, Metre{6, 8},
                                               Metre{5, 8}, Metre{5, 8}));
}

TEST(Standardise, ABarCutShortIsABarOfItsOwnMetre) {
  const Score score = scale({{Tick(0), {4, 4}}, {Tick(7 * kQuarter), {3, 4}}}, 13);
  const Standardised result = done(score);
  EXPECT_THAT(metres(result), ElementsAre(Metre{4, 4}, Metre{3, 4}, Metre{3, 4}, Metre{3, 4}));
  EXPECT_EQ(result.report.count(Loss::kPartialBar), 1u);
}

TEST(Standardise, AChangeAFewTicksOffTheBarLineIsOnIt) {
  const Score score = scale({{Tick(0), {4, 4}}, {Tick(8 * kQuarter + 7), {3, 4}}}, 14);
  EXPECT_THAT(metres(done(score)), ElementsAre(Metre{4, 4}, Metre{4, 4}, Metre{3, 4}, Metre{3, 4}));
}

TEST(Standardise, AShortFirstBarIsAnUpbeat) {
  const Score score = scale({{Tick(0), {1, 4}}, {Tick(kQuarter), {3, 4}}}, 10);
  const Standardised result = done(score);
  EXPECT_TRUE(result.grid.has_upbeat);
  EXPECT_THAT(metres(result), ElementsAre(Metre{3, 4}, Metre{3, 4}, Metre{3, 4}, Metre{3, 4}));
  EXPECT_EQ(onsets(result).front(), 48);
  EXPECT_EQ(onsets(result)[1], 72);
  EXPECT_EQ(result.map.grid_at(Tick(kQuarter)), GridTick(72));

  // The same metre stated again after a beat says the same.
  const Standardised again = done(scale({{Tick(0), {3, 4}}, {Tick(kQuarter), {3, 4}}}, 10));
  EXPECT_EQ(again.grid, result.grid);
  // So does a metre that is first stated after the upbeat.
  EXPECT_EQ(done(scale({{Tick(kQuarter), {3, 4}}}, 10)).grid, result.grid);
}

TEST(Standardise, MetresThatCannotBeSaidBecomeSeveralBars) {
  const Standardised result = done(scale({{Tick(0), {34, 4}}}, 34));
  EXPECT_THAT(metres(result), ElementsAre(Metre{17, 4}, Metre{17, 4}));
  EXPECT_EQ(result.report.count(Loss::kSplitBar), 1u);
  EXPECT_THAT(metres(done(scale({{Tick(0), {16, 1}}}, 64))), ElementsAre(Metre{8, 1}, Metre{8, 1}));
}

TEST(Standardise, KeysTakeEffectAtTheBar) {
  Score score = scale({{Tick(0), {4, 4}}}, 16);
  score.keys = {{Tick(0), {2, false}},
                {Tick(4 * kQuarter + 5), {-3, true}},
                {Tick(9 * kQuarter), {0, false}}};
  const Standardised result = done(score);
  EXPECT_EQ(result.grid.bars[0].key, (Key{2, false}));
  EXPECT_EQ(result.grid.bars[1].key, (Key{-3, true}));
  EXPECT_EQ(result.grid.bars[2].key, (Key{-3, true}));
  EXPECT_EQ(result.grid.bars[3].key, (Key{0, false}));
  score.keys.clear();
  EXPECT_EQ(done(score).grid.bars[0].key, std::nullopt);
}

TEST(Standardise, NominalTempoChangesOnlyWithALongSection) {
  const auto tempo_in = [](const Standardised& result, std::size_t bar) {
    return kTempos[result.grid.bars[bar].tempo_class];
  };
  Score score = scale({{Tick(0), {4, 4}}}, 128);
  score.tempos = {{Tick(0), 500000}, {Tick(60 * kQuarter), 800000}, {Tick(64 * kQuarter), 500000}};
  Standardised result = done(score);  // one slow bar
  EXPECT_EQ(tempo_in(result, 0), 120);
  EXPECT_EQ(tempo_in(result, 15), 120);
  EXPECT_EQ(result.report.count(Loss::kTempoChange), 2u);

  score.tempos = {{Tick(0), 500000}, {Tick(64 * kQuarter), 1000000}};
  result = done(score);
  EXPECT_EQ(tempo_in(result, 15), 120);
  EXPECT_EQ(tempo_in(result, 16), 60);
  EXPECT_EQ(tempo_in(result, 31), 60);

  score.tempos = {{Tick(0), 30000}};
  result = done(score);
  EXPECT_EQ(tempo_in(result, 0), 300);
  EXPECT_EQ(result.report.count(Loss::kExtremeTempo), 1u);
}

TEST(Standardise, ForDataSilenceAndDoublesGo) {
  Score score = scale({{Tick(0), {4, 4}}}, 8, 11);  // two empty bars and three beats
  score.tracks.push_back(score.tracks[0]);
  score.tracks[1].program = 40;
  const Standardised prompt = done(score);
  EXPECT_EQ(prompt.grid.bars.size(), 5u);
  EXPECT_EQ(prompt.grid.tracks.size(), 2u);
  EXPECT_FALSE(prompt.grid.has_upbeat);

  const Standardised data = done(score, for_data());
  EXPECT_EQ(data.grid.bars.size(), 3u);
  EXPECT_TRUE(data.grid.has_upbeat);
  EXPECT_EQ(onsets(data).front(), 72);
  ASSERT_EQ(data.grid.tracks.size(), 1u);
  EXPECT_THAT(data.sources[0], ElementsAre(0, 1));
  EXPECT_EQ(data.report.count(Loss::kDoubledTrack), 1u);
  EXPECT_EQ(data.report.count(Loss::kEmptyBar), 2u);
  EXPECT_EQ(data.map.grid_at(Tick(11 * kQuarter)), GridTick(72));
}

TEST(Standardise, TooManyTracksOfAnInstrumentAreMerged) {
  Score score;
  score.ticks_per_quarter = kQuarter;
  score.metres = {{Tick(0), {4, 4}}};
  for (int i = 0; i < 40; ++i) {
    Track track;
    track.program = i % 20;
    track.notes = {note(i, 1, 60), note(40, 1, 60)};
    score.tracks.push_back(track);
  }
  const Standardised result = done(score);
  EXPECT_EQ(result.grid.tracks.size(), 32u);
  EXPECT_EQ(result.report.count(Loss::kMergedTrack), 8u);
  std::size_t sources = 0;
  for (const auto& of_track : result.sources) sources += of_track.size();
  EXPECT_EQ(sources, 40u);

  for (int i = 0; i < 40; ++i) score.tracks[static_cast<std::size_t>(i)].program = i;
  EXPECT_THAT(standardise(score).error().message, HasSubstr("40 different instruments"));
  for (int i = 0; i < 3000; ++i) score.tracks.push_back(score.tracks[0]);
  for (Track& track : score.tracks) track.program %= 30;
  EXPECT_EQ(done(score).grid.tracks.size(), 30u);
}

TEST(Standardise, RefusesWithAReason) {
  EXPECT_THAT(standardise(Score()).error().message, HasSubstr("no notes"));
  Score late = scale({{Tick(0), {4, 4}}}, 4);
  late.tracks[0].notes.push_back(note(1e9, 1, 60));
  EXPECT_THAT(standardise(late).error().message, HasSubstr("more than 20000 bars"));
}

// --- Performances, by beats that are known ---

// Notes and beats of a player whose tempo swings by a fifth.
struct Performance {
  Score score;
  BeatTrack beats;
};
double swaying(double quarters) { return 0.5 * quarters + 0.4 * std::sin(quarters / 3); }

Performance play(int quarters, int upbeat, Metre metre) {
  Performance result;
  result.score.ticks_per_quarter = kQuarter;
  result.score.tracks.resize(1);
  const auto tick = [](double seconds) { return Tick(std::llround(seconds * 2 * kQuarter)); };
  const double beat = cell_length(metre).count() / 24.0;
  Rng rng(9);
  for (int i = 0; i < 2 * quarters; ++i) {
    const double at = swaying(i / 2.0) + 0.015 * (rng.uniform() - 0.5) + 0.3;
    result.score.tracks[0].notes.push_back(
        {tick(at), tick(0.2), static_cast<std::uint8_t>(48 + i % 30), 64});
  }
  for (int i = 0; i * beat < quarters; ++i) {
    const bool down = i >= upbeat && (i - upbeat) % cell_count(metre) == 0;
    result.beats.beats.push_back({Seconds(swaying(i * beat) + 0.3), down});
  }
  result.beats.metre = metre;
  return result;
}

TEST(Standardise, APerformanceIsWarpedByItsBeats) {
  const Performance played = play(32, 1, {4, 4});
  const Standardised result = done(played.score, with_beats(played.beats));
  EXPECT_TRUE(result.report.performed);
  EXPECT_TRUE(result.grid.has_upbeat);
  EXPECT_THAT(metres(result), testing::Each(Metre{4, 4}));
  ASSERT_EQ(result.grid.note_count(), 64u);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(onsets(result)[static_cast<std::size_t>(i)], 72 + 12 * i);
  EXPECT_NEAR(kTempos[result.grid.bars[0].tempo_class], 120, 8);
  // Back again: each beat is where it was played.
  const TempoMap tempo(played.score);
  for (std::size_t i = 0; i < played.beats.beats.size(); ++i) {
    const Tick at = result.map.source_at(GridTick(72 + 24 * static_cast<int>(i)));
    EXPECT_NEAR(tempo.seconds_at(at).count(), played.beats.beats[i].at.count(), 0.002);
  }
}

TEST(Standardise, ACompoundBeatIsADottedQuarter) {
  const Performance played = play(30, 0, {6, 8});
  const Standardised result = done(played.score, with_beats(played.beats));
  EXPECT_THAT(metres(result), testing::Each(Metre{6, 8}));
  for (int i = 0; i < 60; ++i) EXPECT_EQ(onsets(result)[static_cast<std::size_t>(i)], 12 * i);
}

TEST(Standardise, ABarWithAnotherNumberOfBeatsHasItsOwnMetre) {
  Performance played = play(16, 0, {4, 4});
  for (std::size_t i = 0; i < 16; ++i) {
    played.beats.beats[i].downbeat = i == 0 || i == 4 || i == 7 || i == 12;
  }
  const Standardised result = done(played.score, with_beats(played.beats));
  EXPECT_THAT(metres(result), ElementsAre(Metre{4, 4}, Metre{3, 4}, Metre{5, 4}, Metre{4, 4}));
}

TEST(Standardise, NotesBeforeTheFirstBeatAndAfterTheLastHaveBarsToo) {
  Performance played = play(32, 0, {4, 4});
  auto& beats = played.beats.beats;
  beats.erase(beats.begin(), beats.begin() + 5);
  beats.erase(beats.end() - 9, beats.end());
  beats[3].downbeat = true;
  const Standardised result = done(played.score, with_beats(played.beats));
  EXPECT_EQ(result.grid.note_count(), 64u);
  EXPECT_THAT(metres(result), testing::Each(Metre{4, 4}));
}

TEST(Standardise, ABeatTrackWithoutBeatsIsRefused) {
  const Score score = scale({}, 16);
  const BeatTrack none;
  EXPECT_THAT(standardise(score, with_beats(none)).error().message, HasSubstr("0 beats"));
}

// --- Round trips ---

TEST(Standardise, WhatIsWrittenFromAGridScoreComesBack) {
  Rng rng(17);
  for (int i = 0; i < 400; ++i) {
    const GridScore grid = random_grid_score(rng, {.plain = true});
    ASSERT_TRUE(validate(grid)) << validate(grid).error().message;
    const Score score = *score_from_midi(*midi_from_grid(grid));
    const Standardised result = done(score, aligned());
    ASSERT_EQ(result.grid.has_upbeat, grid.has_upbeat) << i;
    ASSERT_EQ(result.grid.bars.size(), grid.bars.size()) << i;
    for (std::size_t b = 0; b < grid.bars.size(); ++b) {
      ASSERT_EQ(result.grid.bars[b], grid.bars[b]) << i << " bar " << b;
    }
    ASSERT_EQ(result.grid.tracks.size(), grid.tracks.size()) << i;
    for (std::size_t t = 0; t < grid.tracks.size(); ++t) {
      ASSERT_EQ(result.grid.tracks[t], grid.tracks[t]) << i << " track " << t;
    }
    EXPECT_LE(result.report.max_snap, 1e-9);
  }
}

TEST(Standardise, AnythingGivesAValidGridOrAReason) {
  Rng rng(23);
  int accepted = 0;
  for (int i = 0; i < 2000; ++i) {
    Score score;
    score.ticks_per_quarter = rng.chance(0.2) ? rng.between(1, 30) : rng.between(24, 32767);
    const int reach = score.ticks_per_quarter * rng.between(1, 100);
    for (int k = rng.between(0, 6); k > 0; --k) {
      score.metres.push_back(
          {Tick(rng.between(0, reach)), {rng.between(1, 255), 1 << rng.between(0, 5)}});
      score.tempos.push_back({Tick(rng.between(0, reach)), rng.between(1, 0xffffff)});
      score.keys.push_back({Tick(rng.between(0, reach)), {rng.between(-7, 7), rng.chance(0.5)}});
    }
    const auto by_time = [](const auto& a, const auto& b) { return a.at < b.at; };
    std::sort(score.metres.begin(), score.metres.end(), by_time);
    std::sort(score.tempos.begin(), score.tempos.end(), by_time);
    std::sort(score.keys.begin(), score.keys.end(), by_time);
    score.tracks.resize(rng.below(5));
    for (Track& track : score.tracks) {
      track.is_drum = rng.chance(0.2);
      for (int k = rng.between(0, 80); k > 0; --k) {
        track.notes.push_back({Tick(rng.between(0, reach)), Tick(rng.between(1, 1 + reach / 8)),
                               static_cast<std::uint8_t>(rng.between(50, 60)),
                               static_cast<std::uint8_t>(rng.between(1, 127))});
      }
      std::sort(track.notes.begin(), track.notes.end(), [](const Note& a, const Note& b) {
        return a.onset != b.onset ? a.onset < b.onset : a.pitch < b.pitch;
      });
    }
    BeatTrack beats;
    double at = rng.uniform() * 2;
    for (int k = rng.between(0, 60); k > 0; --k) {
      beats.beats.push_back({Seconds(at), rng.chance(0.3)});
      at += rng.uniform();
    }
    beats.metre = {rng.between(1, 12), 1 << rng.between(1, 4)};
    StandardiseOptions options;
    options.timing = Timing::kAligned;
    options.for_data = rng.chance(0.5);
    if (rng.chance(0.4)) options.beats = &beats;
    const auto result = standardise(score, options);
    if (!result) {
      EXPECT_THAT(result.error().message, testing::Not(HasSubstr("wrongly"))) << i;
      continue;
    }
    ++accepted;
    // Onsets keep their order through the map, there and back.
    for (Tick tick(0); tick.count() < reach; tick += Tick(1 + reach / 50)) {
      const GridTick grid = result->map.grid_at(tick);
      EXPECT_EQ(result->map.grid_at(result->map.source_at(grid)), grid) << i;
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace hemiola
