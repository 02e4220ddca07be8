#include "evaluate/tflite_file.h"

#include <algorithm>
#include <cstring>

namespace hemiola::evaluate {
namespace {

constexpr std::size_t kMostElements = std::size_t{1} << 28;

// FlatBuffers: a table begins with the distance back to its vtable, which says where each field
// lies (0: not there). References are distances forward from where they stand. Any offset outside
// the bytes sets `broken`, and zero is read.
class Flat {
 public:
  explicit Flat(std::span<const std::uint8_t> bytes)
      : bytes_(bytes), copied_at_most_(4 * bytes.size()) {}

  bool broken = false;

  template <class T>
  T read(std::size_t at) {
    T value{};
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T)) {
      broken = true;
      return value;
    }
    std::memcpy(&value, bytes_.data() + at, sizeof(T));
    return value;
  }

  // Where a field of a table lies; 0: it is not there.
  std::size_t field(std::size_t table, std::size_t number) {
    if (table == 0) return 0;
    const auto vtable = static_cast<std::int64_t>(table) - read<std::int32_t>(table);
    if (vtable <= 0) {
      broken = true;
      return 0;
    }
    const auto at = static_cast<std::size_t>(vtable);
    if (4 + 2 * number + 2 > read<std::uint16_t>(at)) return 0;
    const std::size_t offset = read<std::uint16_t>(at + 4 + 2 * number);
    return offset == 0 ? 0 : table + offset;
  }

  template <class T>
  T scalar(std::size_t table, std::size_t number, T fallback) {
    const std::size_t at = field(table, number);
    return at == 0 ? fallback : read<T>(at);
  }

  // What a reference in a field points to: a table, or a vector's length.
  std::size_t target(std::size_t table, std::size_t number) {
    const std::size_t at = field(table, number);
    return at == 0 ? 0 : at + read<std::uint32_t>(at);
  }

  // The tables of a vector of tables.
  std::vector<std::size_t> tables(std::size_t table, std::size_t number) {
    std::vector<std::size_t> result;
    const std::size_t vector = target(table, number);
    const std::size_t count = copied_length(vector, 4);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = vector + 4 + 4 * i;
      result.push_back(at + read<std::uint32_t>(at));
    }
    return result;
  }

  template <class T>
  std::vector<T> numbers(std::size_t table, std::size_t number) {
    const std::size_t vector = target(table, number);
    std::vector<T> result(copied_length(vector, sizeof(T)));
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = read<T>(vector + 4 + sizeof(T) * i);
    return result;
  }

  std::span<const std::uint8_t> bytes(std::size_t table, std::size_t number) {
    const std::size_t vector = target(table, number);
    const std::size_t count = length(vector, 1);
    return count == 0 ? std::span<const std::uint8_t>() : bytes_.subspan(vector + 4, count);
  }

 private:
  std::size_t length(std::size_t vector, std::size_t size) {
    if (vector == 0) return 0;
    const std::size_t count = read<std::uint32_t>(vector);
    if (broken || count > (bytes_.size() - vector) / size ||
        vector + 4 + count * size > bytes_.size()) {
      broken = true;
      return 0;
    }
    return count;
  }

  // Of a vector whose items are copied. Where tables share vectors a small file could otherwise
  // become a large one.
  std::size_t copied_length(std::size_t vector, std::size_t size) {
    const std::size_t count = length(vector, size);
    if (count * size > copied_at_most_) {
      broken = true;
      return 0;
    }
    copied_at_most_ -= count * size;
    return count;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t copied_at_most_;  // bytes, from here on
};

void read_options(Flat& flat, std::size_t table, TfliteOperator& op) {
  const std::size_t options = flat.target(table, 4);
  const auto byte = [&](std::size_t number) {
    return flat.scalar<std::int8_t>(options, number, 0);
  };
  const auto integer = [&](std::size_t number, int fallback) {
    return flat.scalar<std::int32_t>(options, number, fallback);
  };
  switch (op.op) {
    case TfliteOp::kConv2d:
    case TfliteOp::kDepthwiseConv2d: {
      // The second has its multiplier of channels in between; it must be 1, which the shapes say.
      const std::size_t more = op.op == TfliteOp::kDepthwiseConv2d ? 1 : 0;
      op.same_padding = byte(0) == 0;
      op.stride_x = integer(1, 0);
      op.stride_y = integer(2, 0);
      op.activation = byte(3 + more);
      op.dilation_x = integer(4 + more, 1);
      op.dilation_y = integer(5 + more, 1);
      break;
    }
    case TfliteOp::kAdd:
    case TfliteOp::kFullyConnected:
      op.activation = byte(0);
      break;
    case TfliteOp::kConcatenation:
      op.axis = integer(0, 0);
      op.activation = byte(1);
      break;
    case TfliteOp::kStridedSlice:
      op.begin_mask = integer(0, 0);
      op.end_mask = integer(1, 0);
      break;
    case TfliteOp::kLeakyRelu:
      op.alpha = flat.scalar<float>(options, 0, 0);
      break;
    case TfliteOp::kVarHandle: {
      const auto name = flat.bytes(options, 1);
      op.variable.assign(name.begin(), name.end());
      break;
    }
    default:
      break;
  }
}

std::size_t bytes_of(TfliteType type) { return type == TfliteType::kInt8 ? 1 : 4; }

}  // namespace

