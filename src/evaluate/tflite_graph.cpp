#include "evaluate/tflite_graph.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

namespace hemiola::evaluate {
namespace {

constexpr std::size_t kMostWeights = std::size_t{1} << 28;  // numbers, of all layers
constexpr int kLongestStep = 1024;                          // strides and dilations
constexpr int kLongestFilter = 1 << 16;                     // along one axis

std::size_t at(int index) { return static_cast<std::size_t>(index); }

std::vector<float> expanded(const TfliteTensor& tensor) {
  std::vector<float> values(tensor.elements());
  if (tensor.type == TfliteType::kFloat32) {
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    return values;
  }
  const std::size_t stride =
      tensor.scales.size() > 1 ? tensor.stride(at(tensor.dimension)) : values.size();
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int32_t number = 0;
    if (tensor.type == TfliteType::kInt8) {
      number = static_cast<std::int8_t>(tensor.data[i]);
    } else {
      std::memcpy(&number, tensor.data.data() + 4 * i, 4);
    }
    const std::size_t k = tensor.scales.size() > 1 ? i / stride % tensor.scales.size() : 0;
    values[i] = static_cast<float>(number - tensor.zero_points[k]) * tensor.scales[k];
  }
  return values;
}

std::vector<int> integers(const TfliteTensor& tensor) {
  std::vector<int> values(tensor.data.size() / 4);
  std::memcpy(values.data(), tensor.data.data(), 4 * values.size());
  return values;
}

bool is_weight(const TfliteTensor& tensor) {
  return !tensor.data.empty() && (tensor.type == TfliteType::kFloat32 || !tensor.scales.empty());
}

// Axes (1, height, width, channels).
bool is_map(const TfliteTensor& tensor) {
  return tensor.shape.size() == 4 && tensor.shape[0] == 1 && tensor.elements() > 0;
}

// The inputs that come from other operators; the others are constants, read once, or names.
std::span<const int> computed_inputs(const TfliteOperator& op) {
  const std::span<const int> inputs(op.inputs);
  switch (op.op) {
    case TfliteOp::kAdd:
    case TfliteOp::kConcatenation:
      return inputs;
    case TfliteOp::kSplit:
    case TfliteOp::kAssignVariable:
      return inputs.last(1);
    case TfliteOp::kReadVariable:
      return {};
    default:
      return inputs.first(std::min<std::size_t>(1, inputs.size()));
  }
}

}  // namespace

Result<TfliteGraph> TfliteGraph::open(const Path& path) {
  HEMIOLA_TRY(const Bytes bytes, read_file(path));
  return load(bytes, path.string());
}

Result<TfliteGraph> TfliteGraph::load(std::span<const std::uint8_t> bytes, std::string_view where) {
  TfliteGraph graph;
  graph.bytes_.assign(bytes.begin(), bytes.end());
  HEMIOLA_TRY(graph.file_, TfliteFile::parse(graph.bytes_, where));
  graph.steps_.resize(graph.file_.operators.size());
  Progress progress;
  progress.given.resize(graph.file_.tensors.size());
  progress.given[at(graph.file_.inputs[0])] = true;
  for (std::size_t i = 0; i < graph.steps_.size(); ++i) {
    HEMIOLA_CHECK(graph.prepare(i, where, progress));
  }
  if (!progress.given[at(graph.file_.outputs[0])]) {
    return fail("{}: no operator gives the output", where);
  }
  return graph;
}

std::optional<int> TfliteGraph::input_of_last(TfliteOp kind) const {
  for (auto op = file_.operators.rbegin(); op != file_.operators.rend(); ++op) {
    if (op->op == kind) return op->inputs.front();
  }
  return std::nullopt;
}

