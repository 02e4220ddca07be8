#include "audiolm/sound_distance.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "audiolm/sound_set.h"

namespace hemiola::audiolm {
namespace {

struct Resolution {
  std::size_t window, bands;
  bool is_stft;
};
constexpr Resolution kResolutions[] = {{64, 8, false},  {128, 16, false}, {256, 32, false},
                                       {512, 64, true}, {1024, 96, true}, {2048, 128, true}};
constexpr double kFloor = 1e-4;  // -80 dB

double to_mel(double hz) { return 1127.0 * std::log1p(hz / 700.0); }
double to_hz(double mel) { return 700.0 * std::expm1(mel / 1127.0); }

// Triangles over the mel scale from 0 to half the rate, each as wide as two bins at least; rows sum
// to one. (bands, bins)
std::vector<float> mel_filters(std::size_t window, std::size_t bands) {
  const std::size_t bins = window / 2 + 1;
  const double bin = static_cast<double>(kSoundRate) / static_cast<double>(window);
  const double step = to_mel(kSoundRate / 2.0) / static_cast<double>(bands + 1);
  std::vector<float> filters(bands * bins);
  for (std::size_t band = 0; band < bands; ++band) {
    const auto place = static_cast<double>(band);
    const double centre = to_hz(step * (place + 1));
    const double low = std::min(to_hz(step * place), centre - bin);
    const double high = std::max(to_hz(step * (place + 2)), centre + bin);
    std::vector<double> row(bins);
    double sum = 0;
    for (std::size_t i = 0; i < bins; ++i) {
      const double hz = static_cast<double>(i) * bin;
      row[i] =
          std::max(0.0, hz <= centre ? (hz - low) / (centre - low) : (high - hz) / (high - centre));
      sum += row[i];
    }
    for (std::size_t i = 0; i < bins; ++i) {
      filters[band * bins + i] = static_cast<float>(row[i] / sum);
    }
  }
  return filters;
}

}  // namespace

double si_sdr(std::span<const float> estimate, std::span<const float> target) {
  assert(estimate.size() == target.size());
  constexpr double kTiny = 1e-9;
  double dot = 0, power = 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    dot += static_cast<double>(estimate[i]) * static_cast<double>(target[i]);
    power += static_cast<double>(target[i]) * static_cast<double>(target[i]);
  }
  const double scale = dot / (power + kTiny);
  double rest = 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double off = static_cast<double>(estimate[i]) - scale * static_cast<double>(target[i]);
    rest += off * off;
  }
  return 10 * std::log10((scale * scale * power + kTiny) / (rest + kTiny));
}

SoundMeter::SoundMeter() {
  for (const Resolution& resolution : kResolutions) {
    std::vector<float> window(resolution.window);
    double sum = 0;
    for (std::size_t i = 0; i < window.size(); ++i) {
      const double phase =
          2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(resolution.window);
      window[i] = static_cast<float>(0.5 - 0.5 * std::cos(phase));
      sum += static_cast<double>(window[i]);
    }
    for (float& value : window) value *= static_cast<float>(2 / sum);
    scales_.push_back({PowerSpectrum(resolution.window), std::move(window),
                       mel_filters(resolution.window, resolution.bands), resolution.bands,
                       resolution.is_stft});
  }
}

// Frames are centred on every quarter window; the sound is mirrored at its ends. (frames, bins)
std::vector<float> SoundMeter::magnitudes(std::span<const float> sound, const Scale& scale) const {
  const std::size_t size = scale.window.size(), hop = size / 4, bins = scale.spectrum.bins();
  const auto samples = static_cast<std::ptrdiff_t>(sound.size());
  const std::size_t frames = sound.size() / hop + 1;
  std::vector<float> result(frames * bins), frame(size);
  PowerSpectrum::Scratch scratch;
  for (std::size_t f = 0; f < frames; ++f) {
    for (std::size_t i = 0; i < size; ++i) {
      auto at = static_cast<std::ptrdiff_t>(f * hop + i) - static_cast<std::ptrdiff_t>(size / 2);
      if (at < 0) at = -at;
      if (at >= samples) at = 2 * (samples - 1) - at;
      frame[i] = sound[static_cast<std::size_t>(at)] * scale.window[i];
    }
    const auto row = std::span(result).subspan(f * bins, bins);
    scale.spectrum.apply(frame, row, scratch);
    for (float& value : row) value = std::sqrt(value);
  }
  return result;
}

SoundDistances SoundMeter::measure(std::span<const float> estimate,
                                   std::span<const float> target) const {
  assert(estimate.size() == target.size() && target.size() >= 2048);
  SoundDistances result;
  result.si_sdr = si_sdr(estimate, target);
  double stft_scales = 0;
  for (const Scale& scale : scales_) {
    const std::size_t bins = scale.spectrum.bins();
    const std::vector<float> a = magnitudes(target, scale), b = magnitudes(estimate, scale);
    if (scale.is_stft) {
      double off = 0, all = 0, logs = 0;
      for (std::size_t i = 0; i < a.size(); ++i) {
        const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
        off += (x - y) * (x - y);
        all += x * x;
        logs += std::abs(std::log(x + kFloor) - std::log(y + kFloor));
      }
      result.stft += std::sqrt(off / (all + 1e-12)) + logs / static_cast<double>(a.size());
      ++stft_scales;
    }
    const std::size_t frames = a.size() / bins;
    double sum = 0;
    for (std::size_t f = 0; f < frames; ++f) {
      for (std::size_t band = 0; band < scale.bands; ++band) {
        double x = kFloor, y = kFloor;
        for (std::size_t i = 0; i < bins; ++i) {
          const double weight = static_cast<double>(scale.filters[band * bins + i]);
          x += weight * static_cast<double>(a[f * bins + i]);
          y += weight * static_cast<double>(b[f * bins + i]);
        }
        sum += std::abs(std::log(x) - std::log(y));
      }
    }
    result.mel += sum / static_cast<double>(frames * scale.bands);
  }
  result.stft /= stft_scales;
  result.mel /= static_cast<double>(scales_.size());
  return result;
}

}  // namespace hemiola::audiolm
