#include "model/tensor.h"

#include <cassert>
#include <cmath>

namespace hemiola {
namespace {

template <class Bits, class Convert>
void convert(const std::uint8_t* from, std::span<float> out, Convert to_float) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Bits bits;
    std::memcpy(&bits, from + i * sizeof bits, sizeof bits);
    out[i] = to_float(bits);
  }
}

}  // namespace

std::string_view name(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
      return "F32";
    case Dtype::kF16:
      return "F16";
    case Dtype::kBf16:
      return "BF16";
    case Dtype::kI8:
      return "I8";
    case Dtype::kU8:
      return "U8";
    case Dtype::kI32:
      return "I32";
    case Dtype::kI64:
      return "I64";
  }
  return "";
}

std::size_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32:
    case Dtype::kI32:
      return 4;
    case Dtype::kF16:
    case Dtype::kBf16:
      return 2;
    case Dtype::kI8:
    case Dtype::kU8:
      return 1;
    case Dtype::kI64:
      return 8;
  }
  return 0;
}

std::string shown(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  }
  return text + "]";
}

std::size_t element_count(const Shape& shape) {
  std::size_t count = 1;
  for (const auto extent : shape) count *= static_cast<std::size_t>(extent);
  return count;
}

void read_floats(const TensorView& tensor, std::size_t begin, std::span<float> out) {
  const std::size_t size = size_of(tensor.dtype);
  assert((begin + out.size()) * size <= tensor.bytes.size());
  const std::uint8_t* from = tensor.bytes.data() + begin * size;
  switch (tensor.dtype) {
    case Dtype::kF32:
      if (!out.empty()) std::memcpy(out.data(), from, out.size_bytes());
      return;
    case Dtype::kBf16:
      return convert<std::uint16_t>(from, out, from_bf16);
    case Dtype::kF16:
      return convert<std::uint16_t>(from, out, from_f16);
    default:
      assert(false && "read_floats: not a floating type");
  }
}

float from_f16(std::uint16_t bits) {
  const bool negative = (bits & 0x8000u) != 0;
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  float value;
  if (exponent == 31) {
    value = fraction == 0 ? INFINITY : NAN;
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    value = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  }
  return negative ? -value : value;
}

}  // namespace hemiola
