// AVX-512 with VNNI (servers and some laptops since 2019).
#include <immintrin.h>

#include "engine/kernels.h"

namespace hemiola::engine {

#include "engine/vector_avx512.inl"
// (the order matters: these use V)
#include "engine/expand_avx512.inl"
#include "engine/vnni_avx512.inl"

namespace {
constexpr int kRows = 8;
constexpr int kScoreBlocks = 8;
constexpr int kValueChunks = 4;
constexpr int kConvOutputs = 8;
constexpr int kConvColumns = 3;
}  // namespace

#include "engine/kernels.inl"

const Kernels kAvx512VnniKernels = {
    "avx512-vnni", matmul_f32, matmul_bf16, matmul_int8, attend<F32>,
    attend<Bf16>,  layer_norm, to_bf16,     quantise,    convolve,
};

}  // namespace hemiola::engine
