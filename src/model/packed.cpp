#include "model/packed.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "model/int4_levels.h"

namespace hemiola {
namespace {

constexpr float kInt8Max = 127;
constexpr std::uint8_t kInt8Zero = 128;
constexpr int kInt4Least = 8;                    // the level nearest to nothing
constexpr std::size_t kInt4Scales = kPanel * 2;  // bytes of a group before its weights
constexpr std::size_t kInt4GroupBytes = kInt4Scales + kPanel * kInt4Group / 2;

// To the nearest whole number, ties to even, for |x| < 2^22; needs no library call.
float nearest(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

std::size_t size(int n) { return static_cast<std::size_t>(n); }

// Largest magnitude of each output's weights; infinite or NaN ones make it not finite.
std::vector<float> largest(std::span<const float> values, int in, int out, bool by_rows) {
  std::vector<float> result(size(panel_count(out) * kPanel), 0.0f);
  const auto grow = [](float& most, float value) {
    const float magnitude = std::fabs(value);
    most = magnitude > most || magnitude != magnitude ? magnitude : most;
  };
  if (by_rows) {
    for (std::size_t n = 0; n < size(out); ++n) {
      for (std::size_t k = 0; k < size(in); ++k) grow(result[n], values[n * size(in) + k]);
    }
  } else {
    for (std::size_t k = 0; k < size(in); ++k) {
      for (std::size_t n = 0; n < size(out); ++n) grow(result[n], values[k * size(out) + n]);
    }
  }
  return result;
}

// Calls put(panel, input, lane, weight) for every weight, in the order of the panels.
template <class Put>
void for_each_weight(std::span<const float> values, int in, int out, bool by_rows, Put put) {
  const std::size_t input_step = by_rows ? 1 : size(out), output_step = by_rows ? size(in) : 1;
  for (std::size_t panel = 0; panel < size(panel_count(out)); ++panel) {
    const std::size_t first = panel * kPanel;
    const std::size_t lanes = std::min<std::size_t>(kPanel, size(out) - first);
    for (std::size_t k = 0; k < size(in); ++k) {
      const float* from = values.data() + k * input_step + first * output_step;
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        put(panel, k, lane, from[lane * output_step]);
      }
    }
  }
}

}  // namespace

std::string_view name(Packing packing) {
  switch (packing) {
    case Packing::kF32:
      return "fp32";
    case Packing::kBf16:
      return "bf16";
    case Packing::kInt8:
      return "int8";
    case Packing::kInt4:
      return "int4";
  }
  return "";
}

std::optional<Packing> packing_named(std::string_view text) {
  for (const Packing packing : {Packing::kF32, Packing::kBf16, Packing::kInt8, Packing::kInt4}) {
    if (name(packing) == text) return packing;
  }
  return std::nullopt;
}

int interleave(Packing packing) {
  return packing == Packing::kF32 ? 1 : packing == Packing::kBf16 ? 2 : 4;
}

int padded_inputs(Packing packing, int in) {
  const int step = interleave(packing);
  return (in + step - 1) / step * step;
}

int panel_count(int out) { return (out + kPanel - 1) / kPanel; }

std::size_t panel_bytes(Packing packing, int in) {
  if (packing == Packing::kInt4) {
    return size((in + kInt4Group - 1) / kInt4Group) * kInt4GroupBytes;
  }
  // The interleaved inputs of one output always fill four bytes.
  return size(padded_inputs(packing, in) / interleave(packing)) * kPanel * 4;
}

namespace {

// Where the half byte of a weight stands in its panel, and whether it is the high half.
struct Int4Place {
  std::size_t group, byte;
  bool high;
};

Int4Place int4_place(std::size_t input, std::size_t lane) {
  const std::size_t group = input / kInt4Group * kInt4GroupBytes;
  return {group,
          group + kInt4Scales + input % kInt4Group / 4 * kCacheLine + lane % 16 * 4 + input % 4,
          lane >= 16};
}

float bf16_at(const std::byte* from) {
  std::uint16_t bits;
  std::memcpy(&bits, from, 2);
  return from_bf16(bits);
}

}  // namespace

float PackedMatrix::at(int input, int output) const {
  if (packing == Packing::kInt4) {
    const std::byte* base = panel(output / kPanel);
    const auto lane = size(output % kPanel);
    const Int4Place place = int4_place(size(input), lane);
    const int both = std::to_integer<int>(base[place.byte]);
    return static_cast<float>(kInt4Levels[place.high ? both >> 4 : both & 15]) *
           bf16_at(base + place.group + 2 * lane);
  }
  const int side = interleave(packing);
  const std::byte* word =
      panel(output / kPanel) + (size(input / side) * kPanel + size(output % kPanel)) * 4;
  switch (packing) {
    case Packing::kF32: {
      float value;
      std::memcpy(&value, word, 4);
      return value;
    }
    case Packing::kBf16:
      return bf16_at(word + size(input % side) * 2);
    case Packing::kInt4:  // above
    case Packing::kInt8: {
      const int byte = std::to_integer<int>(word[input % side]);
      return static_cast<float>(byte - kInt8Zero) * scales[size(output)];
    }
  }
  return 0;
}

void PackedMatrix::take_output(int output, float* to) const {
  if (packing != Packing::kInt8) {
    for (int k = 0; k < in; ++k) to[k] = at(k, output);
    return;
  }
  const std::byte* word = panel(output / kPanel) + size(output % kPanel) * 4;
  const float scale = scales[size(output)];
  for (int k = 0; k < in; k += 4, word += kPanel * 4) {
    const int count = std::min(4, in - k);
    for (int i = 0; i < count; ++i) {
      to[k + i] = static_cast<float>(std::to_integer<int>(word[i]) - kInt8Zero) * scale;
    }
  }
}

namespace {

// The level nearest to x: how many of the midpoints between levels lie below it.
unsigned int4_level(float x) {
  unsigned level = 0;
  for (int i = 0; i + 1 < 16; ++i) {
    level += x > 0.5f * static_cast<float>(kInt4Levels[i] + kInt4Levels[i + 1]) ? 1u : 0u;
  }
  return level;
}

// The scale, a bf16 number, by which the levels come nearest to the weights, in the mean square:
// the largest weight on either end, or a little within or beyond it, and what fits the levels so
// chosen.
float int4_scale(std::span<const float> weights) {
  float largest = 0;
  for (const float weight : weights) {
    if (std::fabs(weight) > std::fabs(largest)) largest = weight;
  }
  float best = 0, least = std::numeric_limits<float>::infinity();
  // Returns the scale that would suit the levels chosen by this one.
  const auto attempt = [&](float wanted) {
    const float scale = from_bf16(to_bf16(wanted));
    const float inverse = 1 / scale;
    if (!std::isfinite(inverse)) return 0.0f;
    float error = 0, product = 0, square = 0;
    for (const float weight : weights) {
      const auto level = static_cast<float>(kInt4Levels[int4_level(weight * inverse)]);
      const float d = level * scale - weight;
      error += d * d;
      product += level * weight;
      square += level * level;
    }
    if (error < least) best = scale, least = error;
    return product / square;
  };
  for (const int end : {0, 15}) {
    for (const float part : {0.9f, 1.0f, 1.1f}) {
      attempt(attempt(part * largest / static_cast<float>(kInt4Levels[end])));
    }
  }
  return best;
}

// `weight(k, n)` of `in` inputs and `out` outputs into panels.
template <class Weight>
void pack_int4(int in, int out, const Weight& weight, std::byte* panels) {
  const std::size_t bytes = panel_bytes(Packing::kInt4, in);
  std::memset(panels, kInt4Least * 0x11, size(panel_count(out)) * bytes);
  for (std::size_t n = 0; n < size(panel_count(out) * kPanel); ++n) {
    std::byte* panel = panels + n / kPanel * bytes;
    const std::size_t lane = n % kPanel;
    for (std::size_t begin = 0; begin < size(in); begin += kInt4Group) {
      const std::size_t count = std::min<std::size_t>(kInt4Group, size(in) - begin);
      float group[kInt4Group] = {};
      for (std::size_t k = 0; n < size(out) && k < count; ++k) group[k] = weight(begin + k, n);
      const float scale = int4_scale({group, count});
      const std::uint16_t bits = to_bf16(scale);
      std::memcpy(panel + int4_place(begin, lane).group + 2 * lane, &bits, 2);
      const float inverse = scale == 0 ? 0 : 1 / scale;
      for (std::size_t k = 0; k < count; ++k) {
        const Int4Place place = int4_place(begin + k, lane);
        const unsigned level = int4_level(group[k] * inverse);
        std::byte& both = panel[place.byte];
        both = place.high ? (both & std::byte{0x0f}) | std::byte(level << 4)
                          : (both & std::byte{0xf0}) | std::byte(level);
      }
    }
  }
}

}  // namespace

Result<PackedMatrix> pack_matrix(const TensorView& tensor, bool by_rows, Packing packing,
                                 std::byte* panels) {
  PackedMatrix matrix;
  matrix.packing = packing;
  matrix.in = static_cast<int>(tensor.shape[by_rows ? 1 : 0]);
  matrix.out = static_cast<int>(tensor.shape[by_rows ? 0 : 1]);
  matrix.panels = panels;
  std::vector<float> values(tensor.elements());
  read_floats(tensor, 0, values);
  std::vector<float> most = largest(values, matrix.in, matrix.out, by_rows);
  for (const float value : most) {
    if (!std::isfinite(value)) {
      return fail(
          "tensor {} holds a weight that is not finite; the training run that wrote it "
          "diverged, or the file is damaged",
          tensor.name);
    }
  }
  const std::size_t bytes = panel_bytes(packing, matrix.in);
  const auto side = size(interleave(packing));
  const auto word = [&](std::size_t panel, std::size_t k, std::size_t lane) {
    return panels + panel * bytes + (k / side * kPanel + lane) * 4;
  };
  switch (packing) {
    case Packing::kInt4: {
      const std::size_t input_step = by_rows ? 1 : size(matrix.out);
      const std::size_t output_step = by_rows ? size(matrix.in) : 1;
      pack_int4(
          matrix.in, matrix.out,
          [&](std::size_t k, std::size_t n) { return values[k * input_step + n * output_step]; },
          panels);
      break;
    }
    case Packing::kF32:
      std::memset(panels, 0, matrix.bytes());
      for_each_weight(values, matrix.in, matrix.out, by_rows,
                      [&](std::size_t panel, std::size_t k, std::size_t lane, float weight) {
                        std::memcpy(word(panel, k, lane), &weight, 4);
                      });
      break;
    case Packing::kBf16:
      std::memset(panels, 0, matrix.bytes());
      for_each_weight(values, matrix.in, matrix.out, by_rows,
                      [&](std::size_t panel, std::size_t k, std::size_t lane, float weight) {
                        const std::uint16_t bits = to_bf16(weight);
                        std::memcpy(word(panel, k, lane) + k % 2 * 2, &bits, 2);
                      });
      break;
    case Packing::kInt8: {
      std::memset(panels, kInt8Zero, matrix.bytes());
      matrix.scales.resize(most.size());
      for (std::size_t n = 0; n < most.size(); ++n) matrix.scales[n] = most[n] / kInt8Max;
      for (float& value : most) value = value > 0 ? kInt8Max / value : 0;
      for_each_weight(values, matrix.in, matrix.out, by_rows,
                      [&](std::size_t panel, std::size_t k, std::size_t lane, float weight) {
                        const float level = std::clamp(
                            nearest(weight * most[panel * kPanel + lane]), -kInt8Max, kInt8Max);
                        word(panel, k, lane)[k % 4] =
                            static_cast<std::byte>(static_cast<int>(level) + kInt8Zero);
                      });
      break;
    }
  }
  return matrix;
}

namespace {

bool is_packed_matrix(const TensorSpec& spec) {
  return spec.role == TensorRole::kMatrix || spec.role == TensorRole::kProjection ||
         (spec.role == TensorRole::kEmbedding && spec.name != "wpe.weight");
}

}  // namespace

bool finite_scales(const PackedMatrix& matrix) {
  if (matrix.packing != Packing::kInt4) return true;
  bool all = true;
  for (std::size_t at = 0; at < matrix.bytes(); at += kInt4GroupBytes) {
    for (int lane = 0; lane < kPanel; ++lane) {
      all &= std::isfinite(bf16_at(matrix.panels + at + 2 * size(lane)));
    }
  }
  return all;
}

Packing matrix_packing(const TensorSpec& spec, Packing model) {
  return model == Packing::kInt4 && spec.role == TensorRole::kEmbedding ? Packing::kInt8 : model;
}

Result<PackedModel> pack_model(const ModelConfig& config, const WeightMap& weights,
                               Packing packing) {
  PackedModel model;
  model.config = config;
  model.packing = packing;
  const auto specs = gpt2_tensors(config);
  const auto bytes_of = [&](const TensorSpec& spec) {
    const bool by_rows = spec.role == TensorRole::kEmbedding;
    PackedMatrix matrix;
    matrix.packing = matrix_packing(spec, packing);
    matrix.in = static_cast<int>(spec.shape[by_rows ? 1 : 0]);
    matrix.out = static_cast<int>(spec.shape[by_rows ? 0 : 1]);
    return matrix.bytes();
  };
  std::size_t total = 0;
  for (const TensorSpec& spec : specs) {
    if (is_packed_matrix(spec)) total += bytes_of(spec);
  }
  model.memory = AlignedBytes(total);
  std::byte* place = model.memory.data();
  for (const TensorSpec& spec : specs) {
    const TensorView& tensor = weights.find(spec.name)->second;
    if (is_packed_matrix(spec)) {
      HEMIOLA_TRY(PackedMatrix matrix, pack_matrix(tensor, spec.role == TensorRole::kEmbedding,
                                                   matrix_packing(spec, packing), place));
      model.matrices.emplace(spec.name, std::move(matrix));
      place += bytes_of(spec);
      continue;
    }
    std::vector<float> values(tensor.elements());
    read_floats(tensor, 0, values);
    for (float& value : values) {
      if (!std::isfinite(value)) {
        return fail(
            "tensor {} holds a number that is not finite; the training run that wrote it "
            "diverged, or the file is damaged",
            spec.name);
      }
      if (spec.role == TensorRole::kEmbedding && packing != Packing::kF32) {
        value = from_bf16(to_bf16(value));
      }
    }
    if (spec.role == TensorRole::kBias) {
      values.resize(size(panel_count(static_cast<int>(spec.shape[0])) * kPanel));
    }
    model.vectors.emplace(spec.name, std::move(values));
  }
  return model;
}

}  // namespace hemiola
