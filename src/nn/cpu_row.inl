// Part of cpu_kernels.inl: one row of the batch through the whole model and back.

constexpr int kLogitRows = 4 * kTall;  // rows of logits held at once

template <class S>
struct RowScratch {
  float *dx, *tmp;  // (T, C)
  S* g_att;         // (T, C)
  float* logits;    // (kLogitRows, padded vocabulary)
  int* first;       // (T)
  AttentionScratch<S> attention;

  RowScratch(const Step& s, bool train, Scratch memory)
      : dx(memory.take<float>(tokens(s))),
        tmp(memory.take<float>(tokens(s))),
        g_att(memory.take<S>(tokens(s))),
        logits(memory.take<float>(static_cast<std::size_t>(kLogitRows) *
                                  static_cast<std::size_t>(s.padded_vocabulary))),
        first(memory.take<int>(static_cast<std::size_t>(s.length))),
        attention(s.length, s.width / s.heads, train, memory) {
    bytes = memory.used;
  }
  static std::size_t tokens(const Step& s) {
    return static_cast<std::size_t>(s.length) * static_cast<std::size_t>(s.width);
  }
  std::size_t bytes = 0;
};

template <class S>
static std::size_t row_scratch(const Step& step) {
  return RowScratch<S>(step, true, Scratch{nullptr}).bytes;
}

// y = (x - mean) / deviation * weight + bias, row by row; keeps mean and 1 / deviation.
template <class S>
static void layer_norm(const float* x, const float* weight, const float* bias, int rows, int width,
                       S* y, float* stats) {
  const float inverse = 1.0F / static_cast<float>(width);
  for (int t = 0; t < rows; ++t, x += width, y += width, stats += 2) {
    vf total{};
    for (int j = 0; j < width; j += kLanes) total += load(x + j);
    const float mean = sum(total) * inverse;
    vf squares{};
    for (int j = 0; j < width; j += kLanes) {
      const vf d = load(x + j) - mean;
      squares += d * d;
    }
    const float scale = 1.0F / __builtin_sqrtf(sum(squares) * inverse + 1e-5F);
    for (int j = 0; j < width; j += kLanes) {
      store(y + j, (load(x + j) - mean) * scale * load(weight + j) + load(bias + j));
    }
    stats[0] = mean;
    stats[1] = scale;
  }
}

// dx (+)= gradient of x; sums: gradients of weight (C) and bias (C), set.
template <bool kAdd>
static void layer_norm_backward(const float* dy, const float* x, const float* stats,
                                const float* weight, int rows, int width, float* dx, float* sums) {
  const float inverse = 1.0F / static_cast<float>(width);
  for (int j = 0; j < 2 * width; j += kLanes) store(sums + j, vf{});
  for (int t = 0; t < rows; ++t, dy += width, x += width, dx += width, stats += 2) {
    const float mean = stats[0];
    const float scale = stats[1];
    vf total{};
    vf dot{};
    for (int j = 0; j < width; j += kLanes) {
      const vf g = load(dy + j);
      const vf normal = (load(x + j) - mean) * scale;
      const vf gw = g * load(weight + j);
      total += gw;
      dot += gw * normal;
      store(sums + j, load(sums + j) + g * normal);
      store(sums + width + j, load(sums + width + j) + g);
    }
    const float m1 = sum(total) * inverse;
    const float m2 = sum(dot) * inverse;
    for (int j = 0; j < width; j += kLanes) {
      const vf normal = (load(x + j) - mean) * scale;
      const vf g = (load(dy + j) * load(weight + j) - m1 - normal * m2) * scale;
      store(dx + j, kAdd ? load(dx + j) + g : g);
    }
  }
}

constexpr float kGelu = 0.7978845608F;  // sqrt(2 / pi)

HEMIOLA_INLINE vf gelu_tanh(vf x) {
  const vf u = (x + x * x * x * 0.044715F) * (2.0F * kLog2E * kGelu);
  return 1.0F - 2.0F / (1.0F + power_of_two(u));
}
HEMIOLA_INLINE vf gelu(vf x) { return x * 0.5F * (1.0F + gelu_tanh(x)); }
HEMIOLA_INLINE vf gelu_slope(vf x) {
  const vf t = gelu_tanh(x);
  const vf inner = (1.0F + x * x * (3.0F * 0.044715F)) * kGelu;
  return 0.5F * (1.0F + t) + x * 0.5F * (1.0F - t * t) * inner;
}

