#include "worker/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace hemiola::worker {
namespace {

constexpr std::size_t kMostBlobs = 16;
constexpr std::size_t kMostBlobBytes = std::size_t{512} << 20;

}  // namespace

Channel::~Channel() {
  if (!listener_.joinable()) return;
  closing_ = true;
  ::shutdown(fd_, SHUT_RD);  // wakes it
  listener_.join();
}

Status Channel::write_all(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail("the server is gone: {}", std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<Frame> Channel::next_frame() {
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    HEMIOLA_TRY(std::optional<Frame> frame, reader_.next());
    if (frame) return std::move(*frame);
    const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail("the server is gone");
    reader_.feed(std::span(buffer).first(static_cast<std::size_t>(got)));
  }
}

Status Channel::send(const Json& message) {
  Bytes bytes;
  append_message(bytes, message);
  return write_all(bytes);
}

Status Channel::send_blob(std::span<const std::uint8_t> blob) {
  Bytes bytes;
  while (!blob.empty()) {
    const auto part = blob.first(std::min(blob.size(), kDataPayload));
    bytes.clear();
    append_frame(bytes, FrameKind::kData, part);
    HEMIOLA_CHECK(write_all(bytes));
    blob = blob.subspan(part.size());
  }
  bytes.clear();
  append_frame(bytes, FrameKind::kEnd, {});
  return write_all(bytes);
}

Result<Request> Channel::receive() {
  Request request;
  HEMIOLA_TRY(const Frame first, next_frame());
  HEMIOLA_TRY(request.message, parse_message(first));
  const Json count = request.message.value("blobs", Json(0));
  if (!count.is_number_unsigned() || count.get<std::size_t>() > kMostBlobs) {
    return fail("blobs: expected a number up to {}", kMostBlobs);
  }
  std::size_t total = 0;
  for (std::size_t i = 0; i < count.get<std::size_t>(); ++i) {
    Bytes& blob = request.blobs.emplace_back();
    for (;;) {
      HEMIOLA_TRY(const Frame frame, next_frame());
      if (frame.kind == FrameKind::kEnd) break;
      if (frame.kind != FrameKind::kData) return fail("a message in the middle of a blob");
      if ((total += frame.payload.size()) > kMostBlobBytes) {
        return fail("more than {} bytes", kMostBlobBytes);
      }
      blob.insert(blob.end(), frame.payload.begin(), frame.payload.end());
    }
  }
  return request;
}

void Channel::listen_for_cancel() {
  listener_ = std::thread([this] {
    for (;;) {
      const auto frame = next_frame();
      if (!frame && closing_) return;
      if (!frame) std::_Exit(0);
      const auto message = parse_message(*frame);
      if (message && message->value("cancel", Json(false)) == Json(true)) cancelled_ = true;
    }
  });
}

}  // namespace hemiola::worker
