#include "nn/torch_codec.h"

#include <cmath>

#include "model/codec_file.h"

namespace hemiola::nn {

namespace {

bool is_encoder(const CodecLayer& layer) { return layer.name.starts_with("encoder."); }
bool is_spread(const CodecLayer& layer) { return layer.name.ends_with(".spread"); }

// (rows, channels, n * s) -> (rows, s * channels, n)
torch::Tensor fold(const torch::Tensor& x, std::int64_t s) {
  if (s == 1) return x;
  const auto rows = x.size(0), channels = x.size(1), n = x.size(2) / s;
  return x.view({rows, channels, n, s}).permute({0, 3, 1, 2}).reshape({rows, s * channels, n});
}

// (rows, s * channels, n) -> (rows, channels, n * s)
torch::Tensor unfold(const torch::Tensor& x, std::int64_t s) {
  if (s == 1) return x;
  const auto rows = x.size(0), channels = x.size(1) / s, n = x.size(2);
  return x.view({rows, s, channels, n}).permute({0, 2, 3, 1}).reshape({rows, channels, n * s});
}

}  // namespace

TorchCodec::TorchCodec(const CodecShape& shape) : shape_(shape) {
  for (const CodecLayer& layer : codec_layers(shape)) {
    (is_encoder(layer) ? encoder_ : decoder_).push_back(layer);
    const auto numbers = static_cast<std::int64_t>(layer.weights()) + layer.outputs();
    size_ += numbers;
    if (is_encoder(layer)) decoder_begin_ += numbers;
  }
}

torch::Tensor TorchCodec::initial_weights(std::uint64_t seed) const {
  torch::Tensor flat = torch::zeros({size_});
  const Weights weights = tensors(flat);
  torch::manual_seed(mix64(seed));
  for (const auto* layers : {&encoder_, &decoder_}) {
    for (const CodecLayer& layer : *layers) {
      const double inputs = static_cast<double>(layer.taps) * layer.inputs();
      // Residual units begin close to doing nothing.
      const double gain = layer.name.ends_with(".mix") ? 0.3 : 1.0;
      torch::Tensor weight = weights.at(layer.name + ".weight");
      weight.normal_(0, gain / std::sqrt(inputs));
    }
  }
  return flat;
}

TorchCodec::Weights TorchCodec::tensors(const torch::Tensor& flat) const {
  std::vector<std::int64_t> sizes;
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> names;
  for (const auto& [name, shape] : codec_tensors(shape_)) {
    if (name == kCodebooks) continue;
    sizes.push_back(static_cast<std::int64_t>(element_count(shape)));
    names.emplace_back(name, std::vector<std::int64_t>(shape.begin(), shape.end()));
  }
  const std::vector<torch::Tensor> parts = flat.split_with_sizes(sizes);
  Weights weights;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    weights[names[i].first] = parts[i].view(names[i].second);
  }
  return weights;
}

torch::Tensor TorchCodec::activate(const torch::Tensor& x) const {
  return shape_.activation == CodecActivation::kElu
             ? torch::elu(x)
             : torch::leaky_relu(x, static_cast<double>(kCodecSlope));
}

torch::Tensor TorchCodec::layer(const Weights& weights, const CodecLayer& layer,
                                torch::Tensor x) const {
  const bool unfolds = layer.kind == CodecLayer::Kind::kUnfold;
  if (!unfolds) x = fold(x, layer.fold);
  const std::int64_t before = std::int64_t{layer.taps - 1} * layer.dilation;
  if (before > 0) x = torch::constant_pad_nd(x, {before, 0}, 0);
  const std::int64_t stride = 1, padding = 0, dilation = layer.dilation;
  x = torch::conv1d(x, weights.at(layer.name + ".weight").permute({0, 2, 1}).contiguous(),
                    weights.at(layer.name + ".bias"), torch::IntArrayRef(stride),
                    torch::IntArrayRef(padding), torch::IntArrayRef(dilation));
  return unfolds ? unfold(x, layer.fold) : x;
}

torch::Tensor TorchCodec::stack(const Weights& weights, const std::vector<CodecLayer>& layers,
                                torch::Tensor x) const {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (is_spread(layers[i])) {
      const torch::Tensor inner = layer(weights, layers[i], activate(x));
      x = x + layer(weights, layers[i + 1], activate(inner));
      ++i;
    } else {
      // The first layer of each half reads what comes from outside.
      x = layer(weights, layers[i], i == 0 ? x : activate(x));
    }
  }
  return x;
}

torch::Tensor TorchCodec::encode(const Weights& weights, const torch::Tensor& sound) const {
  return stack(weights, encoder_, sound.unsqueeze(1));
}

torch::Tensor TorchCodec::decode(const Weights& weights, const torch::Tensor& features) const {
  return stack(weights, decoder_, features).squeeze(1);
}

TorchQuantizer::TorchQuantizer(const CodecShape& shape, torch::Device device)
    : codebooks(torch::zeros({shape.quantizers, shape.codebook, shape.width}, device)),
      counts(torch::zeros({shape.quantizers, shape.codebook}, device)),
      sums(torch::zeros_like(codebooks)),
      shape_(shape) {}

