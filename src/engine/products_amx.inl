// Products in int8 and int4 where the processor multiplies whole tiles of bytes (AMX): 16 rows of
// 64 inputs by 16 outputs, which are 16 lines of fours just as a panel holds them. Tiles give the
// sums of whole numbers; what follows rounds as in kernels.inl, which comes before this, so that
// the bits are the same. Inputs beyond whole tiles go through the registers, as do products of few
// rows. What bounds this is that each group's sums leave the tiles by way of memory.

namespace {

constexpr int kTileRows = 16;
constexpr int kTileFours = 16;
constexpr int kTileBytes = 64;
constexpr int kBlockRows = 2 * kTileRows;
constexpr int kPanelLine = kPanelLanes * 4;  // bytes of a panel that hold a four of each output

// Rows from which on tiles are faster than registers, measured.
constexpr int kFewestRows = 12;

// The compiler's tile loads do not say that they read memory: what is to be read must be there.
inline void settle_memory(const void* read) { asm volatile("" : : "r"(read) : "memory"); }

// Shapes of the tiles for as long as it lives, in this thread: 0 and 1 are sums of `first` rows by
// 16 columns, 2 and 3 of `second` rows; 4 and 5 are as many rows of so many fours, 6 and 7 as many
// fours of 16 columns.
struct TileUse {
  TileUse(int first, int second, int fours) {
    struct alignas(64) {
      std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
      std::uint16_t bytes[16] = {};
      std::uint8_t rows[16] = {};
    } shapes;
    const int rows[8] = {first, first, second, second, first, second, fours, fours};
    for (int tile = 0; tile < 8; ++tile) {
      if (rows[tile] == 0) continue;
      shapes.rows[tile] = static_cast<std::uint8_t>(rows[tile]);
      shapes.bytes[tile] =
          static_cast<std::uint16_t>(tile == 4 || tile == 5 ? fours * 4 : kTileBytes);
    }
    settle_memory(&shapes);
    _tile_loadconfig(&shapes);
  }
  ~TileUse() { _tile_release(); }
  TileUse(const TileUse&) = delete;
  TileUse& operator=(const TileUse&) = delete;
};

using Sums = std::int32_t[kBlockRows][kPanelLanes];
using Totals = float[kBlockRows][kPanelLanes];

// The tiles of `rows` rows: first those of 16, then the others.
inline TileUse tiles_for(int rows, int fours) {
  const int first = rows < kTileRows ? rows : kTileRows;
  return TileUse(first, rows - first, fours);
}

template <bool two>
inline void empty_sums() {
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (two) {
    _tile_zero(2);
    _tile_zero(3);
  }
}

template <bool two>
inline void store_sums(Sums& sums) {
  _tile_stored(0, sums[0], sizeof sums[0]);
  _tile_stored(1, sums[0] + kLanes, sizeof sums[0]);
  if constexpr (two) {
    _tile_stored(2, sums[kTileRows], sizeof sums[0]);
    _tile_stored(3, sums[kTileRows] + kLanes, sizeof sums[0]);
  }
}

// What to ask memory for at each step through a panel, so many of the lines that lie `ahead` bytes
// further on.
constexpr int kStepLines = kTileFours * kPanelLine / 64;

struct Ahead {
  int first_line, last_line;
  std::ptrdiff_t bytes;
};

// One group of up to 32 rows, from the tiles' sums on.
inline void add_group_int8(const Matmul& m, int row, int rows, int group, const Sums& sums,
                           Totals& totals) {
  const float* x_scales = m.x_scales + row * m.group_stride + group;
  const std::int32_t* x_offsets = m.x_offsets + row * m.group_stride + group;
  for (int r = 0; r < rows; ++r) {
    const I offset = I::all(x_offsets[r * m.group_stride]);
    const V scale = V::all(x_scales[r * m.group_stride]);
    for (int half = 0; half < kPanelLanes; half += kLanes) {
      const I sum = I::add(I::load_sums(sums[r] + half), offset);
      V::store(totals[r] + half, V::madd(I::to_float(sum), scale, V::load(totals[r] + half)));
    }
  }
}

// The sums of the group's inputs that no tile took, added to those of the tiles.
inline void sum_rest_int8(const Matmul& m, int row, int rows, const std::byte* w, int first_four,
                          int fours, Sums& sums) {
  const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + row * m.x_stride;
  for (int r = 0; r < rows; ++r) {
    I low = I::load_sums(sums[r]), high = I::load_sums(sums[r] + kLanes);
    for (int k = first_four; k < fours; ++k) {
      const I::Inputs value = I::inputs(x + r * m.x_stride + 4 * k);
      low = I::dot(low, I::load(w + k * kPanelLine), value);
      high = I::dot(high, I::load(w + k * kPanelLine + kTileBytes), value);
    }
    I::store_sums(sums[r], low);
    I::store_sums(sums[r] + kLanes, high);
  }
}

// The rows [row, row + rows) of one panel; two: there are more than 16. The sums of a group are
// added up while the tiles are at the next one.
template <bool two>
inline void tiles_int8(const Matmul& m, int panel, int row, int rows, const Ahead& ahead) {
  const int fours = (m.in + 3) / 4;
  constexpr int kGroupFours = kQuantGroup / 4;
  const std::byte* w = m.panels + std::ptrdiff_t{panel} * fours * kPanelLine;
  const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + row * m.x_stride;
  const auto stride = static_cast<std::size_t>(m.x_stride);
  alignas(64) Sums sums;
  alignas(64) Totals totals;
  for (int r = 0; r < rows; ++r) {
    V::store(totals[r], V::zero());
    V::store(totals[r] + kLanes, V::zero());
  }
  const int groups = (fours + kGroupFours - 1) / kGroupFours;
  for (int group = 0; group < groups; ++group) {
    const int begin = group * kGroupFours;
    empty_sums<two>();
    for (int k = begin; k + kTileFours <= fours && k < begin + kGroupFours; k += kTileFours) {
      const std::byte* weights = w + std::ptrdiff_t{k} * kPanelLine;
      for (int line = ahead.first_line; line < ahead.last_line; ++line) {
        __builtin_prefetch(weights + line * 64 + ahead.bytes, 0, 2);
      }
      _tile_loadd(4, x + 4 * k, stride);
      _tile_loadd(6, weights, kPanelLine);
      _tile_dpbsud(0, 4, 6);
      _tile_loadd(7, weights + kTileBytes, kPanelLine);
      _tile_dpbsud(1, 4, 7);
      if constexpr (two) {
        _tile_loadd(5, x + kTileRows * m.x_stride + 4 * k, stride);
        _tile_dpbsud(2, 5, 6);
        _tile_dpbsud(3, 5, 7);
      }
    }
    if (group > 0) add_group_int8(m, row, rows, group - 1, sums, totals);
    store_sums<two>(sums);
  }
  if (const int whole = fours / kTileFours * kTileFours; whole < fours) {
    sum_rest_int8(m, row, rows, w, whole, fours, sums);
  }
  add_group_int8(m, row, rows, groups - 1, sums, totals);
  const V scale0 = V::load(m.scales + panel * kPanelLanes);
  const V scale1 = V::load(m.scales + panel * kPanelLanes + kLanes);
  for (int r = 0; r < rows; ++r) {
    finish(m, panel, row + r, V::madd(V::load(totals[r]), scale0, bias_at(m, panel, 0)),
           V::madd(V::load(totals[r] + kLanes), scale1, bias_at(m, panel, 1)));
  }
}

void matmul_int8_tiles(const Matmul& m) {
  if (m.rows < kFewestRows) return matmul_int8(m);
  settle_memory(m.x);
  const int whole = m.rows / kBlockRows * kBlockRows, rest = m.rows - whole;
  if (whole > 0) {
    const TileUse use = tiles_for(kBlockRows, kTileFours);
    const int blocks = whole / kBlockRows;
    const std::ptrdiff_t panel_bytes = std::ptrdiff_t{(m.in + 3) / 4} * kPanelLine;
    for (int panel = m.panel_begin; panel < m.panel_end; ++panel) {
      for (int b = 0; b < blocks; ++b) {
        // While the blocks are at this panel, the next one comes.
        const Ahead ahead = {kStepLines * b / blocks, kStepLines * (b + 1) / blocks, panel_bytes};
        tiles_int8<true>(m, panel, b * kBlockRows, kBlockRows, ahead);
      }
    }
  }
  if (rest == 0) return;
  const TileUse use = tiles_for(rest, kTileFours);
  for (int panel = m.panel_begin; panel < m.panel_end; ++panel) {
    const Ahead ahead = {0, kStepLines, 2 * kAhead};
    (rest > kTileRows ? tiles_int8<true> : tiles_int8<false>)(m, panel, whole, rest, ahead);
  }
}

// int4: a group of inputs is half a tile wide, and its weights become bytes once for up to four
// blocks of rows.
constexpr int kFours4 = kQuantGroup4 / 4;
constexpr std::ptrdiff_t kGroupBytes4 = kPanelLanes * 2 + kFours4 * kLanes * 4;
constexpr int kMostBlocks4 = 4;

using Weights4 = std::byte[2][kFours4][kTileBytes];  // of the low and of the high outputs, signed

inline void expand_group(const std::byte* group, Weights4& weights) {
  const std::byte* from = group + kPanelLanes * 2;
  for (int k = 0; k < kFours4; ++k) {
    __builtin_prefetch(from + k * kTileBytes + kAhead);
    I::Weights low, high;
    I::load_halves(from + k * kTileBytes, low, high);
    I::store_signed(weights[0][k], low);
    I::store_signed(weights[1][k], high);
  }
}

inline void add_group_int4(const Matmul& m, int row, int rows, int group, const std::byte* w,
                           const Sums& sums, Totals& totals) {
  const auto* scales = reinterpret_cast<const std::uint16_t*>(w);
  const V scale0 = V::load_bf16(scales), scale1 = V::load_bf16(scales + kLanes);
  const float* x_scales = m.x_scales + row * m.group_stride + group;
  for (int r = 0; r < rows; ++r) {
    const V scale = V::all(x_scales[r * m.group_stride]);
    V::store(totals[r], V::madd(I::to_float(I::load_sums(sums[r])), V::mul(scale, scale0),
                                V::load(totals[r])));
    V::store(totals[r] + kLanes, V::madd(I::to_float(I::load_sums(sums[r] + kLanes)),
                                         V::mul(scale, scale1), V::load(totals[r] + kLanes)));
  }
}

// The sums of the last group, where it is not whole.
inline void sum_rest_int4(const Matmul& m, int row, int rows, int group, const std::byte* w,
                          Sums& sums) {
  const int begin = group * kQuantGroup4, fours = (m.in - begin + 3) / 4;
  const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + row * m.x_stride + begin;
  for (int r = 0; r < rows; ++r) {
    I low = I::all(m.x_offsets[(row + r) * m.group_stride + group]), high = low;
    for (int k = 0; k < fours; ++k) {
      I::Weights w0, w1;
      I::load_halves(w + kPanelLanes * 2 + k * kTileBytes, w0, w1);
      const I::Inputs value = I::inputs(x + r * m.x_stride + 4 * k);
      low = I::dot(low, w0, value);
      high = I::dot(high, w1, value);
    }
    I::store_sums(sums[r], low);
    I::store_sums(sums[r] + kLanes, high);
  }
}

// `blocks` blocks of `rows` rows each of one panel; two: they are more than 16.
template <bool two>
inline void tiles_int4(const Matmul& m, int panel, int row, int blocks, int rows) {
  const int groups = (m.in + kQuantGroup4 - 1) / kQuantGroup4, whole = m.in / kQuantGroup4;
  const std::byte* w = m.panels + panel * groups * kGroupBytes4;
  const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + row * m.x_stride;
  const auto stride = static_cast<std::size_t>(m.x_stride);
  alignas(64) Weights4 weights;
  alignas(64) Sums sums;
  alignas(64) Totals totals[kMostBlocks4];
  for (int b = 0; b < blocks; ++b) {
    for (int r = 0; r < rows; ++r) {
      V::store(totals[b][r], bias_at(m, panel, 0));
      V::store(totals[b][r] + kLanes, bias_at(m, panel, 1));
    }
  }
  int group = 0, block = 0;  // whose sums are still to be added up
  const auto add = [&] {
    add_group_int4(m, row + block * rows, rows, group, w + group * kGroupBytes4, sums,
                   totals[block]);
  };
  for (int g = 0; g < whole; ++g) {
    expand_group(w + g * kGroupBytes4, weights);
    settle_memory(&weights);
    for (int b = 0; b < blocks; ++b) {
      const std::int8_t* inputs = x + b * rows * m.x_stride + g * kQuantGroup4;
      empty_sums<two>();
      _tile_loadd(4, inputs, stride);
      _tile_loadd(6, weights[0], kTileBytes);
      _tile_dpbssd(0, 4, 6);
      _tile_loadd(7, weights[1], kTileBytes);
      _tile_dpbssd(1, 4, 7);
      if constexpr (two) {
        _tile_loadd(5, inputs + kTileRows * m.x_stride, stride);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
      }
      if (g > 0 || b > 0) add();
      store_sums<two>(sums);
      group = g;
      block = b;
    }
  }
  if (whole > 0) add();
  if (whole < groups) {
    group = whole;
    for (block = 0; block < blocks; ++block) {
      sum_rest_int4(m, row + block * rows, rows, group, w + group * kGroupBytes4, sums);
      add();
    }
  }
  for (int b = 0; b < blocks; ++b) {
    for (int r = 0; r < rows; ++r) {
      finish(m, panel, row + b * rows + r, V::load(totals[b][r]), V::load(totals[b][r] + kLanes));
    }
  }
}

void matmul_int4_tiles(const Matmul& m) {
  if (m.rows < kFewestRows) return matmul_int4(m);
  settle_memory(m.x);
  const int whole = m.rows / kBlockRows * kBlockRows, rest = m.rows - whole;
  if (whole > 0) {
    const TileUse use = tiles_for(kBlockRows, kFours4);
    for (int row = 0; row < whole; row += kMostBlocks4 * kBlockRows) {
      const int left = (whole - row) / kBlockRows;
      const int blocks = left < kMostBlocks4 ? left : kMostBlocks4;
      for (int panel = m.panel_begin; panel < m.panel_end; ++panel) {
        tiles_int4<true>(m, panel, row, blocks, kBlockRows);
      }
    }
  }
  if (rest == 0) return;
  const TileUse use = tiles_for(rest, kFours4);
  for (int panel = m.panel_begin; panel < m.panel_end; ++panel) {
    (rest > kTileRows ? tiles_int4<true> : tiles_int4<false>)(m, panel, whole, 1, rest);
  }
}

}  // namespace
