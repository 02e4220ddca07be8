// A tensor as it stands in a file: type, shape, bytes. Values are read through conversions, never
// through casts of the pointer, since nothing in a file need be aligned.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hemiola {

enum class Dtype { kF32, kF16, kBf16, kI8, kU8, kI32, kI64 };

std::string_view name(Dtype dtype);  // as in safetensors: "F32", "BF16", ...
std::size_t size_of(Dtype dtype);    // in bytes

using Shape = std::vector<std::int64_t>;

std::string shown(const Shape& shape);  // "[768, 2304]"
std::size_t element_count(const Shape& shape);

// A view: the bytes belong to someone else (a mapped file, a vector) who must outlive it.
struct TensorView {
  std::string name;
  Dtype dtype = Dtype::kF32;
  Shape shape;
  std::span<const std::uint8_t> bytes;  // row-major, little-endian

  std::size_t elements() const { return element_count(shape); }
};

// Elements [begin, begin + out.size()) of an F32, F16 or BF16 tensor.
// Precondition: within the tensor, and of one of those types.
void read_floats(const TensorView& tensor, std::size_t begin, std::span<float> out);

inline TensorView view_of(std::string name, Shape shape, std::span<const float> values) {
  return {std::move(name),
          Dtype::kF32,
          std::move(shape),
          {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()}};
}

inline float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// Round to nearest, ties to even; NaN stays NaN.
inline std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

float from_f16(std::uint16_t bits);

}  // namespace hemiola
