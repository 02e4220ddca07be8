// The kernels, written once over a register type V of 16 floats. A file that includes this has
// defined, in an unnamed namespace:
//
//   V       16 floats: zero, all(x), load, store, load_bf16, store_bf16, add, sub, mul, div,
//           store_int8 and store_int16 (whole numbers in [-127, 127], [-32767, 32767]), max, min, abs, madd(a, b, c) = a * b + c,
//           nearest, scale2(x, n) = x * 2^n for whole n, zero_below(x, limit, value),
//           sum(x) and largest(x) across the register
//   I       16 int32 sums: all(x), dot(sum, w, x): adds to each lane the products of its four
//           unsigned bytes at w with the four signed bytes x, to_float; load_halves(from, low, high):
//           kInt4Bytes of the low and of the high halves of 64 bytes, as weights; start(offset):
//           sums of offset, or of zero where weights have lost the 128 that the offset makes up for;
//           renew(x): x may be others now, for all that the compiler knows
//   B       pairs of bf16: dot(sum, w, x): adds to each lane of a V the product of its pair at w
//           with the pair x; all(pointer to a pair)
//   S       pairs of int16, as attention_int8.inl says
//   kRows, kRows4, kScoreBlocks, kValueChunks   how many rows of x one pass over a panel takes, and
//           over one of int4; how many blocks of 16 keys and (four sums each) chunks of 16 value
//           columns one pass of attention takes: as many sums as there are registers for
//   kConvOutputs, kConvColumns   how many outputs, and how many times 16 columns of each, one pass
//           of a convolution takes
//
// Internal linkage throughout; see kernels.h for why. Sums that run in turn in the source run in
// that order in every instruction set.

