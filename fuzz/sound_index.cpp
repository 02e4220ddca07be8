// Bytes as an index of sounds; what loads holds a window at least.
#include <cstdint>
#include <cstdlib>

#include "evaluate/sound_novelty.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto index = hemiola::evaluate::SoundIndex::parse({data, size}, "fuzz");
  if (index && (index->windows() == 0 || index->pieces() == 0)) std::abort();
  return 0;
}
