// Little-endian numbers and variable-length integers in and out of byte arrays. The reader never
// reads past its end: once something is missing or malformed it stays failed and yields zeros, so
// that a decoder asks ok() where a number matters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/files.h"

namespace hemiola::data {

class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(std::uint8_t value) { out_.push_back(value); }
  void u32(std::uint32_t value) { fixed(value, 4); }
  void u64(std::uint64_t value) { fixed(value, 8); }
  // Seven bits a byte, the lowest first (LEB128).
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  void signed_varint(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void bytes(std::span<const std::uint8_t> data) {
    out_.insert(out_.end(), data.begin(), data.end());
  }
  void text(std::string_view data) { out_.insert(out_.end(), data.begin(), data.end()); }

 private:
  void fixed(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }

  Bytes& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> data) : data_(data) {}

  bool ok() const { return ok_; }
  std::size_t position() const { return at_; }
  std::size_t remaining() const { return data_.size() - at_; }

  std::uint8_t u8() { return static_cast<std::uint8_t>(fixed(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(fixed(4)); }
  std::uint64_t u64() { return fixed(8); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == data_.size()) break;
      const std::uint8_t byte = data_[at_++];
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
  }
  // A count of things of at least `least` bytes each: more than the bytes left can hold fails.
  std::size_t count(std::size_t least) {
    const std::uint64_t value = varint();
    if (value > remaining() / least) ok_ = false;
    return ok_ ? static_cast<std::size_t>(value) : 0;
  }
  std::span<const std::uint8_t> bytes(std::size_t size) {
    if (size > remaining()) {
      ok_ = false;
      return {};
    }
    const auto part = data_.subspan(at_, size);
    at_ += size;
    return part;
  }

 private:
  std::uint64_t fixed(std::size_t size) {
    std::uint64_t value = 0;
    const auto part = bytes(size);
    for (std::size_t i = 0; i < part.size(); ++i) {
      value |= static_cast<std::uint64_t>(part[i]) << (8 * i);
    }
    return value;
  }

  std::span<const std::uint8_t> data_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace hemiola::data