namespace {

constexpr int kLanes = 16;
constexpr int kPanelLanes = 32;

template <int n>
struct Count {
  static constexpr int value = n;
};

// Calls body with Count<rows>, rows in [1, most].
template <int most, class Body>
inline void with_count(int rows, Body body) {
  if constexpr (most > 1) {
    if (rows < most) return with_count<most - 1>(rows, body);
  }
  body(Count<most>{});
}

// e^x; relative error below 2e-7 for x in [-87, 88], 0 below, no infinity.
inline V exponential(V x) {
  const V low = V::all(-87.0f);
  x = V::min(x, V::all(88.0f));
  const V clamped = V::max(x, low);
  const V n = V::nearest(V::mul(clamped, V::all(1.44269504f)));
  V r = V::madd(n, V::all(-0.693359375f), clamped);  // ln 2 in two parts
  r = V::madd(n, V::all(2.12194440e-4f), r);
  V p = V::all(1.9875691500e-4f);
  p = V::madd(p, r, V::all(1.3981999507e-3f));
  p = V::madd(p, r, V::all(8.3334519073e-3f));
  p = V::madd(p, r, V::all(4.1665795894e-2f));
  p = V::madd(p, r, V::all(1.6666665459e-1f));
  p = V::madd(p, r, V::all(5.0000001201e-1f));
  p = V::madd(p, V::mul(r, r), V::add(r, V::all(1.0f)));
  return V::zero_below(x, low, V::scale2(p, n));
}

// x / (1 + e^(-2u)), u = sqrt(2 / pi) * (x + 0.044715 x^3): the tanh form of GELU.
inline V gelu(V x) {
  const V cubic = V::madd(V::mul(V::mul(x, x), x), V::all(0.044715f), x);
  const V e = exponential(V::mul(cubic, V::all(-2.0f * 0.79788456f)));
  return V::div(x, V::add(V::all(1.0f), e));
}

// Writes 32 results of one row.
inline void finish(const Matmul& m, int panel, int row, V low, V high) {
  const int first = panel * kPanelLanes;
  float* y = m.y + row * m.y_stride + first;
  const int count = m.out - first;
  alignas(64) float part[kPanelLanes];
  float* target = y;
  if (count < kPanelLanes) {
    for (int i = 0; i < kPanelLanes; ++i) part[i] = 0;
    if (m.epilogue == Epilogue::kAdd) {
      for (int i = 0; i < count; ++i) part[i] = y[i];
    }
    target = part;
  }
  if (m.epilogue == Epilogue::kGelu) {
    low = gelu(low);
    high = gelu(high);
  } else if (m.epilogue == Epilogue::kAdd) {
    low = V::add(low, V::load(target));
    high = V::add(high, V::load(target + kLanes));
  }
  V::store(target, low);
  V::store(target + kLanes, high);
  if (count < kPanelLanes) {
    for (int i = 0; i < count; ++i) y[i] = part[i];
  }
}

inline V bias_at(const Matmul& m, int panel, int half) {
  return m.bias == nullptr ? V::zero() : V::load(m.bias + panel * kPanelLanes + half * kLanes);
}

template <int most = kRows, class Body>
inline void for_row_blocks(const Matmul& m, Body body) {
  for (int panel = m.panel_begin; panel < m.panel_end; ++panel) {
    for (int row = 0; row < m.rows; row += most) {
      with_count<most>(m.rows - row < most ? m.rows - row : most,
                       [&](auto rows) { body(rows, panel, row); });
    }
  }
}

// How far ahead of its use a panel is asked for, bytes, where kAheadRows does not say it: in fp32
// never, in bf16 always, in int4 for several rows.
constexpr int kAhead = 2048;

template <int rows>
inline void product_f32(const Matmul& m, int panel, int row) {
  const float* w =
      reinterpret_cast<const float*>(m.panels) + std::ptrdiff_t{panel} * m.in * kPanelLanes;
  const float* x = static_cast<const float*>(m.x) + row * m.x_stride;
  V low[rows], high[rows];
  for (int r = 0; r < rows; ++r) low[r] = bias_at(m, panel, 0), high[r] = bias_at(m, panel, 1);
  for (int k = 0; k < m.in; ++k, w += kPanelLanes) {
    const V w0 = V::load(w), w1 = V::load(w + kLanes);
    for (int r = 0; r < rows; ++r) {
      const V value = V::all(x[r * m.x_stride + k]);
      low[r] = V::madd(w0, value, low[r]);
      high[r] = V::madd(w1, value, high[r]);
    }
  }
  for (int r = 0; r < rows; ++r) finish(m, panel, row + r, low[r], high[r]);
}

void matmul_f32(const Matmul& m) {
  for_row_blocks(
      m, [&](auto rows, int panel, int row) { product_f32<decltype(rows)::value>(m, panel, row); });
}

template <int rows>
inline void product_bf16(const Matmul& m, int panel, int row) {
  const int pairs = (m.in + 1) / 2;
  const std::byte* w = m.panels + std::ptrdiff_t{panel} * pairs * kPanelLanes * 4;
  const std::uint16_t* x = static_cast<const std::uint16_t*>(m.x) + row * m.x_stride;
  V low[rows], high[rows];
  for (int r = 0; r < rows; ++r) low[r] = bias_at(m, panel, 0), high[r] = bias_at(m, panel, 1);
  for (int k = 0; k < pairs; ++k, w += kPanelLanes * 4) {
    __builtin_prefetch(w + kAhead);
    __builtin_prefetch(w + kAhead + kLanes * 4);
    const B w0 = B::load(w), w1 = B::load(w + kLanes * 4);
    for (int r = 0; r < rows; ++r) {
      const B value = B::all(x + r * m.x_stride + 2 * k);
      low[r] = B::dot(low[r], w0, value);
      high[r] = B::dot(high[r], w1, value);
    }
  }
  for (int r = 0; r < rows; ++r) finish(m, panel, row + r, low[r], high[r]);
}

void matmul_bf16(const Matmul& m) {
  for_row_blocks(m, [&](auto rows, int panel, int row) {
    product_bf16<decltype(rows)::value>(m, panel, row);
  });
}

template <int rows>
inline void product_int8(const Matmul& m, int panel, int row) {
  const int fours = (m.in + 3) / 4;
  constexpr int kGroupFours = kQuantGroup / 4;
  const std::byte* w = m.panels + std::ptrdiff_t{panel} * fours * kPanelLanes * 4;
  const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + row * m.x_stride;
  const float* x_scales = m.x_scales + row * m.group_stride;
  const std::int32_t* x_offsets = m.x_offsets + row * m.group_stride;
  V low[rows], high[rows];
  for (int r = 0; r < rows; ++r) low[r] = high[r] = V::zero();
  for (int group = 0, begin = 0; begin < fours; ++group, begin += kGroupFours) {
    const int end = begin + kGroupFours < fours ? begin + kGroupFours : fours;
    I low_sum[rows], high_sum[rows];
    for (int r = 0; r < rows; ++r) {
      low_sum[r] = high_sum[r] = I::start(x_offsets[r * m.group_stride + group]);
    }
    for (int k = begin; k < end; ++k, w += kPanelLanes * 4) {
      if constexpr (rows > 1) {
        __builtin_prefetch(w + kAheadRows, 0, 2);
        __builtin_prefetch(w + kAheadRows + kLanes * 4, 0, 2);
      }
      const I::Weights w0 = I::load(w), w1 = I::load(w + kLanes * 4);
      for (int r = 0; r < rows; ++r) {
        const I::Inputs value = I::inputs(x + r * m.x_stride + 4 * k);
        low_sum[r] = I::dot(low_sum[r], w0, value);
        high_sum[r] = I::dot(high_sum[r], w1, value);
      }
    }
    for (int r = 0; r < rows; ++r) {
      const V scale = V::all(x_scales[r * m.group_stride + group]);
      low[r] = V::madd(I::to_float(low_sum[r]), scale, low[r]);
      high[r] = V::madd(I::to_float(high_sum[r]), scale, high[r]);
    }
  }
  const float* scales = m.scales + panel * kPanelLanes;
  for (int r = 0; r < rows; ++r) {
    finish(m, panel, row + r, V::madd(low[r], V::load(scales), bias_at(m, panel, 0)),
           V::madd(high[r], V::load(scales + kLanes), bias_at(m, panel, 1)));
  }
}

void matmul_int8(const Matmul& m) {
  for_row_blocks(m, [&](auto rows, int panel, int row) {
    product_int8<decltype(rows)::value>(m, panel, row);
  });
}

template <int rows>
inline void product_int4(const Matmul& m, int panel, int row) {
  constexpr int kFours = kQuantGroup4 / 4;
  constexpr std::ptrdiff_t kGroupBytes = kPanelLanes * 2 + kFours * kLanes * 4;
  const int groups = (m.in + kQuantGroup4 - 1) / kQuantGroup4;
  const std::byte* w = m.panels + panel * groups * kGroupBytes;
  const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + row * m.x_stride;
  const float* x_scales = m.x_scales + row * m.group_stride;
  const std::int32_t* x_offsets = m.x_offsets + row * m.group_stride;
  V low[rows], high[rows];
  for (int r = 0; r < rows; ++r) low[r] = bias_at(m, panel, 0), high[r] = bias_at(m, panel, 1);
  for (int group = 0; group < groups; ++group, w += kGroupBytes, x += kQuantGroup4) {
    I low_sum[rows], high_sum[rows];
    for (int r = 0; r < rows; ++r) {
      low_sum[r] = high_sum[r] = I::start(x_offsets[r * m.group_stride + group]);
    }
    const auto add = [&](int k) {
      I::Weights w0, w1;
      const std::byte* from = w + kPanelLanes * 2 + k * kLanes * 4;
      if constexpr (rows > 1) __builtin_prefetch(from + kAhead);
      I::load_halves(from, w0, w1);
      for (int r = 0; r < rows; ++r) {
        const I::Inputs value = I::inputs(x + r * m.x_stride + 4 * k);
        low_sum[r] = I::dot(low_sum[r], w0, value);
        high_sum[r] = I::dot(high_sum[r], w1, value);
      }
    };
    if (const int left = m.in - group * kQuantGroup4; left >= kQuantGroup4) {
      for (int k = 0; k < kFours; ++k) add(k);
    } else {
      for (int k = 0; k < (left + 3) / 4; ++k) add(k);
    }
    const auto* scales = reinterpret_cast<const std::uint16_t*>(w);
    const V scale0 = V::load_bf16(scales), scale1 = V::load_bf16(scales + kLanes);
    for (int r = 0; r < rows; ++r) {
      const V scale = V::all(x_scales[r * m.group_stride + group]);
      low[r] = V::madd(I::to_float(low_sum[r]), V::mul(scale, scale0), low[r]);
      high[r] = V::madd(I::to_float(high_sum[r]), V::mul(scale, scale1), high[r]);
    }
  }
  for (int r = 0; r < rows; ++r) finish(m, panel, row + r, low[r], high[r]);
}

void matmul_int4(const Matmul& m) {
  for_row_blocks<kRows4>(m, [&](auto rows, int panel, int row) {
    product_int4<decltype(rows)::value>(m, panel, row);
  });
}

// Up to 16 floats, zeros after them.
inline V load_part(const float* from, int count) {
  if (count >= kLanes) return V::load(from);
  alignas(64) float part[kLanes];
  for (int i = 0; i < kLanes; ++i) part[i] = i < count ? from[i] : 0.0f;
  return V::load(part);
}

inline void store_part(float* to, V value, int count) {
  if (count >= kLanes) return V::store(to, value);
  alignas(64) float part[kLanes];
  V::store(part, value);
  for (int i = 0; i < count; ++i) to[i] = part[i];
}

void to_bf16(const float* x, int count, std::uint16_t* out) {
  int i = 0;
  for (; i + kLanes <= count; i += kLanes) V::store_bf16(out + i, V::load(x + i));
  if (i < count) {
    alignas(64) std::uint16_t part[kLanes];
    V::store_bf16(part, load_part(x + i, count - i));
    for (int j = 0; i + j < (count + 1) / 2 * 2; ++j) out[i + j] = part[j];
  }
}

// What attention reads keys, values and their factors as: one number at a time, or bf16 pairs.
struct F32 {
  using Element = float;
  using Entry = V;
  static constexpr int kSide = 1;
  static Entry load(const float* from) { return V::load(from); }
  static Entry all(const float* from) { return V::all(*from); }
  static V dot(V sum, Entry w, Entry x) { return V::madd(w, x, sum); }
  static const float* query(const Attend& a) { return a.q; }
  static const float* weights(const Attend& a) { return a.scores; }
  static void keep_weights(const Attend&, int, V) {}
};

struct Bf16 {
  using Element = std::uint16_t;
  using Entry = B;
  static constexpr int kSide = 2;
  static Entry load(const std::uint16_t* from) {
    return B::load(reinterpret_cast<const std::byte*>(from));
  }
  static Entry all(const std::uint16_t* from) { return B::all(from); }
  static V dot(V sum, Entry w, Entry x) { return B::dot(sum, w, x); }
  static const std::uint16_t* query(const Attend& a) {
    to_bf16(a.q, a.head_width, a.halves);
    return a.halves;
  }
  static std::uint16_t* weights(const Attend& a) {
    return a.halves + (a.head_width + kLanes - 1) / kLanes * kLanes;
  }
  static void keep_weights(const Attend& a, int block, V weights_) {
    V::store_bf16(weights(a) + block * kLanes, weights_);
  }
};

// Scores of `blocks` blocks of 16 positions: sums over the head's width, one a lane.
template <class Type, int blocks>
inline void score_blocks(const Attend& a, const typename Type::Element* q,
                         const typename Type::Element* keys, float* scores) {
  const int steps = (a.head_width + Type::kSide - 1) / Type::kSide;
  const int step = kLanes * Type::kSide, block = steps * step;
  V sums[blocks];
  for (int b = 0; b < blocks; ++b) sums[b] = V::zero();
  for (int d = 0; d < steps; ++d) {
    const typename Type::Entry x = Type::all(q + d * Type::kSide);
    for (int b = 0; b < blocks; ++b) {
      sums[b] = Type::dot(sums[b], Type::load(keys + b * block + d * step), x);
    }
  }
  const V scale = V::all(a.scale);
  for (int b = 0; b < blocks; ++b) V::store(scores + b * kLanes, V::mul(sums[b], scale));
}

// out of `chunks` chunks of 16 of the head's width, from value column `column` on. Four sums run
// side by side, over every fourth step, and are added at the end.
template <class Type, int chunks>
inline void mix_values(const Attend& a, int column, float inverse_sum) {
  constexpr int kSums = 4;
  const int step = (a.head_width + kLanes - 1) / kLanes * kLanes * Type::kSide;
  const int steps = (a.length + Type::kSide - 1) / Type::kSide;
  const auto* v = reinterpret_cast<const typename Type::Element*>(a.values) + column * Type::kSide;
  const typename Type::Element* weights = Type::weights(a);
  V sums[kSums][chunks];
  for (int s = 0; s < kSums; ++s) {
    for (int c = 0; c < chunks; ++c) sums[s][c] = V::zero();
  }
  const auto add = [&](V* sum, int t) {
    const typename Type::Entry weight = Type::all(weights + t * Type::kSide);
    const auto* row = v + std::ptrdiff_t{t} * step;
    for (int c = 0; c < chunks; ++c) {
      sum[c] = Type::dot(sum[c], Type::load(row + c * kLanes * Type::kSide), weight);
    }
  };
  int t = 0;
  for (; t + kSums <= steps; t += kSums) {
    for (int s = 0; s < kSums; ++s) add(sums[s], t + s);
  }
  for (int s = 0; s < kSums - 1 && t + s < steps; ++s) add(sums[s], t + s);
  for (int c = 0; c < chunks; ++c) {
    const V sum = V::add(V::add(sums[0][c], sums[1][c]), V::add(sums[2][c], sums[3][c]));
    alignas(64) float part[kLanes];
    V::store(part, V::mul(sum, V::all(inverse_sum)));
    const int first = column + c * kLanes;
    for (int i = 0; i < kLanes && first + i < a.head_width; ++i) a.out[first + i] = part[i];
  }
}

template <class Type>
void attend(const Attend& a) {
  const auto* keys = reinterpret_cast<const typename Type::Element*>(a.keys);
  const int key_block = (a.head_width + Type::kSide - 1) / Type::kSide * Type::kSide * kLanes;
  const auto* q = Type::query(a);
  const int blocks = (a.length + kLanes - 1) / kLanes;
  for (int b = 0; b < blocks; b += kScoreBlocks) {
    with_count<kScoreBlocks>(
        blocks - b < kScoreBlocks ? blocks - b : kScoreBlocks, [&](auto count) {
          score_blocks<Type, decltype(count)::value>(a, q, keys + std::ptrdiff_t{b} * key_block,
                                                     a.scores + b * kLanes);
        });
  }
  // Positions past the end of the last block weigh nothing.
  for (int t = a.length; t < blocks * kLanes; ++t) a.scores[t] = -1e30f;
  V most = V::all(-1e30f);
  for (int b = 0; b < blocks; ++b) most = V::max(most, V::load(a.scores + b * kLanes));
  const V shift = V::all(V::largest(most));
  V sum = V::zero();
  for (int b = 0; b < blocks; ++b) {
    const V e = exponential(V::sub(V::load(a.scores + b * kLanes), shift));
    V::store(a.scores + b * kLanes, e);
    Type::keep_weights(a, b, e);
    sum = V::add(sum, e);
  }
  const float inverse_sum = 1.0f / V::sum(sum);
  const int chunks = (a.head_width + kLanes - 1) / kLanes;
  for (int c = 0; c < chunks; c += kValueChunks) {
    with_count<kValueChunks>(
        chunks - c < kValueChunks ? chunks - c : kValueChunks,
        [&](auto count) { mix_values<Type, decltype(count)::value>(a, c * kLanes, inverse_sum); });
  }
}

}  // namespace