// Where dropout strikes, so that each place has its own mask.
HEMIOLA_INLINE std::uint32_t drop_key(const Step& s, int layer, int place) {
  return s.drop_seed * 0x9e3779b1U + static_cast<std::uint32_t>(2 * layer + place) * 0x85ebca6bU;
}

template <class S>
struct Row {
  const Step& s;
  int row;
  std::ptrdiff_t token;  // index of the row's first token
  std::ptrdiff_t C;
  RowScratch<S> m;

  HEMIOLA_INLINE Row(const Step& step, int row_, bool train, std::byte* memory)
      : s(step),
        row(row_),
        token(static_cast<std::ptrdiff_t>(row_) * step.length),
        C(step.width),
        m(step, train, Scratch{memory}) {
    const std::int32_t* segments = s.segments + token;
    for (int t = 0; t < s.length; ++t) {
      m.first[t] = t > 0 && segments[t] == segments[t - 1] ? m.first[t - 1] : t;
    }
  }

  HEMIOLA_INLINE vf dropped(vf x, std::uint32_t key, std::ptrdiff_t at) const {
    if (s.dropout == 0.0F) return x;
    return x * keep_mask(key, static_cast<std::uint32_t>(at), s.dropout);
  }

  HEMIOLA_INLINE Head<S> head(const LayerTape& tape, int h) const {
    S* qkv = static_cast<S*>(tape.qkv) + token * 3 * C;
    const int width = s.width / s.heads;
    S* q = qkv + static_cast<std::ptrdiff_t>(h) * width;
    return {q, q + C, q + 2 * C, 3 * C, s.length, width, m.first};
  }

  void embed(float* x) const {
    const std::uint32_t key = drop_key(s, s.layers, 0);
    for (int t = 0; t < s.length; ++t) {
      const float* a = s.params + s.wte + s.ids[token + t] * C;
      const float* b = s.params + s.wpe + s.positions[token + t] * C;
      float* to = x + t * C;
      for (int j = 0; j < s.width; j += kLanes) {
        store(to + j, dropped(load(a + j) + load(b + j), key, (token + t) * C + j));
      }
    }
  }

  // to = from + dropped(sums + bias), for one row of a tile.
  HEMIOLA_INLINE void add_branch(const float* sums, const float* bias, const float* from, float* to,
                                 std::uint32_t key, std::ptrdiff_t at, int count) const {
    for (int j = 0; j < count; j += kLanes) {
      store(to + j, load(from + j) + dropped(load(sums + j) + load(bias + j), key, at + j));
    }
  }

  void layer_forward(int i, float* next) const {
    const LayerTape& tape = s.tape[i];
    const LayerOffsets& o = s.offsets[i];
    const LayerPanels& w = s.panels[i];
    const float* p = s.params;
    const int T = s.length;
    float* x1 = tape.x1 + token * C;
    float* x2 = tape.x2 + token * C;
    S* ln1 = static_cast<S*>(tape.ln1) + token * C;
    S* qkv = static_cast<S*>(tape.qkv) + token * 3 * C;
    S* att = static_cast<S*>(tape.att) + token * C;
    S* ln2 = static_cast<S*>(tape.ln2) + token * C;
    S* fc = static_cast<S*>(tape.fc) + token * 4 * C;
    S* act = static_cast<S*>(tape.act) + token * 4 * C;
    layer_norm(x1, p + o.ln1_weight, p + o.ln1_bias, T, s.width, ln1, tape.stats1 + token * 2);
    product(ln1, C, static_cast<const S*>(w.qkv), T, 3 * s.width, s.width,
            [&](int t, int n, const float* sums, int count) {
              const float* bias = p + o.qkv_bias + n;
              S* to = qkv + t * 3 * C + n;
              for (int j = 0; j < count; j += kLanes)
                store(to + j, load(sums + j) + load(bias + j));
            });
    for (int h = 0; h < s.heads; ++h) {
      attention_forward(head(tape, h), att + static_cast<std::ptrdiff_t>(h) * (s.width / s.heads),
                        C, tape.lse + token * s.heads + h, s.heads, m.attention);
    }
    product(att, C, static_cast<const S*>(w.proj), T, s.width, s.width,
            [&](int t, int n, const float* sums, int count) {
              add_branch(sums, p + o.proj_bias + n, x1 + t * C + n, x2 + t * C + n,
                         drop_key(s, i, 0), (token + t) * C + n, count);
            });
    layer_norm(x2, p + o.ln2_weight, p + o.ln2_bias, T, s.width, ln2, tape.stats2 + token * 2);
    product(ln2, C, static_cast<const S*>(w.fc), T, 4 * s.width, s.width,
            [&](int t, int n, const float* sums, int count) {
              const float* bias = p + o.fc_bias + n;
              for (int j = 0; j < count; j += kLanes) {
                const vf x = load(sums + j) + load(bias + j);
                store(fc + t * 4 * C + n + j, x);
                store(act + t * 4 * C + n + j, gelu(x));
              }
            });
    product(act, 4 * C, static_cast<const S*>(w.out), T, s.width, 4 * s.width,
            [&](int t, int n, const float* sums, int count) {
              add_branch(sums, p + o.out_bias + n, x2 + t * C + n, next + t * C + n,
                         drop_key(s, i, 1), (token + t) * C + n, count);
            });
  }

