// Convolution layers in every instruction set against the definition, in double.
#include "engine/conv2d.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/rng.h"

namespace hemiola::engine {
namespace {

std::vector<float> random_floats(int count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(2 * rng.uniform() - 1);
  return values;
}

struct Case {
  ConvShape shape;
  int rows, columns;
  Activation activation;
};

constexpr Case kCases[] = {
    {{1, 1, 1, 1, 1}, 1, 1, Activation::kNone},
    {{3, 3, 2, 5, 1}, 4, 17, Activation::kRelu},
    {{3, 39, 8, 8, 1}, 5, 50, Activation::kRelu},
    {{5, 5, 8, 32, 3}, 6, 99, Activation::kRelu},
    {{7, 7, 1, 9, 3}, 9, 264, Activation::kSigmoid},
    {{7, 3, 11, 1, 1}, 12, 88, Activation::kSigmoid},
    {{2, 4, 3, 10, 2}, 3, 31, Activation::kNone},
};

class ConvTest : public testing::TestWithParam<const Kernels*> {};

std::string test_name(const testing::TestParamInfo<const Kernels*>& kernels) {
  std::string name = kernels.param->name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, ConvTest,
                         testing::ValuesIn(available_kernels().begin(), available_kernels().end()),
                         test_name);

TEST_P(ConvTest, EqualsTheDefinition) {
  for (const Case& c : kCases) {
    const ConvShape s = c.shape;
    const auto weights = random_floats(s.height * s.width * s.inputs * s.outputs, 1);
    const auto bias = random_floats(s.outputs, 2);
    const Conv2d layer(s, weights, bias, c.activation);
    Planes x(s.inputs, c.rows, c.columns, s.stride == 1 ? layer.margins() : Margins{});
    Rng rng(3);
    for (int i = 0; i < s.inputs; ++i) {
      for (int r = 0; r < c.rows; ++r) {
        for (int k = 0; k < c.columns; ++k) {
          x.at(i)[r * x.row_stride + k] = static_cast<float>(2 * rng.uniform() - 1);
        }
      }
    }
    const int out_columns = (c.columns + s.stride - 1) / s.stride;
    Planes y(s.outputs + 1, c.rows, out_columns, {1, 2});
    if (s.stride == 1) {
      layer.run(*GetParam(), x, y, 1);
    } else {
      Planes split(s.inputs * s.stride, c.rows, out_columns, layer.margins());
      split_columns(x, s.stride, split);
      layer.run(*GetParam(), split, y, 1);
    }
    const int above = (s.height - 1) / 2, left = (s.width - s.stride) / 2;
    for (int o = 0; o < s.outputs; ++o) {
      for (int r = 0; r < c.rows; ++r) {
        for (int k = 0; k < out_columns; ++k) {
          double sum = bias[static_cast<std::size_t>(o)];
          for (int dr = 0; dr < s.height; ++dr) {
            for (int dk = 0; dk < s.width; ++dk) {
              const int row = r + dr - above, column = k * s.stride + dk - left;
              if (row < 0 || row >= c.rows || column < 0 || column >= c.columns) continue;
              for (int i = 0; i < s.inputs; ++i) {
                const int w = ((dr * s.width + dk) * s.inputs + i) * s.outputs + o;
                sum += double{weights[static_cast<std::size_t>(w)]} *
                       x.at(i)[row * x.row_stride + column];
              }
            }
          }
          if (c.activation == Activation::kRelu) sum = std::max(sum, 0.0);
          if (c.activation == Activation::kSigmoid) sum = 1 / (1 + std::exp(-sum));
          // Rounding of at most 936 products.
          ASSERT_NEAR(y.at(o + 1)[r * y.row_stride + k], sum, 1e-4)
              << s.height << "x" << s.width << " stride " << s.stride << " at " << o << " " << r
              << " " << k;
        }
      }
    }
    // Nothing is written beside the planes, so that the next layer reads zeros there.
    double inside = 0, all = 0;
    for (int o = 1; o <= s.outputs; ++o) {
      for (int r = 0; r < c.rows; ++r) {
        for (int k = 0; k < out_columns; ++k) inside += std::abs(y.at(o)[r * y.row_stride + k]);
      }
    }
    for (const float value : y.data) all += std::abs(value);
    ASSERT_NEAR(all, inside, 1e-6 * inside);
  }
}

}  // namespace
}  // namespace hemiola::engine