// All that run_operator() relies on is checked here, once.
Status TfliteGraph::prepare(std::size_t index, std::string_view where, Progress& progress) {
  const TfliteOperator& op = file_.operators[index];
  Step& step = steps_[index];
  const auto refuse = [&](std::string_view why) -> Status {
    return fail("{}: operator {} (code {}): {}", where, index, static_cast<int>(op.op), why);
  };
  struct Count {
    TfliteOp op;
    std::size_t inputs, outputs;
  };
  static constexpr std::array kCounts = {
      Count{TfliteOp::kAdd, 2, 1},           Count{TfliteOp::kConcatenation, 2, 1},
      Count{TfliteOp::kConv2d, 3, 1},        Count{TfliteOp::kDepthwiseConv2d, 3, 1},
      Count{TfliteOp::kDequantize, 1, 1},    Count{TfliteOp::kFullyConnected, 3, 1},
      Count{TfliteOp::kLogistic, 1, 1},      Count{TfliteOp::kReshape, 2, 1},
      Count{TfliteOp::kMean, 2, 1},          Count{TfliteOp::kStridedSlice, 4, 1},
      Count{TfliteOp::kSplit, 2, 1},         Count{TfliteOp::kLeakyRelu, 1, 1},
      Count{TfliteOp::kQuantize, 1, 1},      Count{TfliteOp::kCallOnce, 0, 0},
      Count{TfliteOp::kVarHandle, 0, 1},     Count{TfliteOp::kReadVariable, 1, 1},
      Count{TfliteOp::kAssignVariable, 2, 0}};
  const auto count = std::find_if(kCounts.begin(), kCounts.end(),
                                  [&](const Count& known) { return known.op == op.op; });
  if (count == kCounts.end()) return refuse("not known here");
  if (op.inputs.size() != count->inputs || op.outputs.size() != count->outputs ||
      std::count(op.inputs.begin(), op.inputs.end(), -1) > 0) {
    return refuse("unexpected number of tensors");
  }
  for (const int tensor : computed_inputs(op)) {
    if (!progress.given[at(tensor)]) return refuse("its input is not computed before it");
  }
  for (const int tensor : op.outputs) {
    const TfliteTensor& out = file_.tensors[at(tensor)];
    if (out.type == TfliteType::kInt8 && out.scales.empty())
      return refuse("no scale of its output");
    progress.given[at(tensor)] = op.op != TfliteOp::kVarHandle;
  }
  const auto in = [&](std::size_t i) -> const TfliteTensor& {
    return file_.tensors[at(op.inputs[i])];
  };
  const auto same_size = [&](std::size_t i) {
    return in(i).elements() == file_.tensors[at(op.outputs[0])].elements();
  };
  switch (op.op) {
    case TfliteOp::kConv2d:
    case TfliteOp::kDepthwiseConv2d:
    case TfliteOp::kFullyConnected:
      progress.weights += in(1).elements() + in(2).elements();
      if (progress.weights > kMostWeights) return refuse("too many weights");
      return prepare_filters(op, step, where);
    case TfliteOp::kAdd:
      return same_size(0) && same_size(1) ? Status() : refuse("shapes differ");
    case TfliteOp::kConcatenation: {
      const auto& out = file_.tensors[at(op.outputs[0])];
      const bool fits = is_map(in(0)) && is_map(in(1)) && is_map(out) && op.axis == 1 &&
                        in(0).stride(1) == in(1).stride(1) &&
                        in(0).elements() + in(1).elements() == out.elements();
      return fits ? Status() : refuse("expected to join two maps along their height");
    }
    case TfliteOp::kMean: {
      const std::vector<int> axes = integers(in(1));
      const bool fits = is_map(in(0)) && axes == std::vector<int>{1, 2} &&
                        file_.tensors[at(op.outputs[0])].elements() == at(in(0).shape[3]);
      return fits ? Status() : refuse("expected the mean over height and width");
    }
    case TfliteOp::kStridedSlice: {
      const std::vector<int> begin = integers(in(1)), end = integers(in(2)),
                             strides = integers(in(3));
      const auto& shape = in(0).shape;
      if (!is_map(in(0)) || begin.size() != 4 || end.size() != 4 ||
          strides != std::vector<int>{1, 1, 1, 1}) {
        return refuse("expected a slice of a map, with stride 1");
      }
      std::size_t elements = 1;
      for (std::size_t i = 0; i < 4; ++i) {
        const auto bounded = [&](int value) {
          return std::clamp(value < 0 ? value + shape[i] : value, 0, shape[i]);
        };
        const int first = op.begin_mask >> i & 1 ? 0 : bounded(begin[i]);
        const int last = op.end_mask >> i & 1 ? shape[i] : bounded(end[i]);
        step.begin.push_back(first);
        step.sizes.push_back(std::max(0, last - first));
        elements *= at(step.sizes.back());
      }
      const bool fits = elements > 0 && elements == file_.tensors[at(op.outputs[0])].elements();
      return fits ? Status() : refuse("shapes differ");
    }
    case TfliteOp::kSplit:
      return same_size(1) ? Status() : refuse("expected one part");
    case TfliteOp::kVarHandle:
      variables_[op.outputs[0]] = op.variable;
      return {};
    case TfliteOp::kReadVariable:
    case TfliteOp::kAssignVariable:
      return variables_.contains(op.inputs[0]) ? Status() : refuse("no such variable");
    case TfliteOp::kCallOnce:
      return {};
    default:
      return same_size(0) ? Status() : refuse("shapes differ");
  }
}

