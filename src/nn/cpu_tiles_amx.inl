// Part of cpu_product.inl where the processor multiplies whole tiles (AMX): 16 rows of 32 bf16 by
// 32 rows of 16, summed in fp32. Two by two of them make a tile of kTall rows and kPanel columns.
// Rows and steps beyond whole tiles go through the registers.

constexpr int kTileRows = 16;
constexpr int kTileSteps = 16;  // pairs

// The compiler's tile loads do not say that they read memory: what is to be read must be there.
HEMIOLA_INLINE void settle_memory(const void* read) { asm volatile("" : : "r"(read) : "memory"); }

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
template <bool kAdd>
static void product_tall(const Bf16* left, std::ptrdiff_t ld, const Bf16* panel, int steps,
                         float* tile) {
  const auto stride = static_cast<std::size_t>(ld) * sizeof(Bf16);
  constexpr std::size_t kPanelStride = kPanel * 2 * sizeof(Bf16);
  constexpr std::size_t kOutStride = kPanel * sizeof(float);
  settle_memory(left);
  if constexpr (kAdd) {
    _tile_loadd(0, tile, kOutStride);
    _tile_loadd(1, tile + kLanes, kOutStride);
    _tile_loadd(2, tile + kTileRows * kPanel, kOutStride);
    _tile_loadd(3, tile + kTileRows * kPanel + kLanes, kOutStride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
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

template <bool kAdd>
static void product_half(const Bf16* left, std::ptrdiff_t ld, const Bf16* panel, int steps,
                         float* tile) {
  const auto stride = static_cast<std::size_t>(ld) * sizeof(Bf16);
  constexpr std::size_t kPanelStride = kPanel * 2 * sizeof(Bf16);
  constexpr std::size_t kOutStride = kPanel * sizeof(float);
  settle_memory(left);
  if constexpr (kAdd) {
    _tile_loadd(0, tile, kOutStride);
    _tile_loadd(1, tile + kLanes, kOutStride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
  }
  for (int k = 0; k < steps; k += kTileSteps) {
    _tile_loadd(4, left, stride);
    _tile_loadd(6, panel, kPanelStride);
    _tile_loadd(7, panel + 2 * kLanes, kPanelStride);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    left += 2 * kTileSteps;
    panel += kTileSteps * kPanel * 2;
  }
  _tile_stored(0, tile, kOutStride);
  _tile_stored(1, tile + kLanes, kOutStride);
}

// tile (rows, kPanel) = or += left (rows, steps) * panel, rows up to kTall.
template <bool kAdd = false>
static void product_rows(const Bf16* left, std::ptrdiff_t row_stride, std::ptrdiff_t step_stride,
                         const Bf16* panel, int steps, int rows, float* tile) {
  const int whole_steps = steps / kTileSteps * kTileSteps;
  if (step_stride != 2 || whole_steps == 0 || rows < kTileRows) {
    product_in_registers<kAdd>(left, row_stride, step_stride, panel, steps, rows, tile);
    return;
  }
  const int whole_rows = rows / kTileRows * kTileRows;
  constexpr auto kWhole = product_tall<kAdd>, kHalf = product_half<kAdd>;
  (whole_rows == kTall ? kWhole : kHalf)(left, row_stride, panel, whole_steps, tile);
  if (whole_rows < rows) {
    product_in_registers<kAdd>(left + whole_rows * row_stride, row_stride, step_stride, panel,
                               whole_steps, rows - whole_rows, tile + whole_rows * kPanel);
  }
  if (whole_steps < steps) {
    product_in_registers<true>(left + std::ptrdiff_t{whole_steps} * 2, row_stride, step_stride,
                               panel + std::ptrdiff_t{whole_steps} * kPanel * 2,
                               steps - whole_steps, rows, tile);
  }
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
