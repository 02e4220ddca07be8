// Part of cpu_kernels.inl: matrix products. The left side is read a pair (bf16) or a number (fp32)
// at a time and spread over a register, the right side comes from panels. A tile of results is
// summed in registers, laid down in a small buffer and handed on row by row, so that whatever
// follows (bias, GELU, residual, rounding) is done while it is in the nearest cache.

// acc += left * right, one step of the inner loop.
HEMIOLA_INLINE vf multiply_add(vf acc, const float* left, vf right) { return acc + right * *left; }
HEMIOLA_INLINE vf multiply_add(vf acc, const Bf16* left, vf right) {
  const std::uint32_t pair = *reinterpret_cast<const u32_any*>(left);
#if defined(__AVX512BF16__)
  const __m512i spread = _mm512_set1_epi32(static_cast<int>(pair));
  return reinterpret_cast<vf>(_mm512_dpbf16_ps(reinterpret_cast<__m512>(acc),
                                               reinterpret_cast<__m512bh>(spread),
                                               reinterpret_cast<__m512bh>(right)));
#else
  const float low = __builtin_bit_cast(float, pair << 16);
  const float high = __builtin_bit_cast(float, pair & 0xffff0000U);
  const vu bits = as_bits(right);
  return acc + as_float(bits << 16) * low + as_float(bits & 0xffff0000U) * high;
#endif
}
HEMIOLA_INLINE vf load_pairs(const float* p) { return load(p); }
HEMIOLA_INLINE vf load_pairs(const Bf16* p) {
  return as_float(*reinterpret_cast<const vu_any*>(p));
}

// tile (R, kPanel) = or += left (R, steps) * panel (steps, kPanel). Left element (r, k) stands at
// left[r * row_stride + k * step_stride]; a step is a pair or a number.
template <int R, bool kAdd, class S>
[[gnu::noinline]] static void product_tile(const S* left, std::ptrdiff_t row_stride,
                                           std::ptrdiff_t step_stride, const S* panel, int steps,
                                           float* tile) {
  vf acc[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    acc[r][0] = kAdd ? load(tile + r * kPanel) : vf{};
    acc[r][1] = kAdd ? load(tile + r * kPanel + kLanes) : vf{};
  }
  for (int k = 0; k < steps; ++k) {
    const vf right0 = load_pairs(panel);
    const vf right1 = load_pairs(panel + kLanes * Format<S>::kPair);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      acc[r][0] = multiply_add(acc[r][0], left + r * row_stride, right0);
      acc[r][1] = multiply_add(acc[r][1], left + r * row_stride, right1);
    }
    left += step_stride;
    panel += kPanel * Format<S>::kPair;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    store(tile + r * kPanel, acc[r][0]);
    store(tile + r * kPanel + kLanes, acc[r][1]);
  }
}

// Any number of rows up to kTall, by the registers that every set has.
template <bool kAdd, class S>
HEMIOLA_INLINE void product_in_registers(const S* left, std::ptrdiff_t row_stride,
                                         std::ptrdiff_t step_stride, const S* panel, int steps,
                                         int rows, float* tile) {
  int r = 0;
  if constexpr (kTall <= 16) {
    if (rows == kTall) {
      product_tile<kTall, kAdd>(left, row_stride, step_stride, panel, steps, tile);
      return;
    }
  }
  if constexpr (kLanes == 16) {
    for (; r + 8 <= rows; r += 8) {
      product_tile<8, kAdd>(left + r * row_stride, row_stride, step_stride, panel, steps,
                            tile + r * kPanel);
    }
  }
  for (; r + 4 <= rows; r += 4) {
    product_tile<4, kAdd>(left + r * row_stride, row_stride, step_stride, panel, steps,
                          tile + r * kPanel);
  }
  for (; r < rows; ++r) {
    product_tile<1, kAdd>(left + r * row_stride, row_stride, step_stride, panel, steps,
                          tile + r * kPanel);
  }
}

#if defined(__AMX_BF16__)
#include "nn/cpu_tiles_amx.inl"
#else
struct TileUse {};  // what matrix tiles need while they are in use: nothing

template <bool kAdd = false, class S>
HEMIOLA_INLINE void product_rows(const S* left, std::ptrdiff_t row_stride,
                                 std::ptrdiff_t step_stride, const S* panel, int steps, int rows,
                                 float* tile) {
  product_in_registers<kAdd>(left, row_stride, step_stride, panel, steps, rows, tile);
}
#endif

