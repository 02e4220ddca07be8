// The training kernels for processors with AVX-512 (F, BW, DQ, VL).
#include "nn/cpu_kernels.h"
#include "nn/cpu_kernels.inl"
#include "nn/cpu_tables.h"

namespace hemiola::nn::cpu {

const Kernels kAvx512Fp32 = make_table<float>("avx512-fp32");

}  // namespace hemiola::nn::cpu