std::size_t TfliteTensor::elements() const {
  return stride(0) * (shape.empty() ? 1 : static_cast<std::size_t>(shape[0]));
}

std::size_t TfliteTensor::stride(std::size_t axis) const {
  std::size_t result = 1;
  for (std::size_t i = axis + 1; i < shape.size(); ++i)
    result *= static_cast<std::size_t>(shape[i]);
  return result;
}

Result<TfliteFile> TfliteFile::parse(std::span<const std::uint8_t> bytes, std::string_view where) {
  if (bytes.size() < 16 || std::memcmp(bytes.data() + 4, "TFL3", 4) != 0) {
    return fail("{}: not a TensorFlow Lite model (no TFL3 at byte 4)", where);
  }
  Flat flat(bytes);
  const std::size_t model = flat.read<std::uint32_t>(0);
  std::vector<std::int32_t> codes;
  for (const std::size_t code : flat.tables(model, 1)) {
    // The old field holds what fits a byte; a file of either age has the larger in the right one.
    codes.push_back(std::max<std::int32_t>(flat.scalar<std::int8_t>(code, 0, 0),
                                           flat.scalar<std::int32_t>(code, 3, 0)));
  }
  const std::vector<std::size_t> graphs = flat.tables(model, 2), buffers = flat.tables(model, 4);
  if (graphs.empty()) return fail("{}: holds no graph", where);

  TfliteFile file;
  file.inputs = flat.numbers<std::int32_t>(graphs[0], 1);
  file.outputs = flat.numbers<std::int32_t>(graphs[0], 2);
  for (const std::size_t table : flat.tables(graphs[0], 0)) {
    TfliteTensor& tensor = file.tensors.emplace_back();
    tensor.shape = flat.numbers<std::int32_t>(table, 0);
    tensor.type = static_cast<TfliteType>(flat.scalar<std::int8_t>(table, 1, 0));
    const std::size_t buffer = flat.scalar<std::uint32_t>(table, 2, 0);
    const std::size_t quantisation = flat.target(table, 4);
    tensor.scales = flat.numbers<float>(quantisation, 2);
    tensor.zero_points = flat.numbers<std::int64_t>(quantisation, 3);
    tensor.dimension = flat.scalar<std::int32_t>(quantisation, 6, 0);
    const std::size_t index = file.tensors.size() - 1;
    std::size_t elements = 1;
    for (const int size : tensor.shape) {
      if (size < 0 || (size > 0 && elements > kMostElements / static_cast<std::size_t>(size))) {
        return fail("{}: tensor {} has an impossible shape", where, index);
      }
      elements *= static_cast<std::size_t>(size);
    }
    if (buffer >= buffers.size())
      return fail("{}: tensor {} names buffer {}", where, index, buffer);
    tensor.data = flat.bytes(buffers[buffer], 0);
    if (!tensor.data.empty() && tensor.data.size() != elements * bytes_of(tensor.type)) {
      return fail("{}: tensor {} has {} elements in {} bytes", where, index, elements,
                  tensor.data.size());
    }
    const bool along = tensor.scales.size() > 1;
    if (along &&
        (tensor.dimension < 0 ||
         static_cast<std::size_t>(tensor.dimension) >= tensor.shape.size() ||
         static_cast<std::size_t>(tensor.shape[static_cast<std::size_t>(tensor.dimension)]) !=
             tensor.scales.size())) {
      return fail("{}: tensor {} has {} scales that do not fit its shape", where, index,
                  tensor.scales.size());
    }
    if (tensor.zero_points.size() != tensor.scales.size()) {
      return fail("{}: tensor {} has {} scales and {} zero points", where, index,
                  tensor.scales.size(), tensor.zero_points.size());
    }
    for (const std::int64_t zero : tensor.zero_points) {
      if (zero != static_cast<std::int32_t>(zero)) {
        return fail("{}: tensor {} has the zero point {}", where, index, zero);
      }
    }
  }
  const auto known = [&](const std::vector<int>& tensors, int least) {
    return std::all_of(tensors.begin(), tensors.end(), [&](int tensor) {
      return tensor >= least && tensor < static_cast<int>(file.tensors.size());
    });
  };
  for (const std::size_t table : flat.tables(graphs[0], 3)) {
    TfliteOperator& op = file.operators.emplace_back();
    const std::size_t code = flat.scalar<std::uint32_t>(table, 0, 0);
    if (code >= codes.size()) return fail("{}: operator code {} is not declared", where, code);
    op.op = static_cast<TfliteOp>(codes[code]);
    op.inputs = flat.numbers<std::int32_t>(table, 1);
    op.outputs = flat.numbers<std::int32_t>(table, 2);
    read_options(flat, table, op);
    if (!known(op.inputs, -1) || !known(op.outputs, 0)) {
      return fail("{}: operator {} names a tensor that is not there", where,
                  file.operators.size() - 1);
    }
  }
  if (!known(file.inputs, 0) || !known(file.outputs, 0) || file.inputs.size() != 1 ||
      file.outputs.size() != 1) {
    return fail("{}: expected one input and one output", where);
  }
  if (flat.broken) {
    return fail("{}: damaged: an offset points outside the file, or many to one place", where);
  }
  return file;
}

}  // namespace hemiola::evaluate
