// Every set of kernels against its plain C++ twin, over sizes that fit no register, and against
// arithmetic in double where the twin itself is in question.
#include "engine/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/hash.h"
#include "base/rng.h"
#include "engine/at_the_edge_for_tests.h"
#include "engine/kv_cache.h"
#include "model/aligned.h"
#include "model/packed.h"
#include "model/tensor.h"

namespace hemiola::engine {
namespace {

std::vector<float> random_floats(std::size_t count, std::uint64_t seed, float size = 1) {
  Rng rng(seed);
  std::vector<float> values(count);
  for (float& value : values) value = size * static_cast<float>(2 * rng.uniform() - 1);
  return values;
}

constexpr Packing kPackings[] = {Packing::kF32, Packing::kBf16, Packing::kInt8, Packing::kInt4};

struct Sizes {
  int in, out, rows;
};

constexpr Sizes kSizes[] = {{1, 1, 1},    {3, 5, 2},     {16, 32, 1},   {17, 33, 3},
                            {100, 64, 4}, {127, 96, 5},  {128, 40, 7},  {129, 31, 8},
                            {255, 65, 9}, {257, 10, 11}, {768, 70, 13}, {1000, 100, 17},
                            {3072, 33, 1}};

// More rows than a tile or a few have, inputs and outputs that end in the middle of them.
constexpr Sizes kTallSizes[] = {{40, 40, 12},  {64, 32, 16},  {128, 64, 33},
                                {200, 33, 70}, {300, 70, 31}, {768, 64, 161}};

std::vector<Sizes> all_sizes() {
  std::vector<Sizes> sizes(std::begin(kSizes), std::end(kSizes));
  sizes.insert(sizes.end(), std::begin(kTallSizes), std::end(kTallSizes));
  return sizes;
}

// A matrix, an input in all three forms, and a place for the result.
class Product {
 public:
  Product(Packing packing, Sizes s) : packing_(packing), sizes_(s) {
    const auto in = static_cast<std::size_t>(s.in), out = static_cast<std::size_t>(s.out);
    weights_ = random_floats(in * out, 1, 0.1f);
    x_ = random_floats(in * static_cast<std::size_t>(s.rows), 2, 3);
    bias_ = random_floats(static_cast<std::size_t>(panel_count(s.out) * kPanel), 3);
    const TensorView tensor = view_of("w", {s.in, s.out}, weights_);
    matrix_.packing = packing;
    matrix_.in = s.in;
    matrix_.out = s.out;
    memory_ = AlignedBytes(matrix_.bytes());
    matrix_ = *pack_matrix(tensor, false, packing, memory_.data());
  }

  const PackedMatrix& matrix() const { return matrix_; }
  float weight(int k, int n) const {
    return weights_[static_cast<std::size_t>(k * sizes_.out + n)];
  }
  float x(int row, int k) const { return x_[static_cast<std::size_t>(row * sizes_.in + k)]; }
  float bias(int n) const { return bias_[static_cast<std::size_t>(n)]; }

