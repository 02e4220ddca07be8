#include "nn/torch_codec_losses.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace hemiola::nn {

namespace {

struct Resolution {
  int window, bands;
};
constexpr Resolution kResolutions[] = {{64, 8},   {128, 16},  {256, 32},
                                       {512, 64}, {1024, 96}, {2048, 128}};
constexpr double kFloor = 1e-4;  // -80 dB

double to_mel(double hz) { return 1127.0 * std::log1p(hz / 700.0); }
double to_hz(double mel) { return 700.0 * std::expm1(mel / 1127.0); }

// Triangles over the mel scale from 0 to half the rate, each as wide as two bins at least; rows sum
// to one. (bands, bins)
torch::Tensor mel_filters(int rate, int window, int bands) {
  const int bins = window / 2 + 1;
  const double bin = static_cast<double>(rate) / window, top = to_mel(rate / 2.0);
  torch::Tensor filters = torch::zeros({bands, bins});
  auto cells = filters.accessor<float, 2>();
  for (int band = 0; band < bands; ++band) {
    const double centre = to_hz(top * (band + 1) / (bands + 1));
    const double low = std::min(to_hz(top * band / (bands + 1)), centre - bin);
    const double high = std::max(to_hz(top * (band + 2) / (bands + 1)), centre + bin);
    double sum = 0;
    for (int i = 0; i < bins; ++i) {
      const double hz = i * bin;
      const double height =
          hz <= centre ? (hz - low) / (centre - low) : (high - hz) / (high - centre);
      cells[band][i] = static_cast<float>(std::max(0.0, height));
      sum += std::max(0.0, height);
    }
    for (int i = 0; i < bins; ++i) cells[band][i] /= static_cast<float>(sum);
  }
  return filters;
}

torch::Tensor spectrum(const torch::Tensor& sound, std::int64_t size, std::int64_t hop,
                       const torch::Tensor& window) {
  return torch::stft(sound, size, hop, size, window, /*center=*/true, "reflect",
                     /*normalized=*/false, /*onesided=*/true, /*return_complex=*/true);
}

}  // namespace

MelDistance::MelDistance(int rate, torch::Device device) {
  for (const Resolution& resolution : kResolutions) {
    Scale scale;
    scale.size = resolution.window;
    const torch::Tensor hann = torch::hann_window(scale.size);
    // A sine of amplitude 1 has magnitude 1.
    scale.window = (hann * (2 / hann.sum())).to(device);
    scale.filters = mel_filters(rate, resolution.window, resolution.bands).to(device);
    scales_.push_back(std::move(scale));
  }
}

torch::Tensor MelDistance::log_mel(const torch::Tensor& sound, const Scale& scale) const {
  const torch::Tensor bins = spectrum(sound, scale.size, scale.size / 4, scale.window);
  const torch::Tensor parts = torch::view_as_real(bins);
  // The root has no slope at 0.
  const torch::Tensor level = (parts.square().sum(-1) + 1e-12).sqrt();
  return (torch::matmul(scale.filters, level) + kFloor).log();
}

torch::Tensor MelDistance::of_rows(const torch::Tensor& a, const torch::Tensor& b) const {
  torch::Tensor sum = torch::zeros({a.size(0)}, a.options());
  for (const Scale& scale : scales_) {
    sum = sum + (log_mel(a, scale) - log_mel(b, scale)).abs().mean({1, 2});
  }
  return sum / static_cast<double>(scales_.size());
}

torch::Tensor si_sdr(const torch::Tensor& estimate, const torch::Tensor& target) {
  constexpr double kTiny = 1e-9;
  const torch::Tensor scale = (estimate * target).sum(1, /*keepdim=*/true) /
                              (target.square().sum(1, /*keepdim=*/true) + kTiny);
  const torch::Tensor wanted = scale * target;
  return 10 *
         ((wanted.square().sum(1) + kTiny) / ((estimate - wanted).square().sum(1) + kTiny)).log10();
}

// Fewer than 16 channels make libtorch 1.13 with oneDNN 2.6 fail in the backward pass.
const std::vector<StftDiscriminator::Layer>& StftDiscriminator::layers() {
  static const std::vector<Layer> layers{{2, 16, 3, 9, 1, 1},  {16, 16, 3, 9, 2, 1},
                                         {16, 16, 3, 9, 2, 2}, {16, 16, 3, 9, 2, 4},
                                         {16, 16, 3, 3, 1, 1}, {16, 1, 3, 3, 1, 1}};
  return layers;
}

std::int64_t StftDiscriminator::size() const {
  std::int64_t size = 0;
  for (const Layer& l : layers()) size += l.out * (l.in * l.height * l.width + 1);
  return size;
}

torch::Tensor StftDiscriminator::initial_weights(std::uint64_t seed) const {
  torch::manual_seed(mix64(seed ^ 0x5f));
  torch::Tensor flat = torch::zeros({size()});
  std::int64_t at = 0;
  for (const Layer& l : layers()) {
    const std::int64_t inputs = l.in * l.height * l.width;
    flat.slice(0, at, at + l.out * inputs).normal_(0, 1.3 / std::sqrt(static_cast<double>(inputs)));
    at += l.out * (inputs + 1);
  }
  return flat;
}

StftDiscriminator::Output StftDiscriminator::run(const torch::Tensor& weights,
                                                 const torch::Tensor& sound) const {
  constexpr std::int64_t kSize = 1024, kHop = 256;
  std::vector<std::int64_t> sizes;
  for (const Layer& l : layers()) {
    sizes.push_back(l.out * l.in * l.height * l.width);
    sizes.push_back(l.out);
  }
  const std::vector<torch::Tensor> parts = weights.split_with_sizes(sizes);
  const torch::Tensor hann = torch::hann_window(kSize, sound.options());
  const torch::Tensor bins =
      torch::view_as_real(spectrum(sound, kSize, kHop, hann / hann.square().sum().sqrt()));
  // (rows, 2, frames, bins). Without contiguous() the backward pass of libtorch 1.13 fails.
  torch::Tensor x = bins.permute({0, 3, 2, 1}).contiguous();
  Output output;
  for (std::size_t i = 0; i < layers().size(); ++i) {
    const Layer& l = layers()[i];
    x = torch::conv2d(x, parts[2 * i].view({l.out, l.in, l.height, l.width}), parts[2 * i + 1],
                      {1, l.stride}, {l.dilation * (l.height / 2), l.width / 2}, {l.dilation, 1});
    if (i + 1 == layers().size()) break;
    x = torch::leaky_relu(x, 0.2);
    output.features.push_back(x);
  }
  output.verdict = x;
  return output;
}

}  // namespace hemiola::nn
