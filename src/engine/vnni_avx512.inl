// The byte dot product of AVX-512 VNNI. Included inside namespace hemiola::engine after
// vector_avx512.inl and a file that has int4_halves(halves, low, high): the numbers that the low and
// the high halves of bytes stand for.

namespace {

struct I {
  __m512i r;
  using Weights = __m512i;
  using Inputs = __m512i;

  static I all(std::int32_t x) { return {_mm512_set1_epi32(x)}; }
  static I start(std::int32_t offset) { return all(offset); }
  static Weights load(const std::byte* from) { return _mm512_loadu_si512(from); }
  static void load_halves(const std::byte* from, Weights& low, Weights& high) {
    int4_halves(_mm512_loadu_si512(from), low, high);
  }
  static Inputs inputs(const std::int8_t* from) {
    int four;
    __builtin_memcpy(&four, from, 4);
    return _mm512_set1_epi32(four);
  }
  static void renew(Inputs& x) { asm volatile("" : "+v"(x)); }
  // Written as the instruction itself: GCC 12 copies the sums around its own form of it, which
  // halves the speed of products of several rows.
  static I dot(I sum, Weights w, Inputs x) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.r) : "v"(w), "v"(x));
    return sum;
  }
  static I add(I a, I b) { return {_mm512_add_epi32(a.r, b.r)}; }
  static I load_sums(const std::int32_t* from) { return {_mm512_loadu_si512(from)}; }
  static void store_sums(std::int32_t* to, I a) { _mm512_storeu_si512(to, a.r); }
  // Weights without the 128 that is added to them.
  static void store_signed(std::byte* to, Weights w) {
    _mm512_storeu_si512(to, _mm512_xor_si512(w, _mm512_set1_epi8(-128)));
  }
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
