// Bytes as a semantic encoder's file; what loads must encode, with tokens in range and numbers that
// are finite, unless the weights are so large that they overflow.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "audiolm/semantic.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto encoder = hemiola::audiolm::SemanticEncoder::read({data, size}, "fuzz");
  if (!encoder) return 0;
  std::vector<float> sound(3000);
  for (std::size_t i = 0; i < sound.size(); ++i) sound[i] = static_cast<float>(i % 100) * 0.01F;
  for (const int token : encoder->encode(sound)) {
    if (token < 0 || token >= encoder->units()) std::abort();
  }
  return 0;
}
