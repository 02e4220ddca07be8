// The register types of kernels.inl as four NEON registers each, for any ARM64 processor. Included
// inside namespace hemiola::engine.

namespace {

struct V {
  float32x4_t a, b, c, d;

  template <class Function>
  static V each(Function f, V x) {
    return {f(x.a), f(x.b), f(x.c), f(x.d)};
  }
  template <class Function>
  static V each(Function f, V x, V y) {
    return {f(x.a, y.a), f(x.b, y.b), f(x.c, y.c), f(x.d, y.d)};
  }
  static V all(float x) {
    const float32x4_t r = vdupq_n_f32(x);
    return {r, r, r, r};
  }
  static V zero() { return all(0); }
  static V load(const float* from) {
    return {vld1q_f32(from), vld1q_f32(from + 4), vld1q_f32(from + 8), vld1q_f32(from + 12)};
  }
  static void store(float* to, V x) {
    vst1q_f32(to, x.a);
    vst1q_f32(to + 4, x.b);
    vst1q_f32(to + 8, x.c);
    vst1q_f32(to + 12, x.d);
  }
  static float32x4_t widen(uint16x4_t half) {
    return vreinterpretq_f32_u32(vshlq_n_u32(vmovl_u16(half), 16));
  }
  static V load_bf16(const std::uint16_t* from) {
    const uint16x8_t low = vld1q_u16(from), high = vld1q_u16(from + 8);
    return {widen(vget_low_u16(low)), widen(vget_high_u16(low)), widen(vget_low_u16(high)),
            widen(vget_high_u16(high))};
  }
  // Upper halves, rounded to nearest, ties to even; NaN is made quiet.
  static uint16x4_t rounded(float32x4_t x) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t up = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    return vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), up, quiet), 16);
  }
  static void store_bf16(std::uint16_t* to, V x) {
    vst1q_u16(to, vcombine_u16(rounded(x.a), rounded(x.b)));
    vst1q_u16(to + 8, vcombine_u16(rounded(x.c), rounded(x.d)));
  }
  static int16x8_t narrow(float32x4_t low, float32x4_t high) {
    return vcombine_s16(vqmovn_s32(vcvtnq_s32_f32(low)), vqmovn_s32(vcvtnq_s32_f32(high)));
  }
  static void store_int8(std::int8_t* to, V x) {
    vst1q_s8(to, vcombine_s8(vqmovn_s16(narrow(x.a, x.b)), vqmovn_s16(narrow(x.c, x.d))));
  }
  static void store_int16(std::int16_t* to, V x) {
    vst1q_s16(to, narrow(x.a, x.b));
    vst1q_s16(to + 8, narrow(x.c, x.d));
  }
  static V add(V x, V y) { return each(vaddq_f32, x, y); }
  static V sub(V x, V y) { return each(vsubq_f32, x, y); }
  static V mul(V x, V y) { return each(vmulq_f32, x, y); }
  static V div(V x, V y) { return each(vdivq_f32, x, y); }
  // x * y + z
  static V madd(V x, V y, V z) {
    return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b), vfmaq_f32(z.c, x.c, y.c),
            vfmaq_f32(z.d, x.d, y.d)};
  }
  // The second where one is not a number, as x86 has it.
  static V max(V x, V y) {
    return each([](float32x4_t p, float32x4_t q) { return vbslq_f32(vcgtq_f32(p, q), p, q); }, x,
                y);
  }
  static V min(V x, V y) {
    return each([](float32x4_t p, float32x4_t q) { return vbslq_f32(vcltq_f32(p, q), p, q); }, x,
                y);
  }
  static V abs(V x) { return each(vabsq_f32, x); }
  static V nearest(V x) { return each(vrndnq_f32, x); }
  static float32x4_t power2(float32x4_t n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
  }
  static V scale2(V x, V n) { return mul(x, each(power2, n)); }
  static float32x4_t kept(uint32x4_t where, float32x4_t value) {
    return vreinterpretq_f32_u32(vandq_u32(where, vreinterpretq_u32_f32(value)));
  }
  static V zero_below(V x, V limit, V value) {
    return {kept(vcgeq_f32(x.a, limit.a), value.a), kept(vcgeq_f32(x.b, limit.b), value.b),
            kept(vcgeq_f32(x.c, limit.c), value.c), kept(vcgeq_f32(x.d, limit.d), value.d)};
  }
  // Halves onto halves, as the wide registers do.
  static float sum(V x) {
    const float32x4_t four = vaddq_f32(vaddq_f32(x.a, x.c), vaddq_f32(x.b, x.d));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  static float largest(V x) {
    return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.a, x.c), vmaxq_f32(x.b, x.d)));
  }
};

struct B {
  V even, odd;

  static float32x4_t lower_halves(uint32x4_t pairs) {
    return vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16));
  }
  static float32x4_t upper_halves(uint32x4_t pairs) {
    return vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xffff0000u)));
  }
  static B load(const std::byte* from) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
    const auto pairs = [&](int i) { return vreinterpretq_u32_u8(vld1q_u8(bytes + 16 * i)); };
    const uint32x4_t a = pairs(0), b = pairs(1), c = pairs(2), d = pairs(3);
    return {{lower_halves(a), lower_halves(b), lower_halves(c), lower_halves(d)},
            {upper_halves(a), upper_halves(b), upper_halves(c), upper_halves(d)}};
  }
  static B all(const std::uint16_t* pair) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, pair, 4);
    const uint32x4_t pairs = vdupq_n_u32(bits);
    const float32x4_t even = lower_halves(pairs), odd = upper_halves(pairs);
    return {{even, even, even, even}, {odd, odd, odd, odd}};
  }
  static V dot(V sum, B w, B x) { return V::madd(w.even, x.even, V::madd(w.odd, x.odd, sum)); }
};

}  // namespace
