// The protocol between server and worker: any bytes, in any pieces, give frames or an error; frames
// that were read, written again, are read as the same.
#include <cstdint>
#include <cstdlib>

#include "worker/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  if (size < 1) return 0;
  const std::size_t step = 1 + data[0];
  std::span rest(data + 1, size - 1);
  worker::FrameReader reader;
  Bytes written;
  std::vector<worker::Frame> frames;
  while (!rest.empty()) {
    const auto part = rest.first(std::min(step, rest.size()));
    rest = rest.subspan(part.size());
    reader.feed(part);
    for (;;) {
      auto frame = reader.next();
      if (!frame) return 0;
      if (!*frame) break;
      (void)worker::parse_message(**frame);
      worker::append_frame(written, (*frame)->kind, (*frame)->payload);
      frames.push_back(std::move(**frame));
    }
  }
  worker::FrameReader again;
  again.feed(written);
  for (const worker::Frame& frame : frames) {
    const auto same = again.next();
    if (!same || !*same || (*same)->kind != frame.kind || (*same)->payload != frame.payload) {
      std::abort();
    }
  }
  return 0;
}
