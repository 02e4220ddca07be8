// The one-file form of a packed model. A safetensors file, so that its table is read and checked by
// the one reader there is. Tensors, in this order (the matrices first, so that each begins at a
// multiple of 64):
//
//   NAME             panels as packed: raw bytes
//   NAME.scale       F32, of int8 matrices only
//   vectors          F32; wpe.weight BF16 unless the weights are fp32
//   config.json, tokenizer.json, card.md    U8
//
// Metadata: format, version, weights (the packing) and the checksum of everything after the table.
#include <cmath>
#include <cstring>
#include <optional>

#include "model/packed.h"

namespace hemiola {
namespace {

constexpr std::string_view kFormat = "hemiola-model";
constexpr std::string_view kVersion = "1";
constexpr std::string_view kWhatToDo = "copy the file again or write it again with export";

// Fast and not cryptographic: it finds damage, not malice. Four lanes of multiply and rotate.
std::uint64_t checksum(std::span<const std::span<const std::uint8_t>> pieces) {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15u;
  std::uint64_t all = 0;
  for (const auto piece : pieces) {
    std::uint64_t lanes[4] = {1, 2, 3, 4};
    const auto mix = [&](const std::uint8_t* from) {
      for (int lane = 0; lane < 4; ++lane) {
        std::uint64_t word;
        std::memcpy(&word, from + 8 * lane, 8);
        lanes[lane] = (lanes[lane] ^ word) * kFactor;
        lanes[lane] ^= lanes[lane] >> 29;
      }
    };
    std::size_t i = 0;
    for (; i + 32 <= piece.size(); i += 32) mix(piece.data() + i);
    std::uint8_t rest[32] = {};
    for (std::size_t j = 0; i + j < piece.size(); ++j) rest[j] = piece[i + j];
    mix(rest);
    for (const std::uint64_t lane : lanes) all = ((all ^ lane) * kFactor) ^ (all >> 31);
    all = (all ^ piece.size()) * kFactor;
  }
  return all;
}

std::uint64_t checksum(std::span<const TensorView> tensors) {
  std::vector<std::span<const std::uint8_t>> pieces;
  for (const TensorView& tensor : tensors) pieces.push_back(tensor.bytes);
  return checksum(pieces);
}

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TensorView text_tensor(std::string_view name, std::string_view text) {
  return {std::string(name), Dtype::kU8, {static_cast<std::int64_t>(text.size())}, as_bytes(text)};
}

std::string text_of(const TensorView& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
}

bool is_position_table(std::string_view name) { return name == "wpe.weight"; }

// Looks tensors up by name and checks what they claim to be.
class Reader {
 public:
  Reader(const SafetensorsView& view, std::string_view where) : view_(view), where_(where) {}

  Result<const TensorView*> find(std::string_view name, Dtype dtype, std::size_t elements) const {
    const TensorView* tensor = view_.find(name);
    if (tensor == nullptr) return fail("{}: tensor {} is missing; {}", where_, name, kWhatToDo);
    if (tensor->dtype != dtype || tensor->elements() != elements) {
      return fail("{}: tensor {}: expected {} {} elements, got {} {}; {}", where_, name, elements,
                  hemiola::name(dtype), hemiola::name(tensor->dtype), shown(tensor->shape),
                  kWhatToDo);
    }
    return tensor;
  }

  Result<std::vector<float>> floats(std::string_view name, Dtype dtype, std::size_t count) const {
    HEMIOLA_TRY(const TensorView* tensor, find(name, dtype, count));
    std::vector<float> values(count);
    read_floats(*tensor, 0, values);
    for (const float value : values) {
      if (!std::isfinite(value)) {
        return fail("{}: tensor {} holds a number that is not finite; {}", where_, name, kWhatToDo);
      }
    }
    return values;
  }

  std::string text(std::string_view name) const {
    const TensorView* tensor = view_.find(name);
    return tensor == nullptr ? std::string() : text_of(*tensor);
  }

