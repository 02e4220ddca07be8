#include "audio/loop_audio.h"

#include <cmath>

namespace hemiola {

Result<Audio> synthesise_loop(const midi::File& file, Seconds length, int sample_rate) {
  SynthesisOptions options;
  options.sample_rate = sample_rate;
  HEMIOLA_TRY(const Audio stereo, synthesise(file, options));
  const auto frames = static_cast<std::size_t>(std::lround(length.count() * sample_rate));
  if (frames == 0) return fail("a loop of {} s: too short for sound", length.count());
  Audio mono{sample_rate, 1, std::vector<float>(frames)};
  for (std::size_t i = 0; i < stereo.frames(); ++i) {
    mono.samples[i % frames] += 0.5f * (stereo.samples[2 * i] + stereo.samples[2 * i + 1]);
  }
  HEMIOLA_CHECK(normalise_loudness(mono));
  return mono;
}

}  // namespace hemiola
