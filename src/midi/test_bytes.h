// Builds small MIDI files byte by byte. For tests only.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/files.h"
#include "midi/events.h"

namespace hemiola::midi::test {

inline Bytes raw(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::uint8_t>(value));
  return bytes;
}

inline Bytes text(std::string_view value) { return Bytes(value.begin(), value.end()); }

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Bytes big(std::size_t value, int bytes) {
  Bytes result;
  while (bytes-- > 0) result.push_back(static_cast<std::uint8_t>(value >> (8 * bytes) & 0xff));
  return result;
}

inline Bytes header(int format, int tracks, int division) {
  return text("MThd") + big(6, 4) + big(static_cast<std::size_t>(format), 2) +
         big(static_cast<std::size_t>(tracks), 2) + big(static_cast<std::size_t>(division), 2);
}

inline Bytes chunk(std::string_view name, const Bytes& content) {
  return text(name) + big(content.size(), 4) + content;
}

// A chunk that declares another length than it has.
inline Bytes chunk_declared(std::string_view name, std::size_t declared, const Bytes& content) {
  return text(name) + big(declared, 4) + content;
}

inline const Bytes kEnd = raw({0, 0xff, 0x2f, 0});

// A format 0 file of one track with these events and an end of track.
inline Bytes one_track(const Bytes& events) {
  return header(0, 1, 96) + chunk("MTrk", events + kEnd);
}

inline Bytes one_track(std::initializer_list<int> events) { return one_track(raw(events)); }

// The event in one line: "96 on 0 60 64", "0 meta 0x03 [41 42]".
inline std::string describe(const File& file, const Event& event) {
  static constexpr const char* kNames[] = {"off",      "on",   "poly",  "ctrl",   "prog",
                                           "pressure", "bend", "sysex", "escape", "meta"};
  std::string line = fmt::format("{} {}", event.at.count(), kNames[static_cast<int>(event.kind)]);
  if (event.kind < EventKind::kSysEx) {
    line += fmt::format(" {} {}", event.channel, event.data1);
    if (event.kind != EventKind::kProgram && event.kind != EventKind::kChannelPressure) {
      line += fmt::format(" {}", event.data2);
    }
    return line;
  }
  if (event.kind == EventKind::kMeta) line += fmt::format(" {:#04x}", event.data1);
  line += " [";
  const char* separator = "";
  for (const auto byte : file.payload_of(event)) {
    line += fmt::format("{}{:02x}", std::exchange(separator, " "), byte);
  }
  return line + "]";
}

// A track's events but for the end of track at its end.
inline std::vector<std::string> events_of(const File& file, std::size_t track = 0) {
  std::vector<std::string> lines;
  for (const Event& event : file.tracks.at(track).events) lines.push_back(describe(file, event));
  if (!lines.empty() && lines.back().ends_with("meta 0x2f []")) lines.pop_back();
  return lines;
}

// A track's four events, and what they are.
inline const Bytes kNotes = raw({0, 0x90, 60, 64, 96, 60, 0, 0, 62, 80, 0x81, 0x40, 62, 0});
inline const std::vector<std::string> kNoteLines = {"0 on 0 60 64", "96 on 0 60 0", "96 on 0 62 80",
                                                    "288 on 0 62 0"};

inline Bytes little(std::size_t value) {
  Bytes result;
  for (int i = 0; i < 4; ++i) result.push_back(static_cast<std::uint8_t>(value >> (8 * i) & 0xff));
  return result;
}

inline Bytes riff(const Bytes& content) {
  return text("RIFF") + little(content.size() + 4) + text("RMID") + content;
}

inline std::uint32_t count_of(const File& file, RepairKind kind) {
  return file.repair_counts.at(static_cast<std::size_t>(kind));
}

}  // namespace hemiola::midi::test