  std::vector<float> run(const Kernels& kernels, Epilogue epilogue, bool in_pieces = false) const {
    const int stride = padded_inputs(Packing::kInt8, sizes_.in);
    const bool four = packing_ == Packing::kInt4;
    const int group = four ? kQuantGroup4 : kQuantGroup, groups = (sizes_.in + group - 1) / group;
    const auto cells = static_cast<std::size_t>(stride * sizes_.rows);
    const AtTheEdge<float> floats(cells, 0);
    const AtTheEdge<std::uint16_t> halves(cells, 0xffff);
    const AtTheEdge<std::int8_t> bytes(cells, 99);
    std::vector<float> scales(static_cast<std::size_t>(groups * sizes_.rows));
    std::vector<std::int32_t> offsets(scales.size());
    for (int r = 0; r < sizes_.rows; ++r) {
      const float* from = x_.data() + r * sizes_.in;
      std::copy_n(from, sizes_.in, floats.data() + r * stride);
      kernels.to_bf16(from, sizes_.in, halves.data() + r * stride);
      kernels.quantise({from, sizes_.in, group, bytes.data() + r * stride,
                        scales.data() + r * groups, offsets.data() + r * groups});
    }
    const int y_stride = sizes_.out + 3;
    std::vector<float> y = random_floats(static_cast<std::size_t>(y_stride * sizes_.rows), 4);
    Matmul m{};
    m.panels = matrix_.panels;
    m.bias = bias_.data();
    m.scales = matrix_.scales.data();
    m.in = sizes_.in;
    m.out = sizes_.out;
    m.panel_end = panel_count(sizes_.out);
    m.rows = sizes_.rows;
    m.x = packing_ == Packing::kF32    ? static_cast<const void*>(floats.data())
          : packing_ == Packing::kBf16 ? static_cast<const void*>(halves.data())
                                       : bytes.data();
    m.x_stride = stride;
    m.x_scales = scales.data();
    m.x_offsets = offsets.data();
    m.group_stride = groups;
    m.y = y.data();
    m.y_stride = y_stride;
    m.epilogue = epilogue;
    const auto matmul = packing_ == Packing::kF32    ? kernels.matmul_f32
                        : packing_ == Packing::kBf16 ? kernels.matmul_bf16
                        : four                       ? kernels.matmul_int4
                                                     : kernels.matmul_int8;
    if (!in_pieces) {
      matmul(m);
      return y;
    }
    for (int panel = 0; panel < panel_count(sizes_.out); ++panel) {
      for (int row = 0; row < sizes_.rows; ++row) {
        Matmul part = m;
        part.panel_begin = panel;
        part.panel_end = panel + 1;
        part.rows = 1;
        part.x = static_cast<const std::byte*>(m.x) + row * stride *
                                                          (packing_ == Packing::kF32    ? 4
                                                           : packing_ == Packing::kBf16 ? 2
                                                                                        : 1);
        part.x_scales += row * groups;
        part.x_offsets += row * groups;
        part.y += row * y_stride;
        matmul(part);
      }
    }
    return y;
  }

