// What the lenient reader does with files that are wrong, and that the strict one refuses them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "midi/reader.h"
#include "midi/test_bytes.h"
#include "midi/writer.h"

namespace hemiola::midi::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Lines = std::vector<std::string>;

// Reads what must be mended: strict reading refuses it with the offset and the words given.
File read_mended(const Bytes& bytes, RepairKind kind, std::size_t offset, std::string_view words) {
  auto file = read(bytes);
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  if (!file) return {};
  EXPECT_GT(count_of(*file, kind), 0u);
  const auto noted = std::ranges::find(file->repairs, kind, &Repair::kind);
  if (noted == file->repairs.end()) {
    ADD_FAILURE() << "no repair of that kind is described";
  } else {
    EXPECT_EQ(noted->offset, offset);
    EXPECT_THAT(noted->what, HasSubstr(std::string(words)));
  }
  const auto strict = read(bytes, {.strict = true, .limits = {}});
  EXPECT_FALSE(strict);
  if (!strict && !file->repairs.empty()) {
    EXPECT_THAT(strict.error().message, HasSubstr("byte "));
  }
  const auto again = read(write(*file));
  EXPECT_TRUE(again && same_content(*file, *again));
  return std::move(*file);
}

TEST(MendMidi, RiffThatIsCutOrHasNoData) {
  const Bytes midi = one_track(kNotes);
  const Bytes data = text("data") + little(midi.size() + 50) + midi;
  EXPECT_EQ(events_of(read_mended(riff(data), RepairKind::kRiff, 16, "are left")), kNoteLines);
  const Bytes other = riff(text("what") + little(midi.size()) + midi);
  EXPECT_EQ(events_of(read_mended(other, RepairKind::kRiff, other.size(), "no \"data\"")),
            kNoteLines);
}

TEST(MendMidi, JunkBeforeTheHeader) {
  const File file =
      read_mended(Bytes(128, 0) + one_track(kNotes), RepairKind::kJunkBefore, 0, "128 bytes");
  EXPECT_EQ(events_of(file), kNoteLines);
}

TEST(MendMidi, NoHeader) {
  const Bytes track = chunk("MTrk", kNotes + kEnd);
  File file = read_mended(track, RepairKind::kNoHeader, 0, "480 ticks");
  EXPECT_EQ(events_of(file), kNoteLines);
  EXPECT_EQ(file.division.ticks_per_quarter, 480);
  file = read_mended(raw({0, 6, 0, 1}) + track + track, RepairKind::kNoHeader, 0, "byte 4");
  EXPECT_EQ(file.tracks.size(), 2u);
}

TEST(MendMidi, ADamagedHeader) {
  Bytes bytes = one_track(kNotes);
  bytes[0] = 'x';  // its name
  EXPECT_EQ(events_of(read_mended(bytes, RepairKind::kHeader, 0, "MThd")), kNoteLines);
  for (const int length : {0, 5, 7, 255}) {
    bytes = one_track(kNotes);
    bytes[7] = static_cast<std::uint8_t>(length);
    EXPECT_EQ(events_of(read_mended(bytes, RepairKind::kHeader, 4, "taken as 6")), kNoteLines);
  }
  bytes = one_track(kNotes);
  bytes[9] = 7;
  EXPECT_EQ(read_mended(bytes, RepairKind::kHeader, 8, "format 7, taken as 0").format, 0);
  bytes = one_track(kNotes);
  bytes[13] = 0;
  EXPECT_EQ(read_mended(bytes, RepairKind::kHeader, 12, "taken as 480").division.ticks_per_quarter,
            480);
  bytes = header(0, 1, 0xe200) + chunk("MTrk", kEnd);
  EXPECT_EQ(read_mended(bytes, RepairKind::kHeader, 13, "taken as 40").division,
            (Division{0, 30, 40}));
  bytes = header(0, 1, 0x8001) + chunk("MTrk", kEnd);
  EXPECT_EQ(read_mended(bytes, RepairKind::kHeader, 12, "128 SMPTE").division,
            (Division{0, 128, 1}));
}