#include "engine/attention_int8.inl"

namespace {

void layer_norm(const LayerNorm& n) {
  V total = V::zero();
  for (int i = 0; i < n.width; i += kLanes) {
    total = V::add(total, load_part(n.x + i, n.width - i));
  }
  const V mean = V::all(V::sum(total) / static_cast<float>(n.width));
  V squares = V::zero();
  for (int i = 0; i < n.width; i += kLanes) {
    alignas(64) float part[kLanes];
    V d = V::sub(load_part(n.x + i, n.width - i), mean);
    if (n.width - i < kLanes) {
      V::store(part, d);
      d = load_part(part, n.width - i);
    }
    squares = V::madd(d, d, squares);
  }
  const float variance = V::sum(squares) / static_cast<float>(n.width);
  const V inverse = V::all(1.0f / __builtin_sqrtf(variance + n.epsilon));
  for (int i = 0; i < n.width; i += kLanes) {
    const int count = n.width - i;
    const V d = V::mul(V::sub(load_part(n.x + i, count), mean), inverse);
    store_part(n.out + i, V::madd(d, load_part(n.weight + i, count), load_part(n.bias + i, count)),
               count);
  }
}

void quantise(const Quantise& q) {
  for (int begin = 0, group = 0; begin < q.count; begin += q.group, ++group) {
    const int count = q.count - begin < q.group ? q.count - begin : q.group;
    const float* x = q.x + begin;
    std::int8_t* out = q.out + begin;
    V most = V::zero();
    for (int i = 0; i < count; i += kLanes)
      most = V::max(most, V::abs(load_part(x + i, count - i)));
    const float largest = V::largest(most);
    // A group of numbers too small for a normal scale counts as zero.
    const bool zero = !(largest > 1e-30f);
    const V factor = V::all(zero ? 0.0f : 127.0f / largest);
    V total = V::zero();  // whole numbers, exact
    int i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      const V level = V::nearest(V::mul(V::load(x + i), factor));
      V::store_int8(out + i, level);
      total = V::add(total, level);
    }
    if (i < count) {
      alignas(64) std::int8_t part[kLanes];
      const V level = V::nearest(V::mul(load_part(x + i, count - i), factor));
      V::store_int8(part, level);
      total = V::add(total, level);
      for (int j = 0; i + j < (count + 3) / 4 * 4; ++j) out[i + j] = part[j];
    }
    q.scales[group] = zero ? 0.0f : largest / 127.0f;
    q.offsets[group] = -128 * static_cast<std::int32_t>(V::sum(total));
  }
}

