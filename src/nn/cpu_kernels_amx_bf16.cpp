// The training kernels for processors that multiply whole tiles of bf16 (AMX), beside AVX-512.
#include "nn/cpu_kernels.h"
#include "nn/cpu_kernels.inl"
#include "nn/cpu_tables.h"

namespace hemiola::nn::cpu {

const Kernels kAmxBf16 = make_table<Bf16>("amx-bf16");

}  // namespace hemiola::nn::cpu
