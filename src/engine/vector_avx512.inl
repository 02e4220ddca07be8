// The register types of kernels.inl as one AVX-512 register each. For files compiled with at least
// -mavx512f -mavx512bw -mavx512dq -mavx512vl; included inside namespace hemiola::engine.

namespace {

struct V {
  __m512 r;

  static V all(float x) { return {_mm512_set1_ps(x)}; }
  static V zero() { return {_mm512_setzero_ps()}; }
  static V load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static void store(float* to, V a) { _mm512_storeu_ps(to, a.r); }
  static V load_bf16(const std::uint16_t* from) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16))};
  }
  // Rounded to nearest, ties to even; NaN is made quiet.
  static void store_bf16(std::uint16_t* to, V a) {
    const __m512i bits = _mm512_castps_si512(a.r);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 nan = _mm512_cmp_ps_mask(a.r, a.r, _CMP_UNORD_Q);
    const __m512i result = _mm512_mask_or_epi32(up, nan, bits, _mm512_set1_epi32(0x400000));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm512_cvtepi32_epi16(_mm512_srli_epi32(result, 16)));
  }
  static void store_int8(std::int8_t* to, V a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(a.r)));
  }
  static void store_int16(std::int16_t* to, V a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(a.r)));
  }
  static V add(V a, V b) { return {_mm512_add_ps(a.r, b.r)}; }
  static V sub(V a, V b) { return {_mm512_sub_ps(a.r, b.r)}; }
  static V mul(V a, V b) { return {_mm512_mul_ps(a.r, b.r)}; }
  static V div(V a, V b) { return {_mm512_div_ps(a.r, b.r)}; }
  static V madd(V a, V b, V c) { return {_mm512_fmadd_ps(a.r, b.r, c.r)}; }
  static V max(V a, V b) { return {_mm512_max_ps(a.r, b.r)}; }
  static V min(V a, V b) { return {_mm512_min_ps(a.r, b.r)}; }
  static V abs(V a) { return {_mm512_abs_ps(a.r)}; }
  static V nearest(V a) {
    return {_mm512_roundscale_ps(a.r, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  static V scale2(V a, V n) {
    const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n.r), _mm512_set1_epi32(127));
    return mul(a, {_mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23))});
  }
  static V zero_below(V x, V limit, V value) {
    return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.r, limit.r, _CMP_GE_OQ), value.r)};
  }
  static float sum(V a) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.r), _mm512_extractf32x8_ps(a.r, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  static float largest(V a) { return _mm512_reduce_max_ps(a.r); }
};

}  // namespace
