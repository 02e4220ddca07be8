// Part of cpu_kernels.inl: what happens to the weights once their gradients are known.

template <class S>
static void pack(const float* w, std::ptrdiff_t ld, int k, int n, void* panels) {
  pack_rows(w, ld, k, n, static_cast<S*>(panels));
}

template <class S>
static void pack_transposed(const float* w, std::ptrdiff_t ld, int k, int n, void* panels) {
  pack_columns(w, ld, k, n, static_cast<S*>(panels));
}

// n is a multiple of 16 in all of these, see Gpt2Layout.
static double sum_of_squares(const float* x, std::size_t n) {
  double total = 0;
  for (std::size_t i = 0; i < n;) {
    vf part{};
    for (const std::size_t end = i + 4096 < n ? i + 4096 : n; i < end; i += kLanes) {
      part += load(x + i) * load(x + i);
    }
    total += static_cast<double>(sum(part));
  }
  return total;
}

static void adamw(const AdamW& s, float* w, const float* g, float* m, float* v, std::size_t n) {
  const float keep = 1.0F - s.rate * s.decay;
  const float rate = s.rate * s.correction1;
  const float root = __builtin_sqrtf(s.correction2);
  for (std::size_t i = 0; i < n; i += kLanes) {
    const vf grad = load(g + i) * s.grad_scale;
    const vf mean = load(m + i) * s.beta1 + grad * (1.0F - s.beta1);
    const vf square = load(v + i) * s.beta2 + grad * grad * (1.0F - s.beta2);
    store(m + i, mean);
    store(v + i, square);
    vf deviation = square;
    for (int j = 0; j < kLanes; ++j) deviation[j] = __builtin_sqrtf(square[j]);
    store(w + i, load(w + i) * keep - mean * rate / (deviation * root + s.epsilon));
  }
}

static void blend(float* average, const float* w, float weight, std::size_t n) {
  for (std::size_t i = 0; i < n; i += kLanes) {
    const vf a = load(average + i);
    store(average + i, a + (load(w + i) - a) * weight);
  }
}

template <class S>
struct MuonScratch {
  S* x;       // (a, b), a <= b: the update, towards the nearest orthogonal matrix
  S* panels;  // of x or its transpose
  S* gram;    // (a, a)
  S* poly;    // (a, a)
  S* square;  // panels of gram
  float* u;   // (rows, cols)
  std::size_t bytes;

  MuonScratch(int rows, int cols, Scratch s) {
    const auto a = static_cast<std::size_t>(round_up(at_most(rows, cols), kPanel));
    const auto b = static_cast<std::size_t>(round_up(rows < cols ? cols : rows, kPanel));
    x = s.take<S>(a * b);
    panels = s.take<S>(a * b);
    gram = s.take<S>(a * a);
    poly = s.take<S>(a * a);
    square = s.take<S>(a * a);
    u = s.take<float>(a * b);
    bytes = s.used;
  }
};

template <class S>
static std::size_t muon_scratch(int rows, int cols) {
  return MuonScratch<S>(rows, cols, Scratch{nullptr}).bytes;
}

// Momentum (Nesterov), made nearly orthogonal by five Newton-Schulz steps (Jordan et al. 2024),
// scaled so that its root mean square is 0.2 like AdamW's (Liu et al. 2025).
template <class S>
static void muon(const Muon& s, float* w, const float* g, float* momentum, std::ptrdiff_t ld,
                 int rows, int cols, std::byte* memory) {
  [[maybe_unused]] const TileUse tiles;
  const MuonScratch<S> m(rows, cols, Scratch{memory});
  double norm = 0;
  for (int i = 0; i < rows; ++i) {
    vf squares{};
    for (int j = 0; j < cols; j += kLanes) {
      const vf grad = load(g + i * ld + j) * s.grad_scale;
      const vf mean = load(momentum + i * ld + j) * s.momentum + grad;
      store(momentum + i * ld + j, mean);
      const vf u = grad + mean * s.momentum;
      store(m.u + static_cast<std::ptrdiff_t>(i) * cols + j, u);
      squares += u * u;
    }
    norm += static_cast<double>(sum(squares));
  }
  const bool flip = rows > cols;
  const int a = flip ? cols : rows;
  const int b = flip ? rows : cols;
  const float scale = 1.0F / (static_cast<float>(__builtin_sqrt(norm)) + 1e-7F);
  for (int i = 0; i < rows; ++i) {
    const float* u = m.u + static_cast<std::ptrdiff_t>(i) * cols;
    for (int j = 0; j < cols; ++j) {
      set_scalar(m.x[flip ? j * b + i : i * b + j], u[j] * scale);
    }
  }
  for (int step = 0; step < 5; ++step) {
    pack_columns(m.x, b, b, a, m.panels);
    product(m.x, b, m.panels, a, a, b, [&](int i, int n, const float* sums, int count) {
      for (int j = 0; j < count; j += kLanes) store(m.gram + i * a + n + j, load(sums + j));
    });
    pack_rows(m.gram, a, a, a, m.square);
    product(m.gram, a, m.square, a, a, a, [&](int i, int n, const float* sums, int count) {
      for (int j = 0; j < count; j += kLanes) {
        store(m.poly + i * a + n + j,
              load(m.gram + i * a + n + j) * -4.7750F + load(sums + j) * 2.0315F);
      }
    });
    pack_rows(m.x, b, a, b, m.panels);
    product(m.poly, a, m.panels, a, b, a, [&](int i, int n, const float* sums, int count) {
      S* x = m.x + i * b + n;
      for (int j = 0; j < count; j += kLanes) store(x + j, load(x + j) * 3.4445F + load(sums + j));
    });
  }
  const float keep = 1.0F - s.rate * s.decay;
  const float rate = s.rate * 0.2F * __builtin_sqrtf(static_cast<float>(b));
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < cols; ++j) {
      float& to = w[i * ld + j];
      to = to * keep - rate * scalar(m.x[flip ? j * b + i : i * b + j]);
    }
  }
}
