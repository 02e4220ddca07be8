#include "engine/linear.h"

#include <algorithm>

namespace hemiola::engine {

Result<Linear> Linear::create(std::string_view where, int in, int out,
                              std::span<const float> weights, std::span<const float> bias) {
  if (in < 1 || out < 1 ||
      weights.size() != static_cast<std::size_t>(in) * static_cast<std::size_t>(out) ||
      (!bias.empty() && bias.size() != static_cast<std::size_t>(out))) {
    return fail("{}: expected {} x {} weights and {} biases, got {} and {}", where, out, in, out,
                weights.size(), bias.size());
  }
  Linear linear;
  linear.matrix_.in = in;
  linear.matrix_.out = out;
  linear.panels_ = AlignedBytes(linear.matrix_.bytes());
  HEMIOLA_TRY(linear.matrix_, pack_matrix(view_of(std::string(where), {out, in}, weights), true,
                                          Packing::kF32, linear.panels_.data()));
  linear.bias_.resize(static_cast<std::size_t>(panel_count(out) * kPanel));
  std::copy(bias.begin(), bias.end(), linear.bias_.begin());
  return linear;
}

void Linear::apply(const float* x, int rows, float* y, int y_stride, Epilogue epilogue) const {
  available_kernels().back()->matmul_f32({.panels = matrix_.panels,
                                          .bias = bias_.data(),
                                          .scales = nullptr,
                                          .in = in(),
                                          .out = out(),
                                          .panel_begin = 0,
                                          .panel_end = panel_count(out()),
                                          .rows = rows,
                                          .x = x,
                                          .x_stride = in(),
                                          .x_scales = nullptr,
                                          .x_offsets = nullptr,
                                          .group_stride = 0,
                                          .y = y,
                                          .y_stride = y_stride,
                                          .epilogue = epilogue});
}

}  // namespace hemiola::engine
