#include "engine/conv2d.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace hemiola::engine {
namespace {

constexpr int kLanes = 16;  // floats that a kernel reads at once

int floor_divide(int value, int by) { return (value - (value % by + by) % by) / by; }

}  // namespace

Planes::Planes(int channels_, int rows_, int columns_, Margins margins_)
    : channels(channels_), rows(rows_), columns(columns_), margins(margins_) {
  row_stride = columns + 2 * margins.columns;
  plane_stride = row_stride * (rows + 2 * margins.rows);
  origin = row_stride * margins.rows + margins.columns;
  data.resize(static_cast<std::size_t>(channels * plane_stride + kLanes));
}

void split_columns(const Planes& from, int n, Planes& to) {
  assert(to.channels == from.channels * n && to.rows == from.rows &&
         to.columns == (from.columns + n - 1) / n);
  for (int channel = 0; channel < from.channels; ++channel) {
    for (int p = 0; p < n; ++p) {
      for (int row = 0; row < from.rows; ++row) {
        const float* source = from.at(channel) + row * from.row_stride;
        float* target = to.at(channel * n + p) + row * to.row_stride;
        for (int column = p; column < from.columns; column += n) *target++ = source[column];
      }
    }
  }
}

Conv2d::Conv2d(const ConvShape& shape, std::span<const float> weights, std::span<const float> bias,
               Activation activation)
    : shape_(shape),
      activation_(activation),
      weights_(weights.begin(), weights.end()),
      bias_(bias.begin(), bias.end()) {
  assert(weights_.size() ==
         static_cast<std::size_t>(shape.height * shape.width * shape.inputs * shape.outputs));
  assert(bias_.size() == static_cast<std::size_t>(shape.outputs));
  const int above = (shape.height - 1) / 2, left = (shape.width - shape.stride) / 2;
  for (int row = 0; row < shape.height; ++row) {
    for (int column = 0; column < shape.width; ++column) {
      // Of the input without stride; then which of the split planes holds it, and where.
      const int at = column - left;
      const int within = floor_divide(at, shape.stride);
      for (int input = 0; input < shape.inputs; ++input) {
        taps_.push_back({input * shape.stride + at - within * shape.stride, row - above, within});
      }
    }
  }
}

Margins Conv2d::margins() const {
  Margins margins;
  for (const Tap& tap : taps_) {
    margins.rows = std::max(margins.rows, std::abs(tap.row));
    margins.columns = std::max(margins.columns, std::abs(tap.column));
  }
  return margins;
}

void Conv2d::run(const Kernels& kernels, const Planes& x, Planes& y, int first) const {
  assert(x.channels == shape_.inputs * shape_.stride && y.rows == x.rows &&
         y.columns == x.columns && first + shape_.outputs <= y.channels);
  assert(x.margins.rows >= margins().rows && x.margins.columns >= margins().columns);
  std::vector<std::ptrdiff_t> offsets;
  offsets.reserve(taps_.size());
  for (const Tap& tap : taps_) {
    offsets.push_back(tap.plane * x.plane_stride + tap.row * x.row_stride + tap.column);
  }
  Convolve c{};
  c.x = x.at(0);
  c.offsets = offsets.data();
  c.weights = weights_.data();
  c.bias = bias_.data();
  c.taps = static_cast<int>(taps_.size());
  c.outputs = shape_.outputs;
  c.rows = x.rows;
  c.columns = x.columns;
  c.x_row = x.row_stride;
  c.y = y.at(first);
  c.y_row = y.row_stride;
  c.y_plane = y.plane_stride;
  c.activation = activation_;
  kernels.convolve(c);
}

}  // namespace hemiola::engine
