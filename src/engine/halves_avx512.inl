// Numbers of int4 for vnni_avx512.inl, by a shuffle within 16 bytes (AVX-512 BW). Included inside
// namespace hemiola::engine.

namespace {

inline void int4_halves(__m512i both, __m512i& low, __m512i& high) {
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kInt4Bytes)));
  low = _mm512_shuffle_epi8(table, _mm512_and_si512(both, mask));
  high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask));
}

}  // namespace
