#include "audiolm/codec.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/hash.h"
#include "engine/kernels.h"
#include "model/aligned.h"
#include "model/codec_file.h"
#include "model/packed.h"

namespace hemiola::audiolm {
namespace {

constexpr int kFramesAtOnce = 50;  // what the work is cut into: fits the cache, changes no bit

// y = W x + b over rows, by the engine's matrix product.
class Product {
 public:
  // weights (out, in), bias (out).
  static Result<Product> create(const std::string& name, int in, int out,
                                std::span<const float> weights, std::span<const float> bias) {
    Product product;
    product.matrix_.in = in;
    product.matrix_.out = out;
    product.panels_ = AlignedBytes(product.matrix_.bytes());
    HEMIOLA_TRY(product.matrix_, pack_matrix(view_of(name, {out, in}, weights), true, Packing::kF32,
                                             product.panels_.data()));
    product.bias_.resize(static_cast<std::size_t>(panel_count(out) * kPanel));
    std::copy(bias.begin(), bias.end(), product.bias_.begin());
    return product;
  }

  // x: rows of `in` numbers, `x_stride` apart, which may overlap. y (rows, out).
  void run(const float* x, int rows, int x_stride, float* y, engine::Epilogue epilogue) const {
    engine::available_kernels().back()->matmul_f32({.panels = matrix_.panels,
                                                    .bias = bias_.data(),
                                                    .scales = nullptr,
                                                    .in = matrix_.in,
                                                    .out = matrix_.out,
                                                    .panel_begin = 0,
                                                    .panel_end = panel_count(matrix_.out),
                                                    .rows = rows,
                                                    .x = x,
                                                    .x_stride = x_stride,
                                                    .x_scales = nullptr,
                                                    .x_offsets = nullptr,
                                                    .group_stride = 0,
                                                    .y = y,
                                                    .y_stride = matrix_.out,
                                                    .epilogue = epilogue});
  }

 private:
  AlignedBytes panels_;
  PackedMatrix matrix_;
  std::vector<float> bias_;  // (out), up to whole panels
};

struct Convolution {
  CodecLayer layer;
  Product product;

  int rows_before() const { return (layer.taps - 1) * layer.dilation; }
};

// What a convolution remembers: the rows before those to come, activated. Silence at first.
struct Memory {
  std::vector<float> window;   // (rows_before + rows, inputs)
  std::vector<float> patches;  // (rows, taps, inputs), of those with gaps
};

void activate(std::span<float> x, CodecActivation activation) {
  if (activation == CodecActivation::kElu) {
    for (float& value : x) value = value > 0 ? value : std::expm1(value);
  } else {
    for (float& value : x) value = std::max(value, kCodecSlope * value);
  }
}

enum class Before { kNothing, kActivate };

// x (rows, inputs) -> y (rows, outputs), stored or added.
void run(const Convolution& convolution, Memory& memory, CodecActivation activation, Before before,
         const float* x, int rows, float* y, engine::Epilogue epilogue) {
  const CodecLayer& layer = convolution.layer;
  const auto inputs = static_cast<std::size_t>(layer.inputs());
  const auto old = static_cast<std::size_t>(convolution.rows_before()) * inputs;
  const auto fresh = static_cast<std::size_t>(rows) * inputs;
  std::vector<float>& window = memory.window;
  window.resize(old + fresh);
  std::copy_n(x, fresh, window.begin() + static_cast<std::ptrdiff_t>(old));
  if (before == Before::kActivate) activate(std::span(window).subspan(old), activation);
  if (layer.dilation == 1) {
    // Windows of neighbouring rows overlap as they stand.
    convolution.product.run(window.data(), rows, layer.inputs(), y, epilogue);
  } else {
    const auto taps = static_cast<std::size_t>(layer.taps);
    memory.patches.resize(fresh * taps);
    float* to = memory.patches.data();
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
      for (std::size_t tap = 0; tap < taps; ++tap, to += inputs) {
        const std::size_t from = row + tap * static_cast<std::size_t>(layer.dilation);
        std::copy_n(window.data() + from * inputs, inputs, to);
      }
    }
    convolution.product.run(memory.patches.data(), rows, layer.taps * layer.inputs(), y, epilogue);
  }
  std::copy(window.end() - static_cast<std::ptrdiff_t>(old), window.end(), window.begin());
  window.resize(old);
}

// Of what makes the codes what they are.
std::string hash_of_codes(const CodecWeights& weights) {
  Sha256 hash;
  hash.update(json_text(to_json(weights.shape)));
  for (const auto& [name, shape] : codec_tensors(weights.shape)) {
    if (name.starts_with("decoder.")) continue;
    const std::vector<float>& values = weights.tensors.at(name);
    hash.update({reinterpret_cast<const std::uint8_t*>(values.data()), values.size() * 4});
  }
  return to_hex(hash.finish());
}

// Half of the network, as it stands in one piece of work.
struct Half {
  std::vector<Convolution> layers;

