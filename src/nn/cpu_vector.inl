// Part of cpu_kernels.inl: vectors of floats of the width that this instruction set has, in the
// compiler's own vector types, and the two stored formats. Everything is static or in the unnamed
// namespace and nothing of the standard library is called, so that no function compiled for one
// instruction set can be linked in place of another's.

#if defined(__AMX_BF16__)
constexpr int kLanes = 16;
constexpr int kTall = 32;   // rows of a tile of products; two registers wide
constexpr int kShort = 32;  // the same where rows come out of a panel; divides kPanel
#elif defined(__AVX512F__)
constexpr int kLanes = 16;
constexpr int kTall = 12;
constexpr int kShort = 8;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
constexpr int kTall = 6;
constexpr int kShort = 4;
#else
constexpr int kLanes = 4;
constexpr int kTall = 4;
constexpr int kShort = 4;
#endif
constexpr int kPanel = 2 * kLanes;

#define HEMIOLA_INLINE [[gnu::always_inline]] inline

typedef float vf __attribute__((vector_size(kLanes * 4)));
typedef std::int32_t vi __attribute__((vector_size(kLanes * 4)));
typedef std::uint32_t vu __attribute__((vector_size(kLanes * 4)));
typedef std::uint16_t vh __attribute__((vector_size(kLanes * 2)));
typedef float vf_any __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef std::uint32_t vu_any __attribute__((vector_size(kLanes * 4), aligned(2), may_alias));
typedef std::uint16_t vh_any __attribute__((vector_size(kLanes * 2), aligned(2), may_alias));
typedef std::uint32_t u32_any __attribute__((aligned(2), may_alias));

struct Bf16 {
  std::uint16_t bits;
};

HEMIOLA_INLINE vf splat(float x) { return vf{} + x; }
HEMIOLA_INLINE vf load(const float* p) { return *reinterpret_cast<const vf_any*>(p); }
HEMIOLA_INLINE void store(float* p, vf x) { *reinterpret_cast<vf_any*>(p) = x; }
HEMIOLA_INLINE vf as_float(vu x) { return reinterpret_cast<vf>(x); }
HEMIOLA_INLINE vu as_bits(vf x) { return reinterpret_cast<vu>(x); }
HEMIOLA_INLINE vf maximum(vf a, vf b) { return a > b ? a : b; }

HEMIOLA_INLINE vu round_bits(vf x) {
  const vu b = as_bits(x);
  return (b + 0x7fffU + ((b >> 16) & 1U)) >> 16;
}

HEMIOLA_INLINE vf load(const Bf16* p) {
  const vh h = *reinterpret_cast<const vh_any*>(p);
  return as_float(__builtin_convertvector(h, vu) << 16);
}
HEMIOLA_INLINE void store(Bf16* p, vf x) {
#if defined(__AVX512BF16__)
  const auto h = _mm512_cvtneps_pbh(reinterpret_cast<__m512>(x));
  *reinterpret_cast<vh_any*>(p) = reinterpret_cast<vh>(h);
#else
  *reinterpret_cast<vh_any*>(p) = __builtin_convertvector(round_bits(x), vh);
#endif
}
// The bits of x as bf16, in the lower half of each lane.
HEMIOLA_INLINE vu rounded(vf x) {
#if defined(__AVX512BF16__)
  const auto h = _mm512_cvtneps_pbh(reinterpret_cast<__m512>(x));
  return __builtin_convertvector(reinterpret_cast<vh>(h), vu);
#else
  return round_bits(x);
#endif
}
HEMIOLA_INLINE float scalar(float x) { return x; }
HEMIOLA_INLINE float scalar(Bf16 x) {
  const std::uint32_t b = static_cast<std::uint32_t>(x.bits) << 16;
  return __builtin_bit_cast(float, b);
}
HEMIOLA_INLINE void set_scalar(float& to, float x) { to = x; }
HEMIOLA_INLINE void set_scalar(Bf16& to, float x) {
  const auto b = __builtin_bit_cast(std::uint32_t, x);
  to.bits = static_cast<std::uint16_t>((b + 0x7fffU + ((b >> 16) & 1U)) >> 16);
}

// x with its halves, quarters and so on exchanged: what is left to do for sums over all lanes.
HEMIOLA_INLINE vf swap1(vf x) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#elif defined(__AVX2__)
  return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6);
#else
  return __builtin_shufflevector(x, x, 1, 0, 3, 2);
#endif
}
HEMIOLA_INLINE vf swap2(vf x) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
#elif defined(__AVX2__)
  return __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5);
#else
  return __builtin_shufflevector(x, x, 2, 3, 0, 1);
