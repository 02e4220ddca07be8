#include "midi/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "midi/test_bytes.h"
#include "midi/writer.h"

namespace hemiola::midi::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Lines = std::vector<std::string>;

File read_good(const Bytes& bytes) {
  auto file = read(bytes);
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  if (!file) return {};
  EXPECT_EQ(file->repair_count(), 0u) << (file->repairs.empty() ? "" : file->repairs[0].what);
  EXPECT_TRUE(read(bytes, {.strict = true, .limits = {}}));
  return std::move(*file);
}

std::string refusal(const Bytes& bytes) {
  const auto file = read(bytes);
  EXPECT_FALSE(file);
  EXPECT_FALSE(read(bytes, {.strict = true, .limits = {}}));
  return file ? "" : file.error().message;
}

// What the format says -------------------------------------------------------------------------

TEST(ReadMidi, FormatsAndTracks) {
  for (const int format : {0, 1, 2}) {
    const int tracks = format == 0 ? 1 : 3;
    Bytes bytes = header(format, tracks, 480);
    for (int i = 0; i < tracks; ++i) bytes = bytes + chunk("MTrk", kNotes + kEnd);
    const File file = read_good(bytes);
    EXPECT_EQ(file.format, format);
    EXPECT_EQ(file.division, (Division{480, 0, 0}));
    ASSERT_EQ(file.tracks.size(), static_cast<std::size_t>(tracks));
    for (int i = 0; i < tracks; ++i) {
      EXPECT_EQ(events_of(file, static_cast<std::size_t>(i)), kNoteLines);
      EXPECT_EQ(file.tracks[static_cast<std::size_t>(i)].events.size(), 5u);
    }
  }
  EXPECT_THAT(read_good(header(1, 0, 96)).tracks, IsEmpty());
}

TEST(ReadMidi, SmpteDivision) {
  for (const int frames : {24, 25, 29, 30}) {
    const File file = read_good(header(0, 1, (256 - frames) << 8 | 40) + chunk("MTrk", kEnd));
    EXPECT_EQ(file.division, (Division{0, static_cast<std::uint8_t>(frames), 40}));
    EXPECT_TRUE(file.division.is_smpte());
  }
}

TEST(ReadMidi, ALongerHeaderIsLegal) {
  const Bytes bytes =
      text("MThd") + big(8, 4) + raw({0, 1, 0, 1, 0, 96, 7, 7}) + chunk("MTrk", kNotes + kEnd);
  EXPECT_EQ(events_of(read_good(bytes)), kNoteLines);
}

TEST(ReadMidi, EveryChannelMessage) {
  const File file = read_good(one_track({0,    0x80, 1,    2,    //
                                         1,    0x91, 3,    4,    //
                                         0,    0xa2, 5,    6,    //
                                         0,    0xb3, 7,    127,  //
                                         0,    0xc4, 8,          //
                                         0,    0xd5, 9,          //
                                         0x7f, 0xef, 0x7f, 0x40}));
  EXPECT_THAT(events_of(file),
              ElementsAre("0 off 0 1 2", "1 on 1 3 4", "1 poly 2 5 6", "1 ctrl 3 7 127",
                          "1 prog 4 8", "1 pressure 5 9", "128 bend 15 127 64"));
}

TEST(ReadMidi, RunningStatusForOneAndTwoDataBytes) {
  const File file = read_good(one_track({0, 0xc3, 1, 5, 2, 5, 3, 0, 0x93, 60, 1, 0, 60, 0}));
  EXPECT_THAT(events_of(file), ElementsAre("0 prog 3 1", "5 prog 3 2", "10 prog 3 3",
                                           "10 on 3 60 1", "10 on 3 60 0"));
}

TEST(ReadMidi, DeltaTimesOfOneToFourBytes) {
  const File file = read_good(one_track({0x7f, 0xc0, 0,                    //
                                         0x81, 0x00, 0xc0, 1,              //
                                         0xff, 0x7f, 0xc0, 2,              //
                                         0x81, 0x80, 0x00, 0xc0, 3,        //
                                         0xff, 0xff, 0x7f, 0xc0, 4,        //
                                         0x81, 0x80, 0x80, 0x00, 0xc0, 5,  //
                                         0xff, 0xff, 0xff, 0x7f, 0xc0, 6,  //
                                         0x80, 0x80, 0x80, 0x01, 0xc0, 7,  // padded
                                         0x80, 0x00, 0xc0, 8}));
  std::vector<std::int64_t> gaps;
  Tick before{0};
  for (const Event& event : file.tracks[0].events) {
    gaps.push_back((event.at - std::exchange(before, event.at)).count());
  }
  EXPECT_THAT(gaps, ElementsAre(127, 128, 16383, 16384, 2097151, 2097152, 268435455, 1, 0, 0));
}