  std::vector<Memory> begin() const {
    std::vector<Memory> memories(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      memories[i].window.resize(static_cast<std::size_t>(layers[i].rows_before()) *
                                static_cast<std::size_t>(layers[i].layer.inputs()));
    }
    return memories;
  }

  // x (rows, channels), replaced by what comes out.
  void run(std::vector<Memory>& memories, CodecActivation activation, std::vector<float>& x) const {
    std::vector<float> y;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const CodecLayer& layer = layers[i].layer;
      const int rows = static_cast<int>(x.size()) / layer.inputs();
      y.resize(static_cast<std::size_t>(rows) * static_cast<std::size_t>(layer.outputs()));
      const Before before = i == 0 ? Before::kNothing : Before::kActivate;
      audiolm::run(layers[i], memories[i], activation, before, x.data(), rows, y.data(),
                   engine::Epilogue::kStore);
      if (layer.name.ends_with(".spread")) {  // a residual unit: its other layer adds to x
        ++i;
        audiolm::run(layers[i], memories[i], activation, Before::kActivate, y.data(), rows,
                     x.data(), engine::Epilogue::kAdd);
      } else {
        x.swap(y);
      }
    }
  }
};

}  // namespace

struct CodecNetwork {
  CodecShape shape;
  std::string sha256;
  Half encoder, decoder;
  // Of each quantizer: x . entry - |entry|^2 / 2, largest for the nearest entry.
  std::vector<Product> nearest;
  std::vector<float> codebooks;  // (quantizers, codebook, width)

  const float* entry(int quantizer, int code) const {
    return codebooks.data() +
           static_cast<std::ptrdiff_t>(quantizer * shape.codebook + code) * shape.width;
  }

  // features (frames, width), of which what no code says is left; appends (frames, quantizers).
  void quantise(std::vector<float>& features, std::vector<std::int16_t>& codes) const {
    const int frames = static_cast<int>(features.size()) / shape.width;
    const auto first = codes.size();
    const auto quantizers = static_cast<std::size_t>(shape.quantizers);
    codes.resize(first + static_cast<std::size_t>(frames) * quantizers);
    std::vector<float> scores(static_cast<std::size_t>(frames * shape.codebook));
    for (int q = 0; q < shape.quantizers; ++q) {
      nearest[static_cast<std::size_t>(q)].run(features.data(), frames, shape.width, scores.data(),
                                               engine::Epilogue::kStore);
      for (int frame = 0; frame < frames; ++frame) {
        const float* row = scores.data() + static_cast<std::ptrdiff_t>(frame) * shape.codebook;
        const int code = static_cast<int>(std::max_element(row, row + shape.codebook) - row);
        codes[first + static_cast<std::size_t>(frame) * quantizers + static_cast<std::size_t>(q)] =
            static_cast<std::int16_t>(code);
        float* rest = features.data() + static_cast<std::ptrdiff_t>(frame) * shape.width;
        const float* said = entry(q, code);
        for (int i = 0; i < shape.width; ++i) rest[i] -= said[i];
      }
    }
  }
};

Result<Codec> Codec::load(const Path& path) {
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
  return read(file.bytes(), path.string());
}

Result<Codec> Codec::read(std::span<const std::uint8_t> bytes, std::string_view where) {
  HEMIOLA_TRY(const CodecWeights weights, read_codec(bytes, where));
  auto network = std::make_shared<CodecNetwork>();
  const CodecShape& shape = network->shape = weights.shape;
  network->sha256 = hash_of_codes(weights);
  for (const CodecLayer& layer : codec_layers(shape)) {
    HEMIOLA_TRY(Product product,
                Product::create(layer.name, layer.taps * layer.inputs(), layer.outputs(),
                                weights.tensors.at(layer.name + ".weight"),
                                weights.tensors.at(layer.name + ".bias")));
    Half& half = layer.name.starts_with("encoder.") ? network->encoder : network->decoder;
    half.layers.push_back({layer, std::move(product)});
  }
  network->codebooks = weights.tensors.at(kCodebooks);
  const auto size = static_cast<std::size_t>(shape.codebook * shape.width);
  for (int q = 0; q < shape.quantizers; ++q) {
    const auto entries =
        std::span(network->codebooks).subspan(static_cast<std::size_t>(q) * size, size);
    std::vector<float> bias(static_cast<std::size_t>(shape.codebook));
    for (int code = 0; code < shape.codebook; ++code) {
      const float* entry = network->entry(q, code);
      float squares = 0;
      for (int i = 0; i < shape.width; ++i) squares += entry[i] * entry[i];
      bias[static_cast<std::size_t>(code)] = -0.5f * squares;
    }
    HEMIOLA_TRY(Product product,
                Product::create(kCodebooks, shape.width, shape.codebook, entries, bias));
    network->nearest.push_back(std::move(product));
  }
  return Codec(std::move(network));
}

