// The part of a TensorFlow Lite file (a FlatBuffer) that YAMNet and Lyra's encoder use: the first
// subgraph's tensors, constants and operators. Every offset is checked against the bytes that are
// there. tflite_graph.h runs it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hemiola::evaluate {

// The numbers that TensorFlow Lite's schema gives to types and operators.
enum class TfliteType : std::int8_t {
  kFloat32 = 0,
  kInt32 = 2,
  kInt8 = 9,
  kResource = 13,
};

enum class TfliteOp : std::int32_t {
  kAdd = 0,
  kConcatenation = 2,
  kConv2d = 3,
  kDepthwiseConv2d = 4,
  kDequantize = 6,
  kFullyConnected = 9,
  kLogistic = 14,
  kReshape = 22,
  kMean = 40,
  kStridedSlice = 45,
  kSplit = 49,
  kLeakyRelu = 98,
  kQuantize = 114,
  kCallOnce = 129,
  kVarHandle = 142,
  kReadVariable = 143,
  kAssignVariable = 144,
};

struct TfliteTensor {
  std::vector<int> shape;
  TfliteType type = TfliteType::kFloat32;
  std::span<const std::uint8_t> data;  // of a constant, else empty; belongs to the file's bytes
  // Quantised: value = (number - zero_point) * scale, one scale, or one for each index along
  // `dimension`.
  std::vector<float> scales;
  std::vector<std::int64_t> zero_points;
  int dimension = 0;

  std::size_t elements() const;
  std::size_t stride(std::size_t axis) const;  // elements from one index along an axis to the next
};

struct TfliteOperator {
  TfliteOp op{};
  std::vector<int> inputs, outputs;  // tensors; -1: left out
  // What of the options the operator has; the rest keeps these values.
  bool same_padding = false;
  int stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  int activation = 0;  // 0 none, 1 ReLU, 3 ReLU6
  int axis = 0;
  int begin_mask = 0, end_mask = 0;
  float alpha = 0;
  std::string variable;  // of a handle
};

struct TfliteFile {
  std::vector<TfliteTensor> tensors;
  std::vector<TfliteOperator> operators;
  std::vector<int> inputs, outputs;

  // `bytes` must outlive the file. `where` starts each message.
  static Result<TfliteFile> parse(std::span<const std::uint8_t> bytes, std::string_view where);
};

}  // namespace hemiola::evaluate
