// Numbers of int4 for vnni_avx512.inl, by a shuffle of bytes across the register (AVX-512 VBMI). It
// goes by the lowest six bits of a byte: with the sixteen numbers there four times, what stands
// above a half need not be cleared. Included inside namespace hemiola::engine.

namespace {

inline void int4_halves(__m512i both, __m512i& low, __m512i& high) {
  const __m512i table =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(kInt4Bytes)));
  low = _mm512_permutexvar_epi8(both, table);
  high = _mm512_permutexvar_epi8(_mm512_srli_epi16(both, 4), table);
}

}  // namespace
