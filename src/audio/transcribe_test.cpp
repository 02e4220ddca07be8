// The network against its authors' own output, and the way from sound to notes. Needs the weights
// (scripts/fetch_transcriber.sh) and says so when it skips.
#include "audio/transcribe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "audio/decode.h"
#include "audio/note_events.h"
#include "audio/pitch_network.h"
#include "audio/published_for_tests.h"
#include "engine/kernels.h"
#include "tests/test_data.h"

namespace hemiola {
namespace {

using testing::HasSubstr;

std::optional<Path> weights() {
  const auto found =
      locate_transcriber(Path(HEMIOLA_SOURCE_DIR) / ".cache/models" / "basic-pitch.safetensors");
  if (found) return *found;
  const auto elsewhere = locate_transcriber();
  return elsewhere ? std::optional(*elsewhere) : std::nullopt;
}

#define NEED_WEIGHTS(name)     \
  const auto name = weights(); \
  if (!name) GTEST_SKIP() << "needs the weights: run scripts/fetch_transcriber.sh"

// A struck note: four partials that die away.
Audio tones(std::initializer_list<std::pair<double, double>> onsets_and_pitches, double seconds,
            int rate = kPitchRate) {
  Audio audio{rate, 1, std::vector<float>(static_cast<std::size_t>(seconds * rate))};
  for (const auto& [onset, pitch] : onsets_and_pitches) {
    const double frequency = 440 * std::pow(2, (pitch - 69) / 12);
    for (std::size_t i = 0; i < audio.samples.size(); ++i) {
      const double t = static_cast<double>(i) / rate - onset;
      if (t < 0 || t > 0.6) continue;
      for (int partial = 1; partial <= 4; ++partial) {
        audio.samples[i] +=
            static_cast<float>(0.2 / partial * std::exp(-4 * t) *
                               std::sin(2 * std::numbers::pi * frequency * partial * t));
      }
    }
  }
  return audio;
}

TEST(PitchNetwork, EqualsWhatWasPublished) {
  NEED_WEIGHTS(path);
  const auto folder = test_models("basic-pitch/test");
  if (!folder) GTEST_SKIP() << "needs ../shared/models/basic-pitch";
  const auto outputs = published::read_npz(*folder / "vocadito_10/model_output.npz");
  const auto events = published::read_npz(*folder / "vocadito_10/note_events.npz");
  const auto bytes = read_file(*folder / "vocadito_10.wav");
  ASSERT_TRUE(bytes);
  const auto audio = decode_audio(*bytes, {.sample_rate = kPitchRate, .mono = true});
  ASSERT_TRUE(audio) << audio.error().message;
  const auto network = PitchNetwork::load(*path);
  ASSERT_TRUE(network) << network.error().message;
  PitchRun run;
  run.contour = true;
  const auto result = network->run(audio->samples, run);
  ASSERT_TRUE(result) << result.error().message;
  // 1e-4, the authors' own tolerance; the sound went through another resampler than theirs.
  const std::vector<float>* ours[] = {&result->note, &result->onset, &result->contour};
  for (std::size_t k = 0; k < 3; ++k) {
    const auto theirs = (*outputs.at(0))[2 * k + 1].floats();
    ASSERT_EQ(ours[k]->size(), theirs.size());
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      ASSERT_NEAR((*ours[k])[i], theirs[i], 1e-4) << k << " " << i;
    }
  }
  // By time: of notes equally strong, either may be found first.
  auto notes = find_notes(*result, {});
  std::sort(notes.begin(), notes.end(), [](const NoteEvent& a, const NoteEvent& b) {
    return std::pair(a.begin, a.pitch) < std::pair(b.begin, b.pitch);
  });
  std::vector<std::array<double, 4>> wanted;  // begin, end, pitch, amplitude
  for (std::size_t i = 0; i < events.size(); i += 5) {
    wanted.push_back({events[i]->as<double>(), events[i + 1]->as<double>(),
                      static_cast<double>(events[i + 2]->as<std::int64_t>()),
                      events[i + 3]->as<float>()});
  }
  std::sort(wanted.begin(), wanted.end());
  // The same notes. Where two frames are equally strong but for rounding, a note that is found by
  // strength alone may begin and end a frame or two off; at most one of the 28 does.
  ASSERT_EQ(notes.size(), wanted.size());
  constexpr double kTwoFrames = 2.0 * kPitchHop / kPitchRate + 1e-4;
  int off = 0;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const double begin = frame_time(notes[i].begin).count() - wanted[i][0];
    const double end = frame_time(notes[i].end).count() - wanted[i][1];
    EXPECT_LT(std::abs(begin), kTwoFrames);
    EXPECT_LT(std::abs(end), kTwoFrames);
    EXPECT_EQ(notes[i].pitch, wanted[i][2]);
    EXPECT_NEAR(notes[i].amplitude, wanted[i][3], 5e-3);
    const bool same = std::abs(begin) < 1e-4 && std::abs(end) < 1e-4 &&
                      std::abs(notes[i].amplitude - wanted[i][3]) < 1e-4;
    if (!same) ++off;
  }
  EXPECT_LE(off, 1);
}

