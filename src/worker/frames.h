// What server and worker say to each other, cut into frames: a byte for the kind, four for the
// length (least significant first), then the payload. A message is JSON; a blob is any number of
// data frames and an end. Neither side trusts the other: what is too long or unknown is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::worker {

enum class FrameKind : std::uint8_t {
  kMessage = 1,  // JSON
  kData = 2,     // the next bytes of a blob
  kEnd = 3,      // the blob is whole; no payload
};

inline constexpr std::size_t kFrameHead = 5;                         // bytes
inline constexpr std::size_t kMostPayload = std::size_t{16} << 20;   // of a message
inline constexpr std::size_t kDataPayload = std::size_t{256} << 10;  // of a data frame

struct Frame {
  FrameKind kind = FrameKind::kMessage;
  Bytes payload;
};

// Puts frames together from bytes as they come.
class FrameReader {
 public:
  void feed(std::span<const std::uint8_t> bytes);
  // The next whole frame; nullopt: more bytes are wanted; an error: this is not the protocol, and
  // nothing more can be read.
  Result<std::optional<Frame>> next();

 private:
  Bytes buffer_;
  std::size_t begin_ = 0;
};

void append_frame(Bytes& out, FrameKind kind, std::span<const std::uint8_t> payload);
void append_message(Bytes& out, const Json& message);
// As data frames with their end.
void append_blob(Bytes& out, std::span<const std::uint8_t> blob);

Result<Json> parse_message(const Frame& frame);

}  // namespace hemiola::worker