  // Loss of one row of logits; if grad is not null, its gradient, stored.
  HEMIOLA_INLINE float cross_entropy(float* logits, std::int32_t target, S* grad) const {
    const int V = s.vocabulary;
    const int padded = s.padded_vocabulary;
    for (int j = V; j < padded; ++j) logits[j] = -1e30F;
    vf most = splat(-1e30F);
    for (int j = 0; j < padded; j += kLanes) most = maximum(most, load(logits + j));
    const float top = largest(most);
    const float wanted = logits[target];
    vf total{};
    for (int j = 0; j < padded; j += kLanes) {
      const vf e = power_of_two(load(logits + j) * kLog2E - top * kLog2E);
      store(logits + j, e);
      total += e;
    }
    const float all = sum(total);
    if (grad != nullptr) {
      logits[target] -= all;
      const float scale = s.loss_scale / all;
      for (int j = 0; j < padded; j += kLanes) store(grad + j, load(logits + j) * scale);
    }
    return top + __builtin_logf(all) - wanted;
  }

  // Losses; when training also the gradient of lnf in m.tmp.
  void head_and_loss(bool train) const {
    const int T = s.length;
    const std::ptrdiff_t padded = s.padded_vocabulary;
    float* xf = s.xf + token * C;
    S* lnf = static_cast<S*>(s.lnf) + token * C;
    layer_norm(xf, s.params + s.lnf_weight, s.params + s.lnf_bias, T, s.width, lnf,
               s.statsf + token * 2);
    for (int t0 = 0; t0 < T; t0 += kLogitRows) {
      const int rows = at_most(T - t0, kLogitRows);
      bool any = false;
      for (int t = 0; t < rows; ++t) any = any || s.targets[token + t0 + t] >= 0;
      if (any) {
        product(lnf + t0 * C, C, static_cast<const S*>(s.head), rows, s.padded_vocabulary, s.width,
                [&](int t, int n, const float* sums, int count) {
                  for (int j = 0; j < count; j += kLanes) {
                    store(m.logits + t * padded + n + j, load(sums + j));
                  }
                });
      }
      S* grads = train ? static_cast<S*>(s.g_logits) + (token + t0) * padded : nullptr;
      for (int t = 0; t < rows; ++t) {
        const std::int32_t target = s.targets[token + t0 + t];
        S* grad = train ? grads + t * padded : nullptr;
        if (target >= 0) {
          s.losses[token + t0 + t] = cross_entropy(m.logits + t * padded, target, grad);
          continue;
        }
        s.losses[token + t0 + t] = 0.0F;
        for (int j = 0; train && j < s.padded_vocabulary; j += kLanes) store(grad + j, vf{});
      }
      if (!train) continue;
      float* to = m.tmp + t0 * C;
      product(grads, padded, static_cast<const S*>(s.head_t), rows, s.width, s.vocabulary,
              [&](int t, int n, const float* sums, int count) {
                for (int j = 0; j < count; j += kLanes) store(to + t * C + n + j, load(sums + j));
              });
    }
  }

