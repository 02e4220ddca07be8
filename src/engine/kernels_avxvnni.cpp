// AVX2 with the byte dot product of AVX-VNNI (laptops since 2021, without AVX-512).
#include <immintrin.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

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
  static I start(std::int32_t offset) { return all(offset); }
  static Weights load(const std::byte* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32))};
  }
  static Inputs inputs(const std::int8_t* from) {
    int four;
    __builtin_memcpy(&four, from, 4);
    return _mm256_set1_epi32(four);
  }
  static void renew(Inputs& x) { asm volatile("" : "+x"(x)); }
  static void load_halves(const std::byte* from, Weights& low, Weights& high) {
    const Weights both = load(from);
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kInt4Bytes)));
    const auto levels = [&](__m256i bytes) {
      return _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, mask));
    };
    low = {levels(both.low), levels(both.high)};
    high = {levels(_mm256_srli_epi16(both.low, 4)), levels(_mm256_srli_epi16(both.high, 4))};
  }
  static void spread_halves(const std::byte* from, std::byte* to) {
    Weights low, high;
    load_halves(from, low, high);
    const auto store = [](std::byte* at, __m256i bytes) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(at), bytes);
    };
    store(to, low.low), store(to + 32, low.high);
    store(to + 64, high.low), store(to + 96, high.high);
  }
  static void spread(const std::int8_t* from, int fours, std::int32_t* to) {
    __builtin_memcpy(to, from, static_cast<std::size_t>(fours) * 4);
  }
  template <bool ahead, int... r>
  static void add_fours(I* sums, const std::byte* from, const std::int32_t* x, int stride,
                        int fours, Rows<r...>) {
    I own[] = {sums[r]...};
    for (int k = 0; k < fours; ++k, from += 2 * 64, ++x) {
      if constexpr (ahead) __builtin_prefetch(from + kAheadRows, 0, 2);
      const Weights w = load(from);
      ((own[r] = dot(own[r], w, _mm256_set1_epi32(x[r * stride]))), ...);
    }
    ((sums[r] = own[r]), ...);
  }
  // Written as the instruction itself; vnni_avx512.inl says why.
  static I dot(I sum, Weights w, Inputs x) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.low) : "x"(w.low), "x"(x));
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.high) : "x"(w.high), "x"(x));
    return sum;
  }
  static I add(I a, I b) {
    return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
  }
  static V to_float(I a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
};

struct S {
  __m256i low, high;

  static S load(const std::int8_t* from) {
    const auto* at = reinterpret_cast<const __m128i*>(from);
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(at)),
            _mm256_cvtepi8_epi16(_mm_loadu_si128(at + 1))};
  }
  static S all(const std::int16_t* pair) {
    int bits;
    __builtin_memcpy(&bits, pair, 4);
    return {_mm256_set1_epi32(bits), _mm256_set1_epi32(bits)};
  }
  static I dot(I sum, S w, S x) {
    return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(w.low, x.low)),
            _mm256_add_epi32(sum.high, _mm256_madd_epi16(w.high, x.high))};
  }
};

constexpr int kRows = 3;
constexpr int kRows4 = 2;
constexpr int kScoreBlocks = 4;
constexpr int kValueChunks = 1;
constexpr int kByteChains = 4;
constexpr int kByteChunks = 6;  // a head of 96 in one pass, so that values are read in order
constexpr int kByteSums = 1;
constexpr int kConvOutputs = 4;
constexpr int kConvColumns = 1;

}  // namespace

#include "engine/kernels.inl"
// (uses all of the above)
#include "engine/products_narrow.inl"

const Kernels kAvxVnniKernels = {
    "avx-vnni",  matmul_f32,   matmul_bf16, matmul_int8_narrow, matmul_int4_narrow,
    attend<F32>, attend<Bf16>, attend_int8, attend_rows_int8,   no_room,
    layer_norm,  to_bf16,      quantise,    convolve,           multiply_adds,
};

}  // namespace hemiola::engine