TEST(ReadMidi, MetaEventsKeepTypeAndBytes) {
  const Bytes events =
      raw({0, 0xff, 0x00, 2, 1, 2, 0, 0xff, 0x03, 2, 'H', 'i', 0, 0xff, 0x01, 0}) +
      raw({0, 0xff, 0x20, 1, 5, 0, 0xff, 0x21, 1, 1, 0, 0xff, 0x51, 3, 7, 0xa1, 0x20}) +
      raw({0, 0xff, 0x54, 5, 0x60, 1, 2, 3, 4, 0, 0xff, 0x58, 4, 6, 3, 24, 8}) +
      raw({0, 0xff, 0x59, 2, 0xfd, 1, 0, 0xff, 0x7f, 3, 0, 0, 0x41, 9, 0xff, 0x60, 1, 0xff});
  EXPECT_THAT(events_of(read_good(one_track(events))),
              ElementsAre("0 meta 0x00 [01 02]", "0 meta 0x03 [48 69]", "0 meta 0x01 []",
                          "0 meta 0x20 [05]", "0 meta 0x21 [01]", "0 meta 0x51 [07 a1 20]",
                          "0 meta 0x54 [60 01 02 03 04]", "0 meta 0x58 [06 03 18 08]",
                          "0 meta 0x59 [fd 01]", "0 meta 0x7f [00 00 41]", "9 meta 0x60 [ff]"));
}

TEST(ReadMidi, ALongTextHasALengthOfSeveralBytes) {
  const Bytes words(300, 'x');
  const File file = read_good(one_track(raw({0, 0xff, 1, 0x82, 0x2c}) + words));
  const auto payload = file.payload_of(file.tracks[0].events[0]);
  EXPECT_EQ(Bytes(payload.begin(), payload.end()), words);
}

TEST(ReadMidi, SystemExclusiveWholeAndSplitAndEscapes) {
  const File file = read_good(one_track({0, 0xf0, 3, 0x43, 0x12, 0xf7,  // whole
                                         0, 0xf0, 2, 0x43, 0x12,        // begins
                                         9, 0xf7, 2, 0x01, 0x02,        // goes on
                                         9, 0xf7, 1, 0xf7,              // ends
                                         0, 0xf7, 3, 0xf3, 0x01, 0x90,  // anything
                                         0, 0xf7, 0}));
  EXPECT_THAT(events_of(file),
              ElementsAre("0 sysex [43 12 f7]", "0 sysex [43 12]", "9 escape [01 02]",
                          "18 escape [f7]", "18 escape [f3 01 90]", "18 escape []"));
}

TEST(ReadMidi, AlienChunksAreKeptInTheirPlaces) {
  const Bytes bytes = header(1, 2, 96) + chunk("XFIH", text("ab")) + chunk("MTrk", kNotes + kEnd) +
                      chunk("Junk", {}) + chunk("MTrk", kEnd) + chunk("XFKM", text("end"));
  const File file = read_good(bytes);
  ASSERT_EQ(file.chunks.size(), 3u);
  EXPECT_EQ(std::string(file.chunks[0].id.begin(), file.chunks[0].id.end()), "XFIH");
  EXPECT_EQ(file.payload_of(file.chunks[0]).size(), 2u);
  EXPECT_EQ(file.chunks[1].before_track, 1u);
  EXPECT_EQ(file.chunks[2].before_track, 2u);
  EXPECT_EQ(file.tracks.size(), 2u);
  EXPECT_EQ(write(file, {.running_status = true}), bytes);
}

TEST(ReadMidi, RiffWrapped) {
  const Bytes midi = one_track(kNotes);
  const Bytes data = text("data") + little(midi.size()) + midi;
  EXPECT_EQ(events_of(read_good(riff(data))), kNoteLines);
  // Another chunk before it, of odd length and so padded; and one after it.
  const Bytes info = text("DISP") + little(3) + text("abc") + raw({0});
  const Bytes dls = text("LIST") + little(4) + text("DLS ");
  EXPECT_EQ(events_of(read_good(riff(info + data + dls))), kNoteLines);
}

// What is refused ------------------------------------------------------------------------------

TEST(RefuseMidi, WhatIsNoMidiFile) {
  EXPECT_THAT(refusal({}), HasSubstr("byte 0"));
  EXPECT_THAT(refusal(text("not a midi file")), HasSubstr("not a MIDI file"));
  EXPECT_THAT(refusal(text("<html><p>MThd and MTrk are chunks.</p></html>")),
              HasSubstr("not a MIDI file"));
  EXPECT_THAT(refusal(text("MThd")), HasSubstr("cut off"));
  EXPECT_THAT(refusal(text("MThd\x06\x01\x0bxMTrkb\x03\x0eWinJammer Demo")),
              HasSubstr("header length"));
  EXPECT_THAT(refusal(riff(text("data") + little(3) + text("abc"))), HasSubstr("not a MIDI file"));
}

