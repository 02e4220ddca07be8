#include "score/from_midi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace hemiola {
namespace {

using midi::EventKind;
using testing::ElementsAre;
using testing::HasSubstr;

// Files by hand: each call adds one event to the last chunk, at an absolute tick.
class Maker {
 public:
  explicit Maker(int format = 1, int ticks_per_quarter = 480) {
    file_.format = format;
    file_.division.ticks_per_quarter = static_cast<std::uint16_t>(ticks_per_quarter);
  }
  Maker& chunk() { return file_.tracks.emplace_back(), *this; }
  Maker& event(int at, EventKind kind, int channel, int data1, int data2 = 0) {
    file_.tracks.back().events.push_back({Tick(at), kind, static_cast<std::uint8_t>(channel),
                                          static_cast<std::uint8_t>(data1),
                                          static_cast<std::uint8_t>(data2), 0, 0});
    return *this;
  }
  Maker& on(int at, int pitch, int velocity = 64, int channel = 0) {
    return event(at, EventKind::kNoteOn, channel, pitch, velocity);
  }
  Maker& off(int at, int pitch, int channel = 0) {
    return event(at, EventKind::kNoteOff, channel, pitch, 64);
  }
  Maker& program(int at, int program, int channel = 0) {
    return event(at, EventKind::kProgram, channel, program);
  }
  Maker& control(int at, int controller, int value, int channel = 0) {
    return event(at, EventKind::kController, channel, controller, value);
  }
  Maker& meta(int at, int type, std::string_view bytes) {
    file_.tracks.back().events.push_back({Tick(at), EventKind::kMeta, 0,
                                          static_cast<std::uint8_t>(type), 0,
                                          static_cast<std::uint32_t>(file_.payload.size()),
                                          static_cast<std::uint32_t>(bytes.size())});
    file_.payload.insert(file_.payload.end(), bytes.begin(), bytes.end());
    return *this;
  }
  Maker& end(int at) { return meta(at, midi::meta::kEndOfTrack, ""); }
  midi::File& file() { return file_; }

