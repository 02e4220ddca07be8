#include "model/codec_shape.h"

#include <algorithm>

namespace hemiola {
namespace {

constexpr std::int64_t kMostNumbers = 100'000'000;

void add_units(std::vector<CodecLayer>& layers, const CodecShape& shape, const std::string& where,
               int channels) {
  const int inner = channels / shape.unit_divisor;
  for (int unit = 0; unit < kCodecUnits; ++unit) {
    const std::string name = fmt::format("{}.unit{}", where, unit);
    layers.push_back({.name = name + ".spread",
                      .in = channels,
                      .out = inner,
                      .taps = shape.unit_taps,
                      .dilation = kCodecDilations[unit]});
    layers.push_back({.name = name + ".mix", .in = inner, .out = channels});
  }
}

}  // namespace

Result<CodecShape> codec_preset(std::string_view name) {
  if (name == "small") return CodecShape{};
  if (name == "paper") {
    CodecShape shape;
    shape.quantizers = 12;
    shape.width = 512;
    shape.stem_stride = 1;
    shape.stem_taps = 7;
    shape.strides = {2, 4, 5, 8};
    shape.channels = {32, 64, 128, 256, 512};
    shape.unit_taps = 7;
    shape.unit_divisor = 1;
    shape.activation = CodecActivation::kElu;
    return shape;
  }
  return fail("there is no codec preset \"{}\"; expected small or paper", name);
}

Status check(const CodecShape& shape) {
  const auto within = [](int value, int most) { return value >= 1 && value <= most; };
  if (!within(shape.rate, 192000) || !within(shape.quantizers, 64) ||
      !within(shape.codebook, 32767) || !within(shape.width, 4096) ||
      !within(shape.stem_stride, 4096) || !within(shape.stem_taps, 64) ||
      !within(shape.unit_taps, 64) || !within(shape.unit_divisor, 64) ||
      !within(shape.end_taps, 64) || shape.strides.empty() || shape.strides.size() > 8 ||
      shape.channels.size() != shape.strides.size() + 1) {
    return fail("not the shape of a codec: {}", json_text(to_json(shape)));
  }
  std::int64_t hop = shape.stem_stride;
  for (const int stride : shape.strides) {
    if (!within(stride, 64)) return fail("a codec's stride is {}; expected 1 to 64", stride);
    hop = std::min<std::int64_t>(hop * stride, 1 << 20);
  }
  if (hop != shape.hop) {
    return fail("a codec's strides make frames of {} samples, but its hop is {}", hop, shape.hop);
  }
  for (const int channels : shape.channels) {
    if (!within(channels, 4096) || channels % shape.unit_divisor != 0) {
      return fail("a codec's channels are {}; expected 1 to 4096, a multiple of {}", channels,
                  shape.unit_divisor);
    }
  }
  std::int64_t numbers = std::int64_t{shape.quantizers} * shape.codebook * shape.width;
  for (const CodecLayer& layer : codec_layers(shape)) {
    numbers += std::int64_t{layer.inputs()} * layer.outputs() * layer.taps;
  }
  if (numbers > kMostNumbers) return fail("a codec of {} numbers is too large", numbers);
  return {};
}

Json to_json(const CodecShape& shape) {
  return {{"rate", shape.rate},
          {"hop", shape.hop},
          {"quantizers", shape.quantizers},
          {"codebook", shape.codebook},
          {"width", shape.width},
          {"stem_stride", shape.stem_stride},
          {"stem_taps", shape.stem_taps},
          {"strides", shape.strides},
          {"channels", shape.channels},
          {"unit_taps", shape.unit_taps},
          {"unit_divisor", shape.unit_divisor},
          {"end_taps", shape.end_taps},
          {"activation", shape.activation == CodecActivation::kElu ? "elu" : "leaky_relu"}};
}

Result<CodecShape> codec_shape_from_json(const Json& json, std::string_view where) {
  CodecShape shape;
  try {
    // Every number is an int; what does not fit one is refused here, not cut off.
    const auto whole = [](const Json& value) {
      if (!value.is_number_integer()) return -1;
      const auto number = value.get<std::int64_t>();
      return number >= 0 && number <= 1 << 20 ? static_cast<int>(number) : -1;
    };
    const auto all = [&](const Json& values) {
      std::vector<int> numbers;
      for (const Json& value : values) numbers.push_back(whole(value));
      return numbers;
    };
    shape.rate = whole(json.at("rate"));
    shape.hop = whole(json.at("hop"));
    shape.quantizers = whole(json.at("quantizers"));
    shape.codebook = whole(json.at("codebook"));
    shape.width = whole(json.at("width"));
    shape.stem_stride = whole(json.at("stem_stride"));
    shape.stem_taps = whole(json.at("stem_taps"));
    shape.strides = all(json.at("strides"));
    shape.channels = all(json.at("channels"));
    shape.unit_taps = whole(json.at("unit_taps"));
    shape.unit_divisor = whole(json.at("unit_divisor"));
    shape.end_taps = whole(json.at("end_taps"));
    const auto activation = json.at("activation").get<std::string>();
    if (activation != "elu" && activation != "leaky_relu") {
      return fail("{}: unknown activation \"{}\"", where, activation);
    }
    shape.activation =
        activation == "elu" ? CodecActivation::kElu : CodecActivation::kLeakyRelu;
  } catch (const Json::exception& error) {
    return fail("{}: not the shape of a codec: {}", where, error.what());
  }
  if (Status status = check(shape); !status) {
    return fail(std::move(status.error()).within(where));
  }
  return shape;
}

std::vector<CodecLayer> codec_layers(const CodecShape& shape) {
  using Kind = CodecLayer::Kind;
  std::vector<CodecLayer> layers;
  const std::size_t stages = shape.strides.size();
  layers.push_back({.name = "encoder.stem",
                    .fold = shape.stem_stride,
                    .in = 1,
                    .out = shape.channels[0],
                    .taps = shape.stem_taps});
  for (std::size_t i = 0; i < stages; ++i) {
    const std::string where = fmt::format("encoder.stage{}", i);
    add_units(layers, shape, where, shape.channels[i]);
    layers.push_back({.name = where + ".down",
                      .fold = shape.strides[i],
                      .in = shape.channels[i],
                      .out = shape.channels[i + 1],
                      .taps = 2});
  }
  layers.push_back({.name = "encoder.out",
                    .in = shape.channels.back(),
                    .out = shape.width,
                    .taps = shape.end_taps});
  layers.push_back({.name = "decoder.in",
                    .in = shape.width,
                    .out = shape.channels.back(),
                    .taps = shape.end_taps});
  for (std::size_t i = stages; i-- > 0;) {
    const std::string where = fmt::format("decoder.stage{}", i);
    layers.push_back({.name = where + ".up",
                      .kind = Kind::kUnfold,
                      .fold = shape.strides[i],
                      .in = shape.channels[i + 1],
                      .out = shape.channels[i],
                      .taps = 2});
    add_units(layers, shape, where, shape.channels[i]);
  }
  layers.push_back({.name = "decoder.head",
                    .kind = Kind::kUnfold,
                    .fold = shape.stem_stride,
                    .in = shape.channels[0],
                    .out = 1,
                    .taps = shape.stem_taps});
  return layers;
}

}  // namespace hemiola
