// Processors other than x86-64 and ARM64 run the plain kernels, which the compiler vectorises.
#include <array>

#include "engine/kernels.h"

namespace hemiola::engine {

std::span<const Kernels* const> available_kernels() {
  static constexpr std::array<const Kernels*, 1> kTables = {&kPlainKernels};
  return kTables;
}

}  // namespace hemiola::engine
