// Part of cpu_kernels.inl: causal attention of one head of one row, within segments. The matrix of
// scores is never kept: a few of its rows at a time live in the nearest cache, and the backward
// pass computes them again from the stored log-sums.

constexpr int kQueryBlock = 8 * kTall;  // query rows whose scores the backward pass holds at once

template <class S>
struct AttentionScratch {
  S *k_columns, *v_columns;              // right-hand sides (D, T): scores and their gradients
  S *k_rows, *v_rows, *q_rows, *g_rows;  // right-hand sides (T, D)
  float* scores;                         // (Tp / kPanel, kTall, kPanel)
  S* weights;                            // (kTall, Tp) attention weights of a tile of queries
  S *p_panels, *s_panels;  // (Tp / kPanel, kQueryBlock, kPanel): weights, score gradients
  S* turned;               // (kShort, kQueryBlock)
  float *g_k, *g_v;        // (Tp, D)
  float* delta;            // (T)

  AttentionScratch(int length, int width, bool train, Scratch& s) {
    const auto t = static_cast<std::size_t>(round_up(length, kPanel));
    const auto d = static_cast<std::size_t>(round_up(width, kPanel));
    k_columns = s.take<S>(t * d);
    v_rows = s.take<S>(t * d);
    scores = s.take<float>(t * kTall);
    weights = s.take<S>(t * kTall);
    v_columns = k_rows = q_rows = g_rows = p_panels = s_panels = turned = nullptr;
    g_k = g_v = delta = nullptr;
    if (!train) return;
    v_columns = s.take<S>(t * d);
    k_rows = s.take<S>(t * d);
    q_rows = s.take<S>(t * d);
    g_rows = s.take<S>(t * d);
    p_panels = s.take<S>(t * kQueryBlock);
    s_panels = s.take<S>(t * kQueryBlock);
    turned = s.take<S>(static_cast<std::size_t>(kShort) * kQueryBlock);
    g_k = s.take<float>(t * d);
    g_v = s.take<float>(t * d);
    delta = s.take<float>(t);
  }
};

// One head: q, k, v (T, D) with stride ld inside the row's qkv.
template <class S>
struct Head {
  S *q, *k, *v;
  std::ptrdiff_t ld;
  int length, width;
  const int* first;  // (T) the first position of each position's segment
};

// out (T, D) with stride ld_out; lse[t * lse_stride].
template <class S>
static void attention_forward(const Head<S>& h, S* out, std::ptrdiff_t ld_out, float* lse,
                              std::ptrdiff_t lse_stride, const AttentionScratch<S>& m) {
  constexpr int kPair = Format<S>::kPair;
  const int padded = round_up(h.length, kPanel);
  const float scale = kLog2E / __builtin_sqrtf(static_cast<float>(h.width));
  vi iota{};
  for (int i = 0; i < kLanes; ++i) iota[i] = i;
  pack_columns(h.k, h.ld, h.width, h.length, m.k_columns);
  pack_rows(h.v, h.ld, h.length, h.width, m.v_rows);
  const std::ptrdiff_t v_panel = static_cast<std::ptrdiff_t>(round_up(h.length, kPair)) * kPanel;
  alignas(64) float tile[kTall * kPanel];
  float inverse[kTall];
  for (int q0 = 0; q0 < h.length; q0 += kTall) {
    const int rows = at_most(h.length - q0, kTall);
    const int k0 = h.first[q0] / kPanel * kPanel;
    const int k1 = round_up(q0 + rows, kPanel);
    for (int k = k0; k < k1; k += kPanel) {
      product_rows(h.q + q0 * h.ld, h.ld, kPair,
                   m.k_columns + static_cast<std::ptrdiff_t>(k) * h.width, h.width / kPair, rows,
                   m.scores + (k - k0) * kTall);
    }
    for (int r = 0; r < rows; ++r) {
      const int low = h.first[q0 + r] - k0;  // valid keys, relative to k0
      const int high = q0 + r + 1 - k0;
      float* row = m.scores + r * kPanel;
      const auto at = [row](int k) { return row + k / kPanel * (kTall * kPanel) + k % kPanel; };
      const auto hide = [&](int k) {  // what this query may not see, in the lanes from k on
        const vi key = iota + k;
        store(at(k), (key >= vi{} + low) & (key < vi{} + high) ? load(at(k)) : splat(-1e30F));
      };
      for (int k = 0; k < low; k += kLanes) hide(k);
      for (int k = high / kLanes * kLanes; k < k1 - k0; k += kLanes) hide(k);
      vf most = splat(-1e30F);
      for (int k = 0; k < k1 - k0; k += kLanes) most = maximum(most, load(at(k)));
      const float top = largest(most) * scale;  // to base 2, as lse
      vf total{};
      S* weights = m.weights + static_cast<std::ptrdiff_t>(r) * padded;
      for (int k = 0; k < k1 - k0; k += kLanes) {
        const vf e = power_of_two(load(at(k)) * scale - top);
        total += e;
        store(weights + k, e);
      }
      const float all = sum(total);
      inverse[r] = 1.0F / all;
      lse[(q0 + r) * lse_stride] = top + __builtin_log2f(all);
    }
    const int steps = (round_up(q0 + rows, kPair) - k0) / kPair;
    for (int d = 0; d < h.width; d += kPanel) {
      product_rows(m.weights, padded, kPair, m.v_rows + d / kPanel * v_panel + k0 * kPanel, steps,
                   rows, tile);
      const int columns = at_most(h.width - d, kPanel);
      for (int r = 0; r < rows; ++r) {
        for (int j = 0; j < columns; j += kLanes) {
          store(out + (q0 + r) * ld_out + d + j, load(tile + r * kPanel + j) * inverse[r]);
        }
      }
    }
  }
}

