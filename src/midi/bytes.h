// Numbers and names in the bytes of a MIDI file. Internal to src/midi.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace hemiola::midi {

using Byte = std::uint8_t;

inline constexpr std::size_t kChunkHeader = 8;  // a name and a length, four bytes each

inline std::uint32_t big16(const Byte* p) { return static_cast<std::uint32_t>(p[0] << 8 | p[1]); }
inline std::uint32_t big32(const Byte* p) { return big16(p) << 16 | big16(p + 2); }
inline std::uint32_t little32(const Byte* p) {
  return static_cast<std::uint32_t>(p[3]) << 24 | static_cast<std::uint32_t>(p[2]) << 16 |
         static_cast<std::uint32_t>(p[1]) << 8 | p[0];
}

inline bool is_name(const Byte* p, std::string_view name) {
  return std::memcmp(p, name.data(), name.size()) == 0;
}

// A chunk's name is four printable characters.
inline bool is_printable(const Byte* p) {
  for (int i = 0; i < 4; ++i) {
    if (p[i] < 0x20 || p[i] >= 0x7f) return false;
  }
  return true;
}

inline const Byte* find_name(const Byte* from, const Byte* end, std::string_view name) {
  if (from >= end) return nullptr;
  return static_cast<const Byte*>(
      memmem(from, static_cast<std::size_t>(end - from), name.data(), name.size()));
}

// Whether the bytes at p can be the start of a chunk, or are the end of the file.
inline bool chunk_follows(const Byte* p, const Byte* end) {
  const auto rest = static_cast<std::size_t>(end - p);
  if (rest == 0) return true;
  if (rest < kChunkHeader) return false;
  return is_name(p, "MTrk") || (is_printable(p) && big32(p + 4) <= rest - kChunkHeader);
}

// Data bytes after the status of a channel message.
constexpr int data_bytes(unsigned status) { return (status & 0xe0) == 0xc0 ? 1 : 2; }

// Data bytes after the status of a system message other than F0, F7 and FF.
constexpr int system_bytes(unsigned status) {
  return status == 0xf2 ? 2 : status == 0xf1 || status == 0xf3 ? 1 : 0;
}

struct Varlen {
  std::uint32_t value = 0;  // 0 where it is too large to be meant
  int size = 0;             // bytes; 0: cut off by the end
  bool good() const { return size > 0 && size <= 4; }
};

// A variable-length number: four bytes at most, but more are read so that what follows is found.
inline Varlen read_varlen(const Byte* p, const Byte* end) {
  std::uint64_t number = 0;
  for (int size = 1; size <= 10; ++size) {
    if (p >= end) return {};
    number = number << 7 | (*p & 0x7fu);
    if (!(*p++ & 0x80)) {
      return {number <= 0x0fffffff ? static_cast<std::uint32_t>(number) : 0, size};
    }
  }
  return {0, 10};
}

// The size that RP-001 gives a meta event of this type; -1: any.
constexpr int meta_size(unsigned type) {
  switch (type) {
    case 0x2f:
      return 0;
    case 0x20:
    case 0x21:
      return 1;
    case 0x00:
    case 0x59:
      return 2;
    case 0x51:
      return 3;
    case 0x58:
      return 4;
    case 0x54:
      return 5;
    default:
      return -1;
  }
}

}  // namespace hemiola::midi
