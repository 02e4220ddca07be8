// AVX-512 (F, BW, DQ, VL), without its later additions.
#include <immintrin.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

namespace hemiola::engine {

#include "engine/vector_avx512.inl"
// (the order matters: these use V)
#include "engine/expand_avx512.inl"

namespace {

// As in kernels_avx2.cpp: even and odd bytes through 16-bit multiply-adds, which cannot saturate.
struct I {
  __m512i r;
  struct Weights {
    __m512i even, odd;
  };
  struct Inputs {
    __m512i even, odd;
  };

  static I all(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  static I start(std::int32_t offset) { return all(offset); }
  static Weights load(const std::byte* from) { return split(_mm512_loadu_si512(from)); }
  static Weights split(__m512i bytes) {
    return {_mm512_and_si512(bytes, _mm512_set1_epi16(0xff)), _mm512_srli_epi16(bytes, 8)};
  }
  static void load_halves(const std::byte* from, Weights& low, Weights& high) {
    const __m512i both = _mm512_loadu_si512(from), mask = _mm512_set1_epi8(15);
    const __m512i table =
        _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kInt4Bytes)));
    low = split(_mm512_shuffle_epi8(table, _mm512_and_si512(both, mask)));
    high = split(_mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask)));
  }
  static Inputs inputs(const std::int8_t* from) {
    int four;
    __builtin_memcpy(&four, from, 4);
    const __m512i x = _mm512_set1_epi32(four);
    return {_mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8), _mm512_srai_epi16(x, 8)};
  }
  static void renew(Inputs& x) { asm volatile("" : "+x"(x.even), "+x"(x.odd)); }
  static I dot(I sum, Weights w, Inputs x) {
    return {_mm512_add_epi32(sum.r, _mm512_add_epi32(_mm512_madd_epi16(w.even, x.even),
                                                     _mm512_madd_epi16(w.odd, x.odd)))};
  }
  static I add(I a, I b) { return {_mm512_add_epi32(a.r, b.r)}; }
  static V to_float(I a) { return {_mm512_cvtepi32_ps(a.r)}; }
};

struct S {
  __m512i r;

  static S load(const std::int8_t* from) {
    return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)))};
  }
  static S all(const std::int16_t* pair) {
    int bits;
    __builtin_memcpy(&bits, pair, 4);
    return {_mm512_set1_epi32(bits)};
  }
  static I dot(I sum, S w, S x) { return {_mm512_add_epi32(sum.r, _mm512_madd_epi16(w.r, x.r))}; }
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

const Kernels kAvx512Kernels = {
    "avx512",    matmul_f32,   matmul_bf16, matmul_int8,      matmul_int4,
    attend<F32>, attend<Bf16>, attend_int8, attend_rows_int8, no_room,
    layer_norm,  to_bf16,      quantise,    convolve,         multiply_adds,
};

}  // namespace hemiola::engine
