// Against what the published runtimes give for the same weights and the same input. The weights
// stand outside the repository; without them these tests say that they skip.
#include "evaluate/embedding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <optional>

#include "evaluate/fad.h"
#include "evaluate/spectrogram.h"
#include "evaluate/tflite_graph.h"
#include "tests/test_data.h"

namespace hemiola::evaluate {
namespace {

std::optional<Path> model_file(const std::string& name) {
  const auto folder = test_data("../models");
  if (!folder) return std::nullopt;
  const Path path = *folder / name;
  return std::filesystem::exists(path) ? std::optional(path) : std::nullopt;
}

#define NEED(variable, name)              \
  const auto variable = model_file(name); \
  if (!variable)                          \
  GTEST_SKIP() << "no weights "           \
               << "beside the test data: " << (name)

// Four seconds: a tone that swells twice a second, and one that rises.
std::vector<float> made_sound() {
  std::vector<float> sound(64000);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const double n = static_cast<double>(i), turn = 2 * std::numbers::pi / 16000;
    sound[i] =
        static_cast<float>(0.3 * std::sin(turn * 220 * n) * (0.6 + 0.4 * std::sin(turn * 2 * n)) +
                           0.2 * std::sin(turn * (300 + 0.01 * n) * n));
  }
  return sound;
}

double length(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

std::vector<float> read_floats_of(const Path& path) {
  const Bytes bytes = read_file(path).value();
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), 4 * values.size());
  return values;
}

TEST(Spectrogram, EqualsTheDirectTransform) {
  std::vector<float> frame(400);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    frame[i] = static_cast<float>(std::sin(0.3 * static_cast<double>(i * i % 97)));
  }
  std::vector<double> power(kFftBins);
  power_spectrum(frame, power);
  for (const std::size_t bin : {0u, 1u, 37u, 255u, 256u}) {
    double real = 0, imaginary = 0;
    for (std::size_t i = 0; i < frame.size(); ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(bin * i) / kFftSize;
      real += frame[i] * std::cos(angle);
      imaginary -= frame[i] * std::sin(angle);
    }
    EXPECT_NEAR(power[bin], real * real + imaginary * imaginary, 1e-6);
  }
}

// How the published spectrogram was made is not said. At full scale the definition comes near it
// (up to 0.5 off in single bins), not equal to it; what is equal is tested through VGGish's front
// end.
TEST(Yamnet, MakesASpectrogramNearThePublishedOne) {
  NEED(audio, "yamnet/yamnet_test_audio.bin");
  NEED(spectra, "yamnet/yamnet_test_spectra.bin");
  const Bytes bytes = read_file(*audio).value();
  std::vector<float> sound(bytes.size() / 2);
  float loudest = 0;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::int16_t sample = 0;
    std::memcpy(&sample, bytes.data() + 2 * i, 2);
    sound[i] = static_cast<float>(sample);
    loudest = std::max(loudest, std::abs(sound[i]));
  }
  for (float& sample : sound) sample /= loudest;
  const std::vector<float> mel = log_mel_64(sound, 0.001f), expected = read_floats_of(*spectra);
  ASSERT_EQ(mel.size(), expected.size());
  double sum = 0;
  for (std::size_t i = 0; i < mel.size(); ++i) sum += std::abs(mel[i] - expected[i]);
  EXPECT_LT(sum / static_cast<double>(mel.size()), 0.05);
}

TEST(Yamnet, EqualsTheReferenceRuntimeOnItsSpectrogram) {
  NEED(weights, "yamnet/yamnet_spectra_in.tflite");
  NEED(spectra, "yamnet/yamnet_test_spectra.bin");
  const auto graph = TfliteGraph::open(*weights);
  ASSERT_TRUE(graph) << graph.error().message;
  TfliteGraph::State state;
  const std::vector<float> input = read_floats_of(*spectra);
  const auto embedding = graph->run(input, *graph->input_of_last(TfliteOp::kFullyConnected), state);
  ASSERT_EQ(embedding.size(), 1024u);
  // ai-edge-litert 2.3 with its own kernels (BUILTIN, no delegate); a step of the grid is 0.0233.
  double sum = 0;
  for (const float value : embedding) sum += value;
  EXPECT_NEAR(sum, 26.856679916, 0.05);
  const auto classes = graph->run(input, graph->file().outputs[0], state);
  EXPECT_EQ(std::max_element(classes.begin(), classes.end()) - classes.begin(), 0);  // speech
  EXPECT_NEAR(classes[0], 0.94140625f, 0.0040f);
}

TEST(Lyra, EqualsTheReferenceRuntimeOverAStream) {
  NEED(weights, "lyra/soundstream_encoder.tflite");
  const auto embedding = open_lyra(*weights);
  ASSERT_TRUE(embedding) << embedding.error().message;
  const auto frames = (*embedding)->embed(made_sound());
  ASSERT_TRUE(frames) << frames.error().message;
  ASSERT_EQ(frames->rows, 8u);
  // ai-edge-litert 2.3 with its reference kernels: the mean of the first 24 frames.
  const double expected[] = {2.31652953,  0.77949572, 7.57538099,
                             -1.07592364, -6.1591141, -1.69073721};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(frames->row(0)[i], expected[i], 0.3) << i;
  EXPECT_NEAR(length(frames->row(0)), 49.12002, 0.5);
}

TEST(Musicnn, EqualsTheSameNetworkInPyTorch) {
  NEED(weights, "musicnn/mtat_musicnn.safetensors");
  const auto embedding = open_musicnn(*weights);
  ASSERT_TRUE(embedding) << embedding.error().message;
  const auto frames = (*embedding)->embed(made_sound());
  ASSERT_TRUE(frames) << frames.error().message;
  ASSERT_EQ(frames->rows, 1u);
  const double expected[] = {-1.68762326, -0.21158317, -1.31042945,
                             -0.1520478,  -0.29177931, -2.39847326};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(frames->row(0)[i], expected[i], 2e-3) << i;
  EXPECT_NEAR(length(frames->row(0)), 17.40357901, 2e-3);
}

TEST(Embedding, RefusesWhatIsNotItsWeights) {
  const Path path = std::filesystem::temp_directory_path() / "hemiola_embedding_test.bin";
  ASSERT_TRUE(write_text(path, "no weights at all, but some bytes to look at"));
  for (const std::string_view name : embedding_names()) {
    const auto embedding = open_embedding(name, path);
    ASSERT_FALSE(embedding) << name;
    EXPECT_NE(embedding.error().message.find(path.string()), std::string::npos) << name;
  }
  EXPECT_FALSE(open_embedding("clap", path));
  std::filesystem::remove(path);
}

TEST(TfliteFile, ReadsDamageWithoutHarm) {
  NEED(weights, "yamnet/yamnet_spectra_in.tflite");
  const Bytes whole = read_file(*weights).value();
  std::uint64_t random = 1;
  const auto next = [&] { return random = random * 6364136223846793005u + 1442695040888963407u; };
  int refused = 0;
  for (int round = 0; round < 60; ++round) {
    Bytes bytes = whole;
    // Tables and offsets stand at the beginning and the end.
    for (int i = 0; i < 40; ++i) {
      const std::size_t at = next() >> 40 & 0x3fff;
      bytes[round % 2 == 0 ? at : bytes.size() - 1 - at] = static_cast<std::uint8_t>(next() >> 56);
    }
    if (round % 5 == 0) bytes.resize((next() >> 33) % bytes.size());
    refused += !TfliteFile::parse(bytes, "damaged").has_value();
  }
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace hemiola::evaluate