 private:
  midi::File file_;
};

Score score_of(Maker& maker, FromMidiReport* report = nullptr, bool pedal = false) {
  auto score = score_from_midi(maker.file(), {.pedal = pedal}, report);
  EXPECT_TRUE(score) << (score ? "" : score.error().message);
  return score ? *score : Score();
}

Note note(int onset, int duration, int pitch, int velocity = 64) {
  return {Tick(onset), Tick(duration), static_cast<std::uint8_t>(pitch),
          static_cast<std::uint8_t>(velocity)};
}

TEST(FromMidi, PairsNotesAndSortsChords) {
  Maker maker;
  maker.chunk().on(0, 64, 80).on(0, 60, 70).off(480, 64).on(480, 60, 0).on(480, 62).off(960, 62);
  const Score score = score_of(maker.end(960));
  ASSERT_EQ(score.tracks.size(), 1u);
  EXPECT_THAT(score.tracks[0].notes,
              ElementsAre(note(0, 480, 60, 70), note(0, 480, 64, 80), note(480, 480, 62)));
}

TEST(FromMidi, NotesOfOnePitchEndInTheOrderInWhichTheyBegan) {
  Maker maker;
  maker.chunk().on(0, 60, 1).on(100, 60, 2).off(200, 60).off(300, 60);
  EXPECT_THAT(score_of(maker.end(300)).tracks[0].notes,
              ElementsAre(note(0, 200, 60, 1), note(100, 200, 60, 2)));
}

TEST(FromMidi, OddNotesAreMendedAndCounted) {
  Maker maker;
  maker.chunk().off(0, 70).on(10, 60).off(10, 60).on(20, 61).on(30, 62);
  FromMidiReport report;
  const Score score = score_of(maker.end(5000), &report);
  EXPECT_THAT(score.tracks[0].notes,
              ElementsAre(note(10, 1, 60), note(20, 1920, 61), note(30, 1920, 62)));
  EXPECT_EQ(report.zero_length_notes, 1u);
  EXPECT_EQ(report.unmatched_note_ons, 2u);
  EXPECT_EQ(report.unmatched_note_offs, 1u);
}

TEST(FromMidi, AllNotesOffEndsTheNotesOfItsChannel) {
  Maker maker;
  maker.chunk().on(0, 60).on(0, 61, 64, 1).control(100, 123, 0).off(480, 61, 1);
  const Score score = score_of(maker.end(480));
  ASSERT_EQ(score.tracks.size(), 2u);
  EXPECT_THAT(score.tracks[0].notes, ElementsAre(note(0, 100, 60)));
  EXPECT_THAT(score.tracks[1].notes, ElementsAre(note(0, 480, 61)));
}

TEST(FromMidi, FormatZeroIsSplitByChannel) {
  Maker maker(0);
  maker.chunk().meta(0, midi::meta::kTrackName, "A piece");
  maker.program(0, 40, 3).on(0, 70, 64, 3).on(0, 36, 64, 9).on(0, 50, 64, 0);
  maker.off(10, 70, 3).off(10, 36, 9).off(10, 50, 0);
  const Score score = score_of(maker.end(10));
  EXPECT_EQ(score.title, "A piece");
  ASSERT_EQ(score.tracks.size(), 3u);
  EXPECT_EQ(score.tracks[0].channel, 0);
  EXPECT_EQ(score.tracks[0].program, 0);
  EXPECT_EQ(score.tracks[1].channel, 3);
  EXPECT_EQ(score.tracks[1].program, 40);
  EXPECT_EQ(score.tracks[2].channel, 9);
  EXPECT_TRUE(score.tracks[2].is_drum);
}

TEST(FromMidi, AProgramChangeBeginsAnotherTrackAndTheFirstComesBack) {
  Maker maker;
  maker.chunk().program(0, 5).on(0, 60).off(10, 60).program(20, 6).on(20, 60).off(30, 60);
  maker.program(40, 5).on(40, 60).off(50, 60);
  const Score score = score_of(maker.end(50));
  ASSERT_EQ(score.tracks.size(), 2u);
  EXPECT_EQ(score.tracks[0].program, 5);
  EXPECT_THAT(score.tracks[0].notes, ElementsAre(note(0, 10, 60), note(40, 10, 60)));
  EXPECT_EQ(score.tracks[1].program, 6);
  EXPECT_THAT(score.tracks[1].notes, ElementsAre(note(20, 10, 60)));
}

TEST(FromMidi, ProgramsSetInAnotherChunkCountUnlessTheChunkHasItsOwn) {
  Maker maker;
  maker.chunk().program(0, 5, 0).program(0, 7, 1).end(0);
  maker.chunk().on(0, 60, 64, 0).off(10, 60, 0).end(10);
  maker.chunk().program(0, 9, 1).on(0, 60, 64, 1).off(10, 60, 1).end(10);
  maker.chunk().on(0, 62, 64, 0).off(10, 62, 0).end(10);
  const Score score = score_of(maker);
  ASSERT_EQ(score.tracks.size(), 3u);
  EXPECT_EQ(score.tracks[0].program, 5);
  EXPECT_EQ(score.tracks[1].program, 9);
  EXPECT_EQ(score.tracks[2].program, 5);
  EXPECT_EQ(score.tracks[2].source_track, 3);
}

TEST(FromMidi, ConductorAndNames) {
  Maker maker;
  maker.chunk().meta(0, midi::meta::kTrackName, "Title").meta(0, 0x51, {"\x07\xa1\x20", 3});
  maker.meta(0, 0x58, {"\x06\x03\x24\x08", 4}).meta(0, 0x59, {"\xfd\x01", 2});
  maker.meta(960, 0x51, {"\x0f\x42\x40", 3}).meta(960, 0x58, {"\x00\x02\x18\x08", 4});
  maker.meta(960, 0x51, {"\0\0\0", 3}).meta(960, 0x59, {"\x09\x00", 2}).end(960);
  maker.chunk().meta(0, midi::meta::kTrackName, "Fl\xf6te ").on(0, 60).off(480, 60).end(480);
  maker.chunk().meta(0, midi::meta::kInstrumentName, "Baß").on(0, 40).off(480, 40).end(480);
  FromMidiReport report;
  const Score score = score_of(maker, &report);
  EXPECT_EQ(score.title, "Title");
  EXPECT_EQ(score.tracks[0].name, "Flöte");
  EXPECT_EQ(score.tracks[1].name, "Baß");
  ASSERT_EQ(score.tempos.size(), 2u);
  EXPECT_EQ(score.tempos[0].microseconds_per_quarter, 500000);
  EXPECT_EQ(score.tempos[1].at, Tick(960));
  ASSERT_EQ(score.metres.size(), 1u);
  EXPECT_EQ(score.metres[0].metre, (Metre{6, 8}));
  ASSERT_EQ(score.keys.size(), 1u);
  EXPECT_EQ(score.keys[0].key, (Key{-3, true}));
  EXPECT_EQ(score.keys[0].key.tonic(), 0);
  EXPECT_EQ(report.bad_tempos, 1u);
  EXPECT_EQ(report.bad_metres, 1u);
  EXPECT_EQ(report.bad_keys, 1u);
}

TEST(FromMidi, KaraokeTextIsLyricsOnlyInKaraokeFiles) {
  Maker karaoke;
  karaoke.chunk().meta(0, 1, "@KMIDI KARAOKE FILE").meta(0, 1, "@TSong").meta(0, 1, "\\Hel");
  karaoke.meta(240, 1, "lo ").on(240, 60).off(480, 60).end(480);
  const Score sung = score_of(karaoke);
  ASSERT_EQ(sung.lyrics.size(), 2u);
  EXPECT_EQ(sung.lyrics[0].text, "\\Hel");
  EXPECT_EQ(sung.lyrics[1].text, "lo ");
  EXPECT_EQ(sung.lyrics[1].at, Tick(240));

  Maker remark;
  remark.chunk().meta(0, 1, "made with love").meta(0, 5, "la").on(0, 60).off(480, 60).end(480);
  ASSERT_EQ(score_of(remark).lyrics.size(), 1u);
}

TEST(FromMidi, ThePedalHoldsNotesUntilItIsLiftedOrTheKeyIsStruckAgain) {
  Maker maker;
  maker.chunk().on(0, 60).on(0, 64).control(50, 64, 127).off(100, 60).off(100, 64);
  maker.on(300, 64).off(320, 64).control(400, 64, 0).on(500, 60).off(600, 60).end(600);
  EXPECT_THAT(
      score_of(maker, nullptr, false).tracks[0].notes,
      ElementsAre(note(0, 100, 60), note(0, 100, 64), note(300, 20, 64), note(500, 100, 60)));
  EXPECT_THAT(
      score_of(maker, nullptr, true).tracks[0].notes,
      ElementsAre(note(0, 400, 60), note(0, 300, 64), note(300, 100, 64), note(500, 100, 60)));
}

TEST(FromMidi, PatternsOfFormatTwoFollowEachOtherByTheBar) {
  Maker maker(2);
  maker.chunk().meta(0, 0x58, {"\x03\x02\x18\x08", 4}).program(0, 5).on(0, 60).off(480, 60);
  maker.end(1500);  // just over a bar of 3/4: two
  maker.chunk().on(0, 62).off(480, 62).end(480);
  const Score score = score_of(maker);
  ASSERT_EQ(score.tracks.size(), 2u);
  EXPECT_EQ(score.tracks[0].program, 5);
  EXPECT_EQ(score.tracks[1].program, 0);
  EXPECT_EQ(score.tracks[1].notes[0].onset, Tick(2880));
}

TEST(FromMidi, SmpteTicksAreConvertedToATempo) {
  Maker maker;
  maker.file().division = {0, 25, 40};  // a millisecond
  maker.chunk().meta(0, 0x51, {"\x01\x00\x00", 3}).on(1000, 60).off(2000, 60).end(2000);
  const Score score = score_of(maker);
  EXPECT_EQ(score.ticks_per_quarter, 500);
  EXPECT_DOUBLE_EQ(score.seconds_at(score.tracks[0].notes[0].onset).count(), 1.0);

  maker.file().division = {0, 29, 2};
  EXPECT_NEAR(score_of(maker).seconds_at(Tick(60000)).count(), 1001, 1e-9);
  maker.file().division = {0, 25, 1};
  EXPECT_NEAR(score_of(maker).seconds_at(Tick(250)).count(), 10, 1e-9);
}

TEST(FromMidi, RefusesWithAReason) {
  Maker silent;
  silent.chunk().end(0);
  auto result = score_from_midi(silent.file());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("no notes"));
  Maker timeless(1, 0);
  timeless.chunk().on(0, 60).off(1, 60).end(1);
  result = score_from_midi(timeless.file());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("division"));
}

TEST(FromMidi, ManyStuckNotesTakeLinearTime) {
  Maker maker;
  maker.chunk();
  for (int i = 0; i < 300'000; ++i) maker.on(i / 1000, i % 128, 64, i % 16);
  for (int i = 0; i < 300'000; ++i) maker.control(1000, 123, 0, i % 16);
  FromMidiReport report;
  EXPECT_EQ(score_of(maker.end(1000), &report).note_count(), 300'000u);
}

}  // namespace
}  // namespace hemiola
