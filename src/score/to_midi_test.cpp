#include "score/to_midi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "midi/reader.h"
#include "midi/writer.h"
#include "score/from_midi.h"
#include "score/random_grid_score.h"

namespace hemiola {
namespace {

using testing::HasSubstr;

Score through_bytes(const midi::File& file) {
  const auto read = midi::read(midi::write(file), {.strict = true, .limits = {}});
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  const auto score = score_from_midi(*read);
  EXPECT_TRUE(score) << (score ? "" : score.error().message);
  return score ? *score : Score();
}

void expect_same_notes(const Score& a, const Score& b) {
  std::vector<const Track*> with_notes;
  for (const Track& track : a.tracks) {
    if (!track.notes.empty()) with_notes.push_back(&track);
  }
  ASSERT_EQ(with_notes.size(), b.tracks.size());
  for (std::size_t i = 0; i < b.tracks.size(); ++i) {
    EXPECT_EQ(with_notes[i]->name, b.tracks[i].name);
    EXPECT_EQ(with_notes[i]->program, b.tracks[i].program);
    EXPECT_EQ(with_notes[i]->is_drum, b.tracks[i].is_drum);
    EXPECT_EQ(with_notes[i]->notes, b.tracks[i].notes);
  }
}

GridScore song(int tracks) {
  GridScore grid;
  grid.bars.resize(2);
  for (int i = 0; i < tracks; ++i) {
    GridTrack track;
    track.program = static_cast<std::uint8_t>(i);
    track.notes = {{GridTick(0), GridTick(96), 60, 8}, {GridTick(96), GridTick(96), 62, 8}};
    grid.tracks.push_back(track);
  }
  return grid;
}

TEST(ToMidi, EverythingComesBackThroughTheBytes) {
  Rng rng(1);
  for (int i = 0; i < 300; ++i) {
    const GridScore grid = random_grid_score(rng);
    if (grid.note_count() == 0) continue;
    ASSERT_TRUE(validate(grid)) << validate(grid).error().message;
    const auto file = midi_from_grid(grid, {.title = "T"});
    ASSERT_TRUE(file) << file.error().message;
    const Score score = *score_from_grid(grid, {.title = "T"});
    const Score again = through_bytes(*file);
    EXPECT_EQ(again.title, "T");
    expect_same_notes(score, again);
    ASSERT_EQ(again.tempos.size(), score.tempos.size());
    ASSERT_EQ(again.metres.size(), score.metres.size());
    for (std::size_t k = 0; k < score.metres.size(); ++k) {
      EXPECT_EQ(again.metres[k].at, score.metres[k].at);
      EXPECT_EQ(again.metres[k].metre, score.metres[k].metre);
    }
    ASSERT_EQ(again.keys.size(), score.keys.size());
    for (std::size_t k = 0; k < score.keys.size(); ++k) {
      EXPECT_EQ(again.keys[k].key, score.keys[k].key);
    }
  }
}

TEST(ToMidi, AnUpbeatIsAShortFirstBar) {
  GridScore grid;
  grid.has_upbeat = true;
  grid.bars = {{.metre = {3, 4}}, {.metre = {3, 4}}};
  grid.tracks = {
      {.notes = {{GridTick(60), GridTick(12), 60, 8}, {GridTick(72), GridTick(72), 64, 8}}}};
  const Score score = *score_from_grid(grid);
  ASSERT_EQ(score.metres.size(), 2u);
  EXPECT_EQ(score.metres[0].metre, (Metre{1, 4}));
  EXPECT_EQ(score.metres[1].metre, (Metre{3, 4}));
  EXPECT_EQ(score.metres[1].at, Tick(480));
  EXPECT_EQ(score.tracks[0].notes[0].onset, Tick(240));
  EXPECT_EQ(score.tracks[0].notes[1].onset, Tick(480));
}

TEST(ToMidi, AnExactTempoGoesBeforeTheNominalOnes) {
  GridScore grid = song(1);
  grid.bars[1].tempo_class = 0;
  EXPECT_EQ(score_from_grid(grid)->tempos.size(), 2u);
  const Score score = *score_from_grid(grid, {.quarters_per_minute = 97.5});
  ASSERT_EQ(score.tempos.size(), 1u);
  EXPECT_EQ(score.tempos[0].microseconds_per_quarter, 615385);
}

std::vector<int> channels(const GridScore& grid) {
  std::vector<int> result;
  const Score score = *score_from_grid(grid);
  for (const Track& track : score.tracks) result.push_back(track.channel);
  return result;
}

TEST(ToMidi, TracksHaveChannelsOfTheirOwnWhileTheyLast) {
  GridScore grid = song(15);
  for (GridTrack& track : grid.tracks) track.program = 0;
  grid.tracks.push_back({.is_drum = true});
  grid.tracks.push_back({.is_drum = true});
  std::vector<int> used = channels(grid);
  EXPECT_EQ(used[15], 9);
  EXPECT_EQ(used[16], 9);
  used.resize(15);
  EXPECT_EQ(std::set<int>(used.begin(), used.end()).size(), 15u);
  EXPECT_EQ(std::count(used.begin(), used.end(), 9), 0);
}

TEST(ToMidi, BeyondSixteenTracksOfOneInstrumentShareFirst) {
  GridScore grid = song(20);
  for (std::size_t i = 10; i < 20; ++i) grid.tracks[i].program = 3;
  const std::vector<int> used = channels(grid);
  // Ten instruments; five of the ten further tracks get the channels that are over.
  EXPECT_EQ(std::set<int>(used.begin(), used.end()).size(), 15u);
  for (std::size_t i = 0; i < 20; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (used[i] != used[j]) continue;
      EXPECT_EQ(grid.tracks[i].program, grid.tracks[j].program);
    }
  }
}

TEST(ToMidi, ThirtyTwoInstrumentsKeepTheirPrograms) {
  const GridScore grid = song(32);
  const auto file = midi_from_grid(grid);
  ASSERT_TRUE(file);
  expect_same_notes(*score_from_grid(grid), through_bytes(*file));
  // A player of the whole file hears each note with its own program too.
  std::vector<std::pair<std::pair<Tick, std::size_t>, midi::Event>> events;
  for (std::size_t t = 0; t < file->tracks.size(); ++t) {
    for (const midi::Event& event : file->tracks[t].events)
      events.push_back({{event.at, t}, event});
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::array<int, 16> program{};
  for (const auto& [at, event] : events) {
    if (event.kind == midi::EventKind::kProgram) program[event.channel] = event.data1;
    if (event.kind == midi::EventKind::kNoteOn) {
      EXPECT_EQ(program[event.channel], static_cast<int>(at.second) - 1);
    }
  }
}

TEST(ToMidi, ScoresKeepTheirChannelsButForDrums) {
  Score score;
  score.tracks.resize(3);
  score.tracks[0] = {"a", 1, false, 9, 0, {{Tick(0), Tick(10), 60, 64}}};
  score.tracks[1] = {"b", 0, true, 4, 0, {{Tick(0), Tick(10), 36, 64}}};
  score.tracks[2] = {"c", 2, false, 7, 0, {{Tick(0), Tick(10), 62, 64}}};
  score.lyrics = {{Tick(3), "la"}};
  const Score again = through_bytes(midi_from_score(score));
  expect_same_notes(score, again);
  EXPECT_NE(again.tracks[0].channel, 9);
  EXPECT_EQ(again.tracks[1].channel, 9);
  EXPECT_EQ(again.tracks[2].channel, 7);
  ASSERT_EQ(again.lyrics.size(), 1u);
  EXPECT_EQ(again.lyrics[0].at, Tick(3));
}

TEST(ToMidi, RefusesWhatCannotBe) {
  EXPECT_THAT(midi_from_grid(song(1), {.ticks_per_quarter = 100}).error().message,
              HasSubstr("multiple of 24"));
  EXPECT_THAT(midi_from_grid(song(1), {.quarters_per_minute = 0.0}).error().message,
              HasSubstr("tempo of 0"));
  EXPECT_THAT(midi_from_grid(GridScore()).error().message, HasSubstr("no bars"));
}

}  // namespace
}  // namespace hemiola
