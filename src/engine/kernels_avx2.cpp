// AVX2 and FMA. int8 products through 16-bit multiply-adds of the even and the odd bytes: unlike
// the instruction for bytes, these cannot saturate.
#include <immintrin.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

namespace hemiola::engine {

#include "engine/vector_avx2.inl"

namespace {

struct I {
  __m256i low, high;
  struct Weights {
    __m256i low_even, low_odd, high_even, high_odd;
  };
  struct Inputs {
    __m256i even, odd;
  };

  static I all(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static I start(std::int32_t offset) { return all(offset); }
  static Weights split(__m256i low, __m256i high) {
    const __m256i mask = _mm256_set1_epi16(0xff);
    return {_mm256_and_si256(low, mask), _mm256_srli_epi16(low, 8), _mm256_and_si256(high, mask),
            _mm256_srli_epi16(high, 8)};
  }
  static Weights load(const std::byte* from) {
    return split(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
                 _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32)));
  }
  static void load_halves(const std::byte* from, Weights& low, Weights& high) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32));
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kInt4Bytes)));
    const auto levels = [&](__m256i bytes) {
      return _mm256_shuffle_epi8(table, _mm256_and_si256(bytes, mask));
    };
    low = split(levels(a), levels(b));
    high = split(levels(_mm256_srli_epi16(a, 4)), levels(_mm256_srli_epi16(b, 4)));
  }
  static void spread_halves(const std::byte* from, std::byte* to) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i table =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kInt4Bytes)));
    for (int part = 0; part < 64; part += 32) {
      const __m256i both = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + part));
      const __m256i low = _mm256_and_si256(both, mask);
      const __m256i high = _mm256_and_si256(_mm256_srli_epi16(both, 4), mask);
      _mm256_store_si256(reinterpret_cast<__m256i*>(to + part), _mm256_shuffle_epi8(table, low));
      _mm256_store_si256(reinterpret_cast<__m256i*>(to + 64 + part),
                         _mm256_shuffle_epi8(table, high));
    }
  }
  static Inputs inputs(const std::int8_t* from) {
    int four;
    __builtin_memcpy(&four, from, 4);
    const __m256i x = _mm256_set1_epi32(four);
    return {_mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), _mm256_srai_epi16(x, 8)};
  }
  static void renew(Inputs& x) { asm volatile("" : "+x"(x.even), "+x"(x.odd)); }
  static I dot(I sum, Weights w, Inputs x) {
    const __m256i low = _mm256_add_epi32(_mm256_madd_epi16(w.low_even, x.even),
                                         _mm256_madd_epi16(w.low_odd, x.odd));
    const __m256i high = _mm256_add_epi32(_mm256_madd_epi16(w.high_even, x.even),
                                          _mm256_madd_epi16(w.high_odd, x.odd));
    return {_mm256_add_epi32(sum.low, low), _mm256_add_epi32(sum.high, high)};
  }
  // The even bytes of each four as two int16, from `to` on, the odd ones kQuantGroup / 4 after
  // them.
  static void spread(const std::int8_t* from, int fours, std::int32_t* to) {
    constexpr int kFours = kQuantGroup / 4;
    int k = 0;
    for (; k + 8 <= fours; k += 8) {
      const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 4 * k));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + k),
                          _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + kFours + k), _mm256_srai_epi16(x, 8));
    }
    for (; k < fours; ++k) {
      const std::int8_t* x = from + 4 * k;
      const std::int16_t even[2] = {x[0], x[2]}, odd[2] = {x[1], x[3]};
      __builtin_memcpy(to + k, even, 4);
      __builtin_memcpy(to + kFours + k, odd, 4);
    }
  }
  // Written as the instructions themselves: GCC 12 puts the products of all rows before the first
  // addition, and has no registers left.
  static void add_products(__m256i& sum, __m256i w, __m256i x) {
    __m256i products;
    asm volatile("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0"
                 : "+x"(sum), "=&x"(products)
                 : "x"(w), "x"(x));
  }
  // Rows are written out one by one, never looped over: GCC 12 would leave their sums in memory.
  template <bool ahead, int... r>
  static void add_fours(I* sums, const std::byte* from, const std::int32_t* x, int stride,
                        int fours, Rows<r...>) {
    const __m256i mask = _mm256_set1_epi16(0xff);
    I own[] = {sums[r]...};
    const auto add = [](I& sum, __m256i low, __m256i high, std::int32_t pair) {
      const __m256i pairs = _mm256_set1_epi32(pair);
      add_products(sum.low, low, pairs);
      add_products(sum.high, high, pairs);
    };
    for (int k = 0; k < fours; ++k, from += 2 * 64, ++x) {
      if constexpr (ahead) __builtin_prefetch(from + kAheadRows, 0, 2);
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 32));
      const __m256i a_even = _mm256_and_si256(a, mask), b_even = _mm256_and_si256(b, mask);
      (add(own[r], a_even, b_even, x[r * stride]), ...);
      const __m256i a_odd = _mm256_srli_epi16(a, 8), b_odd = _mm256_srli_epi16(b, 8);
      (add(own[r], a_odd, b_odd, x[kQuantGroup / 4 + r * stride]), ...);
    }
    ((sums[r] = own[r]), ...);
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
constexpr int kRows4 = 3;
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

const Kernels kAvx2Kernels = {
    "avx2",      matmul_f32,   matmul_bf16, matmul_int8_narrow, matmul_int4_narrow,
    attend<F32>, attend<Bf16>, attend_int8, attend_rows_int8,   no_room,
    layer_norm,  to_bf16,      quantise,    convolve,           multiply_adds,
};

}  // namespace hemiola::engine
