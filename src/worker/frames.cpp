#include "worker/frames.h"

#include <algorithm>

namespace hemiola::worker {

void FrameReader::feed(std::span<const std::uint8_t> bytes) {
  if (begin_ > 0 && begin_ >= buffer_.size() / 2) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Frame>> FrameReader::next() {
  const std::span<const std::uint8_t> rest = std::span(buffer_).subspan(begin_);
  if (rest.empty()) return std::optional<Frame>();
  const auto kind = static_cast<FrameKind>(rest[0]);
  if (kind != FrameKind::kMessage && kind != FrameKind::kData && kind != FrameKind::kEnd) {
    return fail("frame of unknown kind {}", rest[0]);
  }
  if (rest.size() < kFrameHead) return std::optional<Frame>();
  std::size_t size = 0;
  for (int i = 3; i >= 0; --i) size = size << 8 | rest[static_cast<std::size_t>(1 + i)];
  const std::size_t most = kind == FrameKind::kMessage ? kMostPayload
                           : kind == FrameKind::kData  ? kDataPayload
                                                       : 0;
  if (size > most) return fail("frame of {} bytes, expected at most {}", size, most);
  if (rest.size() < kFrameHead + size) return std::optional<Frame>();
  Frame frame;
  frame.kind = kind;
  const auto payload = rest.subspan(kFrameHead, size);
  frame.payload.assign(payload.begin(), payload.end());
  begin_ += kFrameHead + size;
  return std::optional<Frame>(std::move(frame));
}

void append_frame(Bytes& out, FrameKind kind, std::span<const std::uint8_t> payload) {
  out.push_back(static_cast<std::uint8_t>(kind));
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(payload.size() >> (8 * i)));
  out.insert(out.end(), payload.begin(), payload.end());
}

void append_message(Bytes& out, const Json& message) {
  const std::string text = json_text(message);
  append_frame(out, FrameKind::kMessage,
               {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void append_blob(Bytes& out, std::span<const std::uint8_t> blob) {
  while (!blob.empty()) {
    const auto part = blob.first(std::min(blob.size(), kDataPayload));
    append_frame(out, FrameKind::kData, part);
    blob = blob.subspan(part.size());
  }
  append_frame(out, FrameKind::kEnd, {});
}

Result<Json> parse_message(const Frame& frame) {
  if (frame.kind != FrameKind::kMessage) return fail("expected a message, got a part of a blob");
  const std::string_view text(reinterpret_cast<const char*>(frame.payload.data()),
                              frame.payload.size());
  HEMIOLA_TRY(Json json, parse_json(text, "message"));
  if (!json.is_object()) return fail("message: expected an object");
  return json;
}

}  // namespace hemiola::worker
