#include "compose/splice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "midi/reader.h"
#include "midi/writer.h"

namespace hemiola {
namespace {

using midi::Event;
using midi::EventKind;

Event event(int at, EventKind kind, int channel, int data1, int data2 = 0) {
  return {Tick(at), kind, static_cast<std::uint8_t>(channel), static_cast<std::uint8_t>(data1),
          static_cast<std::uint8_t>(data2)};
}
Event on(int at, int pitch, int channel = 0) {
  return event(at, EventKind::kNoteOn, channel, pitch, 80);
}
Event off(int at, int pitch, int channel = 0) {
  return event(at, EventKind::kNoteOff, channel, pitch);
}
Event control(int at, int controller, int value, int channel = 0) {
  return event(at, EventKind::kController, channel, controller, value);
}
Event program(int at, int number, int channel = 0) {
  return event(at, EventKind::kProgram, channel, number);
}
Event end_of_track(int at) { return event(at, EventKind::kMeta, 0, midi::meta::kEndOfTrack); }

midi::File file_of(std::vector<std::vector<Event>> tracks) {
  midi::File file;
  file.format = tracks.size() == 1 ? 0 : 1;
  for (auto& events : tracks) file.tracks.push_back({std::move(events)});
  return file;
}

Voice in_chunk(int chunk, int channel = 0, int number = 0) {
  Voice voice;
  voice.chunk = chunk;
  voice.channel = channel;
  voice.program = number;
  return voice;
}

TEST(Splice, NothingToDoChangesNothing) {
  const midi::File source =
      file_of({{program(0, 5), on(0, 60), control(7, 64, 127), off(96, 60), end_of_track(500)}});
  const midi::File result = splice(source, {}).file;
  EXPECT_EQ(result.tracks[0].events, source.tracks[0].events);
}

TEST(Splice, ContinuesAfterACutAndLetsHeldNotesRing) {
  const midi::File source =
      file_of({{program(0, 5), on(0, 60), on(90, 64), on(100, 65), off(110, 60), off(120, 64),
                off(130, 65), end_of_track(200)}});
  SpliceRequest request;
  request.cut_from = Tick(96);
  request.reset_at = Tick(96);
  request.voices = {in_chunk(0, 0, 5)};
  request.notes = {{Tick(96), Tick(24), 72, 90, 0}};
  request.end = Tick(192);
  const midi::File result = splice(source, request).file;
  EXPECT_THAT(result.tracks[0].events,
              testing::ElementsAre(program(0, 5), on(0, 60), on(90, 64),
                                   event(96, EventKind::kNoteOn, 0, 72, 90), off(110, 60),
                                   off(120, 72), off(120, 64), end_of_track(192)));
}

TEST(Splice, LiftsPedalsAndUndoesAFadeOut) {
  const midi::File source =
      file_of({{control(0, 7, 100), control(0, 64, 127), on(0, 60), off(90, 60), control(90, 7, 0),
                event(91, EventKind::kPitchBend, 0, 0, 0), end_of_track(96)}});
  SpliceRequest request;
  request.reset_at = Tick(96);
  request.voices = {in_chunk(0)};
  request.notes = {{Tick(96), Tick(24), 72, 90, 0}};
  const auto events = splice(source, request).file.tracks[0].events;
  EXPECT_THAT(events, testing::IsSupersetOf({control(96, 64, 0), control(96, 7, 100),
                                             event(96, EventKind::kPitchBend, 0, 0, 64)}));
  EXPECT_THAT(events, testing::IsSupersetOf({control(0, 64, 127), control(90, 7, 0)}));
}

TEST(Splice, CutNotesGoWithTheirEndsAndTheOthersStay) {
  const midi::File source = file_of({{on(0, 60), on(10, 60, 1), off(20, 60), on(20, 60),
                                      off(30, 60, 1), off(40, 60), end_of_track(50)}});
  SpliceRequest request;
  request.cut_notes = {{0, 0, Tick(20), 60}};
  EXPECT_THAT(splice(source, request).file.tracks[0].events,
              testing::ElementsAre(on(0, 60), on(10, 60, 1), off(20, 60), off(30, 60, 1),
                                   end_of_track(50)));
}

TEST(Splice, ANewNoteNeverSwallowsAHeldOne) {
  const midi::File source = file_of({{on(0, 60), off(50, 60), end_of_track(60)}});
  SpliceRequest request;
  request.voices = {in_chunk(0)};
  request.notes = {{Tick(40), Tick(5), 60, 80, 0}, {Tick(40), Tick(30), 60, 80, 0}};
  EXPECT_THAT(splice(source, request).file.tracks[0].events,
              testing::ElementsAre(on(0, 60), off(50, 60), program(50, 0), on(50, 60), off(70, 60),
                                   end_of_track(70)));
}

TEST(Splice, ANewNoteEndsWhereAHeldOneOfItsPitchBegins) {
  const midi::File source =
      file_of({{on(0, 60), off(10, 60), on(50, 60), off(60, 60), end_of_track(60)}});
  SpliceRequest request;
  request.voices = {in_chunk(0)};
  request.notes = {{Tick(5), Tick(80), 60, 80, 0}, {Tick(52), Tick(4), 60, 80, 0}};
  request.next_place = [](Tick at) { return Tick((at.count() + 11) / 12 * 12); };
  const Spliced result = splice(source, request);
  EXPECT_EQ(result.notes, 1u);
  EXPECT_THAT(result.file.tracks[0].events,
              testing::ElementsAre(on(0, 60), off(10, 60), program(12, 0), on(12, 60), off(50, 60),
                                   on(50, 60), off(60, 60), end_of_track(60)));
}

TEST(Splice, ProgramsAroundNewNotesAreRestored) {
  const midi::File source =
      file_of({{program(0, 5), on(0, 60), off(10, 60), on(30, 60), off(40, 60), end_of_track(50)}});
  SpliceRequest request;
  request.voices = {in_chunk(0, 0, 9)};
  request.notes = {{Tick(12), Tick(4), 70, 80, 0}, {Tick(20), Tick(4), 70, 80, 0}};
  EXPECT_THAT(splice(source, request).file.tracks[0].events,
              testing::ElementsAre(program(0, 5), on(0, 60), off(10, 60), program(12, 9),
                                   on(12, 70), off(16, 70), on(20, 70), off(24, 70), program(30, 5),
                                   on(30, 60), off(40, 60), end_of_track(50)));
}

TEST(Splice, ANewVoiceGetsAChunkOfItsOwnAndTheFileStillReads) {
  const midi::File source =
      file_of({{end_of_track(0)}, {on(0, 60), off(96, 60), end_of_track(96)}});
  SpliceRequest request;
  Voice violin;
  violin.channel = choose_channel(source, {}, 40, false);
  violin.program = 40;
  violin.name = "Violin";
  request.voices = {violin};
  request.notes = {{Tick(0), Tick(96), 76, 80, 0}};
  const midi::File result = splice(source, request).file;
  EXPECT_EQ(violin.channel, 1);
  ASSERT_EQ(result.tracks.size(), 3u);
  EXPECT_EQ(result.tracks[1].events, source.tracks[1].events);
  const auto back = midi::read(midi::write(result));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->repairs.empty());
  EXPECT_EQ(back->tracks[2].events.size(), 5u);
}

TEST(ChooseChannel, DrumsAndFullHouses) {
  std::vector<Event> all;
  for (int channel = 0; channel < 16; ++channel) {
    all.push_back(program(0, channel, channel));
    all.push_back(on(0, 60, channel));
    if (channel != 3) all.push_back(on(0, 62, channel));
  }
  const midi::File full = file_of({all});
  EXPECT_EQ(choose_channel(full, {}, 0, true), 9);
  EXPECT_EQ(choose_channel(full, {}, 7, false), 7);
  EXPECT_EQ(choose_channel(full, {}, 99, false), 3);
}

}  // namespace
}  // namespace hemiola
