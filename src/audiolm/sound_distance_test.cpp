#include "audiolm/sound_distance.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"

namespace hemiola::audiolm {
namespace {

std::vector<float> sound_of(double hz, double level, std::size_t samples = 16000) {
  std::vector<float> sound(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    sound[i] = static_cast<float>(level * std::sin(2 * M_PI * hz * static_cast<double>(i) / 16000));
  }
  return sound;
}

TEST(SoundDistances, AreZeroForTheSame) {
  const auto sound = sound_of(440, 0.3);
  const SoundDistances same = SoundMeter().measure(sound, sound);
  EXPECT_EQ(same.stft, 0);
  EXPECT_EQ(same.mel, 0);
  EXPECT_GT(same.si_sdr, 90);
}

TEST(SoundDistances, SiSdrIsThePowerOfNoise) {
  const auto sound = sound_of(440, 0.3);
  Rng rng(1);
  auto noisy = sound;
  // Uniform noise of a hundredth of the power: 20 dB, whatever the level.
  const double width = std::sqrt(0.3 * 0.3 / 2 / 100 * 12);
  for (float& x : noisy) x = 0.7f * (x + static_cast<float>((rng.uniform() - 0.5) * width));
  EXPECT_NEAR(si_sdr(noisy, sound), 20, 0.3);
}

TEST(SoundDistances, ALevelIsItsLogarithm) {
  // Where the sound is far above the floor, half the level is ln 2 in every band.
  Rng rng(2);
  std::vector<float> noise(16000), half(16000);
  for (std::size_t i = 0; i < noise.size(); ++i) {
    noise[i] = static_cast<float>(rng.uniform() - 0.5);
    half[i] = 0.5f * noise[i];
  }
  const SoundDistances distances = SoundMeter().measure(half, noise);
  EXPECT_NEAR(distances.mel, std::log(2), 0.02);
  EXPECT_NEAR(distances.stft, 0.5 + std::log(2), 0.05);
}

}  // namespace
}  // namespace hemiola::audiolm
