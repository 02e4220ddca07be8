// The dot product of bf16 pairs of AVX-512 bf16. Included inside namespace hemiola::engine after
// vector_avx512.inl.

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

}  // namespace
