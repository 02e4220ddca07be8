// Whole numbers in NEON registers: the int8 products of kernels.inl. Weights lose their 128 as they
// are read, since ARM64's products want both factors signed. Included inside namespace
// hemiola::engine after vector_neon.inl, by a file that has defined
//
//   dot_fours(sum, w, x)   adds to each of four int32 the products of its four signed bytes of each

namespace {

struct I {
  int32x4_t a, b, c, d;
  struct Weights {
    int8x16_t a, b, c, d;
  };
  using Inputs = int8x16_t;

  static I all(std::int32_t x) {
    const int32x4_t r = vdupq_n_s32(x);
    return {r, r, r, r};
  }
  static I start(std::int32_t) { return all(0); }
  static Weights load(const std::byte* from) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
    const auto part = [&](int i) {
      return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(bytes + 16 * i), vdupq_n_u8(0x80)));
    };
    return {part(0), part(1), part(2), part(3)};
  }
  static void load_halves(const std::byte* from, Weights& low, Weights& high) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(from);
    const int8x16_t table = vld1q_s8(kInt4Levels);
    const auto part = [&](int i, int8x16_t& low_part, int8x16_t& high_part) {
      const uint8x16_t both = vld1q_u8(bytes + 16 * i);
      low_part = vqtbl1q_s8(table, vandq_u8(both, vdupq_n_u8(15)));
      high_part = vqtbl1q_s8(table, vshrq_n_u8(both, 4));
    };
    part(0, low.a, high.a);
    part(1, low.b, high.b);
    part(2, low.c, high.c);
    part(3, low.d, high.d);
  }
  static Inputs inputs(const std::int8_t* from) {
    std::int32_t four;
    __builtin_memcpy(&four, from, 4);
    return vreinterpretq_s8_s32(vdupq_n_s32(four));
  }
  static void renew(Inputs& x) { asm volatile("" : "+w"(x)); }
  static I dot(I sum, Weights w, Inputs x) {
    return {dot_fours(sum.a, w.a, x), dot_fours(sum.b, w.b, x), dot_fours(sum.c, w.c, x),
            dot_fours(sum.d, w.d, x)};
  }
  static I add(I x, I y) {
    return {vaddq_s32(x.a, y.a), vaddq_s32(x.b, y.b), vaddq_s32(x.c, y.c), vaddq_s32(x.d, y.d)};
  }
  static V to_float(I x) {
    return {vcvtq_f32_s32(x.a), vcvtq_f32_s32(x.b), vcvtq_f32_s32(x.c), vcvtq_f32_s32(x.d)};
  }
};

struct S {
  int16x8_t a, b, c, d;

  static S load(const std::int8_t* from) {
    const int8x16_t low = vld1q_s8(from), high = vld1q_s8(from + 16);
    return {vmovl_s8(vget_low_s8(low)), vmovl_high_s8(low), vmovl_s8(vget_low_s8(high)),
            vmovl_high_s8(high)};
  }
  static S all(const std::int16_t* pair) {
    std::int32_t bits;
    __builtin_memcpy(&bits, pair, 4);
    const int16x8_t r = vreinterpretq_s16_s32(vdupq_n_s32(bits));
    return {r, r, r, r};
  }
  static int32x4_t dot_pairs(int32x4_t sum, int16x8_t w, int16x8_t x) {
    const int32x4_t low = vmull_s16(vget_low_s16(w), vget_low_s16(x));
    return vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(w, x)));
  }
  static I dot(I sum, S w, S x) {
    return {dot_pairs(sum.a, w.a, x.a), dot_pairs(sum.b, w.b, x.b), dot_pairs(sum.c, w.c, x.c),
            dot_pairs(sum.d, w.d, x.d)};
  }
};

constexpr int kRows = 2;
constexpr int kRows4 = 2;
constexpr int kScoreBlocks = 3;
constexpr int kValueChunks = 1;
constexpr int kByteChains = 2;
constexpr int kByteChunks = 2;
constexpr int kByteSums = 1;
constexpr int kConvOutputs = 4;
constexpr int kConvColumns = 1;

}  // namespace