 private:
  Packing packing_;
  Sizes sizes_;
  std::vector<float> weights_, x_, bias_;
  AlignedBytes memory_;
  PackedMatrix matrix_;
};

class KernelsTest : public ::testing::TestWithParam<const Kernels*> {};

INSTANTIATE_TEST_SUITE_P(All, KernelsTest,
                         ::testing::ValuesIn(available_kernels().begin(),
                                             available_kernels().end()),
                         [](const auto& instance) {
                           std::string name = instance.param->name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

double gelu(double v) {
  return 0.5 * v * (1 + std::tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)));
}

TEST_P(KernelsTest, ProductsAreTheSumsTheyClaimToBe) {
  for (const Packing packing : kPackings) {
    for (const Sizes s : kSizes) {
      const Product product(packing, s);
      const auto stored = product.run(*GetParam(), Epilogue::kStore);
      const auto added = product.run(*GetParam(), Epilogue::kAdd);
      const auto through = product.run(*GetParam(), Epilogue::kGelu);
      const auto before = random_floats(stored.size(), 4);
      for (int r = 0; r < s.rows; ++r) {
        for (int n = 0; n < s.out; ++n) {
          double expected = product.bias(n), size = 1, squares = 0;
          for (int k = 0; k < s.in; ++k) {
            const double term = double{product.x(r, k)} * product.weight(k, n);
            expected += term;
            size += std::fabs(term);
            squares += term * term;
          }
          // fp32 rounds sums. The others round both factors, by 2^-9 (bf16) or by half a step of
          // 1 / 127 of the largest (3 and 0.1 here), each on its own: six deviations. int4's
          // steps are up to a ninth of the largest.
          const double step = 2 * (3 * 0.1) / 127 * 0.29 * 0.58;
          const double tolerance = packing == Packing::kF32    ? 1e-6 * size
                                   : packing == Packing::kBf16 ? 6 * std::sqrt(squares) / 512 + 1e-6
                                   : packing == Packing::kInt8 ? 6 * std::sqrt(s.in) * step
                                                               : 6 * std::sqrt(s.in) * 11 * step;
          const auto at = static_cast<std::size_t>(r * (s.out + 3) + n);
          ASSERT_NEAR(stored[at], expected, tolerance)
              << name(packing) << " " << s.in << "x" << s.out << " row " << r << " output " << n;
          ASSERT_NEAR(added[at], double{before[at]} + stored[at], 1e-5 * size);
          ASSERT_NEAR(through[at], gelu(stored[at]), 1e-6 * (1 + std::fabs(stored[at])));
        }
        for (int n = s.out; n < s.out + 3; ++n) {
          const auto at = static_cast<std::size_t>(r * (s.out + 3) + n);
          ASSERT_EQ(stored[at], before[at]) << "wrote past the last output";
        }
      }
    }
  }
}

TEST_P(KernelsTest, ProductsEqualThoseOfThePlainTwin) {
  for (const Packing packing : kPackings) {
    for (const Sizes s : all_sizes()) {
      const Product product(packing, s);
      for (const Epilogue epilogue : {Epilogue::kStore, Epilogue::kGelu, Epilogue::kAdd}) {
        const auto plain = product.run(kPlainKernels, epilogue);
        const auto mine = product.run(*GetParam(), epilogue);
        for (std::size_t i = 0; i < plain.size(); ++i) {
          ASSERT_NEAR(mine[i], plain[i], 1e-6 * std::sqrt(s.in) * 4 + 1e-6 * std::fabs(plain[i]))
              << name(packing) << " " << s.in << "x" << s.out;
        }
      }
    }
  }
}

TEST_P(KernelsTest, ARowDoesNotDependOnItsNeighbours) {
  for (const Packing packing : kPackings) {
    for (const Sizes s : all_sizes()) {
      const Product product(packing, s);
      ASSERT_EQ(product.run(*GetParam(), Epilogue::kGelu, false),
                product.run(*GetParam(), Epilogue::kGelu, true));
    }
  }
}

TEST(Kernels, WideRegistersGiveTheSameBits) {
  if (available_kernels().size() < 2) GTEST_SKIP() << "this processor has the plain twin alone";
  const Kernels* first = available_kernels()[1];
  for (const Kernels* other : available_kernels()) {
    if (other == &kPlainKernels) continue;
    for (const Sizes s : all_sizes()) {
      for (const Packing packing : kPackings) {
        const Product product(packing, s);
        ASSERT_EQ(product.run(*first, Epilogue::kGelu), product.run(*other, Epilogue::kGelu))
            << other->name << " " << name(packing);
      }
    }
  }
}

TEST_P(KernelsTest, QuantisesToTheNearest) {
  for (const int count : {1, 4, 5, 16, 127, 128, 129, 200, 768}) {
    auto x = random_floats(static_cast<std::size_t>(count), 5, 2);
    const std::size_t padded = static_cast<std::size_t>((count + 3) / 4 * 4);
    std::vector<std::int8_t> out(padded + 1, 77);
    std::vector<float> scales(8);
    std::vector<std::int32_t> offsets(8);
    GetParam()->quantise({x.data(), count, kQuantGroup, out.data(), scales.data(), offsets.data()});
    EXPECT_EQ(out[padded], 77) << "wrote past the end";
    for (int i = count; i < static_cast<int>(padded); ++i) {
      EXPECT_EQ(out[static_cast<std::size_t>(i)], 0);
    }
    for (int begin = 0, group = 0; begin < count; begin += kQuantGroup, ++group) {
      float most = 0;
      int sum = 0;
      const int end = std::min(begin + kQuantGroup, count);
      for (int i = begin; i < end; ++i)
        most = std::max(most, std::fabs(x[static_cast<std::size_t>(i)]));
      const float scale = scales[static_cast<std::size_t>(group)];
      EXPECT_FLOAT_EQ(scale, most / 127);
      for (int i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(i);
        EXPECT_NEAR(out[at] * scale, x[at], scale * 0.5001f);
        sum += out[at];
      }
      EXPECT_EQ(offsets[static_cast<std::size_t>(group)], -128 * sum);
    }
  }
  const std::vector<float> zeros(10, 0.0f);
  std::vector<std::int8_t> out(12, 1);
  float scale = 1;
  std::int32_t offset = 1;
  GetParam()->quantise({zeros.data(), 10, kQuantGroup, out.data(), &scale, &offset});
  EXPECT_EQ(out, std::vector<std::int8_t>(12, 0));
  EXPECT_EQ(scale, 0);
  EXPECT_EQ(offset, 0);
}

TEST_P(KernelsTest, RoundsToBf16AsTheConversionDoes) {
  for (const int count : {1, 2, 15, 16, 17, 100}) {
    auto x = random_floats(static_cast<std::size_t>(count), 6, 1e3f);
    x[0] = count % 2 == 0 ? NAN : INFINITY;
    std::vector<std::uint16_t> out(static_cast<std::size_t>(count) + 2, 7);
    GetParam()->to_bf16(x.data(), count, out.data());
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_EQ(out[i], to_bf16(x[i])) << x[i];
    EXPECT_EQ(out[x.size()], count % 2 != 0 ? 0 : 7);
    EXPECT_EQ(out[x.size() + 1], 7) << "wrote past the end";
  }
}

TEST_P(KernelsTest, NormalisesRows) {
  for (const int width : {1, 7, 16, 31, 64, 100, 768}) {
    const auto n = static_cast<std::size_t>(width);
    const auto x = random_floats(n, 7, 4), weight = random_floats(n, 8), bias = random_floats(n, 9);
    std::vector<float> out(n + 1, 5), plain(n + 1, 5);
    GetParam()->layer_norm({x.data(), weight.data(), bias.data(), width, 1e-5f, out.data()});
    kPlainKernels.layer_norm({x.data(), weight.data(), bias.data(), width, 1e-5f, plain.data()});
    double mean = 0, variance = 0;
    for (const float value : x) mean += value / static_cast<double>(width);
    for (const float value : x) variance += (value - mean) * (value - mean) / width;
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(out[i], (x[i] - mean) / std::sqrt(variance + 1e-5) * weight[i] + bias[i], 2e-6);
      EXPECT_NEAR(out[i], plain[i], 1e-6);
    }
    EXPECT_EQ(out[n], 5) << "wrote past the end";
  }
}

// Keys and values of one head, in the cache's layout.
struct Head {
  int width, length;
  std::vector<float> q, keys, values;  // keys and values plain, (length, width)
  std::vector<float> packed_keys, packed_values;
  std::vector<std::uint16_t> half_keys, half_values;

