#include "midi/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/rng.h"
#include "midi/reader.h"
#include "midi/test_bytes.h"

namespace hemiola::midi::test {
namespace {

using ::testing::ElementsAre;

Event channel_event(std::int64_t at, EventKind kind, int channel, int data1, int data2 = 0) {
  Event event;
  event.at = Tick(at);
  event.kind = kind;
  event.channel = static_cast<std::uint8_t>(channel);
  event.data1 = static_cast<std::uint8_t>(data1);
  event.data2 = static_cast<std::uint8_t>(data2);
  return event;
}

Event payload_event(File& file, std::int64_t at, EventKind kind, int data1, const Bytes& payload) {
  Event event = channel_event(at, kind, 0, data1);
  event.payload_begin = static_cast<std::uint32_t>(file.payload.size());
  event.payload_size = static_cast<std::uint32_t>(payload.size());
  file.payload.insert(file.payload.end(), payload.begin(), payload.end());
  return event;
}

TEST(WriteMidi, BytesOfASmallFile) {
  File file;
  file.format = 0;
  file.division.ticks_per_quarter = 96;
  Track& track = file.tracks.emplace_back();
  track.events = {payload_event(file, 0, EventKind::kMeta, meta::kTempo, raw({7, 0xa1, 0x20})),
                  channel_event(0, EventKind::kProgram, 2, 5),
                  channel_event(0, EventKind::kNoteOn, 2, 60, 64),
                  channel_event(200, EventKind::kNoteOn, 2, 60, 0),
                  payload_event(file, 200, EventKind::kMeta, meta::kEndOfTrack, {})};
  EXPECT_EQ(write(file, {.running_status = true}),
            header(0, 1, 96) +
                chunk("MTrk", raw({0,    0xff, 0x51, 3,    7,    0xa1, 0x20, 0, 0xc2, 5,    0,
                                   0x92, 60,   64,   0x81, 0x48, 60,   0,    0, 0xff, 0x2f, 0})));
  EXPECT_EQ(write(file, {.running_status = false}),
            header(0, 1, 96) +
                chunk("MTrk", raw({0,  0xff, 0x51, 3,    7,    0xa1, 0x20, 0, 0xc2, 5,    0, 0x92,
                                   60, 64,   0x81, 0x48, 0x92, 60,   0,    0, 0xff, 0x2f, 0})));
}

TEST(WriteMidi, RunningStatusEndsAtMetaAndSystemEvents) {
  const Bytes bytes = one_track({0, 0x90, 60, 64,   0,  0xff, 1, 0,    0, 0x90, 60,   0,  0, 0xf0,
                                 1, 0xf7, 0,  0x90, 62, 1,    0, 0xf7, 0, 0,    0x90, 62, 0});
  const auto file = read(bytes, {.strict = true, .limits = {}});
  ASSERT_TRUE(file);
  EXPECT_EQ(write(*file), bytes);
}

TEST(WriteMidi, SmpteDivisionAndFormat) {
  for (const int format : {0, 1, 2}) {
    const Bytes bytes = header(format, 1, 0xe728) + chunk("MTrk", kEnd);
    const auto file = read(bytes);
    ASSERT_TRUE(file);
    EXPECT_EQ(write(*file), bytes);
  }
}

TEST(WriteMidi, AFileWithoutTracksKeepsItsFormat) {
  const Bytes bytes = header(0, 0, 96) + chunk("Abcd", text("x"));
  const auto file = read(bytes, {.strict = true, .limits = {}});
  ASSERT_TRUE(file);
  EXPECT_EQ(write(*file), bytes);
}

// A file made by hand may say what the format cannot.
TEST(WriteMidi, WhatTheFormatCannotSayIsBroughtWithinIt) {
  File file;
  file.format = 0;
  Track& first = file.tracks.emplace_back();
  first.events = {channel_event(10, EventKind::kNoteOn, 17, 200, 255),
                  channel_event(5, EventKind::kNoteOff, 1, 72, 0),
                  channel_event(5, EventKind::kMeta, 0, meta::kEndOfTrack),
                  channel_event(20, EventKind::kController, 1, 7, 100)};
  file.tracks.emplace_back();
  const auto read_back = read(write(file), {.strict = true, .limits = {}});
  ASSERT_TRUE(read_back) << read_back.error().message;
  EXPECT_EQ(read_back->format, 1);
  EXPECT_THAT(events_of(*read_back, 0),
              ElementsAre("10 on 1 72 127", "10 off 1 72 0", "20 ctrl 1 7 100"));
  EXPECT_EQ(read_back->tracks[1].events.size(), 1u);
}

TEST(WriteMidi, LongGapsAreBridged) {
  const std::int64_t late = std::int64_t{3} << 28;
  File file;
  file.tracks.emplace_back().events = {channel_event(late, EventKind::kProgram, 0, 1),
                                       channel_event(late + 7, EventKind::kProgram, 0, 2)};
  const auto read_back = read(write(file), {.strict = true, .limits = {}});
  ASSERT_TRUE(read_back) << read_back.error().message;
  const auto lines = events_of(*read_back);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0], "268435455 meta 0x01 []");
  EXPECT_EQ(lines[3], fmt::format("{} prog 0 1", late));
  EXPECT_EQ(lines[4], fmt::format("{} prog 0 2", late + 7));
  // Even the absurd ends.
  file.tracks[0].events[0].at = Tick(std::numeric_limits<std::int64_t>::max());
  EXPECT_LT(write(file).size(), 300u);
}