inline V activated(V x, Activation activation) {
  if (activation == Activation::kRelu) return V::max(x, V::zero());
  if (activation == Activation::kNone) return x;
  const V one = V::all(1.0f);
  return V::div(one, V::add(one, exponential(V::sub(V::zero(), x))));
}

// `outputs` outputs from `output` on, for one row and `vectors` times 16 columns.
template <int outputs, int vectors>
inline void convolve_block(const Convolve& c, int output, int row, int column) {
  V sums[outputs][vectors];
  for (int o = 0; o < outputs; ++o) {
    for (int v = 0; v < vectors; ++v) sums[o][v] = V::all(c.bias[output + o]);
  }
  const float* x = c.x + row * c.x_row + column;
  const float* w = c.weights + output;
  for (int k = 0; k < c.taps; ++k, w += c.outputs) {
    const float* tap = x + c.offsets[k];
    V values[vectors];
    for (int v = 0; v < vectors; ++v) values[v] = V::load(tap + v * kLanes);
    for (int o = 0; o < outputs; ++o) {
      const V weight = V::all(w[o]);
      for (int v = 0; v < vectors; ++v) sums[o][v] = V::madd(weight, values[v], sums[o][v]);
    }
  }
  for (int o = 0; o < outputs; ++o) {
    float* y = c.y + (output + o) * c.y_plane + row * c.y_row + column;
    for (int v = 0; v < vectors; ++v) {
      store_part(y + v * kLanes, activated(sums[o][v], c.activation),
                 c.columns - column - v * kLanes);
    }
  }
}

