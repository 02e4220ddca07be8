// The codec's network and quantizer in libtorch, for training and as the plain reference of the
// codec that is run without it. Sound is (rows, samples), features are (rows, channels, frames).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "model/codec_shape.h"
#include "nn/torch_pch.h"

namespace hemiola::nn {

// The weights as views of one flat tensor, so that the optimiser has one thing to move; encoder
// first, then decoder.
class TorchCodec {
 public:
  explicit TorchCodec(const CodecShape& shape);

  const CodecShape& shape() const { return shape_; }
  std::int64_t size() const { return size_; }
  std::int64_t decoder_begin() const { return decoder_begin_; }  // in the flat tensor

  torch::Tensor initial_weights(std::uint64_t seed) const;  // (size)
  // Views of `flat` by name, (outputs, taps, inputs) or (outputs).
  std::map<std::string, torch::Tensor> tensors(const torch::Tensor& flat) const;

  // (rows, samples) -> (rows, width, frames); samples a multiple of the hop.
  torch::Tensor encode(const std::map<std::string, torch::Tensor>& weights,
                       const torch::Tensor& sound) const;
  torch::Tensor decode(const std::map<std::string, torch::Tensor>& weights,
                       const torch::Tensor& features) const;

 private:
  using Weights = std::map<std::string, torch::Tensor>;
  torch::Tensor activate(const torch::Tensor& x) const;
  torch::Tensor layer(const Weights& weights, const CodecLayer& layer, torch::Tensor x) const;
  torch::Tensor stack(const Weights& weights, const std::vector<CodecLayer>& layers,
                      torch::Tensor x) const;

  CodecShape shape_;
  std::vector<CodecLayer> encoder_, decoder_;
  std::int64_t size_ = 0, decoder_begin_ = 0;
};

// The residual vector quantizer. Its codebooks are no weights: they follow what is quantised.
class TorchQuantizer {
 public:
  TorchQuantizer(const CodecShape& shape, torch::Device device);

  struct Output {
    torch::Tensor features;  // like x; gradients pass through as if nothing had been done
    torch::Tensor commit;    // scalar: squared distance of each residual to its entry, summed
    torch::Tensor codes;     // (rows, frames, quantizers), int64
    std::vector<torch::Tensor> residuals;  // of each quantizer: (rows * frames, width), no gradient
  };
  // x (rows, width, frames); `use` (rows): how many codes of each row are decoded.
  Output run(const torch::Tensor& x, const torch::Tensor& use) const;

  // Moves the codebooks after what was quantised; returns how many entries got new places.
  int follow(const Output& output, double decay, double dead_share, Rng& rng);
  // x (frames, width).
  void begin(const torch::Tensor& x, Rng& rng);
  bool begun() const { return begun_; }

  // codebooks (quantizers, codebook, width), counts (quantizers, codebook), sums like codebooks.
  torch::Tensor codebooks, counts, sums;
  void set_begun(bool begun) { begun_ = begun; }

 private:
  torch::Tensor nearest(const torch::Tensor& x, std::int64_t quantizer) const;

  CodecShape shape_;
  bool begun_ = false;
};

}  // namespace hemiola::nn
