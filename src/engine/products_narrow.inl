// Products in int8 and int4 of several rows where registers are few: AVX2 has sixteen of 32 bytes.
// One group of inputs at a time: its weights, 4 kB of a panel (int4: spread into bytes first), stay
// in the nearest cache while a block of rows goes over them, kTileRows rows by 16 outputs in
// registers, so that nothing but the sums of a tile outlives a four of inputs. What the groups give
// waits in memory. Rounds as kernels.inl does, which comes before this: the bits are the same. A
// single row goes the way of kernels.inl.
//
// Further needs:
//   I::spread(from, fours, to)   inputs of one row and group as add_fours reads them: up to
//                                2 * kGroupFours int32
//   I::add_fours<ahead>(sums, w, x, stride, fours, rows)   to the sum of each of Rows<...> the
//                                products of 64 bytes at w with a four of the row, and of so many
//                                fours that follow, each a line of a panel further; x: where spread
//                                has put those of the first row, stride: from row to row; `ahead`
//                                asks for lines kAheadRows further
//   I::spread_halves(from, to)   kInt4Bytes of the low halves of 64 bytes, then of the high ones

namespace {

constexpr int kTileRows = 4;
constexpr int kBlockRows = 8;
constexpr int kGroupFours = kQuantGroup / 4;

// RowsTo<3>::Type is Rows<0, 1, 2>, of vector_avx2.inl.
template <int rows, int... r>
struct RowsTo : RowsTo<rows - 1, rows - 1, r...> {};
template <int... r>
struct RowsTo<0, r...> {
  using Type = Rows<r...>;
};

struct Block {
  alignas(64) std::int32_t x[kBlockRows][2 * kGroupFours];  // of the group at hand
  alignas(64) float totals[kBlockRows][kPanelLanes];        // over the groups before it
  int first, rows;                                          // of the product's rows
};

inline void spread_inputs(const Matmul& m, Block& block, int begin, int fours) {
  const std::int8_t* x = static_cast<const std::int8_t*>(m.x) + block.first * m.x_stride + begin;
  for (int r = 0; r < block.rows; ++r) I::spread(x + r * m.x_stride, fours, block.x[r]);
}

// One group, `rows` rows of the block from `row` on, one half of the panel. `scaled` makes of the
// scale of a row's inputs that of its products.
template <int rows, bool ahead, class Scaled>
inline void add_tile(const Matmul& m, Block& block, int row, int group, int half,
                     const std::byte* w, int fours, Scaled scaled) {
  const std::ptrdiff_t at = (block.first + row) * m.group_stride + group;
  I sums[rows];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) sums[r] = I::start(m.x_offsets[at + r * m.group_stride]);
  I::add_fours<ahead>(sums, w + half * kLanes * 4, block.x[row], 2 * kGroupFours, fours,
                      typename RowsTo<rows>::Type{});
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    float* total = block.totals[row + r] + half * kLanes;
    const V scale = scaled(V::all(m.x_scales[at + r * m.group_stride]));
    V::store(total, V::madd(I::to_float(sums[r]), scale, V::load(total)));
  }
}

// ... all rows of the block. The first to read the weights ask for those that follow.
template <bool ahead, class Scaled>
inline void add_half(const Matmul& m, Block& block, int group, int half, const std::byte* w,
                     int fours, Scaled scaled) {
  for (int row = 0; row < block.rows; row += kTileRows) {
    const int left = block.rows - row;
    with_count<kTileRows>(left < kTileRows ? left : kTileRows, [&](auto count) {
      constexpr int rows = decltype(count)::value;
      if (ahead && row == 0) {
        add_tile<rows, ahead>(m, block, row, group, half, w, fours, scaled);
      } else {
        add_tile<rows, false>(m, block, row, group, half, w, fours, scaled);
      }
    });
  }
}

inline void block_int8(const Matmul& m, int panel, Block& block) {
  const int fours = (m.in + 3) / 4;
  const std::byte* w = m.panels + std::ptrdiff_t{panel} * fours * kPanelLanes * 4;
  for (int r = 0; r < block.rows; ++r) {
    V::store(block.totals[r], V::zero());
    V::store(block.totals[r] + kLanes, V::zero());
  }
  for (int group = 0, begin = 0; begin < fours; ++group, begin += kGroupFours) {
    const int count = fours - begin < kGroupFours ? fours - begin : kGroupFours;
    spread_inputs(m, block, 4 * begin, count);
    for (int half = 0; half < 2; ++half) {
      add_half<true>(m, block, group, half, w + std::ptrdiff_t{begin} * kPanelLanes * 4, count,
                     [](V scale) { return scale; });
    }
  }
  const float* scales = m.scales + panel * kPanelLanes;
  const V scale0 = V::load(scales), scale1 = V::load(scales + kLanes);
  for (int r = 0; r < block.rows; ++r) {
    const float* total = block.totals[r];
    finish(m, panel, block.first + r, V::madd(V::load(total), scale0, bias_at(m, panel, 0)),
           V::madd(V::load(total + kLanes), scale1, bias_at(m, panel, 1)));
  }
}

inline void block_int4(const Matmul& m, int panel, Block& block) {
  constexpr int kFours = kQuantGroup4 / 4;
  constexpr std::ptrdiff_t kGroupBytes = kPanelLanes * 2 + kFours * kLanes * 4;
  const int groups = (m.in + kQuantGroup4 - 1) / kQuantGroup4;
  const std::byte* w = m.panels + panel * groups * kGroupBytes;
  for (int r = 0; r < block.rows; ++r) {
    V::store(block.totals[r], bias_at(m, panel, 0));
    V::store(block.totals[r] + kLanes, bias_at(m, panel, 1));
  }
  for (int group = 0; group < groups; ++group, w += kGroupBytes) {
    const int left = (m.in - group * kQuantGroup4 + 3) / 4;
    const int fours = left < kFours ? left : kFours;
    spread_inputs(m, block, group * kQuantGroup4, fours);
    alignas(64) std::byte levels[kFours * kPanelLanes * 4];
    for (int k = 0; k < fours; ++k) {
      const std::byte* from = w + kPanelLanes * 2 + k * kLanes * 4;
      __builtin_prefetch(from + kAhead);
      I::spread_halves(from, levels + k * kPanelLanes * 4);
    }
    for (int half = 0; half < 2; ++half) {
      const V weights = V::load_bf16(reinterpret_cast<const std::uint16_t*>(w) + half * kLanes);
      add_half<false>(m, block, group, half, levels, fours,
                      [&](V scale) { return V::mul(scale, weights); });
    }
  }
  for (int r = 0; r < block.rows; ++r) {
    const float* total = block.totals[r];
    finish(m, panel, block.first + r, V::load(total), V::load(total + kLanes));
  }
}

template <class Body>
inline void for_blocks(const Matmul& m, Body body) {
  Block block;
  for (int panel = m.panel_begin; panel < m.panel_end; ++panel) {
    for (block.first = 0; block.first < m.rows; block.first += kBlockRows) {
      const int left = m.rows - block.first;
      block.rows = left < kBlockRows ? left : kBlockRows;
      body(panel, block);
    }
  }
}

void matmul_int8_narrow(const Matmul& m) {
  if (m.rows == 1) return matmul_int8(m);
  for_blocks(m, [&](int panel, Block& block) { block_int8(m, panel, block); });
}

void matmul_int4_narrow(const Matmul& m) {
  if (m.rows == 1) return matmul_int4(m);
  for_blocks(m, [&](int panel, Block& block) { block_int4(m, panel, block); });
}

}  // namespace
