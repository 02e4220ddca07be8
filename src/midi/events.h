// What a Standard MIDI File holds (RP-001, Standard MIDI Files 1.0), event by event and nothing
// lost: reading then writing keeps every event. No music is understood here.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "base/time_units.h"

namespace hemiola::midi {

enum class EventKind : std::uint8_t {
  kNoteOff,          // data1 = key, data2 = velocity
  kNoteOn,           // data1 = key, data2 = velocity (0 is a note-off too; kept as it was)
  kPolyPressure,     // data1 = key, data2 = pressure
  kController,       // data1 = controller, data2 = value
  kProgram,          // data1 = program
  kChannelPressure,  // data1 = pressure
  kPitchBend,        // data1 = low 7 bits, data2 = high 7 bits
  kSysEx,            // F0: payload without the F0, with its F7 if it had one
  kEscape,           // F7: payload, any bytes (the rest of a split sysex, for example)
  kMeta,             // data1 = meta type, payload
};

namespace meta {
inline constexpr std::uint8_t kText = 0x01, kCopyright = 0x02, kTrackName = 0x03,
                              kInstrumentName = 0x04, kLyric = 0x05, kMarker = 0x06, kCue = 0x07,
                              kEndOfTrack = 0x2f, kTempo = 0x51, kTimeSignature = 0x58,
                              kKeySignature = 0x59;
}

struct Event {
  Tick at{};  // from the start of the track
  EventKind kind{};
  std::uint8_t channel = 0;  // 0-15; channel messages only
  std::uint8_t data1 = 0;
  std::uint8_t data2 = 0;
  std::uint32_t payload_begin = 0;  // into the file's payload bytes: sysex, escape, meta
  std::uint32_t payload_size = 0;

  bool operator==(const Event&) const = default;
};

struct Track {
  std::vector<Event> events;  // in the file's order; `at` never falls; an end of track is last
};

// How ticks measure time: by the quarter note, or by SMPTE frames (then tempo has no meaning).
struct Division {
  std::uint16_t ticks_per_quarter = 480;  // 0 with SMPTE
  std::uint8_t smpte_frames = 0;          // 24, 25, 29 (30 drop) or 30; 0 without SMPTE
  std::uint8_t ticks_per_frame = 0;

  bool is_smpte() const { return smpte_frames != 0; }
  bool operator==(const Division&) const = default;
};

// A chunk that is neither header nor track: kept as it was, and where it stood.
struct Chunk {
  std::array<char, 4> id{};
  std::uint32_t before_track = 0;  // index of the track that follows it; tracks.size(): the end
  std::uint32_t payload_begin = 0;
  std::uint32_t payload_size = 0;

  bool operator==(const Chunk&) const = default;
};

// What can be wrong in the bytes and mended. reader.h says how each is mended.
enum class RepairKind : std::uint8_t {
  kRiff,             // a damaged RIFF wrapping
  kLineEndings,      // the file went through a program that rewrites line endings
  kJunkBefore,       // other bytes before the header
  kNoHeader,         // no header chunk
  kHeader,           // an impossible value in the header
  kTrackCount,       // the header declares another number of tracks
  kChunk,            // bytes between or after the chunks, or a misspelt chunk name
  kTrackLength,      // the track is shorter or longer than it declares, or the file is cut
  kNoEndOfTrack,     // the track does not end with an end of track
  kAfterEndOfTrack,  // bytes after the end of track
  kCutEvent,         // an event that runs past the end of its track
  kDamage,           // bytes within a track that make no sense
  kDelta,            // a variable-length number of more than four bytes, or a delta time missing
  kRunningStatus,    // a data byte where running status does not hold
  kDataByte,         // a data byte of 128 or more
  kSystemMessage,    // a system message that may not stand in a file
  kMetaValue,        // a meta event of the wrong size or with a value out of range; kept as it was
};
inline constexpr std::size_t kRepairKinds = 17;

// Something wrong in the bytes that the lenient reader mended, and where.
struct Repair {
  RepairKind kind{};
  std::size_t offset = 0;  // in the file
  int track = -1;          // -1: outside any track
  std::string what;
};

struct File {
  int format = 1;  // 0, 1 or 2
  Division division;
  std::vector<Track> tracks;
  std::vector<Chunk> chunks;          // alien chunks, in the file's order
  std::vector<std::uint8_t> payload;  // arena of all sysex, escape and meta bytes, and of chunks

  // What the reader mended; not written back. The first ones are kept, all are counted.
  std::vector<Repair> repairs;
  std::array<std::uint32_t, kRepairKinds> repair_counts{};  // by RepairKind

  std::uint64_t repair_count() const {
    return std::accumulate(repair_counts.begin(), repair_counts.end(), std::uint64_t{0});
  }

  std::span<const std::uint8_t> payload_of(const Event& event) const {
    return std::span(payload).subspan(event.payload_begin, event.payload_size);
  }
  std::span<const std::uint8_t> payload_of(const Chunk& chunk) const {
    return std::span(payload).subspan(chunk.payload_begin, chunk.payload_size);
  }
};

// Whether two files say the same: format, division, chunks and every event with its payload.
// Where the payload lies in the arena does not matter, nor do repairs.
bool same_content(const File& a, const File& b);

}  // namespace hemiola::midi
