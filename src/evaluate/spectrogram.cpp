#include "evaluate/spectrogram.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <numbers>

namespace hemiola::evaluate {
namespace {

using Complex = std::complex<double>;

struct Twiddles {
  std::array<Complex, kFftSize / 2> values;
  std::array<int, kFftSize> reversed;

  Twiddles() {
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(i) / kFftSize);
    }
    for (std::size_t i = 0; i < reversed.size(); ++i) {
      int bits = 0;
      for (std::size_t bit = 1; bit < kFftSize; bit <<= 1) bits = bits << 1 | ((i & bit) != 0);
      reversed[i] = bits;
    }
  }
};

}  // namespace

void power_spectrum(std::span<const float> frame, std::span<double> power) {
  static const Twiddles twiddles;
  std::array<Complex, kFftSize> x{};
  for (std::size_t i = 0; i < frame.size(); ++i) {
    x[static_cast<std::size_t>(twiddles.reversed[i])] = frame[i];
  }
  for (std::size_t half = 1; half < kFftSize; half *= 2) {
    const std::size_t step = kFftSize / (2 * half);
    for (std::size_t begin = 0; begin < kFftSize; begin += 2 * half) {
      for (std::size_t i = 0; i < half; ++i) {
        // Written out: std::complex's product looks for infinities each time.
        const Complex w = twiddles.values[i * step], b = x[begin + half + i];
        const Complex turned(w.real() * b.real() - w.imag() * b.imag(),
                             w.real() * b.imag() + w.imag() * b.real());
        x[begin + half + i] = x[begin + i] - turned;
        x[begin + i] += turned;
      }
    }
  }
  for (std::size_t i = 0; i < kFftBins; ++i) power[i] = std::norm(x[i]);
}

std::vector<float> hann_window(int size) {
  std::vector<float> window;
  for (int i = 0; i < size; ++i) {
    window.push_back(static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / size)));
  }
  return window;
}

std::vector<float> mel_bands(int sample_rate, int bands, double low, double high) {
  const auto mel = [](double hertz) { return 1127 * std::log1p(hertz / 700); };
  const double first = mel(low), step = (mel(high) - first) / (bands + 1);
  std::vector<float> weights(static_cast<std::size_t>(kFftBins * bands));
  for (int bin = 1; bin < kFftBins; ++bin) {
    const double place = mel(static_cast<double>(bin) * sample_rate / kFftSize);
    for (int band = 0; band < bands; ++band) {
      const double rise = (place - first) / step - band;
      const double weight = std::min(rise, 2 - rise);
      weights[static_cast<std::size_t>(bin * bands + band)] =
          static_cast<float>(std::max(0.0, weight));
    }
  }
  return weights;
}

std::vector<float> log_mel_64(std::span<const float> sound, float offset) {
  static const std::vector<float> window = hann_window(kLogMelWindow);
  static const std::vector<float> bands = mel_bands(16000, kLogMelBands, 125, 7500);
  std::vector<float> result;
  std::array<float, kLogMelWindow> frame;
  std::array<double, kFftBins> power;
  for (std::size_t begin = 0; begin + kLogMelWindow <= sound.size(); begin += kLogMelHop) {
    for (std::size_t i = 0; i < frame.size(); ++i) frame[i] = sound[begin + i] * window[i];
    power_spectrum(frame, power);
    std::array<double, kLogMelBands> mel{};
    for (std::size_t bin = 0; bin < power.size(); ++bin) {
      const double magnitude = std::sqrt(power[bin]);
      for (std::size_t band = 0; band < mel.size(); ++band) {
        mel[band] += magnitude * bands[bin * mel.size() + band];
      }
    }
    for (const double value : mel) result.push_back(static_cast<float>(std::log(value + offset)));
  }
  return result;
}

}  // namespace hemiola::evaluate
