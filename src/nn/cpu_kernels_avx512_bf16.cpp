// The training kernels for processors with AVX-512 and its bf16 products.
#include "nn/cpu_kernels.h"
#include "nn/cpu_kernels.inl"
#include "nn/cpu_tables.h"

namespace hemiola::nn::cpu {

const Kernels kAvx512Bf16 = make_table<Bf16>("avx512-bf16");

}  // namespace hemiola::nn::cpu
