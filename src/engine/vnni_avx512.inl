// The byte dot product of AVX-512 VNNI. Included inside namespace hemiola::engine after
// vector_avx512.inl.

namespace {

struct I {
  __m512i r;
  using Weights = __m512i;
  using Inputs = __m512i;

  static I all(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  static Weights load(const std::byte* from) { return _mm512_loadu_si512(from); }
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
  static V to_float(I a) { return {_mm512_cvtepi32_ps(a.r)}; }
};

}  // namespace
