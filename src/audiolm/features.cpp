#include "audiolm/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "audiolm/fft.h"

namespace hemiola::audiolm {
namespace {

std::vector<float> hann(int size) {
  std::vector<float> window;
  for (int i = 0; i < size; ++i) {
    window.push_back(static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / size)));
  }
  return window;
}

constexpr float kLoudest = 16;  // of a sample; beyond it powers may overflow

// The samples from `begin` on, which may lie before the sound, times the window.
void cut_window(std::span<const float> sound, std::ptrdiff_t begin, std::span<const float> window,
                float* out) {
  const auto size = static_cast<std::ptrdiff_t>(sound.size());
  for (std::size_t i = 0; i < window.size(); ++i) {
    const std::ptrdiff_t at = begin + static_cast<std::ptrdiff_t>(i);
    const float value = at >= 0 && at < size ? sound[static_cast<std::size_t>(at)] : 0.0F;
    out[i] = std::isfinite(value) ? std::clamp(value, -kLoudest, kLoudest) * window[i] : 0.0F;
  }
}

// A weight for each bin and row of a filter bank that is not zero.
struct Weight {
  std::uint32_t bin, row;
  float value;
};

std::vector<Weight> mel_weights() {
  const auto mel = [](double hertz) { return 1127 * std::log1p(hertz / 700); };
  const double first = mel(20), step = (mel(7600) - first) / (kMelBands + 1);
  std::vector<Weight> weights;
  for (std::uint32_t bin = 1; bin <= kMelFft / 2; ++bin) {
    const double place = (mel(static_cast<double>(bin) * kSemanticRate / kMelFft) - first) / step;
    for (std::uint32_t band = 0; band < kMelBands; ++band) {
      const double value = std::min(place - band, 2 - (place - band));
      if (value > 0) weights.push_back({bin, band, static_cast<float>(value)});
    }
  }
  return weights;
}

std::vector<Weight> chroma_weights() {
  std::vector<Weight> weights;
  for (std::uint32_t bin = 1; bin <= kChromaWindow / 2; ++bin) {
    const double hertz = static_cast<double>(bin) * kSemanticRate / kChromaWindow;
    if (hertz < 55 || hertz > 2000) continue;
    const double pitch = 69 + 12 * std::log2(hertz / 440);
    const double below = std::floor(pitch), share = pitch - below;
    const auto note = static_cast<std::uint32_t>(below);
    weights.push_back({bin, note % kChroma, static_cast<float>(1 - share)});
    weights.push_back({bin, (note + 1) % kChroma, static_cast<float>(share)});
  }
  return weights;
}

}  // namespace

std::vector<float> log_mel(std::span<const float> sound, std::size_t first, std::size_t count) {
  static const std::vector<float> window = hann(kMelWindow);
  static const std::vector<Weight> weights = mel_weights();
  static const PowerSpectrum spectrum(kMelFft);
  std::vector<float> result(count * kMelFrame, kMelFloor);
  std::array<float, kMelFft> frame{};
  std::array<float, kMelFft / 2 + 1> power;
  PowerSpectrum::Scratch scratch;
  for (std::size_t row = 0; row < count * kMelStack; ++row) {
    const auto centre =
        static_cast<std::ptrdiff_t>((first * kMelStack + row) * kMelHop + kMelHop / 2);
    cut_window(sound, centre - kMelWindow / 2, window, frame.data());
    spectrum.apply(frame, power, scratch);
    float* bands = result.data() + row * kMelBands;
    for (const Weight& weight : weights) bands[weight.row] += weight.value * power[weight.bin];
  }
  for (float& value : result) value = std::log(value);
  return result;
}