void convolve(const Convolve& c) {
  for (int row = 0; row < c.rows; ++row) {
    for (int column = 0; column < c.columns; column += kConvColumns * kLanes) {
      const int left = (c.columns - column + kLanes - 1) / kLanes;
      with_count<kConvColumns>(left < kConvColumns ? left : kConvColumns, [&](auto vectors) {
        for (int output = 0; output < c.outputs; output += kConvOutputs) {
          const int rest = c.outputs - output;
          with_count<kConvOutputs>(rest < kConvOutputs ? rest : kConvOutputs, [&](auto outputs) {
            convolve_block<decltype(outputs)::value, decltype(vectors)::value>(c, output, row,
                                                                              column);
          });
        }
      });
    }
  }
}

constexpr int kPeakSums = kRows + kRows / 2;

// `rounds` times one step of kPeakSums sums that wait for none of the others.
template <class Sum, class Step>
inline long repeat(long rounds, Sum zero, Step step) {
  Sum sums[kPeakSums];
#pragma GCC unroll 16
  for (int s = 0; s < kPeakSums; ++s) {
    Sum start = zero;
    asm volatile("" : "+m"(start));  // sums that are known to be equal would become one
    sums[s] = start;
  }
  for (long i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int s = 0; s < kPeakSums; ++s) sums[s] = step(sums[s]);
  }
