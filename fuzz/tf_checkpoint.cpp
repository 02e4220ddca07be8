// Any bytes as a TensorFlow checkpoint: refused, or tensors that have all their values.
#include <cstdint>
#include <cstdlib>

#include "evaluate/tf_checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola::evaluate;
  const auto checkpoint = parse_checkpoint({data, size}, "fuzz");
  if (!checkpoint) return 0;
  for (const auto& [name, tensor] : *checkpoint) {
    std::size_t elements = 1;
    for (const int length : tensor.shape) elements *= static_cast<std::size_t>(length);
    if (tensor.values().size() != elements) std::abort();
  }
  return 0;
}
