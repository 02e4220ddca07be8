// Which kernels an x86-64 processor can run. The compiler's own test also asks the operating system
// whether it saves the wide registers.
#include <cpuid.h>

#include <array>

#include "base/tiles.h"
#include "engine/kernels.h"

namespace hemiola::engine {
namespace {

bool has_avx_vnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
}

struct Available {
  std::array<const Kernels*, 7> tables{};
  std::size_t count = 0;

  void add(const Kernels& kernels) { tables[count++] = &kernels; }

  Available() {
    __builtin_cpu_init();
    add(kPlainKernels);
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    add(kAvx2Kernels);
    if (has_avx_vnni()) add(kAvxVnniKernels);
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
      return;
    }
    add(kAvx512Kernels);
    if (!__builtin_cpu_supports("avx512vnni")) return;
    add(kAvx512VnniKernels);
    if (!__builtin_cpu_supports("avx512bf16")) return;
    add(kAvx512Bf16Kernels);
    if (__builtin_cpu_supports("avx512vbmi") && may_use_tiles(Tiles::kInt8)) add(kAmxKernels);
  }
};

}  // namespace

std::span<const Kernels* const> available_kernels() {
  static const Available available;
  return std::span(available.tables).first(available.count);
}

}  // namespace hemiola::engine