// The left side of products whose rows are columns of a panel, kShort of them from `first` on.
template <class S>
struct Strip {
  const S* rows;
  std::ptrdiff_t row_stride, step_stride;
};

#if defined(__AMX_BF16__)
constexpr bool kTurnsStrips = true;
#else
constexpr bool kTurnsStrips = false;
#endif

// `turned`: working memory, (kShort, steps) of them.
template <class S>
HEMIOLA_INLINE Strip<S> strip_of(const S* panel, int first, int steps, S* turned) {
  constexpr int kPair = Format<S>::kPair;
#if defined(__AMX_BF16__)
  if (steps % kTileSteps == 0) {
    turn_panel(panel, steps, turned);
    return {turned, std::ptrdiff_t{steps} * kPair, kPair};
  }
#else
  (void)steps, (void)turned;
#endif
  return {panel + first * kPair, kPair, kPanel * kPair};
}

// left (m, k), row-major with stride ld, times panels of (k, n). Calls
// finish(row, column, sums, count) for each row of each tile; count <= kPanel columns.
template <class S, class Finish>
HEMIOLA_INLINE void product(const S* left, std::ptrdiff_t ld, const S* panels, int m, int n, int k,
                            Finish&& finish) {
  constexpr int kBlock = 8 * kTall;  // rows that stay in the second cache while panels pass
  constexpr int kPair = Format<S>::kPair;
  constexpr int kPass = 256 / kPair;  // steps of a panel that stay in the nearest cache meanwhile
  const int steps = (k + kPair - 1) / kPair;
  alignas(64) float sums[kBlock * kPanel];
  for (int m0 = 0; m0 < m; m0 += kBlock) {
    const int m1 = at_most(m0 + kBlock, m);
    for (int n0 = 0; n0 < n; n0 += kPanel) {
      const S* panel = panels + static_cast<std::ptrdiff_t>(n0) * steps * kPair;
      const int columns = at_most(n - n0, kPanel);
      for (int k0 = 0; k0 < steps; k0 += kPass, panel += kPass * kPanel * kPair) {
        const int count = at_most(steps - k0, kPass);
        for (int i = m0; i < m1; i += kTall) {
          const int rows = at_most(m1 - i, kTall);
          const S* from = left + i * ld + k0 * kPair;
          float* tile = sums + (i - m0) * kPanel;
          if (k0 == 0) {
            product_rows<false>(from, ld, kPair, panel, count, rows, tile);
          } else {
            product_rows<true>(from, ld, kPair, panel, count, rows, tile);
          }
          if (k0 + count < steps) continue;
          for (int r = 0; r < rows; ++r) finish(i + r, n0, tile + r * kPanel, columns);
        }
      }
    }
  }
}

template <class S>
static void plain_product(const void* left, const void* panels, int m, int n, int k,
                          float* result) {
  [[maybe_unused]] const TileUse tiles;
  product(static_cast<const S*>(left), k, static_cast<const S*>(panels), m, n, k,
          [&](int i, int j, const float* sums, int count) {
            float* to = result + static_cast<std::ptrdiff_t>(i) * n + j;
            for (int c = 0; c < count; c += kLanes) store(to + c, load(sums + c));
          });
}

// One step of a whole panel: a row, or two rows interleaved; the second may be null for zeros.
HEMIOLA_INLINE void pack_step(const float* row, const float*, float* to) {
  store(to, load(row));
  store(to + kLanes, load(row + kLanes));
}
HEMIOLA_INLINE void pack_step(const float* row, const float* next, Bf16* to) {
  for (int j = 0; j < kPanel; j += kLanes) {
    const vu high = next == nullptr ? vu{} : rounded(load(next + j));
    *reinterpret_cast<vu_any*>(to + 2 * j) = rounded(load(row + j)) | (high << 16);
  }
}
HEMIOLA_INLINE void pack_step(const Bf16* row, const Bf16* next, Bf16* to) {
#if defined(__AVX512BW__)
  alignas(64) static constexpr std::uint16_t kFirst[32] = {
      0, 32, 1, 33, 2,  34, 3,  35, 4,  36, 5,  37, 6,  38, 7,  39,
      8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47};
  const __m512i first = _mm512_load_si512(kFirst);
  const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
  const __m512i low = _mm512_loadu_si512(row);
  const __m512i high = next == nullptr ? _mm512_setzero_si512() : _mm512_loadu_si512(next);
  _mm512_storeu_si512(to, _mm512_permutex2var_epi16(low, first, high));
  _mm512_storeu_si512(to + kPanel, _mm512_permutex2var_epi16(low, second, high));
#else
  for (int j = 0; j < kPanel; j += kLanes) {
    const vu high = next == nullptr ? vu{} : as_bits(load(next + j));
    *reinterpret_cast<vu_any*>(to + 2 * j) = (as_bits(load(row + j)) >> 16) | high;
  }
#endif
}