// Lays kPair rows of values side by side as one step of a panel.
HEMIOLA_INLINE void store_step(float* to, vf a, vf) { store(to, a); }
HEMIOLA_INLINE void store_step(Bf16* to, vf a, vf b) {
  *reinterpret_cast<vu_any*>(to) = rounded(a) | (rounded(b) << 16);
}

// acc (rows of k) += panel^T * right, for one panel of keys: P^T * gradients or S^T * queries.
template <class S>
HEMIOLA_INLINE void add_transposed(const S* panel, const S* right, std::ptrdiff_t right_panel,
                                   int steps, int width, S* turned, float* acc) {
  alignas(64) float tile[kShort * kPanel];
  for (int i = 0; i < kPanel; i += kShort) {
    const Strip<S> strip = strip_of(panel, i, steps, turned);
    for (int d = 0; d < width; d += kPanel) {
      product_rows(strip.rows, strip.row_stride, strip.step_stride,
                   right + d / kPanel * right_panel, steps, kShort, tile);
      const int columns = at_most(width - d, kPanel);
      for (int r = 0; r < kShort; ++r) {
        float* to = acc + static_cast<std::ptrdiff_t>(i + r) * width + d;
        for (int j = 0; j < columns; j += kLanes) {
          store(to + j, load(to + j) + load(tile + r * kPanel + j));
        }
      }
    }
  }
}