TEST(MendMidi, TheNumberOfTracks) {
  const Bytes track = chunk("MTrk", kNotes + kEnd);
  for (const int declared : {0, 1, 3}) {
    const File file =
        read_mended(header(1, declared, 96) + track + track, RepairKind::kTrackCount, 0, "2 found");
    EXPECT_EQ(file.tracks.size(), 2u);
  }
  EXPECT_EQ(
      read_mended(header(0, 2, 96) + track + track, RepairKind::kTrackCount, 0, "format 1").format,
      1);
}

TEST(MendMidi, BytesBetweenAndAfterChunks) {
  const Bytes track = chunk("MTrk", kNotes + kEnd);
  const Bytes junk = raw({0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  File file = read_mended(header(1, 2, 96) + track + junk + track, RepairKind::kChunk,
                          14 + track.size(), "10 bytes");
  EXPECT_EQ(file.tracks.size(), 2u);
  for (const Bytes& after : {raw({0}), raw({13, 10}), Bytes(600, 0x1a), junk}) {
    const Bytes bytes = one_track(kNotes);
    file = read_mended(bytes + after, RepairKind::kChunk, bytes.size(), "no chunk");
    EXPECT_EQ(events_of(file), kNoteLines);
  }
  // A remnant of another file behind the last track is not taken for more tracks.
  file = read_mended(header(1, 1, 96) + track + junk + track, RepairKind::kChunk, 14 + track.size(),
                     "no chunk");
  EXPECT_EQ(file.tracks.size(), 1u);
}

TEST(MendMidi, ASecondHeader) {
  const Bytes bytes = one_track(kNotes);
  File file = read_mended(bytes + bytes, RepairKind::kChunk, bytes.size(), "second header");
  EXPECT_EQ(file.tracks.size(), 1u);
  file = read_mended(header(1, 5, 24) + bytes, RepairKind::kChunk, 14, "instead of the first");
  EXPECT_EQ(file.division.ticks_per_quarter, 96);
  EXPECT_EQ(events_of(file), kNoteLines);
}

TEST(MendMidi, AMisspeltTrackName) {
  const File file = read_mended(header(0, 1, 96) + chunk("MXrk", kNotes + kEnd), RepairKind::kChunk,
                                14, "misspelt");
  EXPECT_EQ(events_of(file), kNoteLines);
}

TEST(MendMidi, AWrongTrackLength) {
  const Bytes content = kNotes + kEnd;  // 18 bytes
  const Bytes good = chunk("MTrk", content);
  const Bytes lead = header(1, 2, 96);
  // Too short, into the next track, and past the end of the file.
  for (const std::size_t declared : {0, 1, 5, 17, 19, 20, 30, 45, 1000}) {
    const File file = read_mended(lead + chunk_declared("MTrk", declared, content) + good,
                                  RepairKind::kTrackLength, 18, "18 found");
    ASSERT_EQ(file.tracks.size(), 2u) << declared;
    EXPECT_EQ(events_of(file, 0), kNoteLines) << declared;
    EXPECT_EQ(events_of(file, 1), kNoteLines) << declared;
    EXPECT_EQ(file.repair_count(), 1u) << declared;
  }
  for (const std::size_t declared : {0, 7, 19, 1000}) {
    const File file = read_mended(lead + good + chunk_declared("MTrk", declared, content),
                                  RepairKind::kTrackLength, 44, "18 found");
    EXPECT_EQ(events_of(file, 1), kNoteLines) << declared;
  }
}

TEST(MendMidi, NoEndOfTrack) {
  File file = read_mended(header(1, 2, 96) + chunk("MTrk", kNotes) + chunk("MTrk", kNotes),
                          RepairKind::kNoEndOfTrack, 14 + 8 + kNotes.size(), "added");
  EXPECT_EQ(count_of(file, RepairKind::kNoEndOfTrack), 2u);
  for (const Track& track : file.tracks) {
    ASSERT_EQ(track.events.size(), 5u);
    EXPECT_EQ(describe(file, track.events.back()), "288 meta 0x2f []");
  }
  file = read_mended(header(0, 1, 96) + chunk("MTrk", {}), RepairKind::kNoEndOfTrack, 22, "added");
  EXPECT_EQ(file.tracks[0].events.size(), 1u);
}

TEST(MendMidi, BytesAfterTheEndOfTrack) {
  const File file = read_mended(header(1, 2, 96) + chunk("MTrk", kNotes + kEnd + kEnd) +
                                    chunk("MTrk", kNotes + kEnd + raw({0})),
                                RepairKind::kAfterEndOfTrack, 40, "4 bytes");
  EXPECT_EQ(count_of(file, RepairKind::kAfterEndOfTrack), 2u);
  EXPECT_EQ(events_of(file, 0), kNoteLines);
  EXPECT_EQ(events_of(file, 1), kNoteLines);
}

// A file cut off at any byte keeps the events before the cut.
TEST(MendMidi, AFileCutAnywhere) {
  const Bytes events = kNotes + raw({0,   0xf0, 3, 1,    2, 0xf7, 0,    0xff, 1,    3, 'a',
                                     'b', 'c',  7, 0x81, 1, 2,    0x87, 0x68, 0xe1, 0, 64});
  const Bytes whole =
      header(1, 2, 96) + chunk("MTrk", events + kEnd) + chunk("MTrk", events + kEnd);
  const Lines lines = events_of(*read(whole));
  ASSERT_EQ(lines.size(), 8u);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto file = read(cut);
    EXPECT_FALSE(read(cut, {.strict = true, .limits = {}})) << size;
    ASSERT_EQ(file.has_value(), size >= 14) << size;
    if (!file) continue;
    std::size_t found = 0;
    for (std::size_t track = 0; track < file->tracks.size(); ++track) {
      const Lines part = events_of(*file, track);
      ASSERT_LE(part.size(), lines.size());
      EXPECT_TRUE(std::equal(part.begin(), part.end(), lines.begin())) << size;
      found += part.size();
    }
    // Events take 8 bytes at most; the track's name, length and the rest of one event are lost.
    EXPECT_GE(found * 8 + 14 + 8 + 8 + 4 + 8 + 8, size);
  }
}

TEST(MendMidi, DataBytesOf128AndMore) {
  const File file =
      read_mended(one_track({0,  0xb0, 7,    200, 0,    0x90, 60,   0xf0, 0x81, 0x70, 0x80, 60,
                             64, 0,    0x90, 62,  0xd0, 0x60, 0x80, 62,   64,   0,    0xc0, 255}),
                  RepairKind::kDataByte, 25, "200, taken as 127");
  EXPECT_THAT(events_of(file), ElementsAre("0 ctrl 0 7 127", "0 on 0 60 127", "240 off 0 60 64",
                                           "240 on 0 62 127", "336 off 0 62 64", "336 prog 0 127"));
}

TEST(MendMidi, AMessageCutOffByTheNextStatus) {
  // The second note-on has lost its velocity and the delta time behind it.
  const File file = read_mended(
      one_track({0, 0x98, 60, 64, 0, 0xb8, 10, 9, 5,    10, 8,  5, 10,   7,  9, 60, 0x98, 60, 0,
                 0, 0xb8, 10, 6,  5, 10,   5,  5, 0x98, 62, 64, 5, 0xb8, 10, 4, 0,  0x98, 62, 0}),
      RepairKind::kDataByte, 38, "next event");
  const Lines lines = events_of(file);
  EXPECT_THAT(lines, ::testing::Contains("19 on 8 60 0"));
  EXPECT_EQ(lines.back(), "34 on 8 62 0");
}

TEST(MendMidi, AnEndOfTrackWhereDataShouldStand) {
  const File file = read_mended(
      header(1, 2, 96) + chunk("MTrk", raw({0, 0x90, 60, 1, 9, 60}) + raw({0xff, 0x2f, 0})) +
          chunk("MTrk", kNotes + kEnd),
      RepairKind::kDataByte, 28, "next event");
  EXPECT_THAT(events_of(file), ElementsAre("0 on 0 60 1"));
  EXPECT_EQ(events_of(file, 1), kNoteLines);
  EXPECT_EQ(file.repair_count(), 1u);
}

TEST(MendMidi, DeltaTimesOfMoreThanFourBytes) {
  // Padded: the value is plain. Minus 128 in 32 bits: no time at all.
  const File file = read_mended(one_track({0x80, 0x80, 0x80, 0x80, 0x05, 0x90, 60, 64, 0x8f, 0xff,
                                           0xff, 0xff, 0x00, 0x90, 60, 0, 7, 62, 1}),
                                RepairKind::kDelta, 22, "5 bytes, taken as 5");
  EXPECT_THAT(events_of(file), ElementsAre("5 on 0 60 64", "5 on 0 60 0", "12 on 0 62 1"));
  EXPECT_EQ(count_of(file, RepairKind::kDelta), 2u);
}

TEST(MendMidi, RunningStatusAfterAMetaOrSystemEvent) {
  for (const Bytes& between :
       {raw({0, 0xff, 1, 1, 'x'}), raw({0, 0xf0, 2, 1, 0xf7}), raw({0, 0xf7, 1, 0xf8})}) {
    const File file =
        read_mended(one_track(kNotes + between + raw({5, 64, 9, 5, 64, 0})),
                    RepairKind::kRunningStatus, 22 + 14 + between.size() + 1, "0x90 taken on");
    const Lines lines = events_of(file);
    ASSERT_EQ(lines.size(), 7u);
    EXPECT_EQ(lines[5], "293 on 0 64 9");
    EXPECT_EQ(lines[6], "298 on 0 64 0");
    EXPECT_EQ(file.repair_count(), 1u);
  }
}

TEST(MendMidi, DataBytesWithoutAnyStatus) {
  const File file = read_mended(one_track(raw({0, 60, 64, 5, 60, 0}) + kNotes), RepairKind::kDamage,
                                22, "6 bytes");
  EXPECT_EQ(events_of(file), kNoteLines);
}

TEST(MendMidi, SystemMessagesBecomeEscapes) {
  const File file =
      read_mended(one_track(raw({0,    0x90, 1, 1,    0, 0xf1, 0x7f, 0,    0xf2, 1,    2, 0,
                                 0xf3, 3,    0, 0xf4, 0, 0xf6, 4,    0xf8, 0,    0xfa, 0, 0xfe}) +
                            kNotes),
                  RepairKind::kSystemMessage, 27, "0xf1");
  Lines lines = events_of(file);
  ASSERT_EQ(lines.size(), 13u);
  EXPECT_THAT(Lines(lines.begin(), lines.begin() + 9),
              ElementsAre("0 on 0 1 1", "0 escape [f1 7f]", "0 escape [f2 01 02]",
                          "0 escape [f3 03]", "0 escape [f4]", "0 escape [f6]", "4 escape [f8]",
                          "4 escape [fa]", "4 escape [fe]"));
  EXPECT_EQ(lines.back(), "292 on 0 62 0");
  // Running status goes on through a real-time message.
  const File clock = read_mended(one_track({0, 0x90, 60, 64, 3, 0xf8, 3, 60, 0}),
                                 RepairKind::kSystemMessage, 27, "0xf8");
  EXPECT_THAT(events_of(clock), ElementsAre("0 on 0 60 64", "3 escape [f8]", "6 on 0 60 0"));
}

TEST(MendMidi, MetaEventsOutOfRangeAreKept) {
  const std::vector<std::pair<Bytes, std::string>> cases = {
      {raw({0xff, 0x59, 2, 8, 0}), "0 meta 0x59 [08 00]"},
      {raw({0xff, 0x59, 2, 0, 2}), "0 meta 0x59 [00 02]"},
      {raw({0xff, 0x51, 2, 7, 0xa1}), "0 meta 0x51 [07 a1]"},
      {raw({0xff, 0x51, 3, 0, 0, 0}), "0 meta 0x51 [00 00 00]"},
      {raw({0xff, 0x54, 5, 0x60, 0, 0x10, 0xc4, 0xa3}), "0 meta 0x54 [60 00 10 c4 a3]"},
      {raw({0xff, 0x58, 2, 4, 2}), "0 meta 0x58 [04 02]"},
      {raw({0xff, 0x20, 1, 16}), "0 meta 0x20 [10]"},
      {raw({0xff, 0x81, 1, 0}), "0 meta 0x81 [00]"}};
  for (const auto& [event, line] : cases) {
    const File file =
        read_mended(one_track(raw({0}) + event + kNotes), RepairKind::kMetaValue, 23, "meta event");
    ASSERT_EQ(events_of(file).size(), 5u) << line;
    EXPECT_EQ(events_of(file)[0], line);
    EXPECT_EQ(file.repair_count(), 1u) << line;
  }
}

TEST(MendMidi, ANonsensicalPayloadLengthCostsOneEvent) {
  const Bytes later = raw({0, 0x90, 72, 9, 9, 0x90, 72, 0});
  for (const Bytes& bad : {raw({0, 0xff, 1, 0x7f, 'a', 'b'}), raw({0, 0xf0, 0x43, 0x10, 0xf7})}) {
    const File file =
        read_mended(one_track(kNotes + bad + later), RepairKind::kDamage, 22 + 14, "no sense");
    const Lines lines = events_of(file);
    ASSERT_EQ(lines.size(), 6u);
    EXPECT_EQ(lines[4], "288 on 0 72 9");
    EXPECT_EQ(lines[5], "297 on 0 72 0");
  }
}

TEST(MendMidi, ReadingGoesOnBehindDamagedBytes) {
  Bytes music;
  for (int i = 0; i < 40; ++i) music = music + raw({0, 0x90, 40 + i, 64, 10, 0x80, 40 + i, 64});
  const auto whole = events_of(*read(one_track(music)));
  Rng rng(1);
  int found_again = 0;
  for (int round = 0; round < 200; ++round) {
    Bytes damaged = music;
    const std::size_t at = 8 * rng.below(30);
    const std::size_t size = 4 + rng.below(12);
    for (std::size_t i = at; i < at + size; ++i) {
      damaged[i] = static_cast<std::uint8_t>(rng.below(256));
    }
    const auto file = read(one_track(damaged));
    ASSERT_TRUE(file);
    const Lines lines = events_of(*file);
    const auto before = static_cast<std::ptrdiff_t>(at / 4);
    ASSERT_GE(lines.size(), at / 4);
    EXPECT_TRUE(std::equal(lines.begin(), lines.begin() + before, whole.begin())) << round;
    const bool in_step = lines.back().ends_with(" off 0 79 64");
    found_again += in_step && lines.size() + 12 >= whole.size();
  }
  // The music behind the damage is found again after a few events; but for the noise that, with the
  // bytes after it, makes sense in another way.
  EXPECT_GE(found_again, 185);
}

Bytes with_line_endings(const Bytes& bytes, std::uint8_t after, bool before) {
  Bytes result;
  for (const auto byte : bytes) {
    if (byte == after && before) result.push_back('\r');
    result.push_back(byte);
    if (byte == after && !before) result.push_back('\n');
  }
  return result;
}

TEST(MendMidi, RewrittenLineEndings) {
  const Bytes name = raw({0, 0xff, 3, 10}) + text("Harpsichod") + raw({0, 0xff, 1, 13}) +
                     text("Alto Trombone") + raw({13, 0xb0, 10, 10, 0, 13, 13});
  const Bytes good =
      header(1, 2, 96) + chunk("MTrk", name + kNotes + kEnd) + chunk("MTrk", kNotes + name + kEnd);
  const File whole = *read(good);
  for (const auto& bad :
       {with_line_endings(good, '\n', true), with_line_endings(good, '\r', false)}) {
    const File file = read_mended(bad, RepairKind::kLineEndings, 0, "taken out");
    EXPECT_EQ(file.repair_count(), 1u);
    EXPECT_TRUE(same_content(file, whole));
  }
}

}  // namespace
}  // namespace hemiola::midi::test
