// Spectrograms as embedding networks expect them: a windowed Fourier transform of 512 points, and
// bands laid over it.
#pragma once

#include <span>
#include <vector>

namespace hemiola::evaluate {

inline constexpr int kFftSize = 512;
inline constexpr int kFftBins = kFftSize / 2 + 1;

// |X|^2 of real samples, at most kFftSize of them, zeros after; power (kFftBins).
void power_spectrum(std::span<const float> frame, std::span<double> power);

// 0.5 - 0.5 cos(2 pi i / size): the periodic Hann window.
std::vector<float> hann_window(int size);

// Triangles over the HTK mel scale (1127 ln(1 + f / 700)), not normalised, nothing of the lowest
// bin: (kFftBins, bands).
std::vector<float> mel_bands(int sample_rate, int bands, double low, double high);

// The front end of VGGish and YAMNet: 16 kHz, frames of 25 ms each 10 ms, magnitudes in 64 bands
// from 125 to 7500 Hz, log(x + offset). (frames, 64); frames that do not fit are left out.
std::vector<float> log_mel_64(std::span<const float> sound, float offset);
inline constexpr int kLogMelBands = 64;
inline constexpr int kLogMelWindow = 400, kLogMelHop = 160;  // samples

}  // namespace hemiola::evaluate
