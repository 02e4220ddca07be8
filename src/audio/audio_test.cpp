#include "audio/audio.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <numbers>

#include "audio/decode.h"
#include "audio/synthesise.h"

namespace hemiola {
namespace {

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / fmt::format("audio_{}", ::getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Path operator/(const char* name) const { return path_ / name; }

 private:
  Path path_;
};

Audio sine(double frequency, double amplitude, double seconds, int rate = 48000) {
  Audio audio{rate, 2, {}};
  for (int i = 0; i < static_cast<int>(seconds * rate); ++i) {
    const auto value =
        static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * frequency * i / rate));
    audio.samples.push_back(value);
    audio.samples.push_back(value);
  }
  return audio;
}

// EBU Tech 3341, case 1: a stereo sine of 1 kHz at -23 dBFS for 20 s has -23.0 LUFS.
TEST(Loudness, EbuTestCase) {
  const auto loudness = measure_loudness(sine(1000, std::pow(10, -23.0 / 20), 20));
  ASSERT_TRUE(loudness);
  EXPECT_NEAR(loudness->integrated, -23.0, 0.1);
  EXPECT_NEAR(loudness->true_peak, -23.0, 0.2);
}

TEST(Loudness, ReachesTheTargetAndNeverExceedsThePeak) {
  Audio quiet = sine(1000, 0.01, 5);
  ASSERT_TRUE(normalise_loudness(quiet));
  EXPECT_NEAR(measure_loudness(quiet)->integrated, -18, 0.1);
  Audio sharp = sine(1000, 0.001, 5);
  sharp.samples[1000] = 0.9f;
  ASSERT_TRUE(normalise_loudness(sharp));
  EXPECT_LE(measure_loudness(sharp)->true_peak, -0.9);
  Audio silence{44100, 2, std::vector<float>(88200)};
  EXPECT_EQ(normalise_loudness(silence).value(), 0.0);
}

TEST(WriteAudio, EveryFormatReadsBackAsTheSameSound) {
  const Folder folder;
  const Audio audio = sine(440, 0.5, 1, 44100);
  for (const char* name : {"a.wav", "a.flac", "a.ogg", "a.mp3", "B.WAV"}) {
    ASSERT_TRUE(write_audio(folder / name, audio)) << name;
    const auto back = decode_audio(read_file(folder / name).value());
    ASSERT_TRUE(back) << name;
    EXPECT_EQ(back->sample_rate, 44100) << name;
    EXPECT_EQ(back->channels, 2) << name;
    EXPECT_NEAR(back->length().count(), 1, 0.06) << name;
    double energy = 0;
    for (float sample : back->samples) energy += double{sample} * sample;
    EXPECT_NEAR(std::sqrt(energy / static_cast<double>(back->samples.size())), 0.3535, 0.02)
        << name;
  }
  const auto refused = write_audio(folder / "a.xyz", audio);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr(".flac"));
}

midi::File two_notes() {
  midi::File file;
  file.format = 0;
  file.tracks.resize(1);
  auto& events = file.tracks[0].events;
  const auto note = [&](int at, midi::EventKind kind, int key, int velocity) {
    events.push_back(
        {Tick(at), kind, 0, static_cast<std::uint8_t>(key), static_cast<std::uint8_t>(velocity)});
  };
  note(0, midi::EventKind::kNoteOn, 69, 100);
  note(480, midi::EventKind::kNoteOff, 69, 0);
  note(480, midi::EventKind::kNoteOn, 81, 100);
  note(960, midi::EventKind::kNoteOff, 81, 0);
  events.push_back({Tick(960), midi::EventKind::kMeta, 0, midi::meta::kEndOfTrack});
  return file;
}

// Power at one frequency (Goertzel).
double power(const Audio& audio, double from, double to, double frequency) {
  double re = 0, im = 0;
  for (auto i = static_cast<std::size_t>(from * audio.sample_rate);
       i < static_cast<std::size_t>(to * audio.sample_rate); ++i) {
    const double phase =
        2 * std::numbers::pi * frequency * static_cast<double>(i) / audio.sample_rate;
    re += audio.samples[2 * i] * std::cos(phase);
    im += audio.samples[2 * i] * std::sin(phase);
  }
  return re * re + im * im;
}

TEST(Synthesise, PlaysTheRightPitchesAtTheRightTimeAndRepeatsItself) {
  if (!default_soundfont()) GTEST_SKIP() << "no soundfont is installed";
  const auto audio = synthesise(two_notes());
  ASSERT_TRUE(audio) << audio.error().message;
  EXPECT_GT(audio->length().count(), 1.0);
  EXPECT_LT(audio->length().count(), 14.0);
  EXPECT_GT(power(*audio, 0.1, 0.45, 440), 20 * power(*audio, 0.1, 0.45, 466));
  EXPECT_GT(power(*audio, 0.6, 0.95, 880), 20 * power(*audio, 0.6, 0.95, 932));
  EXPECT_GT(power(*audio, 0.6, 0.95, 880), 4 * power(*audio, 0.1, 0.45, 880));
  EXPECT_EQ(synthesise(two_notes())->samples, audio->samples);
}

TEST(Synthesise, SaysWhatIsWrongWithASoundfont) {
  SynthesisOptions options;
  options.soundfont = "/nonexistent.sf2";
  const auto result = synthesise(two_notes(), options);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, testing::HasSubstr("/nonexistent.sf2"));
}

}  // namespace
}  // namespace hemiola