  Head(int head_width, int positions) : width(head_width), length(positions) {
    const auto w = static_cast<std::size_t>(width), n = static_cast<std::size_t>(length);
    q = random_floats(w, 10, 3);
    keys = random_floats(n * w, 11, 2);
    values = random_floats(n * w, 12, 2);
    // Exact in bf16, so that both types hold the same numbers.
    for (auto* list : {&keys, &values}) {
      for (float& value : *list) value = from_bf16(to_bf16(value));
    }
    const std::size_t padded = round_up(w, 16), even = round_up(w, 2);
    // Elsewhere something large, as an earlier, longer stream leaves it.
    packed_keys.assign(round_up(n, 16) * w, 1e9f);
    packed_values.assign(n * padded, 1e9f);
    half_keys.assign(round_up(n, 16) * even, to_bf16(1e9f));
    half_values.assign(round_up(n, 2) * padded, to_bf16(1e9f));
    for (std::size_t t = 0; t < n; ++t) {
      for (std::size_t d = 0; d < w; ++d) {
        const float key = keys[t * w + d], value = values[t * w + d];
        packed_keys[(t / 16 * w + d) * 16 + t % 16] = key;
        packed_values[t * padded + d] = value;
        half_keys[((t / 16 * even + d / 2 * 2) * 16 + t % 16 * 2) + d % 2] = to_bf16(key);
        half_values[(t / 2 * padded + d) * 2 + t % 2] = to_bf16(value);
      }
      if (w % 2 != 0) half_keys[(t / 16 * even + w - 1) * 16 + t % 16 * 2 + 1] = 0;
    }
  }

