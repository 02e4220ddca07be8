// Changing the rate of sound, through libsoxr: linear phase, errors below 20 bits, and several
// times quicker than real time needs. Taken from libsoxr itself and not from FFmpeg's wrapping of
// it, so that sound which was never a file (a rendered piece) goes the same way.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "audio/audio.h"
#include "base/result.h"

struct soxr;

namespace hemiola {

// Sound that comes in blocks. One thread at a time.
class Resampler {
 public:
  // Rates in Hz; blocks hold whole frames of `channels` samples.
  static Result<Resampler> create(int from, int to, int channels);

  // Appends to `out` what is ready; finish() appends the rest, after which nothing may follow.
  void process(std::span<const float> in, std::vector<float>& out);
  void finish(std::vector<float>& out);

 private:
  struct Delete {
    void operator()(soxr* resampler) const;
  };
  Resampler(soxr* resampler, double ratio, int channels)
      : resampler_(resampler), ratio_(ratio), channels_(static_cast<std::size_t>(channels)) {}
  void run(const float* in, std::size_t frames, std::vector<float>& out);

  std::unique_ptr<soxr, Delete> resampler_;
  double ratio_;  // to / from
  std::size_t channels_;
};

// Appends the mean of the channels, frame by frame, to `out`. What is not a number becomes silence.
void mix_to_mono(std::span<const float> frames, int channels, std::vector<float>& out);

// One channel at this rate.
Result<std::vector<float>> mono_at(const Audio& audio, int sample_rate);

}  // namespace hemiola
