// The tables of kernels that are compiled in; choose_kernels says which of them may run here.
#pragma once

#include "nn/cpu_kernels.h"

namespace hemiola::nn::cpu {

extern const Kernels kPlainFp32, kPlainBf16, kAvx2Fp32, kAvx512Fp32, kAvx512Bf16, kAmxBf16;

}  // namespace hemiola::nn::cpu