torch::Tensor TorchQuantizer::nearest(const torch::Tensor& x, std::int64_t quantizer) const {
  const torch::Tensor entries = codebooks[quantizer];
  // Half the squared distance, without what is the same for all entries.
  const torch::Tensor score =
      torch::addmm(entries.square().sum(1).mul(-0.5).unsqueeze(0), x, entries.t());
  return score.argmax(1);
}

TorchQuantizer::Output TorchQuantizer::run(const torch::Tensor& x, const torch::Tensor& use) const {
  const auto rows = x.size(0), width = x.size(1), frames = x.size(2);
  const torch::Tensor flat = x.permute({0, 2, 1}).reshape({rows * frames, width});
  const torch::Tensor of_frame = use.repeat_interleave(frames).unsqueeze(1);
  Output output;
  torch::Tensor residual = flat;
  torch::Tensor sum = torch::zeros_like(flat);
  torch::Tensor commit = torch::zeros({}, flat.options());
  std::vector<torch::Tensor> codes;
  for (std::int64_t q = 0; q < shape_.quantizers; ++q) {
    const torch::Tensor values = residual.detach();
    const torch::Tensor code = nearest(values, q);
    const torch::Tensor entry = codebooks[q].index_select(0, code);
    const torch::Tensor used = of_frame.gt(q).to(flat.dtype());
    commit = commit + ((residual - entry).square() * used).mean();
    output.residuals.push_back(values);
    sum = sum + entry * used;
    residual = residual - entry;
    codes.push_back(code);
  }
  const torch::Tensor through = flat + (sum - flat).detach();
  output.features = through.view({rows, frames, width}).permute({0, 2, 1});
  output.commit = commit;
  output.codes = torch::stack(codes, 1).view({rows, frames, shape_.quantizers});
  return output;
}

int TorchQuantizer::follow(const Output& output, double decay, double dead_share, Rng& rng) {
  const torch::NoGradGuard guard;
  const torch::Tensor codes = output.codes.view({-1, shape_.quantizers});
  const std::int64_t frames = codes.size(0);
  const double fair = static_cast<double>(frames) / shape_.codebook;
  int replaced = 0;
  for (std::int64_t q = 0; q < shape_.quantizers; ++q) {
    const torch::Tensor code = codes.select(1, q).contiguous();
    const torch::Tensor& x = output.residuals[static_cast<std::size_t>(q)];
    torch::Tensor count = counts[q], sum = sums[q], entries = codebooks[q];
    count.mul_(decay).index_add_(0, code, torch::full({frames}, 1 - decay, count.options()));
    sum.mul_(decay).index_add_(0, code, x * (1 - decay));
    const torch::Tensor dead = count.lt(dead_share * fair).nonzero().squeeze(1).cpu();
    if (dead.numel() > 0) {
      std::vector<std::int64_t> chosen(static_cast<std::size_t>(dead.numel()));
      for (auto& frame : chosen) {
        frame = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(frames)));
      }
      const torch::Tensor places =
          x.index_select(0, torch::tensor(chosen, torch::kLong).to(x.device()));
      const torch::Tensor index = dead.to(x.device());
      // As much weight as an entry has on the mean.
      count.index_fill_(0, index, fair);
      sum.index_copy_(0, index, places * fair);
      replaced += static_cast<int>(dead.numel());
    }
    entries.copy_(sum / count.unsqueeze(1));
  }
  return replaced;
}

void TorchQuantizer::begin(const torch::Tensor& x, Rng& rng) {
  const torch::NoGradGuard guard;
  constexpr int kRounds = 8;
  const std::int64_t frames = x.size(0);
  torch::Tensor residual = x;
  for (std::int64_t q = 0; q < shape_.quantizers; ++q) {
    std::vector<std::int64_t> chosen(static_cast<std::size_t>(shape_.codebook));
    for (auto& frame : chosen) {
      frame = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(frames)));
    }
    torch::Tensor entries = codebooks[q];
    entries.copy_(residual.index_select(0, torch::tensor(chosen, torch::kLong).to(x.device())));
    for (int round = 0; round < kRounds; ++round) {
      const torch::Tensor code = nearest(residual, q);
      torch::Tensor count = torch::zeros({shape_.codebook}, x.options());
      torch::Tensor sum = torch::zeros({shape_.codebook, shape_.width}, x.options());
      count.index_add_(0, code, torch::ones({frames}, x.options()));
      sum.index_add_(0, code, residual);
      const torch::Tensor met = count.gt(0).unsqueeze(1);
      entries.copy_(torch::where(met, sum / count.clamp_min(1).unsqueeze(1), entries));
    }
    residual = residual - entries.index_select(0, nearest(residual, q));
  }
  begun_ = true;
  // All entries begin with the same weight; what the next frames say counts soon.
  counts.fill_(1.0);
  sums.copy_(codebooks);
}

}  // namespace hemiola::nn