Status TfliteGraph::prepare_filters(const TfliteOperator& op, Step& step,
                                    std::string_view where) const {
  const TfliteTensor& in = file_.tensors[at(op.inputs[0])];
  const TfliteTensor& filters = file_.tensors[at(op.inputs[1])];
  const TfliteTensor& bias = file_.tensors[at(op.inputs[2])];
  const TfliteTensor& out = file_.tensors[at(op.outputs[0])];
  if (!is_weight(filters) || !is_weight(bias)) {
    return fail("{}: weights of a layer are not constants", where);
  }
  const auto misfit = [&] { return fail("{}: a layer's weights do not fit its input", where); };
  step.bias = expanded(bias);
  if (op.op == TfliteOp::kFullyConnected) {
    if (filters.shape.size() != 2 || in.elements() != at(filters.shape[1]) ||
        out.elements() != at(filters.shape[0])) {
      return misfit();
    }
    HEMIOLA_TRY(Linear linear, Linear::create(where, filters.shape[1], filters.shape[0],
                                              expanded(filters), step.bias));
    step.groups.push_back(std::move(linear));
    return {};
  }
  const auto is_step = [](int width) { return width >= 1 && width <= kLongestStep; };
  if (!is_map(in) || !is_map(out) || filters.shape.size() != 4 || !is_step(op.stride_y) ||
      !is_step(op.stride_x) || !is_step(op.dilation_y) || !is_step(op.dilation_x) ||
      filters.shape[1] > kLongestFilter || filters.shape[2] > kLongestFilter) {
    return misfit();
  }
  step.window.height = filters.shape[1];
  step.window.width = filters.shape[2];
  step.window.stride_y = op.stride_y;
  step.window.stride_x = op.stride_x;
  step.window.dilation_y = op.dilation_y;
  step.window.dilation_x = op.dilation_x;
  FeatureMap shape;
  shape.height = in.shape[1];
  shape.width = in.shape[2];
  step.window =
      place_window(shape, step.window, op.same_padding ? Padding::kSame : Padding::kValid);
  if (step.window.out_height != out.shape[1] || step.window.out_width != out.shape[2]) {
    return misfit();
  }
  if (op.op == TfliteOp::kDepthwiseConv2d) {
    if (filters.shape[0] != 1 || filters.shape[3] != in.shape[3] || out.shape[3] != in.shape[3] ||
        step.bias.size() != at(out.shape[3])) {
      return misfit();
    }
    step.filters = expanded(filters);
    return {};
  }
  const int channels = in.shape[3], group_in = filters.shape[3], outputs = filters.shape[0];
  if (group_in < 1 || channels % group_in != 0 || outputs % (channels / group_in) != 0 ||
      out.shape[3] != outputs || step.bias.size() != at(outputs)) {
    return misfit();
  }
  const int groups = channels / group_in;
  const std::vector<float> weights = expanded(filters);
  for (int group = 0; group < groups; ++group) {
    const std::size_t part = weights.size() / at(groups), few = step.bias.size() / at(groups);
    HEMIOLA_TRY(Linear linear,
                Linear::create(where, static_cast<int>(filters.stride(0)), outputs / groups,
                               std::span(weights).subspan(at(group) * part, part),
                               std::span(step.bias).subspan(at(group) * few, few)));
    step.groups.push_back(std::move(linear));
  }
  return {};
}

FeatureMap TfliteGraph::map_of(int tensor, const Values& values) const {
  const auto& shape = file_.tensors[at(tensor)].shape;
  FeatureMap map;
  map.height = shape[1];
  map.width = shape[2];
  map.channels = shape[3];
  map.values = values[at(tensor)];
  return map;
}