// Panels of x (k, n), row-major with stride ld: the rows interleaved where the format wants pairs.
// Missing rows and columns at the edges become 0. Offset of panel p: p * kPanel * round_up(k).
template <class S, class T>
static void pack_rows(const T* x, std::ptrdiff_t ld, int k, int n, S* panels) {
  constexpr int kPair = Format<S>::kPair;
  constexpr int kBlock = 4 * kPanel;  // written side by side: few enough not to thrash a cache set
  const int steps = (k + kPair - 1) / kPair;
  const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(steps) * kPanel * kPair;
  for (int block = 0; block < n; block += kBlock) {
    const int block_end = at_most(block + kBlock, n);
    for (int step = 0; step < steps; ++step) {
      const T* row = x + static_cast<std::ptrdiff_t>(step) * kPair * ld;
      const T* next = kPair == 2 && step * 2 + 1 < k ? row + ld : nullptr;
      S* to = panels + block / kPanel * panel + static_cast<std::ptrdiff_t>(step) * kPanel * kPair;
      for (int n0 = block; n0 < block_end; n0 += kPanel, to += panel) {
        if (n0 + kPanel <= n) {
          pack_step(row + n0, next == nullptr ? nullptr : next + n0, to);
          continue;
        }
        for (int j = 0; j < kPanel; ++j) {
          const bool there = n0 + j < n;
          set_scalar(to[kPair * j], there ? scalar(row[n0 + j]) : 0.0F);
          if constexpr (kPair == 2) {
            set_scalar(to[2 * j + 1], there && next != nullptr ? scalar(next[n0 + j]) : 0.0F);
          }
        }
      }
    }
  }
}

#if defined(__AVX512F__)
// Sixteen columns of a panel, sixteen steps of them, from sixteen rows with stride ld.
template <class S>
HEMIOLA_INLINE void turn_block(const S* rows, std::ptrdiff_t ld, S* panel) {
  vu r[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = *reinterpret_cast<const vu_any*>(rows + i * ld);
  turn(r);
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    *reinterpret_cast<vu_any*>(panel + i * kPanel * Format<S>::kPair) = r[i];
  }
}
#endif

// Panels of the transpose of x (n, k): right-hand side (k, n).
template <class S, class T>
static void pack_columns(const T* x, std::ptrdiff_t ld, int k, int n, S* panels) {
  constexpr int kPair = Format<S>::kPair;
  const int depth = round_up(k, kPair);
  for (int n0 = 0; n0 < n; n0 += kPanel) {
    S* panel = panels + static_cast<std::ptrdiff_t>(n0) * depth;
    const int columns = at_most(n - n0, kPanel);
#if defined(__AVX512F__)
    if constexpr (sizeof(S) == sizeof(T)) {
      constexpr int kBlock = 16 * kPair;
      if (columns == kPanel && k % kBlock == 0) {
        for (int j = 0; j < kPanel; j += kLanes) {
          for (int i = 0; i < k; i += kBlock)
            turn_block(x + (n0 + j) * ld + i, ld, panel + i * kPanel + j * kPair);
        }
        continue;
      }
    }
#endif
    for (int j = 0; j < kPanel; ++j) {
      const T* row = x + (n0 + j) * ld;
      S* to = panel + j * kPair;
      if (j >= columns) {
        for (int i = 0; i < depth; i += kPair, to += kPanel * kPair) {
          for (int p = 0; p < kPair; ++p) set_scalar(to[p], 0.0F);
        }
      } else if constexpr (kPair == 2 && sizeof(T) == 2) {
        int i = 0;
        for (; i + 2 <= k; i += 2, to += kPanel * 2) {
          *reinterpret_cast<u32_any*>(to) = *reinterpret_cast<const u32_any*>(row + i);
        }
        if (i < k) {
          to[0] = row[i];
          set_scalar(to[1], 0.0F);
        }
      } else {
        for (int i = 0; i < depth; i += kPair, to += kPanel * kPair) {
          for (int p = 0; p < kPair; ++p) set_scalar(to[p], i + p < k ? scalar(row[i + p]) : 0.0F);
        }
      }
    }
  }
}

