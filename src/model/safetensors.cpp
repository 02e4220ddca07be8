#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/json.h"

namespace hemiola {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 64;
// The table of a model of 300 tensors has 30 kB.
constexpr std::size_t kMaxTableBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxDimensions = 8;
constexpr std::array<Dtype, 7> kDtypes = {Dtype::kF32, Dtype::kF16, Dtype::kBf16, Dtype::kI8,
                                          Dtype::kU8,  Dtype::kI32, Dtype::kI64};
constexpr std::string_view kMetadataKey = "__metadata__";
constexpr std::string_view kWhatToDo = "the file is damaged or incomplete; copy or write it again";

// Sorted keys: a table of many entries is found in log time, unlike in base's ordered Json.
using Table = nlohmann::json;

std::uint64_t read_length(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
  return value;
}

std::optional<Dtype> dtype_named(std::string_view text) {
  for (const Dtype dtype : kDtypes) {
    if (name(dtype) == text) return dtype;
  }
  return std::nullopt;
}

// A whole number that fits; anything else (fractions, negatives, strings) is none.
std::optional<std::size_t> size_field(const Table& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::size_t>();
}

struct Entry {
  TensorView tensor;
  std::size_t begin = 0, end = 0;  // bytes after the table
};

Result<Entry> read_entry(const std::string& key, const Table& value,
                         std::span<const std::uint8_t> data, std::string_view where) {
  const auto bad = [&](std::string_view what) {
    return fail("{}: tensor \"{}\": {}; {}", where, key, what, kWhatToDo);
  };
  if (!value.is_object()) return bad("expected an object with dtype, shape and data_offsets");
  const auto dtype_field = value.find("dtype"), shape_field = value.find("shape"),
             offsets = value.find("data_offsets");
  if (dtype_field == value.end() || !dtype_field->is_string()) return bad("no dtype");
  const auto dtype = dtype_named(dtype_field->get_ref<const std::string&>());
  if (!dtype) {
    return fail(
        "{}: tensor \"{}\": dtype {} is not known here; expected F32, F16, BF16 or whole "
        "numbers; convert the model with another tool",
        where, key, dtype_field->get_ref<const std::string&>());
  }
  if (shape_field == value.end() || !shape_field->is_array()) return bad("no shape");
  if (shape_field->size() > kMaxDimensions) return bad("too many dimensions");
  Entry entry;
  entry.tensor.name = key;
  entry.tensor.dtype = *dtype;
  std::size_t bytes = size_of(*dtype);
  for (const auto& extent_field : *shape_field) {
    const auto extent = size_field(extent_field);
    std::size_t product = 0;
    if (!extent || __builtin_mul_overflow(bytes, *extent, &product) ||
        *extent > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max())) {
      return bad("the shape is not one of whole numbers of a sensible size");
    }
    bytes = product;
    entry.tensor.shape.push_back(static_cast<std::int64_t>(*extent));
  }
  if (offsets == value.end() || !offsets->is_array() || offsets->size() != 2) {
    return bad("data_offsets is not a pair");
  }
  const auto begin = size_field((*offsets)[0]), end = size_field((*offsets)[1]);
  if (!begin || !end || *begin > *end) return bad("data_offsets is not a pair of begin and end");
  if (*end > data.size()) {
    return fail("{}: tensor \"{}\": ends at byte {} of the data, but there are only {}; {}", where,
                key, *end, data.size(), kWhatToDo);
  }
  if (*end - *begin != bytes) {
    return fail("{}: tensor \"{}\": {} {} needs {} bytes, data_offsets gives {}; {}", where, key,
                name(*dtype), shown(entry.tensor.shape), bytes, *end - *begin, kWhatToDo);
  }
  entry.begin = *begin;
  entry.end = *end;
  entry.tensor.bytes = data.subspan(*begin, bytes);
  return entry;
}

}  // namespace