TEST(RefuseMidi, StrictErrorsSayWhere) {
  const auto file =
      read(header(1, 2, 96) + chunk("MTrk", kEnd) + chunk("MTrk", raw({0, 0xb0, 7, 200}) + kEnd),
           {.strict = true, .limits = {}});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message, "byte 37 (track 2): a data byte of 200, taken as 127");
}

TEST(RefuseMidi, Limits) {
  const Bytes track = chunk("MTrk", kNotes + kEnd);
  const Bytes bytes = header(1, 2, 96) + track + track;
  ReadOptions options;
  options.limits.bytes = bytes.size() - 1;
  auto file = read(bytes, options);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("more than the limit"));
  options = {};
  options.limits.tracks = 1;
  file = read(bytes, options);
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("limit of 1 tracks"));
}

TEST(RefuseMidi, AFileOnDisk) {
  const auto file = read(Path("/no/such/file.mid"));
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr("/no/such/file.mid"));
}

// Bounds ---------------------------------------------------------------------------------------

TEST(BoundsOfMidi, RepairsAreCountedAndOnlySomeDescribed) {
  Bytes events;
  for (int i = 0; i < 500; ++i) events = events + raw({0, 0xb0, 7, 200});
  ReadOptions options;
  options.limits.repairs_kept = 10;
  const auto file = read(one_track(events), options);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->repair_count(), 500u);
  EXPECT_EQ(file->repairs.size(), 10u);
}

std::size_t memory_of(const File& file) {
  std::size_t bytes = file.payload.capacity() + file.tracks.capacity() * sizeof(Track) +
                      file.chunks.capacity() * sizeof(Chunk);
  for (const Track& track : file.tracks) bytes += track.events.capacity() * sizeof(Event);
  return bytes;
}

// Megabytes of what makes careless readers slow or large: each ends at once and stays small.
TEST(BoundsOfMidi, TimeAndMemoryAreLinearOnHostileInput) {
  const std::vector<Bytes> patterns = {
      raw({0x80}),                                            // an endless number
      raw({0xff}),                                            //
      raw({0x00}),                                            // no status
      raw({0, 0xc0}),                                         // a status as data
      raw({0, 0x90, 0xf0}),                                   //
      raw({0, 0xc0, 1, 1}),                                   // the shortest events
      raw({0, 0xff, 1, 0}),                                   // empty texts
      raw({0, 0xff, 1, 0xff, 0xff, 0xff, 0x7f}),              // texts too long
      raw({0, 0xf0, 0x83, 0xff, 0x7f}),                       // sysex that is too long near the end
      raw({0, 0xf4}),                                         //
      text("MTrk"),                                           //
      text("MTrk") + raw({0, 0, 0, 0}),                       // empty tracks
      text("MTrk") + raw({0, 0x0f, 0xff, 0xff}),              // tracks that overlap
      text("MTrk") + raw({0xff, 0xff, 0xff, 0xff, 0, 0xff}),  //
      text("MTrx") + raw({0, 0, 0, 1}),                       //
      text("MThd") + raw({0, 0, 0, 6}),                       //
      text("abcd") + raw({0, 0, 0, 0}),                       // empty alien chunks
      text("abcd") + raw({0, 0x07, 0, 0}),                    //
      raw({13, 10}),                                          //
  };
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    for (const bool in_track : {true, false}) {
      Bytes bytes;
      constexpr std::size_t kSize = std::size_t{1} << 20;
      while (bytes.size() < kSize)
        bytes.insert(bytes.end(), patterns[i].begin(), patterns[i].end());
      bytes = in_track ? header(1, 9, 96) + chunk("MTrk", bytes) : header(1, 9, 96) + bytes;
      ReadOptions options;
      options.limits.tracks = kSize;
      const auto file = read(bytes, options);
      if (!file) continue;
      EXPECT_LE(memory_of(*file), bytes.size() * 13 + 4096) << "pattern " << i << in_track;
      EXPECT_LE(file->repairs.size(), options.limits.repairs_kept);
    }
  }
}

TEST(BoundsOfMidi, RandomBytesAreReadOrRefused) {
  Rng rng(7);
  for (int round = 0; round < 2000; ++round) {
    Bytes noise(rng.below(400));
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(rng.below(256));
    const auto file = read(round % 2 ? one_track(noise) : noise);
    if (!file) continue;
    const auto again = read(write(*file));
    ASSERT_TRUE(again);
    EXPECT_TRUE(same_content(*file, *again)) << round;
  }
}

}  // namespace
}  // namespace hemiola::midi::test
