// Any bytes as a codec: refused, or a codec that encodes and decodes.
#include <cstdint>
#include <cstdlib>

#include "audiolm/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola::audiolm;
  const auto codec = Codec::read({data, size}, "fuzz");
  if (!codec) return 0;
  const std::vector<float> sound(static_cast<std::size_t>(codec->shape().hop) + 1, 0.25f);
  const auto codes = codec->encode(sound);
  const auto width = static_cast<std::size_t>(codec->shape().quantizers);
  if (codes.size() != 2 * width) std::abort();
  for (const auto code : codes) {
    if (code < 0 || code >= codec->shape().codebook) std::abort();
  }
  if (codec->decode(codes, codec->shape().quantizers).size() !=
      2 * static_cast<std::size_t>(codec->shape().hop)) {
    std::abort();
  }
  return 0;
}
