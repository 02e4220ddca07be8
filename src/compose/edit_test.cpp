#include "compose/edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "midi/reader.h"
#include "midi/writer.h"
#include "score/notation.h"
#include "score/to_midi.h"

namespace hemiola {
namespace {

using midi::Event;
using midi::EventKind;

// Two bars of a tune with a pedal and a lyric among the notes, off the grid by some ticks.
data::Source tune() {
  midi::File file;
  file.format = 0;
  const auto event = [](int at, EventKind kind, int data1, int data2) {
    return Event{Tick(at), kind, 0, static_cast<std::uint8_t>(data1),
                 static_cast<std::uint8_t>(data2)};
  };
  midi::Track track;
  for (int i = 0; i < 8; ++i) {
    track.events.push_back(event(480 * i + 2, EventKind::kNoteOn, 60 + i, 70 + i));
    if (i == 3) track.events.push_back(event(480 * i + 100, EventKind::kController, 64, 127));
    track.events.push_back(event(480 * i + 450, EventKind::kNoteOff, 60 + i, 0));
  }
  track.events.push_back(event(3840, EventKind::kMeta, midi::meta::kEndOfTrack, 0));
  file.tracks.push_back(track);
  data::SourceOptions options;
  options.timing = Timing::kAligned;
  return *data::source_from_midi(midi::write(file), options);
}

std::vector<Edit> edits(const char* json) { return *edits_from_json(*parse_json(json, "test")); }

std::vector<Event> notes_of(const midi::File& file) {
  std::vector<Event> notes;
  for (const auto& track : file.tracks) {
    for (const Event& event : track.events) {
      if (event.kind == EventKind::kNoteOn && event.data2 > 0) notes.push_back(event);
    }
  }
  return notes;
}

TEST(Edit, EachNoteOfTheGridKnowsItsNoteOfTheFile) {
  const data::Source source = tune();
  const NotesOfFile notes = notes_of_file(source);
  ASSERT_EQ(notes.size(), 1u);
  ASSERT_EQ(notes[0].size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    ASSERT_EQ(notes[0][i].size(), 1u);
    EXPECT_EQ(notes[0][i][0].note, i);
  }
}

TEST(Edit, WhatIsNotNamedStaysToTheTick) {
  const data::Source source = tune();
  const auto edited = edit_piece(source, edits(R"([
    {"op": "remove", "track": 1, "notes": [[24, 61]]},
    {"op": "change", "track": 1, "notes": [{"at": [48, 62], "to": [54, 12, 72, 99]}]},
    {"op": "add", "track": 1, "notes": [[0, 24, 48, 50]]}])"));
  ASSERT_TRUE(edited) << edited.error().message;
  std::vector<Event> kept;
  for (const Event& event : source.file.tracks[0].events) {
    if (event.data1 != 61 && event.data1 != 62) kept.push_back(event);
  }
  std::vector<Event> old;
  for (const Event& event : edited->file.tracks[0].events) {
    const bool added = event.data1 == 72 || event.data1 == 48;
    if (!added) old.push_back(event);
  }
  // But for the program that new notes are given, where the file says none.
  std::erase_if(old, [](const Event& event) { return event.kind == EventKind::kProgram; });
  EXPECT_EQ(old, kept);
  const auto again = data::source_from_midi(midi::write(edited->file));
  ASSERT_TRUE(again);
  EXPECT_THAT(again->grid().tracks[0].notes,
              testing::Contains(GridNote{GridTick(54), GridTick(12), 72, 12}));
  EXPECT_THAT(again->grid().tracks[0].notes,
              testing::Contains(GridNote{GridTick(0), GridTick(24), 48, 6}));
  EXPECT_EQ(again->grid().note_count(), 8u);
}

TEST(Edit, NotesCanChangePlaces) {
  const auto edited = edit_piece(tune(), edits(R"([
    {"op": "change", "track": 1, "notes": [{"at": [0, 60], "to": [24, 24, 61, 80]},
                                           {"at": [24, 61], "to": [0, 24, 60, 90]}]}])"));
  ASSERT_TRUE(edited);
  EXPECT_EQ(notes_of(edited->file).size(), 8u);
}

TEST(Edit, TempoScalesTime) {
  const auto edited = edit_piece(tune(), edits(R"([{"op": "tempo", "tempo": 60}])"));
  ASSERT_TRUE(edited);
  EXPECT_NEAR(edited->time_scale, 2, 0.01);
  const auto again = data::source_from_midi(midi::write(edited->file));
  ASSERT_TRUE(again);
  EXPECT_NEAR(again->score.seconds_at(Tick(480)).count(), 1, 0.01);
}

TEST(Edit, TransposingMovesAllNotesAndStatesTheKey) {
  const auto edited =
      edit_piece(tune(), edits(R"([{"op": "key", "key": "D major", "transpose": true}])"));
  ASSERT_TRUE(edited);
  const auto before = notes_of(tune().file), after = notes_of(edited->file);
  ASSERT_EQ(before.size(), after.size());
  const int moved = after[0].data1 - before[0].data1;
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].data1 - before[i].data1, moved);
    EXPECT_EQ(after[i].at, before[i].at);
  }
  const auto again = data::source_from_midi(midi::write(edited->file));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->grid().bars.front().key, (Key{2, false}));
}

TEST(Edit, TracksComeAndGo) {
  const auto edited = edit_piece(tune(), edits(R"([
    {"op": "add_track", "program": 40, "name": "Fiddle"},
    {"op": "add", "track": 2, "notes": [[0, 96, 76, 80]]},
    {"op": "instrument", "track": 1, "program": 32}])"));
  ASSERT_TRUE(edited) << edited.error().message;
  const auto again = data::source_from_midi(midi::write(edited->file));
  ASSERT_TRUE(again);
  ASSERT_EQ(again->grid().tracks.size(), 2u);
  EXPECT_EQ(again->grid().tracks[0].program, 32);
  EXPECT_EQ(again->grid().tracks[1].program, 40);
}

TEST(Edit, SaysWhatIsWrong) {
  const auto problem = [](const char* json) {
    const auto edited = edit_piece(tune(), edits(json));
    return edited ? std::string("no error") : edited.error().message;
  };
  EXPECT_EQ(problem(R"([{"op": "remove", "track": 1, "notes": [[0, 61]]}])"),
            "edit 1: no note of pitch 61 begins at tick 0");
  EXPECT_EQ(problem(R"([{"op": "remove_track", "track": 2}])"),
            "edit 1: track 2 is not there; there are 1");
  EXPECT_EQ(problem(R"([{"op": "remove_track", "track": 1}])"),
            "no note would be left; delete the piece instead");
  EXPECT_FALSE(edits_from_json(*parse_json(R"([{"op": "sing"}])", "test")));
  EXPECT_FALSE(edits_from_json(*parse_json(R"([{"op": "add", "track": 0, "notes": []}])", "test")));
  EXPECT_FALSE(edits_from_json(
      *parse_json(R"([{"op": "add", "track": 1, "notes": [[0, 0, 60, 64]]}])", "test")));
}

}  // namespace
}  // namespace hemiola