#pragma GCC unroll 16
  for (int s = 0; s < kPeakSums; ++s) {
    const Sum used = sums[s];  // a copy, so that the sums themselves may stay in registers
    asm volatile("" ::"m"(used));
  }
  return rounds * kPeakSums * kLanes;
}

long multiply_adds(MultiplyAdd kind, long rounds) {
  alignas(64) std::byte bytes[64] = {};
  asm volatile("" : "+m"(bytes));  // may hold anything, for all that the compiler knows
  switch (kind) {
    case MultiplyAdd::kF32: {
      const V w = V::load(reinterpret_cast<const float*>(bytes));
      return repeat(rounds, V::zero(), [&](V sum) { return V::madd(w, w, sum); });
    }
    case MultiplyAdd::kBf16: {
      const B w = B::load(bytes), x = B::all(reinterpret_cast<std::uint16_t*>(bytes));
      return 2 * repeat(rounds, V::zero(), [&](V sum) { return B::dot(sum, w, x); });
    }
    case MultiplyAdd::kInt8: {
      const I::Weights w = I::load(bytes);
      I::Inputs x = I::inputs(reinterpret_cast<std::int8_t*>(bytes));
      return 4 * repeat(rounds, I::all(0), [&](I sum) {
        I::renew(x);  // products of the same numbers would be made once
        return I::dot(sum, w, x);
      });
    }
  }
  return 0;
}

}  // namespace
