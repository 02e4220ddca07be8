#include "nn/cpu_kernels.h"

#include <string_view>

#include "base/tiles.h"
#include "nn/cpu_tables.h"

namespace hemiola::nn::cpu {

namespace {

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("fma");
}

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

bool has_amx_bf16() { return has_avx512_bf16() && may_use_tiles(Tiles::kBf16); }

}  // namespace

const Kernels& choose_kernels(Precision precision) {
  if (precision != Precision::kFp32 && has_amx_bf16()) return kAmxBf16;
  if (precision != Precision::kFp32 && has_avx512_bf16()) return kAvx512Bf16;
  if (precision == Precision::kBf16) return kPlainBf16;
  if (has_avx512()) return kAvx512Fp32;
  return has_avx2() ? kAvx2Fp32 : kPlainFp32;
}

const Kernels* find_kernels(const char* name) {
  struct Entry {
    const Kernels* kernels;
    bool runs;
  };
  const Entry entries[] = {{&kAmxBf16, has_amx_bf16()},  {&kAvx512Bf16, has_avx512_bf16()},
                           {&kAvx512Fp32, has_avx512()}, {&kAvx2Fp32, has_avx2()},
                           {&kPlainFp32, true},          {&kPlainBf16, true}};
  for (const Entry& entry : entries) {
    if (entry.runs && std::string_view(entry.kernels->name) == name) return entry.kernels;
  }
  return nullptr;
}

}  // namespace hemiola::nn::cpu