// Memory handed out piece by piece from one block; with a null block it only counts.
struct Scratch {
  std::byte* base;
  std::size_t used = 0;

  template <class T>
  T* take(std::size_t count) {
    T* p = base == nullptr ? nullptr : reinterpret_cast<T*>(base + used);
    used += (count * sizeof(T) + 63) / 64 * 64;
    return p;
  }
};

constexpr int kGradTokens = 256;  // tokens summed before the gradient in memory is touched

template <class S>
struct GradScratch {
  S *left, *right, *turned;
  explicit GradScratch(const WeightGrad& t, Scratch s) {
    turned = s.take<S>(static_cast<std::size_t>(kShort) * kGradTokens);
    left = s.take<S>(static_cast<std::size_t>(round_up(t.m1 - t.m0, kPanel)) * kGradTokens);
    right = s.take<S>(static_cast<std::size_t>(round_up(t.n1 - t.n0, kPanel)) * kGradTokens);
    bytes = s.used;
  }
  std::size_t bytes;
};

template <class S>
static std::size_t grad_scratch(const WeightGrad& task) {
  return GradScratch<S>(task, Scratch{nullptr}).bytes;
}

template <class S>
static void weight_grad(const WeightGrad& t, std::byte* memory) {
  [[maybe_unused]] const TileUse tiles;
  constexpr int kPair = Format<S>::kPair;
  const GradScratch<S> scratch(t, Scratch{memory});
  const int m = t.m1 - t.m0;
  const int n = t.n1 - t.n0;
  const S* left = static_cast<const S*>(t.left) + t.m0;
  const S* right = static_cast<const S*>(t.right) + t.n0;
  alignas(64) float tile[kShort * kPanel];
  if (t.bias_grad != nullptr && !t.add) {
    for (int j = 0; j < n; ++j) t.bias_grad[t.n0 + j] = 0.0F;
  }
  for (int k0 = 0; k0 < t.tokens; k0 += kGradTokens) {
    const int k = at_most(t.tokens - k0, kGradTokens);
    const int steps = (k + kPair - 1) / kPair;
    const bool add = t.add || k0 > 0;
    pack_rows(left + k0 * t.ld_left, t.ld_left, k, m, scratch.left);
    pack_rows(right + k0 * t.ld_right, t.ld_right, k, n, scratch.right);
    if (t.bias_grad != nullptr) {
      for (int j = 0; j < n; j += kLanes) {
        vf total{};
        for (int i = 0; i < k; ++i) total += load(right + (k0 + i) * t.ld_right + j);
        float* to = t.bias_grad + t.n0 + j;
        store(to, load(to) + total);
      }
    }
    const auto strip_at = [&](int i) {
      return strip_of(
          scratch.left + static_cast<std::ptrdiff_t>(i / kPanel) * kPanel * steps * kPair,
          i % kPanel, steps, scratch.turned);
    };
    const auto add_tile = [&](const Strip<S>& strip, int i, int j) {
      const S* panel = scratch.right + static_cast<std::ptrdiff_t>(j) * steps * kPair;
      product_rows(strip.rows, strip.row_stride, strip.step_stride, panel, steps, kShort, tile);
      const int count = at_most(m - i, kShort);
      const int columns = at_most(n - j, kPanel);
      for (int r = 0; r < count; ++r) {
        float* to = t.grad + (t.m0 + i + r) * t.ld_grad + t.n0 + j;
        const float* from = tile + r * kPanel;
        for (int c = 0; c < columns; c += kLanes) {
          store(to + c, add ? load(to + c) + load(from + c) : load(from + c));
        }
      }
    };
    if constexpr (kTurnsStrips) {  // costly to make: each once
      for (int i = 0; i < m; i += kShort) {
        const Strip<S> strip = strip_at(i);
        for (int j = 0; j < n; j += kPanel) add_tile(strip, i, j);
      }
    } else {  // narrow: they pass a panel that stays in the nearest cache
      for (int j = 0; j < n; j += kPanel) {
        for (int i = 0; i < m; i += kShort) add_tile(strip_at(i), i, j);
      }
    }
  }
}
