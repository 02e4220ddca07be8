// The byte dot product of AVX-512 VNNI. Included inside namespace hemiola::engine after
// vector_avx512.inl.

namespace {

struct I {
  __m512i r;
  using Weights = __m512i;
  using Inputs = __m512i;

  static I all(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  static I start(std::int32_t offset) { return all(offset); }
  static Weights load(const std::byte* from) { return _mm512_loadu_si512(from); }
  static void load_halves(const std::byte* from, Weights& low, Weights& high) {
    const __m512i both = _mm512_loadu_si512(from), mask = _mm512_set1_epi8(15);
    const __m512i table = _mm512_broadcast_i32x4(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(kInt4Bytes)));
    low = _mm512_shuffle_epi8(table, _mm512_and_si512(both, mask));
    high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask));
  }
  static Inputs inputs(const std::int8_t* from) {
    int four;
    __builtin_memcpy(&four, from, 4);
    return _mm512_set1_epi32(four);
  }
  // Written as the instruction itself: GCC 12 copies the sums around its own form of it, which
  // halves the speed of products of several rows.
  static I dot(I sum, Weights w, Inputs x) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.r) : "v"(w), "v"(x));
    return sum;
  }
  static I add(I a, I b) { return {_mm512_add_epi32(a.r, b.r)}; }
  static V to_float(I a) { return {_mm512_cvtepi32_ps(a.r)}; }
};

// Pairs of int16 and their dot product.
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
  static I dot(I sum, S w, S x) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.r) : "v"(w.r), "v"(x.r));
    return sum;
  }
};

}  // namespace