// Gradients of q, k and v take the place of q, k and v. out and g_out (T, D) with stride ld_out.
template <class S>
static void attention_backward(const Head<S>& h, const S* out, const S* g_out,
                               std::ptrdiff_t ld_out, const float* lse, std::ptrdiff_t lse_stride,
                               const AttentionScratch<S>& m) {
  constexpr int kPair = Format<S>::kPair;
  const int padded = round_up(h.length, kPanel);
  const float scale = 1.0F / __builtin_sqrtf(static_cast<float>(h.width));
  pack_columns(h.k, h.ld, h.width, h.length, m.k_columns);
  pack_columns(h.v, h.ld, h.width, h.length, m.v_columns);
  pack_rows(h.k, h.ld, h.length, h.width, m.k_rows);
  pack_rows(h.q, h.ld, h.length, h.width, m.q_rows);
  pack_rows(g_out, ld_out, h.length, h.width, m.g_rows);
  const std::ptrdiff_t panel = static_cast<std::ptrdiff_t>(round_up(h.length, kPair)) * kPanel;
  for (int t = 0; t < h.length; ++t) {
    vf total{};
    for (int j = 0; j < h.width; j += kLanes) {
      total += load(out + t * ld_out + j) * load(g_out + t * ld_out + j);
    }
    m.delta[t] = sum(total);
  }
  for (int i = 0; i < padded * h.width; i += kLanes) {
    store(m.g_k + i, vf{});
    store(m.g_v + i, vf{});
  }
  vi iota{};
  for (int i = 0; i < kLanes; ++i) iota[i] = i;
  alignas(64) float s_tile[kTall * kPanel];
  alignas(64) float p_tile[kTall * kPanel];
  alignas(64) float tile[kTall * kPanel];
  constexpr std::ptrdiff_t kBlockPanel = static_cast<std::ptrdiff_t>(kQueryBlock) * kPanel;
  for (int b0 = 0; b0 < h.length; b0 += kQueryBlock) {
    const int b1 = at_most(b0 + kQueryBlock, h.length);
    const int block0 = h.first[b0] / kPanel * kPanel;
    for (int q0 = b0; q0 < b1; q0 += kTall) {
      const int rows = at_most(b1 - q0, kTall);
      const int k0 = h.first[q0] / kPanel * kPanel;
      const int k1 = round_up(q0 + rows, kPanel);
      const S* q = h.q + q0 * h.ld;
      const S* g = g_out + q0 * ld_out;
      for (int k = block0; k < round_up(b1, kPanel); k += kPanel) {
        // Steps of this tile in the panels of the block.
        const std::ptrdiff_t at =
            (k - block0) / kPanel * kBlockPanel + static_cast<std::ptrdiff_t>(q0 - b0) * kPanel;
        if (k < k0 || k >= k1) {
          for (int i = 0; i < round_up(rows, kPair) * kPanel; i += kLanes) {
            store(m.p_panels + at + i, vf{});
            store(m.s_panels + at + i, vf{});
          }
          continue;
        }
        product_rows(q, h.ld, kPair, m.k_columns + static_cast<std::ptrdiff_t>(k) * h.width,
                     h.width / kPair, rows, s_tile);
        product_rows(g, ld_out, kPair, m.v_columns + static_cast<std::ptrdiff_t>(k) * h.width,
                     h.width / kPair, rows, p_tile);
        for (int r = 0; r < rows; r += kPair) {
          for (int j = 0; j < kPanel; j += kLanes) {
            vf p[2] = {vf{}, vf{}};
            vf s[2] = {vf{}, vf{}};
            for (int i = 0; i < kPair && r + i < rows; ++i) {
              const int t = q0 + r + i;
              const float* at_s = s_tile + (r + i) * kPanel + j;
              p[i] = power_of_two(load(at_s) * (scale * kLog2E) - lse[t * lse_stride]);
              if (k + kPanel > t + 1 || k < h.first[t]) {
                const vi key = iota + (k + j);
                p[i] = (key <= vi{} + t) & (key >= vi{} + h.first[t]) ? p[i] : vf{};
              }
              s[i] = p[i] * (load(p_tile + (r + i) * kPanel + j) - m.delta[t]) * scale;
              store(m.weights + static_cast<std::ptrdiff_t>(r + i) * padded + (k - k0) + j, s[i]);
            }
            const std::ptrdiff_t to = at + static_cast<std::ptrdiff_t>(r) * kPanel + j * kPair;
            store_step(m.p_panels + to, p[0], p[1]);
            store_step(m.s_panels + to, s[0], s[1]);
          }
        }
      }
      const int steps = (round_up(q0 + rows, kPair) - k0) / kPair;
      for (int d = 0; d < h.width; d += kPanel) {
        product_rows(m.weights, padded, kPair, m.k_rows + d / kPanel * panel + k0 * kPanel, steps,
                     rows, tile);
        const int columns = at_most(h.width - d, kPanel);
        for (int r = 0; r < rows; ++r) {
          for (int j = 0; j < columns; j += kLanes) {
            store(h.q + (q0 + r) * h.ld + d + j, load(tile + r * kPanel + j));
          }
        }
      }
    }
    const int steps = (b1 - b0 + kPair - 1) / kPair;
    for (int k = block0; k < round_up(b1, kPanel); k += kPanel) {
      const int skip = k > b0 ? (k - b0) / kPair : 0;  // queries before the keys see none of them
      const std::ptrdiff_t at = (k - block0) / kPanel * kBlockPanel + skip * kPair * kPanel;
      const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(b0 + skip * kPair) * kPanel;
      const std::ptrdiff_t to = static_cast<std::ptrdiff_t>(k) * h.width;
      add_transposed(m.p_panels + at, m.g_rows + from, panel, steps - skip, h.width, m.turned,
                     m.g_v + to);
      add_transposed(m.s_panels + at, m.q_rows + from, panel, steps - skip, h.width, m.turned,
                     m.g_k + to);
    }
  }
  for (int t = 0; t < h.length; ++t) {
    for (int j = 0; j < h.width; j += kLanes) {
      store(h.k + t * h.ld + j, load(m.g_k + static_cast<std::ptrdiff_t>(t) * h.width + j));
      store(h.v + t * h.ld + j, load(m.g_v + static_cast<std::ptrdiff_t>(t) * h.width + j));
    }
  }
}