 private:
  const SafetensorsView& view_;
  std::string_view where_;
};

}  // namespace

Status write_export(const Path& path, const PackedModel& model) {
  std::vector<TensorView> tensors;
  std::vector<std::vector<std::uint16_t>> halves;
  for (const auto& [name, matrix] : model.matrices) {
    tensors.push_back({name,
                       Dtype::kU8,
                       {panel_count(matrix.out),
                        static_cast<std::int64_t>(panel_bytes(matrix.packing, matrix.in))},
                       {reinterpret_cast<const std::uint8_t*>(matrix.panels), matrix.bytes()}});
  }
  for (const auto& [name, matrix] : model.matrices) {
    if (matrix.scales.empty()) continue;
    tensors.push_back(
        view_of(name + ".scale", {static_cast<std::int64_t>(matrix.scales.size())}, matrix.scales));
  }
  for (const auto& [name, values] : model.vectors) {
    const auto count = static_cast<std::int64_t>(values.size());
    if (!is_position_table(name) || model.packing == Packing::kF32) {
      tensors.push_back(view_of(name, {count}, values));
      continue;
    }
    auto& bits = halves.emplace_back();
    for (const float value : values) bits.push_back(to_bf16(value));
    tensors.push_back({name,
                       Dtype::kBf16,
                       {count},
                       {reinterpret_cast<const std::uint8_t*>(bits.data()), bits.size() * 2}});
  }
  const std::string config = json_text(config_to_json(model.config));
  tensors.push_back(text_tensor(kConfigFile, config));
  tensors.push_back(text_tensor(kTokenizerFile, model.tokenizer));
  tensors.push_back(text_tensor(kCardFile, model.card));
  return write_safetensors(path, tensors,
                           {{"format", std::string(kFormat)},
                            {"version", std::string(kVersion)},
                            {"weights", std::string(name(model.packing))},
                            {"checksum", fmt::format("{:016x}", checksum(tensors))}});
}

Result<PackedModel> read_export(std::span<const std::uint8_t> bytes, std::string_view where,
                                Checksum verify) {
  HEMIOLA_TRY(const SafetensorsView view, SafetensorsView::parse(bytes, where));
  const auto word = [&](const char* key) {
    const auto found = view.metadata().find(key);
    return found == view.metadata().end() ? std::string() : found->second;
  };
  if (word("format") != kFormat) {
    return fail(
        "{}: a safetensors file, but not an exported Hemiola model; give the folder that "
        "holds it, or a file written by export",
        where);
  }
  if (word("version") != kVersion) {
    return fail(
        "{}: format version {}, this program knows {}; export the model again with this "
        "version, or use a newer Hemiola",
        where, word("version"), kVersion);
  }
  const auto packing = packing_named(word("weights"));
  if (!packing) {
    return fail("{}: weights of kind \"{}\" are not known; expected fp32, bf16, int8 or int4",
                where, word("weights"));
  }
  if (verify == Checksum::kVerify) {
    const auto sum = fmt::format("{:016x}", checksum(view.tensors()));
    if (sum != word("checksum")) {
      return fail("{}: damaged: the checksum is {}, expected {}; {}", where, sum, word("checksum"),
                  kWhatToDo);
    }
  }
  const Reader reader(view, where);
  PackedModel model;
  model.packing = *packing;
  HEMIOLA_TRY(model.config, parse_config(reader.text(kConfigFile), where));
  model.tokenizer = reader.text(kTokenizerFile);
  model.card = reader.text(kCardFile);
  if (const auto& hash = model.config.tokenizer_sha256;
      !hash.empty() && hash != tokenizer_hash(model.tokenizer)) {
    return fail("{}: its tokenizer is not the one its settings name; {}", where, kWhatToDo);
  }
  for (const TensorSpec& spec : gpt2_tensors(model.config)) {
    const bool position_table = is_position_table(spec.name);
    const bool by_rows = spec.role == TensorRole::kEmbedding;
    if (spec.shape.size() == 2 && !position_table) {
      PackedMatrix matrix;
      matrix.packing = matrix_packing(spec, *packing);
      matrix.in = static_cast<int>(spec.shape[by_rows ? 1 : 0]);
      matrix.out = static_cast<int>(spec.shape[by_rows ? 0 : 1]);
      HEMIOLA_TRY(const TensorView* panels, reader.find(spec.name, Dtype::kU8, matrix.bytes()));
      if (reinterpret_cast<std::uintptr_t>(panels->bytes.data()) % kCacheLine != 0) {
        return fail("{}: tensor {} does not begin at a multiple of {} bytes; {}", where, spec.name,
                    kCacheLine, kWhatToDo);
      }
      matrix.panels = reinterpret_cast<const std::byte*>(panels->bytes.data());
      if (!finite_scales(matrix)) {
        return fail("{}: tensor {} has a scale that is not finite; {}", where, spec.name,
                    kWhatToDo);
      }
      if (matrix.packing == Packing::kInt8) {
        const auto outputs = static_cast<std::size_t>(panel_count(matrix.out) * kPanel);
        HEMIOLA_TRY(matrix.scales, reader.floats(spec.name + ".scale", Dtype::kF32, outputs));
      }
      model.matrices.emplace(spec.name, std::move(matrix));
      continue;
    }
    std::size_t count = element_count(spec.shape);
    if (spec.role == TensorRole::kBias) {
      count = static_cast<std::size_t>(panel_count(static_cast<int>(count)) * kPanel);
    }
    const bool half = position_table && *packing != Packing::kF32;
    HEMIOLA_TRY(auto values, reader.floats(spec.name, half ? Dtype::kBf16 : Dtype::kF32, count));
    model.vectors.emplace(spec.name, std::move(values));
  }
  return model;
}

Result<PackedModel> load_export(const Path& path) {
  HEMIOLA_TRY(MappedFile file, MappedFile::open(path));
  HEMIOLA_TRY(PackedModel model, read_export(file.bytes(), path.string()));
  model.file = std::move(file);
  return model;
}

}  // namespace hemiola
