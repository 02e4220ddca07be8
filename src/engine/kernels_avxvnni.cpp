// AVX2 with the byte dot product of AVX-VNNI (laptops since 2021, without AVX-512).
#include <immintrin.h>

#include "engine/kernels.h"

namespace hemiola::engine {

#include "engine/vector_avx2.inl"

namespace {

struct I {
  __m256i low, high;
  struct Weights {
    __m256i low, high;
  };
  using Inputs = __m256i;

  static I all(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static Weights load(const std::byte* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32))};
  }
  static Inputs inputs(const std::int8_t* from) {
    int four;
    __builtin_memcpy(&four, from, 4);
    return _mm256_set1_epi32(four);
  }
  // Written as the instruction itself; vnni_avx512.inl says why.
  static I dot(I sum, Weights w, Inputs x) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.low) : "x"(w.low), "x"(x));
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.high) : "x"(w.high), "x"(x));
    return sum;
  }
  static V to_float(I a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
};

constexpr int kRows = 3;
constexpr int kScoreBlocks = 4;
constexpr int kValueChunks = 1;
constexpr int kConvOutputs = 4;
constexpr int kConvColumns = 1;

}  // namespace

#include "engine/kernels.inl"

const Kernels kAvxVnniKernels = {
    "avx-vnni",   matmul_f32, matmul_bf16, matmul_int8, attend<F32>,
    attend<Bf16>, layer_norm, to_bf16,     quantise,    convolve,
};

}  // namespace hemiola::engine
