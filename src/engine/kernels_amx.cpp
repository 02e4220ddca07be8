// AVX-512 with VNNI, bf16 dot products and tiles of bytes (AMX: servers since 2023).
#include <immintrin.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

namespace hemiola::engine {

#include "engine/vector_avx512.inl"
// (the order matters: these use V)
#include "engine/bf16_avx512.inl"
#include "engine/halves_vbmi.inl"
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
// (these use all of the above, in this order)
#include "engine/products_amx.inl"
//
#include "engine/attention_amx.inl"

const Kernels kAmxKernels = {
    "amx",       matmul_f32,   matmul_bf16, matmul_int8_tiles, matmul_int4_tiles,
    attend<F32>, attend<Bf16>, attend_int8, attend_rows_tiles, room_for_tiles,
    layer_norm,  to_bf16,      quantise,    convolve,          multiply_adds,
};

}  // namespace hemiola::engine