#endif
}
HEMIOLA_INLINE vf swap4(vf x) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
#elif defined(__AVX2__)
  return __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3);
#else
  return x;
#endif
}
HEMIOLA_INLINE vf swap8(vf x) {
#if defined(__AVX512F__)
  return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
#else
  return x;
#endif
}

HEMIOLA_INLINE float sum(vf x) {
  if constexpr (kLanes == 16) x += swap8(x);
  if constexpr (kLanes >= 8) x += swap4(x);
  x += swap2(x);
  x += swap1(x);
  return x[0];
}
HEMIOLA_INLINE float largest(vf x) {
  x = maximum(x, swap8(x));
  x = maximum(x, swap4(x));
  x = maximum(x, swap2(x));
  x = maximum(x, swap1(x));
  return x[0];
}

#if defined(__AVX512F__)
// Sixteen registers of sixteen numbers, turned round.
HEMIOLA_INLINE void turn(vu (&r)[16]) {
  vu t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {  // pairs of numbers
    t[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28,
                                   13, 29);
    t[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27,
                                       14, 30, 15, 31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 4) {  // pairs of these
    for (int j = 0; j < 2; ++j) {
      const vu a = t[i + j], b = t[i + j + 2];
      r[i + 2 * j] =
          __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
      r[i + 2 * j + 1] =
          __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    }
  }
  const auto even_quarters = [](vu a, vu b) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  };
  const auto odd_quarters = [](vu a, vu b) __attribute__((always_inline)) {
    return __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30,
                                   31);
  };
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const vu a = even_quarters(r[i], r[i + 4]), b = odd_quarters(r[i], r[i + 4]);
    const vu c = even_quarters(r[i + 8], r[i + 12]), d = odd_quarters(r[i + 8], r[i + 12]);
    t[i] = even_quarters(a, c);
    t[i + 4] = even_quarters(b, d);
    t[i + 8] = odd_quarters(a, c);
    t[i + 12] = odd_quarters(b, d);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = t[i];
}
#endif

constexpr float kLog2E = 1.44269504F;

// 2^x, relative error under 2e-7; 0 far below the smallest float (on some sets from -126 on).
HEMIOLA_INLINE vf power_of_two(vf x) {
#if defined(__AVX512F__)
  const vf n = reinterpret_cast<vf>(_mm512_maskz_roundscale_ps(
      0xffff, reinterpret_cast<__m512>(x), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#else
  const vi normal = x > splat(-126.0F);
  x = maximum(x, splat(-126.0F));
  x = x < splat(127.4F) ? x : splat(127.4F);
  const vf magic = splat(12582912.0F);  // 1.5 * 2^23: rounds to an integer
  const vf shifted = x + magic;
  const vf n = shifted - magic;
#endif
  const vf f = x - n;
  vf p = splat(1.535336188e-4F);
  p = p * f + 1.339887440e-3F;
  p = p * f + 9.618437357e-3F;
  p = p * f + 5.550332471e-2F;
  p = p * f + 2.402264791e-1F;
  p = p * f + 6.931472029e-1F;
  p = p * f + 1.0F;
#if defined(__AVX512F__)
  return reinterpret_cast<vf>(
      _mm512_maskz_scalef_ps(0xffff, reinterpret_cast<__m512>(p), reinterpret_cast<__m512>(n)));
#else
  return normal ? as_float(as_bits(p) + (as_bits(shifted) << 23)) : vf{};
#endif
}

// Whether element `index` is kept, by a hash of it: the same in the forward and the backward pass.
HEMIOLA_INLINE vf keep_mask(std::uint32_t seed, std::uint32_t index, float dropout) {
  vu h{};
  for (int i = 0; i < kLanes; ++i) h[i] = index + static_cast<std::uint32_t>(i);
  h = (h ^ seed) * 0x9e3779b1U;
  h = (h ^ (h >> 16)) * 0x7feb352dU;
  h = (h ^ (h >> 15)) * 0x846ca68bU;
  h = h ^ (h >> 16);
  const vf uniform = __builtin_convertvector(reinterpret_cast<vi>(h >> 8), vf) * 0x1.0p-24F;
  return uniform >= splat(dropout) ? splat(1.0F / (1.0F - dropout)) : vf{};
}

template <class S>
struct Format;  // kPair: rows interleaved in a panel
template <>
struct Format<float> {
  static constexpr int kPair = 1;
};
template <>
struct Format<Bf16> {
  static constexpr int kPair = 2;
};

HEMIOLA_INLINE int round_up(int x, int to) { return (x + to - 1) / to * to; }
HEMIOLA_INLINE int at_most(int x, int most) { return x < most ? x : most; }
