// The network of basic-pitch (Bittner and others 2022): from 2 s of sound to how likely each key of
// the piano sounds and begins in each frame, by a constant-Q transform, its harmonics laid on each
// other, and six convolutions. Runs window by window as published, with the published weights; no
// notes are made here (note_events.h).
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "engine/conv2d.h"
#include "engine/kernels.h"
#include "model/aligned.h"
#include "model/safetensors.h"

namespace hemiola {

inline constexpr int kPitchRate = 22050;  // Hz, of the sound that goes in
inline constexpr int kPitchHop = 256;     // samples from frame to frame
inline constexpr int kPitchKeys = 88;     // from A0, MIDI pitch 21, up
inline constexpr int kPitchLowest = 21;   // MIDI pitch of key 0
inline constexpr int kBinsPerKey = 3;     // of the contour
inline constexpr int kContourBins = kPitchKeys * kBinsPerKey;

// By frames; all between 0 and 1.
struct PitchActivations {
  std::size_t frames = 0;
  std::vector<float> note;     // (frames, 88): the key sounds
  std::vector<float> onset;    // (frames, 88): it begins
  std::vector<float> contour;  // (frames, 264), a third of a semitone each; empty if not asked for
};

struct PitchRun {
  bool contour = false;
  std::string_view isa{};                  // kernels to use (engine.h); empty: the best there are
  std::function<bool(double)> progress{};  // share done; false ends the work with an error
};

// Immutable once loaded; any number of threads may run it at once, each with memory of its own.
class PitchNetwork {
 public:
  // A safetensors file as scripts/convert_basic_pitch.mjs writes it.
  static Result<PitchNetwork> load(const Path& weights);

  // One channel at kPitchRate; finite numbers.
  Result<PitchActivations> run(std::span<const float> samples, const PitchRun& options = {}) const;

 private:
  struct Scratch;

  PitchNetwork() = default;
  static Result<PitchNetwork> read(const SafetensorsView& file);
  void transform(const engine::Kernels& kernels, Scratch& scratch) const;
  void convolve(const engine::Kernels& kernels, Scratch& scratch) const;

  AlignedBytes transform_panels_;  // (samples of a frame; both parts of each bin), packed
  std::vector<float> halve_;       // low-pass for half the rate
  std::vector<float> scale_;       // of each bin of the transform
  float norm_scale_ = 1, norm_offset_ = 0;
  std::vector<engine::Conv2d> layers_;  // in the order of pitch_network.cpp's Layer
};

}  // namespace hemiola
