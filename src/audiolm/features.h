// What semantic tokens are made from and taught by: a log-mel spectrogram in frames of 40 ms, and
// for the same frames MFCC (timbre, onsets) and chroma (pitch classes). Sound is one channel at 16
// kHz, full scale -1 to 1; what is not finite counts as silence, and so does what lies outside.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hemiola::audiolm {

inline constexpr int kSemanticRate = 16000;  // Hz
inline constexpr int kSemanticHop = 640;     // samples: 25 frames a second
inline constexpr int kMelHop = 160;          // samples: 100 rows a second
inline constexpr int kMelStack = kSemanticHop / kMelHop;
inline constexpr int kMelWindow =
    400;  // samples, periodic Hann, centred on the 10 ms it stands for
inline constexpr int kMelFft = 512;
inline constexpr int kMelBands = 80;                     // HTK scale, 20 to 7600 Hz, not normalised
inline constexpr float kMelFloor = 1e-4F;                // added to the power before the logarithm
inline constexpr int kMelFrame = kMelStack * kMelBands;  // numbers in a frame: four rows
inline constexpr int kCepstra = 13;
inline constexpr int kMfccFrame = 3 * kCepstra;  // with first and second differences
inline constexpr int kChromaWindow = 4096;       // samples, periodic Hann, centred on the 40 ms
inline constexpr int kChroma = 12;               // C first
inline constexpr int kRiseBands = 6;
inline constexpr int kRises = 2 * kRiseBands;  // of each half of a frame

// The last frame may be cut short.
constexpr std::size_t semantic_frames(std::size_t samples) {
  return (samples + kSemanticHop - 1) / kSemanticHop;
}

// Frames [first, first + count) of a sound: (count, kMelStack, kMelBands), natural logarithms.
std::vector<float> log_mel(std::span<const float> sound, std::size_t first, std::size_t count);

// MFCC of rows of log_mel(), (frames, kMelStack, kMelBands): the first 13 of an orthonormal DCT-II,
// their first and second differences by regression over two rows on either side (the first and last
// row repeated), each the mean over the four rows of a frame: (frames, kMfccFrame).
std::vector<float> mfcc(std::span<const float> mel);

// When something begins: by how much the power of each of six groups of mel bands (logarithm, quiet
// sounds held up by kRiseFloor) exceeds what it was in the two rows of 10 ms before, or 0; of each
// half of a frame the larger of its two rows. Rows of log_mel() -> (frames, 2, kRiseBands). Before
// the first row all was as in it.
inline constexpr float kRiseFloor = 1e-2F;
std::vector<float> rises(std::span<const float> mel);

// How much of each pitch class sounds: magnitudes from 55 Hz to 2 kHz, shared between the two
// nearest semitones, scaled to length 1, or zeros where it is silent: (frames of the sound, 12).
std::vector<float> chroma(std::span<const float> sound);

}  // namespace hemiola::audiolm