const CodecShape& Codec::shape() const { return network_->shape; }
const std::string& Codec::sha256() const { return network_->sha256; }

std::vector<std::int16_t> Codec::encode(std::span<const float> sound) const {
  const CodecNetwork& network = *network_;
  const auto hop = static_cast<std::size_t>(network.shape.hop);
  std::vector<std::int16_t> codes;
  std::vector<Memory> memories = network.encoder.begin();
  std::vector<float> x;
  for (std::size_t at = 0; at < sound.size(); at += kFramesAtOnce * hop) {
    const auto part = sound.subspan(at, std::min(kFramesAtOnce * hop, sound.size() - at));
    x.assign(part.begin(), part.end());
    x.resize((part.size() + hop - 1) / hop * hop);
    network.encoder.run(memories, network.shape.activation, x);
    network.quantise(x, codes);
  }
  return codes;
}

struct Codec::Decoder::State {
  std::shared_ptr<const CodecNetwork> network;
  std::vector<Memory> memories;
  std::vector<float> x;

  // codes (frames, quantizers)
  void run(std::span<const std::int16_t> codes, int quantizers, std::vector<float>& out) {
    const CodecShape& shape = network->shape;
    const int frames = static_cast<int>(codes.size()) / quantizers;
    x.assign(static_cast<std::size_t>(frames * shape.width), 0.0f);
    for (int frame = 0; frame < frames; ++frame) {
      float* sum = x.data() + static_cast<std::ptrdiff_t>(frame) * shape.width;
      for (int q = 0; q < quantizers; ++q) {
        const int code = codes[static_cast<std::size_t>(frame * quantizers + q)];
        assert(code >= 0 && code < shape.codebook);
        const float* entry = network->entry(q, code);
        for (int i = 0; i < shape.width; ++i) sum[i] += entry[i];
      }
    }
    network->decoder.run(memories, shape.activation, x);
    out.insert(out.end(), x.begin(), x.end());
  }
};

Codec::Decoder::Decoder(const Codec& codec)
    : state_(std::make_unique<State>(State{codec.network_, codec.network_->decoder.begin(), {}})) {}
Codec::Decoder::Decoder(Decoder&&) noexcept = default;
Codec::Decoder& Codec::Decoder::operator=(Decoder&&) noexcept = default;
Codec::Decoder::~Decoder() = default;

void Codec::Decoder::push(std::span<const std::int16_t> frame_codes, std::vector<float>& out) {
  assert(!frame_codes.empty() &&
         frame_codes.size() <= static_cast<std::size_t>(state_->network->shape.quantizers));
  state_->run(frame_codes, static_cast<int>(frame_codes.size()), out);
}

std::vector<float> Codec::decode(std::span<const std::int16_t> codes, int quantizers) const {
  assert(quantizers >= 1 && quantizers <= shape().quantizers);
  const auto width = static_cast<std::size_t>(quantizers);
  const std::size_t frames = codes.size() / width;
  std::vector<float> out;
  out.reserve(frames * static_cast<std::size_t>(shape().hop));
  Decoder decoder(*this);
  for (std::size_t frame = 0; frame < frames; frame += kFramesAtOnce) {
    const std::size_t count = std::min<std::size_t>(kFramesAtOnce, frames - frame);
    decoder.state_->run(codes.subspan(frame * width, count * width), quantizers, out);
  }
  return out;
}

std::vector<std::int16_t> first_codes(std::span<const std::int16_t> codes, int all, int used) {
  assert(1 <= used && used <= all);
  std::vector<std::int16_t> first;
  first.reserve(codes.size() / static_cast<std::size_t>(all) * static_cast<std::size_t>(used));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (i % static_cast<std::size_t>(all) < static_cast<std::size_t>(used)) {
      first.push_back(codes[i]);
    }
  }
  return first;
}

}  // namespace hemiola::audiolm