// Any events a reader can give: written and read they are the same, with either form of status.
TEST(WriteMidi, RandomFilesRoundTrip) {
  Rng rng(11);
  for (int round = 0; round < 300; ++round) {
    File file;
    file.format = rng.between(1, 2);
    file.division.ticks_per_quarter = static_cast<std::uint16_t>(rng.between(1, 0x7fff));
    const int tracks = rng.between(0, 4);
    for (int t = 0; t < tracks; ++t) {
      if (rng.chance(0.2)) {
        const Event at = payload_event(file, 0, EventKind::kMeta, 0, Bytes(rng.below(9), 7));
        file.chunks.push_back({{'A', 'b', 'c', '1'},
                               static_cast<std::uint32_t>(t),
                               at.payload_begin,
                               at.payload_size});
      }
      std::vector<Event> events;
      std::int64_t now = 0;
      const int count = rng.between(0, 60);
      for (int i = 0; i < count; ++i) {
        now += static_cast<std::int64_t>(rng.below(std::uint64_t{1} << rng.below(29)));
        const auto kind = static_cast<EventKind>(rng.below(10));
        if (kind < EventKind::kSysEx) {
          const bool short_form =
              kind == EventKind::kProgram || kind == EventKind::kChannelPressure;
          events.push_back(channel_event(now, kind, rng.between(0, 2), rng.between(0, 127),
                                         short_form ? 0 : rng.between(0, 127)));
        } else {
          Bytes payload(rng.chance(0.1) ? rng.below(20000) : rng.below(20));
          for (auto& byte : payload) byte = static_cast<std::uint8_t>(rng.below(256));
          events.push_back(payload_event(
              file, now, kind, kind == EventKind::kMeta ? rng.between(1, 7) : 0, payload));
        }
      }
      events.push_back(channel_event(now, EventKind::kMeta, 0, meta::kEndOfTrack));
      file.tracks.push_back({std::move(events)});
    }
    for (const bool running_status : {true, false}) {
      const Bytes bytes = write(file, {.running_status = running_status});
      const auto again = read(bytes, {.strict = true, .limits = {}});
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_TRUE(same_content(file, *again)) << round;
      EXPECT_EQ(write(*again, {.running_status = running_status}), bytes);
    }
  }
}

TEST(SameContent, SeesEveryDifference) {
  const auto base =
      read(header(1, 2, 96) + chunk("MTrk", raw({0, 0x90, 60, 64, 0, 0xff, 1, 1, 'x'}) + kEnd) +
           chunk("Abcd", text("q")) + chunk("MTrk", kEnd));
  ASSERT_TRUE(base);
  EXPECT_TRUE(same_content(*base, *base));
  const auto differs = [&](auto change) {
    File other = *base;
    change(other);
    return !same_content(*base, other);
  };
  EXPECT_TRUE(differs([](File& f) { f.format = 2; }));
  EXPECT_TRUE(differs([](File& f) { f.division.ticks_per_quarter = 97; }));
  EXPECT_TRUE(differs([](File& f) { f.tracks.pop_back(); }));
  EXPECT_TRUE(differs([](File& f) { f.chunks.clear(); }));
  EXPECT_TRUE(differs([](File& f) { f.chunks[0].before_track = 2; }));
  EXPECT_TRUE(differs([](File& f) { f.payload[0] = 'y'; }));
  EXPECT_TRUE(differs([](File& f) { f.tracks[0].events[0].data2 = 1; }));
  EXPECT_TRUE(differs([](File& f) { f.tracks[0].events[1].at = Tick(1); }));
  EXPECT_FALSE(differs([](File& f) { f.repairs.push_back({}); }));
}

}  // namespace
}  // namespace hemiola::midi::test
