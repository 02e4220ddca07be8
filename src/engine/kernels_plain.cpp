// The plain C++ twin of every kernel: loops over arrays, for any processor. Compiled like the rest
// of the program; the compiler makes of it what the baseline allows.
#include <bit>
#include <cmath>
#include <cstring>

#include "engine/kernels.h"
#include "model/int4_levels.h"
#include "model/tensor.h"

namespace hemiola::engine {
namespace {

struct V {
  float lane[16];

  template <class Function>
  static V each(Function function) {
    V result;
    for (int i = 0; i < 16; ++i) result.lane[i] = function(i);
    return result;
  }
  static V all(float x) {
    return each([&](int) { return x; });
  }
  static V zero() { return all(0); }
  static V load(const float* from) {
    return each([&](int i) { return from[i]; });
  }
  static void store(float* to, const V& a) {
    for (int i = 0; i < 16; ++i) to[i] = a.lane[i];
  }
  static V load_bf16(const std::uint16_t* from) {
    return each([&](int i) { return from_bf16(from[i]); });
  }
  static void store_bf16(std::uint16_t* to, const V& a) {
    for (int i = 0; i < 16; ++i) to[i] = hemiola::to_bf16(a.lane[i]);
  }
  static void store_int8(std::int8_t* to, const V& a) {
    for (int i = 0; i < 16; ++i) to[i] = static_cast<std::int8_t>(a.lane[i]);
  }
  static void store_int16(std::int16_t* to, const V& a) {
    for (int i = 0; i < 16; ++i) to[i] = static_cast<std::int16_t>(a.lane[i]);
  }
  static V add(const V& a, const V& b) {
    return each([&](int i) { return a.lane[i] + b.lane[i]; });
  }
  static V sub(const V& a, const V& b) {
    return each([&](int i) { return a.lane[i] - b.lane[i]; });
  }
  static V mul(const V& a, const V& b) {
    return each([&](int i) { return a.lane[i] * b.lane[i]; });
  }
  static V div(const V& a, const V& b) {
    return each([&](int i) { return a.lane[i] / b.lane[i]; });
  }
  static V madd(const V& a, const V& b, const V& c) {
    return each([&](int i) { return a.lane[i] * b.lane[i] + c.lane[i]; });
  }
  static V max(const V& a, const V& b) {
    return each([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static V min(const V& a, const V& b) {
    return each([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
  }
  static V abs(const V& a) {
    return each([&](int i) { return std::fabs(a.lane[i]); });
  }
  // Ties to even, for |x| < 2^22.
  static V nearest(const V& a) {
    constexpr float kMagic = 12582912.0f;
    return each([&](int i) { return (a.lane[i] + kMagic) - kMagic; });
  }
  // x * 2^n for whole n in [-126, 127].
  static V scale2(const V& a, const V& n) {
    return each([&](int i) {
      const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n.lane[i]) + 127);
      return a.lane[i] * std::bit_cast<float>(exponent << 23);
    });
  }
  // value where x >= limit, else 0.
  static V zero_below(const V& x, const V& limit, const V& value) {
    return each([&](int i) { return x.lane[i] >= limit.lane[i] ? value.lane[i] : 0.0f; });
  }
  // Halves onto halves, as the wide registers do.
  static float sum(const V& a) {
    V s = a;
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) s.lane[i] += s.lane[i + half];
    }
    return s.lane[0];
  }
  static float largest(const V& a) {
    float most = a.lane[0];
    for (int i = 1; i < 16; ++i) most = a.lane[i] > most ? a.lane[i] : most;
    return most;
  }
};

struct I {
  std::int32_t lane[16];
  struct Weights {
    std::byte bytes[64];
  };
  using Inputs = const std::int8_t*;

  static I all(std::int32_t x) {
    I result;
    for (auto& value : result.lane) value = x;
    return result;
  }
  static I start(std::int32_t offset) { return all(offset); }
  static Weights load(const std::byte* from) {
    Weights w;
    std::memcpy(w.bytes, from, sizeof w.bytes);
    return w;
  }
  static void load_halves(const std::byte* from, Weights& low, Weights& high) {
    for (int i = 0; i < 64; ++i) {
      const auto both = std::to_integer<unsigned>(from[i]);
      low.bytes[i] = std::byte{kInt4Bytes[both & 15]};
      high.bytes[i] = std::byte{kInt4Bytes[both >> 4]};
    }
  }
  static Inputs inputs(const std::int8_t* from) { return from; }
  static void renew(Inputs& x) { asm volatile("" : "+r"(x)); }
  static I dot(const I& sum, const Weights& w, Inputs x) {
    I result;
    for (int i = 0; i < 16; ++i) {
      std::int32_t s = sum.lane[i];
      for (int j = 0; j < 4; ++j) s += std::to_integer<std::int32_t>(w.bytes[4 * i + j]) * x[j];
      result.lane[i] = s;
    }
    return result;
  }
  static I add(const I& a, const I& b) {
    I result;
    for (int i = 0; i < 16; ++i) result.lane[i] = a.lane[i] + b.lane[i];
    return result;
  }
  static V to_float(const I& a) {
    return V::each([&](int i) { return static_cast<float>(a.lane[i]); });
  }
};

struct S {
  std::int16_t lane[32];

  static S load(const std::int8_t* from) {
    S result;
    for (int i = 0; i < 32; ++i) result.lane[i] = from[i];
    return result;
  }
  static S all(const std::int16_t* pair) {
    S result;
    for (int i = 0; i < 32; ++i) result.lane[i] = pair[i % 2];
    return result;
  }
  static I dot(const I& sum, const S& w, const S& x) {
    I result;
    for (int i = 0; i < 16; ++i) {
      result.lane[i] =
          sum.lane[i] + w.lane[2 * i] * x.lane[2 * i] + w.lane[2 * i + 1] * x.lane[2 * i + 1];
    }
    return result;
  }
};

struct B {
  V even, odd;

  static B load(const std::byte* from) {
    B result;
    for (int i = 0; i < 16; ++i) {
      std::uint16_t pair[2];
      std::memcpy(pair, from + 4 * i, 4);
      result.even.lane[i] = from_bf16(pair[0]);
      result.odd.lane[i] = from_bf16(pair[1]);
    }
    return result;
  }
  static B all(const std::uint16_t* pair) {
    return {V::all(from_bf16(pair[0])), V::all(from_bf16(pair[1]))};
  }
  static V dot(const V& sum, const B& w, const B& x) {
    return V::madd(w.even, x.even, V::madd(w.odd, x.odd, sum));
  }
};

constexpr int kRows = 4;
constexpr int kRows4 = 4;
constexpr int kScoreBlocks = 4;
constexpr int kValueChunks = 2;
constexpr int kByteChains = 1;
constexpr int kByteChunks = 2;
constexpr int kByteSums = 1;
constexpr int kConvOutputs = 1;
constexpr int kConvColumns = 1;

}  // namespace

#include "engine/kernels.inl"

const Kernels kPlainKernels = {
    "plain",     matmul_f32,   matmul_bf16, matmul_int8,      matmul_int4,
    attend<F32>, attend<Bf16>, attend_int8, attend_rows_int8, no_room,
    layer_norm,  to_bf16,      quantise,    convolve,         multiply_adds,
};

}  // namespace hemiola::engine
