// Part of cpu_product.inl where the processor multiplies whole tiles (AMX): 16 rows of 32 bf16 by
// 32 rows of 16, summed in fp32. Two by two of them make a tile of kTall rows and kPanel columns.
// Rows and steps beyond whole tiles go through the registers.

constexpr int kTileRows = 16;
constexpr int kTileSteps = 16;  // pairs

// The compiler's tile loads do not say that they read memory: what is to be read must be there.
HEMIOLA_INLINE void settle_memory(const void* read) {
  asm volatile("" : : "r"(read) : "memory");
}

// All eight tiles whole, for as long as it lives, in this thread.
struct TileUse {
  TileUse() {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } const whole;
    settle_memory(&whole);
    _tile_loadconfig(&whole);
  }
  ~TileUse() { _tile_release(); }
  TileUse(const TileUse&) = delete;
  TileUse& operator=(const TileUse&) = delete;
};

// `steps` is a multiple of kTileSteps, left is row-major.
static void product_tall(const Bf16* left, std::ptrdiff_t ld, const Bf16* panel, int steps,
                         float* tile) {
  const auto stride = static_cast<std::size_t>(ld) * sizeof(Bf16);
  constexpr std::size_t kPanelStride = kPanel * 2 * sizeof(Bf16);
  constexpr std::size_t kOutStride = kPanel * sizeof(float);
  settle_memory(left);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int k = 0; k < steps; k += kTileSteps) {
    _tile_loadd(4, left, stride);
    _tile_loadd(6, panel, kPanelStride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, panel + 2 * kLanes, kPanelStride);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, left + kTileRows * ld, stride);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
    left += 2 * kTileSteps;
    panel += kTileSteps * kPanel * 2;
  }
  _tile_stored(0, tile, kOutStride);
  _tile_stored(1, tile + kLanes, kOutStride);
  _tile_stored(2, tile + kTileRows * kPanel, kOutStride);
  _tile_stored(3, tile + kTileRows * kPanel + kLanes, kOutStride);
}

static void product_half(const Bf16* left, std::ptrdiff_t ld, const Bf16* panel, int steps,
                         float* tile) {
  const auto stride = static_cast<std::size_t>(ld) * sizeof(Bf16);
  constexpr std::size_t kPanelStride = kPanel * 2 * sizeof(Bf16);
  settle_memory(left);
  _tile_zero(0);
  _tile_zero(1);
  for (int k = 0; k < steps; k += kTileSteps) {
    _tile_loadd(4, left, stride);
    _tile_loadd(6, panel, kPanelStride);
    _tile_loadd(7, panel + 2 * kLanes, kPanelStride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    left += 2 * kTileSteps;
    panel += kTileSteps * kPanel * 2;
  }
  _tile_stored(0, tile, kPanel * sizeof(float));
  _tile_stored(1, tile + kLanes, kPanel * sizeof(float));
}

// tile (rows, kPanel) = left (rows, steps) * panel, rows up to kTall.
static void product_rows(const Bf16* left, std::ptrdiff_t row_stride, std::ptrdiff_t step_stride,
                         const Bf16* panel, int steps, int rows, float* tile) {
  const int whole_steps = steps / kTileSteps * kTileSteps;
  if (step_stride != 2 || whole_steps == 0 || rows < kTileRows) {
    product_in_registers<false>(left, row_stride, step_stride, panel, steps, rows, tile);
    return;
  }
  const int whole_rows = rows / kTileRows * kTileRows;
  (whole_rows == kTall ? product_tall : product_half)(left, row_stride, panel, whole_steps, tile);
  if (whole_rows < rows) {
    product_in_registers<false>(left + whole_rows * row_stride, row_stride, step_stride, panel,
                                whole_steps, rows - whole_rows, tile + whole_rows * kPanel);
  }
  if (whole_steps < steps) {
    product_in_registers<true>(left + std::ptrdiff_t{whole_steps} * 2, row_stride, step_stride,
                               panel + std::ptrdiff_t{whole_steps} * kPanel * 2,
                               steps - whole_steps, rows, tile);
  }
}

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

// A panel (steps, kPanel, 2) as rows (kPanel, steps, 2); steps is a multiple of kTileSteps.
static void turn_panel(const Bf16* panel, int steps, Bf16* rows) {
  for (int k = 0; k < steps; k += kTileSteps) {
    for (int half = 0; half < kPanel; half += kLanes) {
      vu r[16];
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        const Bf16* from = panel + std::ptrdiff_t{k + i} * kPanel * 2 + half * 2;
        r[i] = *reinterpret_cast<const vu_any*>(from);
      }
      turn(r);
#pragma GCC unroll 16
      for (int i = 0; i < 16; ++i) {
        Bf16* to = rows + (half + i) * std::ptrdiff_t{steps} * 2 + k * 2;
        *reinterpret_cast<vu_any*>(to) = r[i];
      }
    }
  }
}