  std::vector<float> run(const Kernels& kernels, bool half) const {
    const std::size_t room = round_up(static_cast<std::size_t>(length), 16);
    std::vector<float> scores(room);
    std::vector<std::uint16_t> halves(round_up(static_cast<std::size_t>(width), 16) + room);
    std::vector<float> out(static_cast<std::size_t>(width) + 1, 5);
    const Attend task = {
        q.data(),
        reinterpret_cast<const std::byte*>(half ? static_cast<const void*>(half_keys.data())
                                                : packed_keys.data()),
        reinterpret_cast<const std::byte*>(half ? static_cast<const void*>(half_values.data())
                                                : packed_values.data()),
        width,
        length,
        1 / std::sqrt(static_cast<float>(width)),
        scores.data(),
        halves.data(),
        out.data(),
        nullptr,
        nullptr};
    (half ? kernels.attend_bf16 : kernels.attend_f32)(task);
    EXPECT_EQ(out.back(), 5) << "wrote past the end";
    out.pop_back();
    return out;
  }
};

TEST(Kernels, WideRegistersAttendToTheSameBits) {
  if (available_kernels().size() < 2) GTEST_SKIP() << "this processor has the plain twin alone";
  const Kernels* first = available_kernels()[1];
  for (const Kernels* other : available_kernels()) {
    if (other == &kPlainKernels) continue;
    for (const int width : {5, 32, 96, 130}) {
      for (const int length : {1, 17, 200}) {
        const Head head(width, length);
        for (const bool half : {false, true}) {
          ASSERT_EQ(head.run(*first, half), head.run(*other, half)) << other->name;
        }
      }
    }
  }
}

TEST_P(KernelsTest, AttendsAsTheDefinitionSays) {
  for (const int width : {1, 5, 16, 32, 40, 64, 96, 100, 128, 130}) {
    for (const int length : {1, 2, 15, 16, 17, 64, 65, 200}) {
      const Head head(width, length);
      const auto w = static_cast<std::size_t>(width), n = static_cast<std::size_t>(length);
      std::vector<double> weights(n, 0.0), expected(w, 0.0);
      for (std::size_t t = 0; t < n; ++t) {
        for (std::size_t d = 0; d < w; ++d) weights[t] += double{head.q[d]} * head.keys[t * w + d];
        weights[t] /= std::sqrt(static_cast<double>(width));
      }
      const double most = *std::max_element(weights.begin(), weights.end());
      for (double& weight : weights) weight = std::exp(weight - most);
      const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (std::size_t t = 0; t < n; ++t) {
        for (std::size_t d = 0; d < w; ++d) {
          expected[d] += weights[t] / sum * head.values[t * w + d];
        }
      }
      for (const bool half : {false, true}) {
        const auto out = head.run(*GetParam(), half);
        const auto plain = head.run(kPlainKernels, half);
        for (std::size_t d = 0; d < w; ++d) {
          // bf16 rounds q and the weights: 2^-9 of scores of size up to 60.
          ASSERT_NEAR(out[d], expected[d], half ? 0.1 : 1e-5) << width << " " << length;
          ASSERT_NEAR(out[d], plain[d], half ? 1e-3 : 1e-5);
        }
      }
    }
  }
}

// One head of a cache in int8, positions past its length written on earlier.
struct Int8Head {
  int width, length;
  KvCache cache;
  std::vector<float> q;
  std::vector<double> keys, values;  // as the cache holds them, (length, width)

