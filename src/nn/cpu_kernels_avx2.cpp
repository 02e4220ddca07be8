// The training kernels for processors with AVX2 and FMA.
#include "nn/cpu_kernels.h"
#include "nn/cpu_kernels.inl"
#include "nn/cpu_tables.h"

namespace hemiola::nn::cpu {

const Kernels kAvx2Fp32 = make_table<float>("avx2-fp32");

}  // namespace hemiola::nn::cpu
