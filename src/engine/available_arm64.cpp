// Which kernels an ARM64 processor can run, as Linux says.
#include <asm/hwcap.h>
#include <sys/auxv.h>

#include <array>

#include "engine/kernels.h"

namespace hemiola::engine {

std::span<const Kernels* const> available_kernels() {
  static constexpr std::array<const Kernels*, 3> kTables = {&kPlainKernels, &kNeonKernels,
                                                            &kNeonDotKernels};
  static const bool has_dot = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  return std::span(kTables).first(has_dot ? 3 : 2);
}

}  // namespace hemiola::engine