  Int8Head(int head_width, int positions)
      : width(head_width), length(positions), cache(shape(head_width, positions + 20)) {
    const auto w = static_cast<std::size_t>(width);
    q = random_floats(w, 10, 3);
    for (int t = 0; t < length + 20; ++t) {
      const auto seed = static_cast<std::uint64_t>(t);
      // Sizes differ from position to position; one key and one value are all zeros.
      const auto key = random_floats(w, 100 + seed, t == 3 ? 0 : 1 + static_cast<float>(t % 5));
      const auto value = random_floats(w, 900 + seed, t == 4 ? 0 : 1 + static_cast<float>(t % 3));
      cache.put(0, 0, 0, t, key.data(), value.data());
      if (t >= length) continue;
      append(keys, key);
      append(values, value);
    }
  }

  static KvCache::Shape shape(int width, int capacity) {
    KvCache::Shape shape;
    shape.layers = shape.heads = shape.streams = 1;
    shape.head_width = width;
    shape.capacity = capacity;
    shape.type = CacheType::kInt8;
    return shape;
  }

  static void append(std::vector<double>& to, const std::vector<float>& row) {
    double most = 0;
    for (const float value : row) most = std::max(most, std::fabs(double{value}));
    for (const float value : row) {
      to.push_back(most == 0 ? 0 : std::nearbyint(value * 127 / most) * most / 127);
    }
  }

