#include "evaluate/tf_checkpoint.h"

#include <cstring>
#include <optional>

namespace hemiola::evaluate {
namespace {

using Span = std::span<const std::uint8_t>;

constexpr std::size_t kFooter = 48, kTrailer = 5;  // bytes; a trailer stands after each block
constexpr std::uint64_t kMagic = 0xdb4775248b80fb57u;

std::optional<std::uint64_t> take_varint(Span& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const std::uint8_t byte = bytes[0];
    bytes = bytes.subspan(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<Span> take(Span& bytes, std::uint64_t count) {
  if (count > bytes.size()) return std::nullopt;
  const Span taken = bytes.first(static_cast<std::size_t>(count));
  bytes = bytes.subspan(static_cast<std::size_t>(count));
  return taken;
}

// One field of a protocol buffer: its number, and its bytes or its integer.
struct Field {
  std::uint64_t number = 0, integer = 0;
  Span bytes;
};

// Calls use(field) for each field; false if the bytes do not make sense or `use` does not like
// them.
template <class Use>
bool for_each_field(Span message, Use use) {
  while (!message.empty()) {
    const auto tag = take_varint(message);
    if (!tag) return false;
    Field field;
    field.number = *tag >> 3;
    std::optional<std::uint64_t> size;
    switch (*tag & 7) {
      case 0:
        size = take_varint(message);
        if (!size) return false;
        field.integer = *size;
        if (!use(field)) return false;
        continue;
      case 1:
        size = 8;
        break;
      case 2:
        size = take_varint(message);
        break;
      case 5:
        size = 4;
        break;
      default:
        return false;
    }
    const auto bytes = size ? take(message, *size) : std::nullopt;
    if (!bytes) return false;
    field.bytes = *bytes;
    if (!use(field)) return false;
  }
  return true;
}

// Calls use(value) for each entry of a block, whose keys share beginnings and do not matter here.
template <class Use>
bool for_each_entry(Span block, Use use) {
  if (block.size() < 4) return false;
  std::uint32_t restarts = 0;
  std::memcpy(&restarts, block.data() + block.size() - 4, 4);
  if (restarts > (block.size() - 4) / 4) return false;
  Span entries = block.first(block.size() - 4 - 4 * std::size_t{restarts});
  while (!entries.empty()) {
    const auto shared = take_varint(entries), rest = take_varint(entries),
               size = take_varint(entries);
    if (!shared || !rest || !size || !take(entries, *rest)) return false;
    const auto value = take(entries, *size);
    if (!value || !use(*value)) return false;
  }
  return true;
}

// The shape of one tensor, from SavedSliceMeta: name = 1, shape = 2, type = 3, slice = 4.
bool read_meta(Span message, Checkpoint& checkpoint) {
  std::string name;
  CheckpointTensor tensor;
  int slices = 0;
  std::uint64_t type = 0;
  const bool whole = for_each_field(message, [&](const Field& field) {
    if (field.number == 1) name.assign(field.bytes.begin(), field.bytes.end());
    if (field.number == 3) type = field.integer;
    if (field.number == 4) ++slices;
    if (field.number != 2) return true;
    return for_each_field(field.bytes, [&](const Field& dimension) {
      if (dimension.number != 2) return true;
      std::uint64_t size = 0;
      if (!for_each_field(dimension.bytes, [&](const Field& part) {
            if (part.number == 1) size = part.integer;
            return true;
          })) {
        return false;
      }
      tensor.shape.push_back(static_cast<int>(size));
      return size > 0 && size < 1u << 30;
    });
  });
  if (!whole || slices > 1) return false;
  if (type == 1) checkpoint[name] = tensor;  // float; others (step counters) are left out
  return true;
}

// The values, from SavedSlice: name = 1, slice = 2, data = 3 (TensorProto: float_val = 5).
bool read_data(Span message, Checkpoint& checkpoint) {
  std::string name;
  Span values;
  const bool whole = for_each_field(message, [&](const Field& field) {
    if (field.number == 1) name.assign(field.bytes.begin(), field.bytes.end());
    if (field.number != 3) return true;
    return for_each_field(field.bytes, [&](const Field& part) {
      if (part.number == 5) values = part.bytes;
      return true;
    });
  });
  if (!whole) return false;
  const auto known = checkpoint.find(name);
  if (known == checkpoint.end()) return true;
  std::size_t elements = 1;
  for (const int size : known->second.shape) {
    elements *= static_cast<std::size_t>(size);
    if (elements > values.size()) return false;
  }
  if (values.size() != 4 * elements) return false;
  known->second.bytes = values;
  return true;
}

}  // namespace

std::vector<float> CheckpointTensor::values() const {
  std::vector<float> result(bytes.size() / 4);
  std::memcpy(result.data(), bytes.data(), 4 * result.size());
  return result;
}

Result<Checkpoint> parse_checkpoint(Span bytes, std::string_view where) {
  std::uint64_t magic = 0;
  if (bytes.size() >= kFooter) std::memcpy(&magic, bytes.data() + bytes.size() - 8, 8);
  if (magic != kMagic) {
    return fail("{}: not a TensorFlow checkpoint in one file (its last eight bytes differ)", where);
  }
  const auto damaged = [&] { return fail("{}: damaged: its table does not make sense", where); };
  const auto block_at = [&](Span handle) -> std::optional<Span> {
    const auto offset = take_varint(handle), size = take_varint(handle);
    if (!offset || !size || *offset > bytes.size()) return std::nullopt;
    Span rest = bytes.subspan(static_cast<std::size_t>(*offset));
    const auto block = take(rest, *size);
    if (!block || rest.size() < kTrailer || rest[0] != 0) return std::nullopt;  // 0: as it is
    return block;
  };
  // The footer: where the block of meta entries is, then where the index is.
  Span footer = bytes.last(kFooter);
  if (!take_varint(footer) || !take_varint(footer)) return damaged();
  const auto index = block_at(footer);
  if (!index) return damaged();

  // SavedTensorSlices: meta = 1 in the first entry, data = 2 in each of the others.
  // Blocks do not overlap; read again and again, a small file would take for ever.
  Checkpoint checkpoint;
  std::size_t left = bytes.size();
  const bool whole = for_each_entry(*index, [&](Span handle) {
    const auto block = block_at(handle);
    if (!block || block->size() > left) return false;
    left -= block->size();
    return for_each_entry(*block, [&](Span entry) {
      return for_each_field(entry, [&](const Field& field) {
        if (field.number == 2) return read_data(field.bytes, checkpoint);
        if (field.number != 1) return true;
        return for_each_field(field.bytes, [&](const Field& tensor) {
          return tensor.number != 1 || read_meta(tensor.bytes, checkpoint);
        });
      });
    });
  });
  if (!whole) return damaged();
  for (const auto& [name, tensor] : checkpoint) {
    if (tensor.bytes.empty()) return fail("{}: {} has no values", where, name);
  }
  return checkpoint;
}

}  // namespace hemiola::evaluate
