// Two-dimensional convolution layers, for networks over frames and frequency bins: "same" size in
// rows, whole strides in columns. Weights are packed once and never changed; planes belong to the
// caller, who keeps them from call to call. One kernel does the work (Convolve in kernels.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/kernels.h"

namespace hemiola::engine {

// What stands around each plane, in rows above and below and in columns left and right.
struct Margins {
  int rows = 0;
  int columns = 0;
};

// Channels of (rows, columns), each with zeros around it that convolutions read as the padding.
// Writers write inside the plane only.
struct Planes {
  Planes(int channels, int rows, int columns, Margins margins);

  // Row 0, column 0 of a channel; rows are `row_stride` apart.
  float* at(int channel) { return data.data() + channel * plane_stride + origin; }
  const float* at(int channel) const { return data.data() + channel * plane_stride + origin; }

  int channels, rows, columns;
  Margins margins;
  std::ptrdiff_t row_stride, plane_stride, origin;
  std::vector<float> data;
};

// Puts every n-th column, from column p on, into plane channel * n + p of `to`, for p in [0, n):
// what a convolution with a stride of n columns reads. Columns of `to`: those of `from` / n,
// rounded up.
void split_columns(const Planes& from, int n, Planes& to);

struct ConvShape {
  int height = 1, width = 1;    // of the kernel, in rows and columns
  int inputs = 1, outputs = 1;  // channels
  int stride = 1;               // in columns
};

class Conv2d {
 public:
  // weights: (height, width, inputs, outputs); bias: (outputs). As many zeros stand above as below
  // and left as right (one less where they are odd), so that with stride 1 the size is kept.
  Conv2d(const ConvShape& shape, std::span<const float> weights, std::span<const float> bias,
         Activation activation);

  // What the input planes must have around them at least.
  Margins margins() const;

  // x: `inputs` planes, or with a stride those that split_columns makes of them. y: from channel
  // `first` on, `outputs` planes with as many rows and columns as x.
  // Preconditions: these sizes, and margins of x as margins() says.
  void run(const Kernels& kernels, const Planes& x, Planes& y, int first = 0) const;

 private:
  struct Tap {
    int plane, row, column;
  };

  ConvShape shape_;
  Activation activation_;
  std::vector<Tap> taps_;       // in the order of the weights
  std::vector<float> weights_;  // (taps, outputs)
  std::vector<float> bias_;
};

}  // namespace hemiola::engine