  std::vector<float> run(const Kernels& kernels) {
    const std::size_t room = round_up(static_cast<std::size_t>(length), 16);
    std::vector<float> scores(room), out(static_cast<std::size_t>(width) + 1, 5);
    std::vector<std::uint16_t> halves(round_up(static_cast<std::size_t>(width), 16) + room);
    kernels.attend_int8({q.data(), cache.keys(0, 0, 0), cache.values(0, 0, 0), width, length,
                         1 / std::sqrt(static_cast<float>(width)), scores.data(), halves.data(),
                         out.data(), cache.key_scales(0, 0, 0), cache.value_scales(0, 0, 0)});
    EXPECT_EQ(out.back(), 5) << "wrote past the end";
    out.pop_back();
    return out;
  }
};

TEST_P(KernelsTest, AttendsInInt8AsTheDefinitionSays) {
  for (const int width : {1, 5, 16, 32, 96, 130, 512}) {
    for (const int length : {1, 2, 15, 16, 17, 65, 200, 2500}) {
      Int8Head head(width, length);
      const auto w = static_cast<std::size_t>(width), n = static_cast<std::size_t>(length);
      std::vector<double> weights(n, 0.0), expected(w, 0.0);
      for (std::size_t t = 0; t < n; ++t) {
        for (std::size_t d = 0; d < w; ++d) weights[t] += double{head.q[d]} * head.keys[t * w + d];
        weights[t] /= std::sqrt(static_cast<double>(width));
      }
      const double most = *std::max_element(weights.begin(), weights.end());
      for (double& weight : weights) weight = std::exp(weight - most);
      const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
      for (std::size_t t = 0; t < n; ++t) {
        for (std::size_t d = 0; d < w; ++d) {
          expected[d] += weights[t] / sum * head.values[t * w + d];
        }
      }
      const auto out = head.run(*GetParam()), plain = head.run(kPlainKernels);
      for (std::size_t d = 0; d < w; ++d) {
        ASSERT_NEAR(out[d], expected[d], 3e-3) << width << " " << length;
        ASSERT_NEAR(out[d], plain[d], 1e-4);
      }
      if (GetParam() == &kPlainKernels) continue;
      ASSERT_EQ(head.run(*available_kernels()[1]), out) << "wide registers give other bits";
    }
  }
}

// Many queries of one head at positions in turn: what each of them gives alone.
TEST_P(KernelsTest, AttendsToRowsAsToEachAlone) {
  const Kernels& kernels = *GetParam();
  for (const int width : {5, 32, 50, 96, 130, 512}) {
    for (const int first : {1, 17, 300, 1000}) {
      for (const int rows : {1, 6, 16, 17, 45}) {
        const int most = first + rows - 1;
        Int8Head head(width, most);
        const int q_stride = width + 3, out_stride = width + 5;
        const auto q = random_floats(static_cast<std::size_t>(q_stride * rows), 77, 3);
        const std::size_t room = round_up(static_cast<std::size_t>(most), 16);
        std::vector<float> scores(room), each(static_cast<std::size_t>(out_stride * rows), 5);
        auto together = each;
        std::vector<std::uint16_t> halves(round_up(static_cast<std::size_t>(width), 16) + room);
        const AlignedBytes working(kernels.room_for_rows(width, most));
        const auto task = [&](int row, std::vector<float>& out) {
          return Attend{q.data() + row * q_stride,
                        head.cache.keys(0, 0, 0),
                        head.cache.values(0, 0, 0),
                        width,
                        first + row,
                        1 / std::sqrt(static_cast<float>(width)),
                        scores.data(),
                        halves.data(),
                        out.data() + row * out_stride,
                        head.cache.key_scales(0, 0, 0),
                        head.cache.value_scales(0, 0, 0)};
        };
        for (int row = 0; row < rows; ++row) kernels.attend_int8(task(row, each));
        kernels.attend_rows_int8({task(0, together), rows, q_stride, out_stride, working.data()});
        ASSERT_EQ(together, each) << width << " wide, " << rows << " rows from " << first;
      }
    }
  }
}

// The largest numbers there can be, all of one sign: no sum overflows.
TEST_P(KernelsTest, Int8AttentionHoldsItsLargestSums) {
  constexpr int kWidth = kInt8HeadWidth, kLength = 4096;
  KvCache cache(Int8Head::shape(kWidth, kLength));
  const std::vector<float> ones(kWidth, 1.0f);
  for (int t = 0; t < kLength; ++t) cache.put(0, 0, 0, t, ones.data(), ones.data());
  std::vector<float> scores(kLength), out(kWidth);
  std::vector<std::uint16_t> halves(kWidth + kLength);
  GetParam()->attend_int8({ones.data(), cache.keys(0, 0, 0), cache.values(0, 0, 0), kWidth, kLength,
                           1, scores.data(), halves.data(), out.data(), cache.key_scales(0, 0, 0),
                           cache.value_scales(0, 0, 0)});
  for (const float value : out) ASSERT_NEAR(value, 1, 1e-4);
  constexpr int kRows = 8;
  std::vector<float> rows_out(kRows * kWidth);
  const AlignedBytes working(GetParam()->room_for_rows(kWidth, kLength));
  GetParam()->attend_rows_int8(
      {{ones.data(), cache.keys(0, 0, 0), cache.values(0, 0, 0), kWidth, kLength - kRows + 1, 1,
        scores.data(), halves.data(), rows_out.data(), cache.key_scales(0, 0, 0),
        cache.value_scales(0, 0, 0)},
       kRows,
       0,
       kWidth,
       working.data()});
  for (const float value : rows_out) ASSERT_NEAR(value, 1, 1e-4);
}

// Every operation is rounded as IEEE 754 says, in one order: x86-64 and ARM64 agree to the bit.
TEST(Kernels, WideRegistersGiveTheSameBitsOnEveryProcessor) {
  if (available_kernels().size() < 2) GTEST_SKIP() << "this processor has the plain twin alone";
  Sha256 digest;
  const auto add = [&](const std::vector<float>& values) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
    digest.update(std::span(bytes, values.size() * sizeof(float)));
  };
  const Kernels& kernels = *available_kernels()[1];
  for (const Packing packing : kPackings) {
    for (const Sizes s : kSizes) add(Product(packing, s).run(kernels, Epilogue::kGelu));
  }
  for (const int width : {5, 32, 130}) {
    for (const bool half : {false, true}) add(Head(width, 200).run(kernels, half));
    add(Int8Head(width, 200).run(kernels));
  }
  EXPECT_EQ(to_hex(digest.finish()),
            "473b4871e581da4f28aec7c3ff22156338d1365519ad6335b52f2e5bfd616316");
}

TEST(Kernels, AreFoundByName) {
  EXPECT_EQ(find_kernels("plain"), &kPlainKernels);
  EXPECT_EQ(find_kernels(""), available_kernels().back());
  EXPECT_EQ(find_kernels("none such"), nullptr);
}

}  // namespace
}  // namespace hemiola::engine
