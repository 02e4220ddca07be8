// What the codec is trained on besides the waveform: log-mel spectra at six resolutions, and a
// discriminator of spectrograms.
#pragma once

#include <vector>

#include "nn/torch_pch.h"

namespace hemiola::nn {

// Mean |ln a - ln b| of mel spectra with windows of 64 to 2048 samples, a quarter of one apart
// (after SoundStream). A band's level is the mean amplitude in it, full scale 1, plus 1e-4.
class MelDistance {
 public:
  MelDistance(int rate, torch::Device device);

  // Of each row, (rows, samples) each -> (rows).
  torch::Tensor of_rows(const torch::Tensor& a, const torch::Tensor& b) const;

 private:
  struct Scale {
    std::int64_t size;              // of the window, samples
    torch::Tensor window, filters;  // (size), (bands, size / 2 + 1)
  };
  torch::Tensor log_mel(const torch::Tensor& sound, const Scale& scale) const;

  std::vector<Scale> scales_;
};

// 10 log10 of the power of what `estimate` has of `target` over the power of the rest, dB (Le Roux
// et al. 2019, without the mean). (rows, samples) each -> (rows).
torch::Tensor si_sdr(const torch::Tensor& estimate, const torch::Tensor& target);

// Convolutions over real and imaginary parts of a spectrogram (window 1024, hop 256).
class StftDiscriminator {
 public:
  std::int64_t size() const;
  torch::Tensor initial_weights(std::uint64_t seed) const;  // (size)

  struct Output {
    torch::Tensor verdict;                // (rows, 1, frames, bins): above 0 for real sound
    std::vector<torch::Tensor> features;  // of each layer
  };
  // weights (size), sound (rows, samples).
  Output run(const torch::Tensor& weights, const torch::Tensor& sound) const;

 private:
  struct Layer {
    std::int64_t in, out, height, width, stride, dilation;  // height and dilation along time
  };
  static const std::vector<Layer>& layers();
};

}  // namespace hemiola::nn