TEST(PitchNetwork, AllKernelsAgree) {
  NEED_WEIGHTS(path);
  const auto network = PitchNetwork::load(*path);
  ASSERT_TRUE(network) << network.error().message;
  const Audio audio = tones({{0.2, 60}, {0.6, 64}, {1.1, 67}, {1.7, 40}}, 2.3);
  PitchRun run;
  run.isa = "plain";
  const auto plain = network->run(audio.samples, run);
  ASSERT_TRUE(plain);
  ASSERT_EQ(plain->frames, audio.samples.size() * 142 / 36164);
  for (const engine::Kernels* kernels : engine::available_kernels()) {
    run.isa = kernels->name;
    const auto result = network->run(audio.samples, run);
    ASSERT_TRUE(result);
    for (std::size_t i = 0; i < plain->note.size(); ++i) {
      // The logarithm of what is nearly silent makes rounding larger.
      ASSERT_NEAR(result->note[i], plain->note[i], 5e-4) << kernels->name;
      ASSERT_NEAR(result->onset[i], plain->onset[i], 5e-4) << kernels->name;
    }
  }
  run.isa = "none such";
  EXPECT_FALSE(network->run(audio.samples, run));
}

TEST(PitchNetwork, RefusesOtherFiles) {
  const Path path = std::filesystem::temp_directory_path() / "not_weights.safetensors";
  ASSERT_TRUE(write_text(path, "nothing of the kind"));
  const auto network = PitchNetwork::load(path);
  ASSERT_FALSE(network);
  EXPECT_THAT(network.error().message, HasSubstr("not_weights.safetensors"));
  std::filesystem::remove(path);
}

TEST(Transcribe, HearsWhatIsPlayed) {
  NEED_WEIGHTS(path);
  const auto transcriber = Transcriber::load(*path);
  ASSERT_TRUE(transcriber) << transcriber.error().message;
  for (const int rate : {22050, 48000}) {
    const auto result =
        transcriber->transcribe(tones({{0.5, 60}, {1.5, 64}, {2.5, 67}, {2.5, 76}}, 4, rate));
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_NEAR(result->length.count(), 4, 1e-3);
    constexpr std::array kPitches = {60, 64, 67, 76};
    constexpr std::array kOnsets = {0.5, 1.5, 2.5, 2.5};
    for (std::size_t i = 0; i < 4; ++i) {
      const auto note = std::find_if(
          result->notes.begin(), result->notes.end(), [&](const TranscribedNote& heard) {
            return heard.pitch == kPitches[i] && std::abs(heard.onset.count() - kOnsets[i]) < 0.05;
          });
      ASSERT_NE(note, result->notes.end()) << kPitches[i];
      EXPECT_GT(note->velocity(), 30);
      EXPECT_TRUE(note->bends.empty());
    }
    EXPECT_LE(result->notes.size(), 6u);  // with an octave or two that the partials suggest
  }
}

TEST(Transcribe, MeasuresBends) {
  NEED_WEIGHTS(path);
  const auto transcriber = Transcriber::load(*path);
  ASSERT_TRUE(transcriber);
  NoteOptions options;
  options.bends = true;
  for (const int pitch : {50, 60, 69, 74}) {
    for (const int thirds : {0, 1}) {
      const auto result = transcriber->transcribe(tones({{0.5, pitch + thirds / 3.0}}, 2), options);
      ASSERT_TRUE(result);
      const auto note =
          std::find_if(result->notes.begin(), result->notes.end(),
                       [&](const TranscribedNote& heard) { return heard.pitch == pitch; });
      ASSERT_NE(note, result->notes.end()) << pitch;
      std::vector<float> bends = note->bends;
      ASSERT_FALSE(bends.empty());
      std::sort(bends.begin(), bends.end());
      EXPECT_NEAR(bends[bends.size() / 2], thirds / 3.0, 1e-6) << pitch;
    }
  }
}

TEST(Transcribe, NothingInNothingOut) {
  NEED_WEIGHTS(path);
  const auto transcriber = Transcriber::load(*path);
  ASSERT_TRUE(transcriber);
  for (const std::size_t samples : {0u, 1u, 100u, 44100u}) {
    const auto result = transcriber->transcribe({kPitchRate, 1, std::vector<float>(samples)});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(result->notes.empty());
  }
  Audio not_a_number{kPitchRate, 1, std::vector<float>(44100, std::nanf(""))};
  const auto result = transcriber->transcribe(not_a_number);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->notes.empty());
}

TEST(Transcribe, StopsWhenTold) {
  NEED_WEIGHTS(path);
  const auto transcriber = Transcriber::load(*path);
  ASSERT_TRUE(transcriber);
  int calls = 0;
  const auto result = transcriber->transcribe({kPitchRate, 1, std::vector<float>(kPitchRate * 8)},
                                              {}, [&](double) { return ++calls < 3; });
  EXPECT_FALSE(result);
  EXPECT_EQ(calls, 3);
}

TEST(Transcribe, RefusesImpossibleOptions) {
  NEED_WEIGHTS(path);
  const auto transcriber = Transcriber::load(*path);
  ASSERT_TRUE(transcriber);
  const auto refuses = [&](auto change, const char* words) {
    NoteOptions options;
    change(options);
    const auto result = transcriber->transcribe({kPitchRate, 1, {}}, options);
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr(words));
  };
  refuses([](NoteOptions& o) { o.onset_threshold = 1.5; }, "onset threshold");
  refuses([](NoteOptions& o) { o.frame_threshold = std::nan(""); }, "frame threshold");
  refuses([](NoteOptions& o) { o.shortest = Seconds(-1); }, "shortest");
  refuses([](NoteOptions& o) { o.lowest = 90, o.highest = 80; }, "range");
  refuses([](NoteOptions& o) { o.energy_tolerance = 0; }, "tolerance");
}

TEST(LocateTranscriber, SaysHowToGetTheWeights) {
  const auto found = locate_transcriber("/no/such/file");
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("/no/such/file"));
}

}  // namespace
}  // namespace hemiola
