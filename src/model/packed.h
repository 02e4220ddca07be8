// Weight matrices in the layout that the engine's kernels read: panels of 32 outputs, and within a
// panel all inputs in order, so that a product streams through memory and never sums across a
// register. The same layout serves every instruction set and stands as it is in export files.
//
//   kF32   (panels, in, 32)            float
//   kBf16  (panels, in / 2, 32, 2)     bf16; pairs of inputs side by side
//   kInt8  (panels, in / 4, 32, 4)     weight + 128 as a byte; fours of inputs side by side, and a
//                                      float scale for each output: (byte - 128) * scale
//   kInt4  (panels, in / 32, 576)      groups of 32 inputs: 32 bf16 scales, one an output, then
//                                      (8, 16, 4) bytes, fours of inputs of two outputs: n in the
//                                      low half of a byte, 16 + n in the high one:
//                                      kInt4Levels[half] * scale
//
// Inputs are rounded up to whole pairs, fours or groups and outputs to whole panels, with zeros. A
// model of kInt4 has its embedding and head in kInt8: they are small, and its loss hangs on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/aligned.h"
#include "model/config.h"
#include "model/model_folder.h"
#include "model/tensor.h"

namespace hemiola {

enum class Packing { kF32, kBf16, kInt8, kInt4 };

inline constexpr int kPanel = 32;
inline constexpr int kInt4Group = 32;  // inputs that share a scale

std::string_view name(Packing packing);  // "fp32", "bf16", "int8", "int4"
std::optional<Packing> packing_named(std::string_view name);
int interleave(Packing packing);  // inputs side by side: 1, 2, 4, 4
int padded_inputs(Packing packing, int in);
int panel_count(int out);
std::size_t panel_bytes(Packing packing, int in);

struct PackedMatrix {
  Packing packing = Packing::kF32;
  int in = 0, out = 0;
  const std::byte* panels = nullptr;  // aligned to 64
  std::vector<float> scales = {};     // kInt8: (panel_count * 32)

  std::size_t bytes() const {
    return static_cast<std::size_t>(panel_count(out)) * panel_bytes(packing, in);
  }
  const std::byte* panel(int index) const {
    return panels + static_cast<std::size_t>(index) * panel_bytes(packing, in);
  }
  // One weight, for tests.
  float at(int input, int output) const;
  // All weights of one output, (in): a row of an embedding.
  void take_output(int output, float* to) const;
};

// Packs a matrix stored (in, out), or (out, in) when `by_rows`; `panels` has the size that
// PackedMatrix::bytes says. Refuses weights that are not finite.
Result<PackedMatrix> pack_matrix(const TensorView& tensor, bool by_rows, Packing packing,
                                 std::byte* panels);

// How a model of this packing stores one of its matrices.
Packing matrix_packing(const TensorSpec& spec, Packing model);

// Whether the scales inside its panels are finite; kInt4 alone has such.
bool finite_scales(const PackedMatrix& matrix);

// A whole model as the engine uses it. Moves, never copies.
struct PackedModel {
  ModelConfig config;
  Packing packing = Packing::kF32;
  std::string tokenizer, card;
  // By the registry's names: the matrices of the layers, wte.weight (vocabulary outputs) and, when
  // not tied, lm_head.weight.
  std::map<std::string, PackedMatrix, std::less<>> matrices;
  // Biases (rounded up to whole panels with zeros), norms, and wpe.weight (context, width).
  std::map<std::string, std::vector<float>, std::less<>> vectors;

  // Where the panels lie: one of the two.
  AlignedBytes memory;
  std::optional<MappedFile> file;
};

// wpe is rounded to bf16 unless the packing is fp32, as in an export file.
Result<PackedModel> pack_model(const ModelConfig& config, const WeightMap& weights,
                               Packing packing);

// The one-file form: a safetensors file whose matrices stand as packed, mapped and used in place.
// It holds settings, tokenizer and card too, a format version, and a checksum over all of it.
Status write_export(const Path& path, const PackedModel& model);
Result<PackedModel> load_export(const Path& path);

// The same from bytes, which must outlive the model and begin at a multiple of 64. Without the
// checksum all else is still checked: nothing a file says is ever trusted with memory.
enum class Checksum { kVerify, kIgnore };
Result<PackedModel> read_export(std::span<const std::uint8_t> bytes, std::string_view where,
                                Checksum verify = Checksum::kVerify);

}  // namespace hemiola
