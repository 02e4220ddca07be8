// The training kernels for any x86-64 processor.
#include "nn/cpu_kernels.h"
#include "nn/cpu_kernels.inl"
#include "nn/cpu_tables.h"

namespace hemiola::nn::cpu {

const Kernels kPlainFp32 = make_table<float>("plain-fp32");
const Kernels kPlainBf16 = make_table<Bf16>("plain-bf16");

}  // namespace hemiola::nn::cpu