std::vector<float> mfcc(std::span<const float> mel) {
  static const std::vector<float> cosines = [] {
    std::vector<float> table;  // (kMelBands, kCepstra)
    for (int band = 0; band < kMelBands; ++band) {
      for (int k = 0; k < kCepstra; ++k) {
        const double scale = std::sqrt((k == 0 ? 1.0 : 2.0) / kMelBands);
        const double angle = std::numbers::pi * (band + 0.5) * k / kMelBands;
        table.push_back(static_cast<float>(scale * std::cos(angle)));
      }
    }
    return table;
  }();
  const std::size_t rows = mel.size() / kMelBands;
  std::vector<float> cepstra(rows * kCepstra);
  for (std::size_t row = 0; row < rows; ++row) {
    float* out = cepstra.data() + row * kCepstra;
    for (std::size_t band = 0; band < kMelBands; ++band) {
      const float value = mel[row * kMelBands + band];
      for (std::size_t k = 0; k < kCepstra; ++k) out[k] += value * cosines[band * kCepstra + k];
    }
  }
  const auto differences = [rows](const std::vector<float>& x) {
    std::vector<float> result(x.size());
    const auto at = [&](std::ptrdiff_t row, std::size_t k) {
      const auto inside = std::clamp<std::ptrdiff_t>(row, 0, static_cast<std::ptrdiff_t>(rows) - 1);
      return x[static_cast<std::size_t>(inside) * kCepstra + k];
    };
    for (std::size_t i = 0; i < x.size(); ++i) {
      const auto row = static_cast<std::ptrdiff_t>(i / kCepstra);
      const std::size_t k = i % kCepstra;
      result[i] =
          0.1F * (at(row + 1, k) - at(row - 1, k)) + 0.2F * (at(row + 2, k) - at(row - 2, k));
    }
    return result;
  };
  const std::vector<float> first = differences(cepstra), second = differences(first);
  std::vector<float> result(rows / kMelStack * kMfccFrame);
  for (std::size_t row = 0; row < rows; ++row) {
    float* out = result.data() + row / kMelStack * kMfccFrame;
    for (std::size_t k = 0; k < kCepstra; ++k) {
      out[k] += cepstra[row * kCepstra + k] / kMelStack;
      out[kCepstra + k] += first[row * kCepstra + k] / kMelStack;
      out[2 * kCepstra + k] += second[row * kCepstra + k] / kMelStack;
    }
  }
  return result;
}

std::vector<float> rises(std::span<const float> mel) {
  const std::size_t rows = mel.size() / kMelBands;
  std::vector<float> level(rows * kRiseBands);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t group = 0; group < kRiseBands; ++group) {
      float power = kRiseFloor;
      const std::size_t end = (group + 1) * kMelBands / kRiseBands;
      for (std::size_t band = group * kMelBands / kRiseBands; band < end; ++band) {
        power += std::exp(mel[row * kMelBands + band]);
      }
      level[row * kRiseBands + group] = std::log(power);
    }
  }
  std::vector<float> result(rows / kMelStack * kRises);
  for (std::size_t row = 0; row < rows / kMelStack * kMelStack; ++row) {
    for (std::size_t group = 0; group < kRiseBands; ++group) {
      const auto before = [&](std::size_t count) {
        return level[(row - std::min(row, count)) * kRiseBands + group];
      };
      const float rise = before(0) - std::max(before(1), before(2));
      float& half = result[row / 2 * kRiseBands + group];  // 0 so far, or of the row before
      half = std::max(half, rise);
    }
  }
  return result;
}

std::vector<float> chroma(std::span<const float> sound) {
  static const std::vector<float> window = hann(kChromaWindow);
  static const std::vector<Weight> weights = chroma_weights();
  static const PowerSpectrum spectrum(kChromaWindow);
  constexpr float kSilence = 0.05F;  // of the length; a full-scale sine has about 1000
  const std::size_t frames = semantic_frames(sound.size());
  std::vector<float> result(frames * kChroma);
  std::vector<float> frame(kChromaWindow), power(spectrum.bins());
  PowerSpectrum::Scratch scratch;
  for (std::size_t t = 0; t < frames; ++t) {
    const auto centre = static_cast<std::ptrdiff_t>(t * kSemanticHop + kSemanticHop / 2);
    cut_window(sound, centre - kChromaWindow / 2, window, frame.data());
    spectrum.apply(frame, power, scratch);
    float* classes = result.data() + t * kChroma;
    for (const Weight& weight : weights) {
      classes[weight.row] += weight.value * std::sqrt(power[weight.bin]);
    }
    float length = 0;
    for (int c = 0; c < kChroma; ++c) length += classes[c] * classes[c];
    length = std::sqrt(length);
    const float scale = length > kSilence ? 1 / length : 0;
    for (int c = 0; c < kChroma; ++c) classes[c] *= scale;
  }
  return result;
}

}  // namespace hemiola::audiolm
