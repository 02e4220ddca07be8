#include "model/packed.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace hemiola {
namespace {

constexpr float kInt8Max = 127;
constexpr std::uint8_t kInt8Zero = 128;

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
  }
  return "";
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
  // The interleaved inputs of one output always fill four bytes.
  return size(padded_inputs(packing, in) / interleave(packing)) * kPanel * 4;
}

float PackedMatrix::at(int input, int output) const {
  const int side = interleave(packing);
  const std::byte* word =
      panel(output / kPanel) + (size(input / side) * kPanel + size(output % kPanel)) * 4;
  switch (packing) {
    case Packing::kF32: {
      float value;
      std::memcpy(&value, word, 4);
      return value;
    }
    case Packing::kBf16: {
      std::uint16_t bits;
      std::memcpy(&bits, word + size(input % side) * 2, 2);
      return from_bf16(bits);
    }
    case Packing::kInt8: {
      const int byte = std::to_integer<int>(word[input % side]);
      return static_cast<float>(byte - kInt8Zero) * scales[size(output)];
    }
  }
  return 0;
}

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

Result<PackedModel> pack_model(const ModelConfig& config, const WeightMap& weights,
                               Packing packing) {
  PackedModel model;
  model.config = config;
  model.packing = packing;
  const auto specs = gpt2_tensors(config);
  const auto bytes_of = [&](const TensorSpec& spec) {
    const bool by_rows = spec.role == TensorRole::kEmbedding;
    PackedMatrix matrix;
    matrix.packing = packing;
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
      HEMIOLA_TRY(PackedMatrix matrix,
                  pack_matrix(tensor, spec.role == TensorRole::kEmbedding, packing, place));
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
