// Attention of many queries over a cache in int8 where the processor multiplies whole tiles of
// bytes: 16 queries by 16 positions, and 16 rows of weights by 16 columns of values. Queries and
// weights are 16-bit numbers: their high and low bytes are multiplied apart, which gives the very
// sums of attention_int8.inl. A tile wants fours side by side where the cache has pairs, so keys
// and values are first laid out anew, once for all the queries. Included after products_amx.inl.

namespace {

// Fewer queries than this do not pay for laying the cache out anew.
constexpr int kFewestQueries = 6;

constexpr int round_up_to(int n, int step) { return (n + step - 1) / step * step; }

// Where what lies in the working memory of AttendRows, bytes. A tile reads whole lines past the end
// of keys and values; they meet zeros.
struct Room {
  int query_bytes;  // of one query: its width, in whole tiles
  int positions;    // of one row of scores and weights, in whole tiles
  std::ptrdiff_t key_block, value_row;
  std::ptrdiff_t keys, values, queries, scores, weights, bytes;

  Room(int head_width, int length)
      : query_bytes(round_up_to(head_width, kTileBytes)),
        positions(round_up_to(length, kTileBytes)),
        key_block((head_width + 3) / 4 * kTileBytes),
        value_row(round_up_to(head_width, kLanes) * 4) {
    constexpr std::ptrdiff_t kTile = kTileRows * kTileBytes;
    keys = 0;
    values = keys + (positions / kLanes + 1) * key_block + kTile;
    queries = values + positions / 4 * value_row + kTile;
    scores = queries + 2 * kTileRows * query_bytes;
    weights = scores + std::ptrdiff_t{kTileRows} * positions * 4;
    bytes = weights + std::ptrdiff_t{2} * kTileRows * positions;
  }
};

std::size_t room_for_tiles(int head_width, int capacity) {
  return static_cast<std::size_t>(Room(head_width, capacity).bytes);
}

// Words of two halves of a register, in turn one of each.
inline __m512i interleave_words(__m512i halves) {
  alignas(64) static constexpr std::uint16_t kOrder[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(kOrder), halves);
}

inline void lay_out(const Attend& a, int length, const Room& at, std::byte* room) {
  const int pairs = (a.head_width + 1) / 2;
  const std::byte* from = a.keys;
  for (int block = 0; block * kLanes < length; ++block, from += pairs * 2 * kLanes) {
    std::byte* to = room + at.keys + block * at.key_block;
    for (int pair = 0; pair < pairs; pair += 2, to += kTileBytes) {
      const __mmask16 there = pair + 1 < pairs ? 0xffff : 0xff;
      _mm512_store_si512(
          to, interleave_words(_mm512_maskz_loadu_epi32(there, from + pair * 2 * kLanes)));
    }
  }
  const int columns = round_up_to(a.head_width, kLanes), rows = (length + 1) / 2;
  for (int row = 0; row < rows; row += 2) {
    const std::byte* values = a.values + std::ptrdiff_t{row} * columns * 2;
    std::byte* to = room + at.values + row / 2 * at.value_row;
    for (int c = 0; c < columns; c += kLanes) {
      const auto half = [&](int next) {
        return row + next < rows ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(
                                       values + (next * columns + c) * 2))
                                 : _mm256_setzero_si256();
      };
      _mm512_store_si512(to + c * 4, interleave_words(_mm512_inserti64x4(
                                         _mm512_castsi256_si512(half(0)), half(1), 1)));
    }
  }
}

// High and low bytes of 16 whole numbers of 16 bits.
inline void store_bytes(std::byte* high, std::byte* low, __m512i numbers) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(high),
                   _mm512_cvtepi32_epi8(_mm512_srai_epi32(numbers, 8)));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(low), _mm512_cvtepi32_epi8(numbers));
}

using Halves = std::int32_t[4][kTileRows][kLanes];  // sums: high and low bytes of two blocks

inline void store_halves(Halves& sums) {
  _tile_stored(0, sums[0], kTileBytes);
  _tile_stored(1, sums[1], kTileBytes);
  _tile_stored(2, sums[2], kTileBytes);
  _tile_stored(3, sums[3], kTileBytes);
}

inline I whole_sum(const Halves& sums, int block, int row) {
  return {_mm512_add_epi32(_mm512_slli_epi32(I::load_sums(sums[2 * block][row]).r, 8),
                           I::load_sums(sums[2 * block + 1][row]).r)};
}