  void layer_backward(int i) const {
    const LayerTape& tape = s.tape[i];
    const LayerOffsets& o = s.offsets[i];
    const LayerPanels& w = s.panels[i];
    const int T = s.length;
    S* g_out = static_cast<S*>(tape.g_out) + token * C;
    S* g_proj = static_cast<S*>(tape.g_proj) + token * C;
    S* fc = static_cast<S*>(tape.fc) + token * 4 * C;
    S* qkv = static_cast<S*>(tape.qkv) + token * 3 * C;
    S* att = static_cast<S*>(tape.att) + token * C;
    float* sums4 = tape.ln_sums + row * 4 * C;
    store_dropped(g_out, drop_key(s, i, 1));
    product(g_out, C, static_cast<const S*>(w.out_t), T, 4 * s.width, s.width,
            [&](int t, int n, const float* sums, int count) {
              S* at = fc + t * 4 * C + n;
              for (int j = 0; j < count; j += kLanes) {
                store(at + j, load(sums + j) * gelu_slope(load(at + j)));
              }
            });
    const auto keep = [&](int t, int n, const float* sums, int count) {
      for (int j = 0; j < count; j += kLanes) store(m.tmp + t * C + n + j, load(sums + j));
    };
    product(fc, 4 * C, static_cast<const S*>(w.fc_t), T, s.width, 4 * s.width, keep);
    layer_norm_backward<true>(m.tmp, tape.x2 + token * C, tape.stats2 + token * 2,
                              s.params + o.ln2_weight, T, s.width, m.dx, sums4 + 2 * C);
    store_dropped(g_proj, drop_key(s, i, 0));
    product(g_proj, C, static_cast<const S*>(w.proj_t), T, s.width, s.width,
            [&](int t, int n, const float* sums, int count) {
              for (int j = 0; j < count; j += kLanes)
                store(m.g_att + t * C + n + j, load(sums + j));
            });
    for (int h = 0; h < s.heads; ++h) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(h) * (s.width / s.heads);
      attention_backward(head(tape, h), att + at, m.g_att + at, C, tape.lse + token * s.heads + h,
                         s.heads, m.attention);
    }
    product(qkv, 3 * C, static_cast<const S*>(w.qkv_t), T, s.width, 3 * s.width, keep);
    layer_norm_backward<true>(m.tmp, tape.x1 + token * C, tape.stats1 + token * 2,
                              s.params + o.ln1_weight, T, s.width, m.dx, sums4);
  }

  // The residual stream's gradient as a branch sees it.
  HEMIOLA_INLINE void store_dropped(S* to, std::uint32_t key) const {
    for (std::ptrdiff_t i = 0; i < s.length * C; i += kLanes) {
      store(to + i, dropped(load(m.dx + i), key, token * C + i));
    }
  }
};

template <class S>
static void forward(const Row<S>& r, bool train) {
  const Step& s = r.s;
  r.embed(s.tape[0].x1 + r.token * r.C);
  for (int i = 0; i < s.layers; ++i) {
    r.layer_forward(i, (i + 1 < s.layers ? s.tape[i + 1].x1 : s.xf) + r.token * r.C);
  }
  r.head_and_loss(train);
}

template <class S>
static void score_row(const Step& s, int row, std::byte* memory) {
  [[maybe_unused]] const TileUse tiles;
  forward(Row<S>(s, row, false, memory), false);
}

template <class S>
static void train_row(const Step& s, int row, std::byte* memory) {
  [[maybe_unused]] const TileUse tiles;
  const Row<S> r(s, row, true, memory);
  forward(r, true);
  layer_norm_backward<false>(r.m.tmp, s.xf + r.token * r.C, s.statsf + r.token * 2,
                             s.params + s.lnf_weight, s.length, s.width, r.m.dx,
                             s.lnf_sums + row * 2 * r.C);
  for (int i = s.layers - 1; i >= 0; --i) r.layer_backward(i);
  const std::uint32_t key = drop_key(s, s.layers, 0);
  float* to = s.g_x0 + r.token * r.C;
  for (std::ptrdiff_t i = 0; i < s.length * r.C; i += kLanes) {
    store(to + i, r.dropped(load(r.m.dx + i), key, r.token * r.C + i));
  }
}