const std::string& TfliteGraph::variable_of(int handle) const { return variables_.at(handle); }

void TfliteGraph::finish(const TfliteOperator& op, std::vector<float>& values) const {
  if (op.activation == 1 || op.activation == 3) relu(values);
  if (op.activation == 3) {
    for (float& value : values) value = std::min(value, 6.0f);
  }
  const TfliteTensor& out = file_.tensors[at(op.outputs[0])];
  if (out.type != TfliteType::kInt8) return;
  const float scale = out.scales[0];
  const auto zero = static_cast<float>(out.zero_points[0]);
  for (float& value : values) {
    const float number = std::clamp(std::round(value / scale) + zero, -128.0f, 127.0f);
    value = (number - zero) * scale;
  }
}

void TfliteGraph::run_operator(const TfliteOperator& op, const Step& step, Values& values,
                               State& state) const {
  const auto in = [&](std::size_t i) -> const std::vector<float>& {
    return values[at(op.inputs[i])];
  };
  std::vector<float> out;
  switch (op.op) {
    case TfliteOp::kConv2d:
      out = convolve(map_of(op.inputs[0], values), step.groups, step.window).values;
      break;
    case TfliteOp::kDepthwiseConv2d:
      out = convolve_depthwise(map_of(op.inputs[0], values), step.filters, step.bias, step.window)
                .values;
      break;
    case TfliteOp::kFullyConnected:
      out.resize(at(step.groups[0].out()));
      step.groups[0].apply(in(0).data(), 1, out.data(), step.groups[0].out());
      break;
    case TfliteOp::kAdd:
      out = in(0);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += in(1)[i];
      break;
    case TfliteOp::kConcatenation:
      out = in(0);
      out.insert(out.end(), in(1).begin(), in(1).end());
      break;
    case TfliteOp::kLogistic:
      for (const float value : in(0)) out.push_back(1 / (1 + std::exp(-value)));
      break;
    case TfliteOp::kMean: {
      const auto channels = at(file_.tensors[at(op.inputs[0])].shape[3]);
      out.resize(channels);
      for (std::size_t i = 0; i < in(0).size(); ++i) out[i % channels] += in(0)[i];
      for (float& value : out) value /= static_cast<float>(in(0).size() / channels);
      break;
    }
    case TfliteOp::kLeakyRelu:
      for (const float value : in(0)) out.push_back(value < 0 ? value * op.alpha : value);
      break;
    case TfliteOp::kStridedSlice: {
      const FeatureMap map = map_of(op.inputs[0], values);
      for (int y = step.begin[1]; y < step.begin[1] + step.sizes[1]; ++y) {
        for (int x = step.begin[2]; x < step.begin[2] + step.sizes[2]; ++x) {
          const float* from = map.at(y, x) + step.begin[3];
          out.insert(out.end(), from, from + step.sizes[3]);
        }
      }
      break;
    }
    case TfliteOp::kSplit:
      out = in(1);
      break;
    case TfliteOp::kReadVariable: {
      out = state[variable_of(op.inputs[0])];
      out.resize(file_.tensors[at(op.outputs[0])].elements());
      break;
    }
    case TfliteOp::kAssignVariable:
      state[variable_of(op.inputs[0])] = in(1);
      return;
    case TfliteOp::kCallOnce:
    case TfliteOp::kVarHandle:
      return;
    case TfliteOp::kQuantize:
    case TfliteOp::kDequantize:
    case TfliteOp::kReshape:
      out = in(0);
      break;
  }
  finish(op, out);
  values[at(op.outputs[0])] = std::move(out);
}

std::vector<float> TfliteGraph::run(std::span<const float> input, int tensor, State& state) const {
  Values values(file_.tensors.size());
  values[at(file_.inputs[0])].assign(input.begin(), input.end());
  for (std::size_t i = 0; i < file_.operators.size(); ++i) {
    const TfliteOperator& op = file_.operators[i];
    // An assignment gives nothing to read, but belongs to the run.
    if (!values[at(tensor)].empty() && op.op != TfliteOp::kAssignVariable) continue;
    run_operator(op, steps_[i], values, state);
  }
  return std::move(values[at(tensor)]);
}

}  // namespace hemiola::evaluate
