// A zip archive with its files stored as they are, names in UTF-8: the simplest that every reader
// must take. For tests.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "data/byte_io.h"

namespace hemiola::data {

inline std::uint32_t crc32_of(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

inline Bytes zip_of(const std::map<std::string, Bytes>& files) {
  Bytes out, directory;
  ByteWriter to(out), list(directory);
  const auto u16 = [](ByteWriter& writer, unsigned value) {
    writer.u8(static_cast<std::uint8_t>(value));
    writer.u8(static_cast<std::uint8_t>(value >> 8));
  };
  for (const auto& [name, bytes] : files) {
    const auto begin = static_cast<std::uint32_t>(out.size());
    const auto size = static_cast<std::uint32_t>(bytes.size());
    const auto common = [&](ByteWriter& writer) {
      for (const unsigned field : {20u, 0x800u, 0u, 0u, 0x21u}) u16(writer, field);
      for (const std::uint32_t field : {crc32_of(bytes), size, size}) writer.u32(field);
      u16(writer, static_cast<unsigned>(name.size()));
      u16(writer, 0);
    };
    to.u32(0x04034b50);
    common(to);
    to.text(name);
    to.bytes(bytes);
    list.u32(0x02014b50);
    u16(list, 20);
    common(list);
    for (const unsigned field : {0u, 0u, 0u}) u16(list, field);
    list.u32(0);
    list.u32(begin);
    list.text(name);
  }
  const auto begin = static_cast<std::uint32_t>(out.size());
  to.bytes(directory);
  to.u32(0x06054b50);
  for (const unsigned field : {0u, 0u}) u16(to, field);
  for (int i = 0; i < 2; ++i) u16(to, static_cast<unsigned>(files.size()));
  to.u32(static_cast<std::uint32_t>(directory.size()));
  to.u32(begin);
  u16(to, 0);
  return out;
}

}  // namespace hemiola::data
