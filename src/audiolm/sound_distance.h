// How far a reconstruction is from the sound it stands for: the figures of a codec.
//
//   SI-SDR          10 log10 of the power of what the reconstruction has of the sound over that of
//                   the rest, dB, more is better (Le Roux et al. 2019; no mean is taken off). Hears
//                   phase, so it punishes codecs that only sound alike.
//   STFT distance   over windows of 512, 1024, 2048 samples, a quarter apart: |A - B| / |A| plus
//   the
//                   mean |ln A - ln B| of magnitudes (Yamamoto et al. 2020), less is better
//   mel distance    mean |ln a - ln b| of mel bands with windows of 64 to 2048 samples, less is
//                   better; the measure that the codec's trainer logs (nn/torch_codec_losses.h)
#pragma once

#include <span>
#include <vector>

#include "audiolm/fft.h"

namespace hemiola::audiolm {

struct SoundDistances {
  double si_sdr = 0, stft = 0, mel = 0;
};

class SoundMeter {
 public:
  SoundMeter();

  // Of equally many samples at kSoundRate, at least 2048. Any number of threads at once.
  SoundDistances measure(std::span<const float> estimate, std::span<const float> target) const;

 private:
  struct Scale {
    PowerSpectrum spectrum;
    std::vector<float> window;   // a sine of amplitude 1 has magnitude 1
    std::vector<float> filters;  // (bands, bins)
    std::size_t bands;
    bool is_stft;  // counts for the STFT distance too
  };
  std::vector<float> magnitudes(std::span<const float> sound, const Scale& scale) const;

  std::vector<Scale> scales_;
};

double si_sdr(std::span<const float> estimate, std::span<const float> target);

}  // namespace hemiola::audiolm
