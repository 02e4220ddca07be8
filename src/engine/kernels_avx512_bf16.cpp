// AVX-512 with VNNI and native bf16 dot products (servers since 2020, Zen 4).
#include <immintrin.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

namespace hemiola::engine {

#include "engine/vector_avx512.inl"
// (the order matters: this uses V)
#include "engine/vnni_avx512.inl"

namespace {

struct B {
  __m512bh r;

  static B of(__m512i bits) { return {reinterpret_cast<__m512bh>(bits)}; }
  static B load(const std::byte* from) { return of(_mm512_loadu_si512(from)); }
  static B all(const std::uint16_t* pair) {
    int bits;
    __builtin_memcpy(&bits, pair, 4);
    return of(_mm512_set1_epi32(bits));
  }
  static V dot(V sum, B w, B x) { return {_mm512_dpbf16_ps(sum.r, w.r, x.r)}; }
};

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

const Kernels kAvx512Bf16Kernels = {
    "avx512-bf16", matmul_f32, matmul_bf16, matmul_int8, matmul_int4, attend<F32>,   attend<Bf16>,
    attend_int8,   layer_norm, to_bf16,     quantise,    convolve,    multiply_adds,
};

}  // namespace hemiola::engine
