#include "evaluate/layers.h"

#include <algorithm>
#include <limits>

namespace hemiola::evaluate {

Window place_window(const FeatureMap& in, Window window, Padding padding) {
  const auto place = [&](int size, int filter, int stride, int dilation, int& before, int& out) {
    const int reach = (filter - 1) * dilation + 1;
    if (padding == Padding::kValid) {
      before = 0;
      out = size >= reach ? (size - reach) / stride + 1 : 0;
    } else {
      out = (size + stride - 1) / stride;
      before = std::max(0, (out - 1) * stride + reach - size) / 2;
    }
  };
  place(in.height, window.height, window.stride_y, window.dilation_y, window.top,
        window.out_height);
  place(in.width, window.width, window.stride_x, window.dilation_x, window.left, window.out_width);
  return window;
}

FeatureMap convolve(const FeatureMap& in, std::span<const Linear> groups, const Window& window) {
  const int group_in = in.channels / static_cast<int>(groups.size());
  const int group_out = groups.front().out();
  FeatureMap out(window.out_height, window.out_width, group_out * static_cast<int>(groups.size()));
  const bool in_place = groups.size() == 1 && window.height == 1 && window.width == 1 &&
                        window.stride_y == 1 && window.stride_x == 1 && window.top == 0 &&
                        window.left == 0;
  if (in_place) {
    groups[0].apply(in.values.data(), in.height * in.width, out.values.data(), out.channels);
    return out;
  }
  const auto patch = static_cast<std::size_t>(window.height * window.width * group_in);
  // A row of the output at a time: its patches stay in the cache.
  std::vector<float> patches(static_cast<std::size_t>(out.width) * patch);
  for (std::size_t group = 0; group < groups.size(); ++group) {
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(group) * group_in;
    for (int y = 0; y < out.height; ++y) {
      float* to = patches.data();
      for (int x = 0; x < out.width; ++x) {
        for (int dy = 0; dy < window.height; ++dy) {
          const int from_y = y * window.stride_y + dy * window.dilation_y - window.top;
          for (int dx = 0; dx < window.width; ++dx, to += group_in) {
            const int from_x = x * window.stride_x + dx * window.dilation_x - window.left;
            if (from_y < 0 || from_y >= in.height || from_x < 0 || from_x >= in.width) {
              std::fill_n(to, group_in, 0.0f);
            } else {
              std::copy_n(in.at(from_y, from_x) + first, group_in, to);
            }
          }
        }
      }
      groups[group].apply(patches.data(), out.width,
                          out.at(y, 0) + static_cast<std::ptrdiff_t>(group) * group_out,
                          out.channels);
    }
  }
  return out;
}

FeatureMap convolve_depthwise(const FeatureMap& in, std::span<const float> filters,
                              std::span<const float> bias, const Window& window) {
  FeatureMap out(window.out_height, window.out_width, in.channels);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      float* to = out.at(y, x);
      std::copy(bias.begin(), bias.end(), to);
      for (int dy = 0; dy < window.height; ++dy) {
        const int from_y = y * window.stride_y + dy * window.dilation_y - window.top;
        if (from_y < 0 || from_y >= in.height) continue;
        for (int dx = 0; dx < window.width; ++dx) {
          const int from_x = x * window.stride_x + dx * window.dilation_x - window.left;
          if (from_x < 0 || from_x >= in.width) continue;
          const float* from = in.at(from_y, from_x);
          const float* filter =
              filters.data() + static_cast<std::ptrdiff_t>(dy * window.width + dx) * in.channels;
          for (int c = 0; c < in.channels; ++c) to[c] += from[c] * filter[c];
        }
      }
    }
  }
  return out;
}

FeatureMap max_pool_2x2(const FeatureMap& in) {
  FeatureMap out((in.height + 1) / 2, (in.width + 1) / 2, in.channels);
  std::fill(out.values.begin(), out.values.end(), -std::numeric_limits<float>::infinity());
  for (int y = 0; y < in.height; ++y) {
    for (int x = 0; x < in.width; ++x) {
      const float* from = in.at(y, x);
      float* to = out.at(y / 2, x / 2);
      for (int c = 0; c < in.channels; ++c) to[c] = std::max(to[c], from[c]);
    }
  }
  return out;
}

void relu(std::span<float> values) {
  for (float& value : values) value = std::max(value, 0.0f);
}

}  // namespace hemiola::evaluate
