// The worker's end of the connection: blocking, one request in a worker's life. Only the thread
// that does the task may send; the thread that listens for a cancel is the channel's own.
#pragma once

#include <atomic>
#include <span>
#include <thread>
#include <vector>

#include "worker/frames.h"

namespace hemiola::worker {

struct Request {
  Json message;
  std::vector<Bytes> blobs;
};

class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}
  ~Channel();  // no longer listens; the connection stays open for writing

  Status send(const Json& message);
  Status send_blob(std::span<const std::uint8_t> blob);
  // Waits for a message and as many blobs as its "blobs" says.
  Result<Request> receive();
  // From here on, {"cancel": true} sets cancelled(), and an end of the connection ends the process:
  // nobody waits for what it does.
  void listen_for_cancel();
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  Status write_all(std::span<const std::uint8_t> bytes);
  Result<Frame> next_frame();

  int fd_;
  FrameReader reader_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> closing_{false};
  std::thread listener_;
};

}  // namespace hemiola::worker