Result<SafetensorsView> SafetensorsView::parse(std::span<const std::uint8_t> bytes,
                                               std::string_view where) {
  if (bytes.size() < kLengthBytes + 2) {
    return fail("{}: {} bytes are too few for a safetensors file; {}", where, bytes.size(),
                kWhatToDo);
  }
  const std::uint64_t length = read_length(bytes);
  if (length > kMaxTableBytes || length > bytes.size() - kLengthBytes) {
    return fail(
        "{}: the table of tensors claims {} bytes of a file of {}: not a safetensors file, "
        "or damaged",
        where, length, bytes.size());
  }
  const auto text = bytes.subspan(kLengthBytes, length);
  const auto data = bytes.subspan(kLengthBytes + length);
  const Table table = Table::parse(text.begin(), text.end(), nullptr, false);
  if (!table.is_object()) {
    return fail("{}: the table of tensors (bytes 8 to {}) is not a JSON object; {}", where,
                kLengthBytes + length, kWhatToDo);
  }

  SafetensorsView view;
  std::vector<Entry> entries;
  for (const auto& [key, value] : table.items()) {
    if (key == kMetadataKey) {
      if (!value.is_object()) return fail("{}: {} is not an object", where, kMetadataKey);
      for (const auto& [word, content] : value.items()) {
        if (!content.is_string()) {
          return fail("{}: {} \"{}\" is not a string", where, kMetadataKey, word);
        }
        view.metadata_.emplace(word, content.get<std::string>());
      }
      continue;
    }
    HEMIOLA_TRY(Entry entry, read_entry(key, value, data, where));
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::size_t next = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != next) {
      return fail(
          "{}: tensor \"{}\": begins at byte {} of the data, expected {}: tensors overlap "
          "or leave a hole; {}",
          where, entry.tensor.name, entry.begin, next, kWhatToDo);
    }
    next = entry.end;
  }
  if (next != data.size()) {
    return fail("{}: the tensors end at byte {} of the data, the file at {}; {}", where, next,
                data.size(), kWhatToDo);
  }
  for (Entry& entry : entries) {
    view.by_name_.emplace(entry.tensor.name, view.tensors_.size());
    view.tensors_.push_back(std::move(entry.tensor));
  }
  return view;
}

const TensorView* SafetensorsView::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

Result<SafetensorsFile> SafetensorsFile::open(const Path& path) {
  HEMIOLA_TRY(MappedFile file, MappedFile::open(path));
  HEMIOLA_TRY(SafetensorsView view, SafetensorsView::parse(file.bytes(), path.string()));
  return SafetensorsFile(std::move(file), std::move(view));
}

Status write_safetensors(const Path& path, std::span<const TensorView> tensors,
                         const Metadata& metadata) {
  Json table = Json::object();
  if (!metadata.empty()) table[std::string(kMetadataKey)] = metadata;
  std::set<std::string_view> names;
  std::size_t offset = 0;
  for (const TensorView& tensor : tensors) {
    if (!names.insert(tensor.name).second || tensor.name == kMetadataKey) {
      return fail("{}: tensor name \"{}\" given twice or reserved", path.string(), tensor.name);
    }
    if (tensor.bytes.size() != tensor.elements() * size_of(tensor.dtype)) {
      return fail("{}: tensor \"{}\": {} {} with {} bytes", path.string(), tensor.name,
                  name(tensor.dtype), shown(tensor.shape), tensor.bytes.size());
    }
    Json& entry = table[tensor.name];
    entry["dtype"] = name(tensor.dtype);
    entry["shape"] = tensor.shape;
    entry["data_offsets"] = {offset, offset + tensor.bytes.size()};
    offset += tensor.bytes.size();
  }
  std::string text = json_text(table);
  text.append((kAlignment - (kLengthBytes + text.size()) % kAlignment) % kAlignment, ' ');
  std::array<std::uint8_t, kLengthBytes> length;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    length[i] = static_cast<std::uint8_t>(std::uint64_t{text.size()} >> (8 * i));
  }
  std::vector<std::span<const std::uint8_t>> pieces;
  pieces.emplace_back(length);
  pieces.emplace_back(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  for (const TensorView& tensor : tensors) pieces.push_back(tensor.bytes);
  return write_pieces(path, pieces);
}

}  // namespace hemiola
