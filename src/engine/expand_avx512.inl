// bf16 pairs widened to floats and multiplied there, for AVX-512 without native bf16. Included
// inside namespace hemiola::engine after vector_avx512.inl.

namespace {

struct B {
  V even, odd;

  static B split(__m512i pairs) {
    return {{_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16))},
            {_mm512_castsi512_ps(
                _mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))}};
  }
  static B load(const std::byte* from) { return split(_mm512_loadu_si512(from)); }
  static B all(const std::uint16_t* pair) {
    int bits;
    __builtin_memcpy(&bits, pair, 4);
    return split(_mm512_set1_epi32(bits));
  }
  static V dot(V sum, B w, B x) { return V::madd(w.even, x.even, V::madd(w.odd, x.odd, sum)); }
};

}  // namespace
