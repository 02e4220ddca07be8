// Attention over a cache in int8, written once like the rest of kernels.inl, which includes it.
// Keys and values are widened to 16 bits as they are read; the query and the weights of the
// positions are 16-bit numbers with one scale each, so all rounding that counts is that of the
// cache itself. Sums are whole numbers and exact: every instruction set gives the same.
//
// Further needs:
//   S       16 pairs of int16: load(from) widens 32 signed bytes, all(pointer to a pair),
//           dot(sum, w, x): adds to each lane of an I both products of its pairs; I::add(a, b)
//   kByteChains, kByteChunks, kByteSums   how many sums a block of keys takes, how many chunks of
//   16
//           value columns one pass takes, and how many sums of each

namespace {

constexpr float kInt16Most = 32767.0f;

// Scores of one block of 16 positions. Sums over every kByteChains-th pair run side by side, so
// that a block is read from one end to the other.
inline void score_bytes(const Attend& a, const std::int16_t* q, V scale, int block,
                        const std::int8_t* keys) {
  const int steps = (a.head_width + 1) / 2;
  I sums[kByteChains];
#pragma GCC unroll 8
  for (int s = 0; s < kByteChains; ++s) sums[s] = I::all(0);
  const auto add = [&](I& sum, int d) {
    sum = S::dot(sum, S::load(keys + d * 2 * kLanes), S::all(q + 2 * d));
  };
  int d = 0;
  for (; d + kByteChains <= steps; d += kByteChains) {
#pragma GCC unroll 8
    for (int s = 0; s < kByteChains; ++s) add(sums[s], d + s);
  }
  for (; d < steps; ++d) add(sums[0], d);
#pragma GCC unroll 8
  for (int s = 1; s < kByteChains; ++s) sums[0] = I::add(sums[0], sums[s]);
  V::store(a.scores + block * kLanes,
           V::mul(I::to_float(sums[0]), V::mul(V::load(a.key_scales + block * kLanes), scale)));
}

// As mix_values, in kByteSums sums over every kByteSums-th pair. They are emptied into a float
// before they could overflow together: after 256 pairs of 2 * 127 * 32767.
template <int chunks>
inline void mix_bytes(const Attend& a, const std::int16_t* weights, int column, float scale) {
  constexpr int kMostSteps = 256;
  const int step = (a.head_width + kLanes - 1) / kLanes * kLanes * 2;
  const int steps = (a.length + 1) / 2;
  const auto* v = reinterpret_cast<const std::int8_t*>(a.values) + column * 2;
  V total[chunks];
  for (int c = 0; c < chunks; ++c) total[c] = V::zero();
  for (int begin = 0; begin < steps; begin += kMostSteps) {
    const int end = begin + kMostSteps < steps ? begin + kMostSteps : steps;
    I sums[kByteSums][chunks];
    for (int s = 0; s < kByteSums; ++s) {
      for (int c = 0; c < chunks; ++c) sums[s][c] = I::all(0);
    }
    const auto add = [&](I* sum, int t) {
      const S weight = S::all(weights + 2 * t);
      const auto* row = v + std::ptrdiff_t{t} * step;
      for (int c = 0; c < chunks; ++c) {
        sum[c] = S::dot(sum[c], S::load(row + c * kLanes * 2), weight);
      }
    };
    int t = begin;
    for (; t + kByteSums <= end; t += kByteSums) {
      for (int s = 0; s < kByteSums; ++s) add(sums[s], t + s);
    }
    for (; t < end; ++t) add(sums[0], t);
    for (int c = 0; c < chunks; ++c) {
      for (int s = 1; s < kByteSums; ++s) sums[0][c] = I::add(sums[0][c], sums[s][c]);
      total[c] = V::add(total[c], I::to_float(sums[0][c]));
    }
  }
  for (int c = 0; c < chunks; ++c) {
    alignas(64) float part[kLanes];
    V::store(part, V::mul(total[c], V::all(scale)));
    const int first = column + c * kLanes;
    for (int i = 0; i < kLanes && first + i < a.head_width; ++i) a.out[first + i] = part[i];
  }
}

// The query as 16-bit numbers, zeros after them; what one of them is worth.
inline float query_int16(const Attend& a, std::int16_t* q) {
  V most = V::zero();
  for (int d = 0; d < a.head_width; d += kLanes) {
    most = V::max(most, V::abs(load_part(a.q + d, a.head_width - d)));
  }
  const float largest = V::largest(most);
  const bool zero = !(largest > 1e-30f);
  const V factor = V::all(zero ? 0.0f : kInt16Most / largest);
  for (int d = 0; d < a.head_width; d += kLanes) {
    V::store_int16(q + d, V::nearest(V::mul(load_part(a.q + d, a.head_width - d), factor)));
  }
  return zero ? 0.0f : largest / kInt16Most;
}

// Scores into weights of the positions, handed on 16 at a time as whole numbers in [0, 32767]; what
// sums of them are worth.
template <class Put>
inline float weigh_scores(const Attend& a, Put put) {
  const int blocks = (a.length + kLanes - 1) / kLanes;
  // Positions past the end of the last block weigh nothing.
  for (int t = a.length; t < blocks * kLanes; ++t) a.scores[t] = -1e30f;
  V most = V::all(-1e30f);
  for (int b = 0; b < blocks; ++b) most = V::max(most, V::load(a.scores + b * kLanes));
  const V shift = V::all(V::largest(most));
  V sum = V::zero(), heaviest = V::zero();
  for (int b = 0; b < blocks; ++b) {
    const V e = exponential(V::sub(V::load(a.scores + b * kLanes), shift));
    sum = V::add(sum, e);
    // The scale of a position's value becomes part of its weight.
    const V weight = V::mul(e, V::load(a.value_scales + b * kLanes));
    V::store(a.scores + b * kLanes, weight);
    heaviest = V::max(heaviest, weight);
  }
  const float largest = V::largest(heaviest);
  const bool zero = !(largest > 1e-30f);
  const V factor = V::all(zero ? 0.0f : kInt16Most / largest);
  for (int b = 0; b < blocks; ++b) {
    put(b, V::nearest(V::mul(V::load(a.scores + b * kLanes), factor)));
  }
  return largest / kInt16Most / V::sum(sum);
}

void attend_int8(const Attend& a) {
  auto* q = reinterpret_cast<std::int16_t*>(a.halves);
  auto* weights = q + (a.head_width + kLanes - 1) / kLanes * kLanes;
  const float q_scale = query_int16(a, q) * a.scale;
  const auto* keys = reinterpret_cast<const std::int8_t*>(a.keys);
  const std::ptrdiff_t block_bytes = (a.head_width + 1) / 2 * 2 * kLanes;
  const int blocks = (a.length + kLanes - 1) / kLanes;
  for (int b = 0; b < blocks; ++b) score_bytes(a, q, V::all(q_scale), b, keys + b * block_bytes);
  for (int line = 0; line < kAhead; line += 64) __builtin_prefetch(a.values + line);
  const float scale = weigh_scores(
      a, [&](int block, V levels) { V::store_int16(weights + block * kLanes, levels); });
  const int chunks = (a.head_width + kLanes - 1) / kLanes;
  for (int c = 0; c < chunks; c += kByteChunks) {
    with_count<kByteChunks>(chunks - c < kByteChunks ? chunks - c : kByteChunks, [&](auto count) {
      mix_bytes<decltype(count)::value>(a, weights, c * kLanes, scale);
    });
  }
}

void attend_rows_int8(const AttendRows& a) {
  Attend row = a.first;
  for (int r = 0; r < a.rows; ++r) {
    attend_int8(row);
    row.q += a.q_stride;
    row.out += a.out_stride;
    ++row.length;
  }
}

// For tables that attend to rows as above.
[[maybe_unused]] std::size_t no_room(int, int) { return 0; }

}  // namespace