// Up to 16 queries, the first of them `a`.
inline void attend_tile(const Attend& a, int rows, const AttendRows& all, const Room& at) {
  std::byte* room = all.room;
  const int width = a.head_width, length = a.length + rows - 1;
  const int blocks = (length + kLanes - 1) / kLanes;
  alignas(64) Halves sums;

  float q_scales[kTileRows];
  std::byte* q_high = room + at.queries;
  std::byte* q_low = q_high + kTileRows * at.query_bytes;
  auto* q = reinterpret_cast<std::int16_t*>(a.halves);
  for (int r = 0; r < rows; ++r) {
    Attend row = a;
    row.q += r * all.q_stride;
    q_scales[r] = query_int16(row, q) * a.scale;
    for (int d = 0; d < at.query_bytes; d += kLanes) {
      const __m512i numbers =
          d < width
              ? _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(q + d)))
              : _mm512_setzero_si512();
      store_bytes(q_high + r * at.query_bytes + d, q_low + r * at.query_bytes + d, numbers);
    }
  }

  auto* scores = reinterpret_cast<float*>(room + at.scores);
  settle_memory(room);
  for (int b = 0; b < blocks; b += 2) {
    const std::byte* keys = room + at.keys + b * at.key_block;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int d = 0; d < at.query_bytes; d += kTileBytes) {
      _tile_loadd(4, q_high + d, static_cast<std::size_t>(at.query_bytes));
      _tile_loadd(5, q_low + d, static_cast<std::size_t>(at.query_bytes));
      _tile_loadd(6, keys + d * kTileRows, kTileBytes);
      _tile_dpbssd(0, 4, 6);
      _tile_dpbusd(1, 5, 6);
      _tile_loadd(7, keys + at.key_block + d * kTileRows, kTileBytes);
      _tile_dpbssd(2, 4, 7);
      _tile_dpbusd(3, 5, 7);
    }
    store_halves(sums);
    for (int next = 0; next < 2 && b + next < blocks; ++next) {
      const int first = (b + next) * kLanes;
      const V key_scales = V::load(a.key_scales + first);
      for (int r = 0; r < rows; ++r) {
        V::store(
            scores + std::ptrdiff_t{r} * at.positions + first,
            V::mul(I::to_float(whole_sum(sums, next, r)), V::mul(key_scales, V::all(q_scales[r]))));
      }
    }
  }

  float out_scales[kTileRows];
  std::byte* high = room + at.weights;
  std::byte* low = high + std::ptrdiff_t{kTileRows} * at.positions;
  const int positions = round_up_to(length, kTileBytes);
  for (int r = 0; r < rows; ++r) {
    Attend row = a;
    row.length = a.length + r;
    row.scores = scores + std::ptrdiff_t{r} * at.positions;
    std::byte* row_high = high + std::ptrdiff_t{r} * at.positions;
    std::byte* row_low = low + std::ptrdiff_t{r} * at.positions;
    out_scales[r] = weigh_scores(row, [&](int block, V levels) {
      store_bytes(row_high + block * kLanes, row_low + block * kLanes,
                  _mm512_cvtps_epi32(levels.r));
    });
    for (int t = round_up_to(row.length, kLanes); t < positions; t += kLanes) {
      store_bytes(row_high + t, row_low + t, _mm512_setzero_si512());
    }
  }

  constexpr int kMostPositions = 512;  // as in mix_bytes
  const std::byte* values = room + at.values;
  settle_memory(room);
  for (int column = 0; column < width; column += 2 * kLanes) {
    alignas(64) Totals totals;
    for (int r = 0; r < rows; ++r) {
      V::store(totals[r], V::zero());
      V::store(totals[r] + kLanes, V::zero());
    }
    for (int begin = 0; begin < positions; begin += kMostPositions) {
      const int end = begin + kMostPositions < positions ? begin + kMostPositions : positions;
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
      for (int t = begin; t < end; t += kTileBytes) {
        const std::byte* w = values + t / 4 * at.value_row + column * 4;
        _tile_loadd(4, high + t, static_cast<std::size_t>(at.positions));
        _tile_loadd(5, low + t, static_cast<std::size_t>(at.positions));
        _tile_loadd(6, w, static_cast<std::size_t>(at.value_row));
        _tile_dpbusd(0, 4, 6);
        _tile_dpbusd(1, 5, 6);
        _tile_loadd(7, w + kTileBytes, static_cast<std::size_t>(at.value_row));
        _tile_dpbusd(2, 4, 7);
        _tile_dpbusd(3, 5, 7);
      }
      store_halves(sums);
      for (int r = 0; r < rows; ++r) {
        for (int next = 0; next < 2; ++next) {
          float* total = totals[r] + next * kLanes;
          V::store(total, V::add(V::load(total), I::to_float(whole_sum(sums, next, r))));
        }
      }
    }
    for (int r = 0; r < rows; ++r) {
      float* out = a.out + r * all.out_stride + column;
      const V scale = V::all(out_scales[r]);
      store_part(out, V::mul(V::load(totals[r]), scale), width - column);
      if (width - column > kLanes) {
        store_part(out + kLanes, V::mul(V::load(totals[r] + kLanes), scale),
                   width - column - kLanes);
      }
    }
  }
}

void attend_rows_tiles(const AttendRows& a) {
  if (a.rows < kFewestQueries) return attend_rows_int8(a);
  const Room at(a.first.head_width, a.first.length + a.rows - 1);
  lay_out(a.first, a.first.length + a.rows - 1, at, a.room);
  Attend first = a.first;
  for (int row = 0; row < a.rows; row += kTileRows) {
    const int rows = a.rows - row < kTileRows ? a.rows - row : kTileRows;
    const TileUse use(rows, rows, kTileFours);
    attend_tile(first, rows, a, at);
    first.q += rows * a.q_stride;
    first.out += rows * a.out_stride;
    first.length += rows;
  }
}

}  // namespace
