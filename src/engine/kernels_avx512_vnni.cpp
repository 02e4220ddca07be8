// AVX-512 with VNNI (servers and some laptops since 2019).
#include <immintrin.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

namespace hemiola::engine {

#include "engine/vector_avx512.inl"
// (the order matters: these use V)
#include "engine/expand_avx512.inl"
#include "engine/halves_avx512.inl"
#include "engine/vnni_avx512.inl"

namespace {
constexpr int kRows = 8;
constexpr int kRows4 = 8;
constexpr int kScoreBlocks = 8;
constexpr int kValueChunks = 4;
constexpr int kByteChains = 8;
constexpr int kByteChunks = 8;
constexpr int kByteSums = 2;
constexpr int kConvOutputs = 8;
constexpr int kConvColumns = 3;
}  // namespace

#include "engine/kernels.inl"

const Kernels kAvx512VnniKernels = {
    "avx512-vnni", matmul_f32,   matmul_bf16, matmul_int8,      matmul_int4,
    attend<F32>,   attend<Bf16>, attend_int8, attend_rows_int8, no_room,
    layer_norm,    to_bf16,      quantise,    convolve,         multiply_adds,
};

}  // namespace hemiola::engine
