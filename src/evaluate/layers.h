// The layers of small convolutional networks, over the engine's matrix product. Feature maps are
// (height, width, channels), as TensorFlow has them. Networks are fixed once loaded and are run by
// any number of threads at once.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "engine/linear.h"

namespace hemiola::evaluate {

struct FeatureMap {
  int height = 1, width = 1, channels = 1;
  std::vector<float> values;  // (height, width, channels)

  FeatureMap() = default;
  FeatureMap(int rows, int columns, int depth)
      : height(rows),
        width(columns),
        channels(depth),
        values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns) *
               static_cast<std::size_t>(depth)) {}

  float* at(int y, int x) {
    return values.data() + static_cast<std::ptrdiff_t>(y * width + x) * channels;
  }
  const float* at(int y, int x) const {
    return values.data() + static_cast<std::ptrdiff_t>(y * width + x) * channels;
  }
};

using engine::Linear;

// Where a filter is laid. The input is thought to be surrounded by zeros.
struct Window {
  int height = 1, width = 1;           // of the filter
  int stride_y = 1, stride_x = 1;      //
  int dilation_y = 1, dilation_x = 1;  //
  int top = 0, left = 0;               // zeros before the first row and column
  int out_height = 1, out_width = 1;
};

// A window whose output is as large as the input over the stride (TensorFlow's SAME), or which
// stays within the input (VALID).
enum class Padding { kSame, kValid };
Window place_window(const FeatureMap& in, Window window, Padding padding);

// Filters as rows of `filters`, (out, height, width, channels of a group). With several groups,
// each has its own channels of the input and its own filters, one Linear for each.
FeatureMap convolve(const FeatureMap& in, std::span<const Linear> groups, const Window& window);

// A filter for each channel; filters (height, width, channels).
FeatureMap convolve_depthwise(const FeatureMap& in, std::span<const float> filters,
                              std::span<const float> bias, const Window& window);

// Of 2 x 2, with stride 2; a last odd row or column stands for itself.
FeatureMap max_pool_2x2(const FeatureMap& in);

void relu(std::span<float> values);

}  // namespace hemiola::evaluate
