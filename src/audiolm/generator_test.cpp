// The whole generator with random weights: parts as files, a bundle of them, sound from it.
#include "audiolm/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "audiolm/little_codec_for_tests.h"
#include "audiolm/oracle.h"
#include "audiolm/semantic_for_tests.h"
#include "audiolm/tiny_stages_for_tests.h"
#include "model/model_folder.h"

namespace hemiola::audiolm {
namespace {

using ::testing::HasSubstr;

// The little codec's and the tiny encoder's.
constexpr TokenShape kShape{.units = 10, .quantizers = 4, .codebook = 24, .coarse = 2};

std::vector<float> a_tune(double seconds) {
  std::vector<float> sound(static_cast<std::size_t>(seconds * 16000));
  for (std::size_t i = 0; i < sound.size(); ++i) {
    const auto t = static_cast<double>(i) / 16000;
    const double pitch = 220 * (1 + std::floor(std::fmod(t * 4, 5)) / 4);
    sound[i] = static_cast<float>(0.3 * std::sin(6.283185307179586 * pitch * t));
  }
  return sound;
}

class GeneratorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("hemiola_generator_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    request_.codec = folder_ / "codec.safetensors";
    request_.semantic = folder_ / "semantic.safetensors";
    ASSERT_TRUE(
        write_codec(request_.codec, little_codec(CodecActivation::kLeakyRelu, 4), Dtype::kF32));
    ASSERT_TRUE(TinySemantic().write(request_.semantic));
    codec_sha256_ = Codec::load(request_.codec)->sha256();
    semantic_sha256_ = SemanticEncoder::load(request_.semantic)->sha256();
    request_.semantic_stage = stage(Stage::kSemantic, 12, codec_sha256_);
    request_.coarse_stage = stage(Stage::kCoarse, 6, codec_sha256_);
    request_.fine_stage = stage(Stage::kFine, 2, codec_sha256_);
    request_.sampling.coarse.temperature = 0.7f;
    request_.card = "# Random\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Path stage(Stage stage, int window, const std::string& codec, UnitClasses classes = {}) {
    const Layout layout(stage, kShape, window, std::move(classes));
    ModelToSave model;
    model.config = tiny_config(layout);
    const OwnedWeights weights =
        layout.fresh_weights(model.config, 11 + static_cast<std::uint64_t>(stage));
    model.weights = weights.views();
    model.tokenizer = to_text(layout, codec, semantic_sha256_);
    const Path path = folder_ / fmt::format("{}-{}", name(stage), codec.substr(0, 4));
    EXPECT_TRUE(save_model_folder(path, model));
    return path;
  }
  Generator bundled() {
    const Status status = write_bundle(folder_ / "bundle", request_);
    EXPECT_TRUE(status) << status.error().message;
    auto generator = Generator::load(folder_ / "bundle", {.threads = 1});
    EXPECT_TRUE(generator) << generator.error().message;
    return *std::move(generator);
  }

  Path folder_;
  BundleRequest request_;
  std::string codec_sha256_, semantic_sha256_;
};

TEST_F(GeneratorTest, WritesTheSameSoundForTheSameSeedAndStreamsIt) {
  const Generator generator = bundled();
  EXPECT_EQ(generator.sampling().coarse.temperature, 0.7f);
  SoundRequest request;
  request.seconds = 1.01;
  request.seed = 3;
  std::vector<float> heard;
  std::vector<double> done;
  SoundCallbacks callbacks;
  callbacks.sound = [&](std::span<const float> samples, double share) {
    heard.insert(heard.end(), samples.begin(), samples.end());
    done.push_back(share);
    return true;
  };
  const WrittenSound written = generator.generate(request, callbacks).value();
  EXPECT_TRUE(written.complete);
  EXPECT_EQ(written.samples.size(), 16160u);
  EXPECT_EQ(heard, written.samples);
  EXPECT_EQ(written.codes.size(), 51u * 4);  // frames begun
  EXPECT_EQ(written.units.size(), 26u);
  EXPECT_GT(done.size(), 5u);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(done.back(), 1);
  // What the codec says of these codes, to the bit.
  std::vector<float> decoded = generator.codec().decode(written.codes, 4);
  decoded.resize(written.samples.size());
  EXPECT_EQ(decoded, written.samples);
  // A bundle of this bundle's parts is the same.
  BundleRequest copy = request_;
  copy.fine_stage = folder_ / "bundle" / "fine.hemiola";
  copy.coarse_stage = folder_ / "bundle" / "coarse.hemiola";
  ASSERT_TRUE(write_bundle(folder_ / "copy", copy));
  EXPECT_EQ(Generator::load(folder_ / "copy", {.threads = 1})->sha256(), generator.sha256());
  // Loaded once more: the same; another seed: another.
  const Generator again = Generator::load(folder_ / "bundle", {.threads = 2}).value();
  EXPECT_EQ(again.sha256(), generator.sha256());
  EXPECT_EQ(again.generate(request, {})->samples, written.samples);
  request.seed = 4;
  EXPECT_NE(again.generate(request, {})->samples, written.samples);
}

TEST_F(GeneratorTest, HearsAsManyCodesAsTheBundleSays) {
  request_.sampling.quantizers = 2;  // those of the coarse stage
  const Generator generator = bundled();
  EXPECT_EQ(generator.sampling().quantizers, 2);
  SoundRequest request;
  request.seconds = 0.4;
  request.prompt = a_tune(0.32);
  request.sampling = generator.sampling();
  const WrittenSound written = generator.generate(request, {}).value();
  EXPECT_EQ(generator.codec().decode(first_codes(written.codes, 4, 2), 2), written.samples);
  EXPECT_EQ(
      made_from(generator, request.prompt, Given::kCodes, 1).value(),
      generator.codec().decode(first_codes(generator.tokens_of(request.prompt).codes, 4, 2), 2));
  request.sampling.quantizers = 0;
  EXPECT_NE(generator.generate(request, {})->samples, written.samples);
  request.sampling.quantizers = 5;
  EXPECT_FALSE(generator.generate(request, {}));
  request_.sampling.quantizers = 1;  // fewer than the coarse stage writes
  const Status refused = write_bundle(folder_ / "bundle", request_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("audiolm.json: quantizers"));
}

TEST_F(GeneratorTest, GoesOnFromAPrompt) {
  const Generator generator = bundled();
  SoundRequest request;
  request.seconds = 0.4;
  request.prompt = a_tune(0.33);  // whole units: 0.32 s
  const WrittenSound written = generator.generate(request, {}).value();
  EXPECT_EQ(written.prompt_samples, 8u * 640);
  EXPECT_EQ(written.samples.size(), 8u * 640 + 6400);
  const PieceTokens prompt = generator.tokens_of(request.prompt);
  EXPECT_TRUE(std::equal(prompt.units.begin(), prompt.units.end(), written.units.begin()));
  EXPECT_TRUE(std::equal(prompt.codes.begin(), prompt.codes.end(), written.codes.begin()));
  // A long one is heard from its last part on.
  request.prompt = a_tune(3);
  EXPECT_EQ(generator.generate(request, {})->prompt_samples, 12u * 640);
  request.prompt = a_tune(0.01);  // less than a unit of sound
  EXPECT_FALSE(generator.generate(request, {}));
}

TEST(Prompt, IsAsLoudAsWhatWasLearntAndEndsInSound) {
  Audio sound{44100, 2, std::vector<float>(2 * 88200, 0.0f)};  // one second, then silence
  for (std::size_t i = 0; i < 44100; ++i) {
    sound.samples[2 * i] = sound.samples[2 * i + 1] =
        0.01f * std::sin(0.06f * static_cast<float>(i));
  }
  const std::vector<float> prompt = as_prompt(std::move(sound), 16000).value();
  EXPECT_NEAR(static_cast<double>(prompt.size()), 16000, 330);
  float loudest = 0;
  for (const float sample : prompt) loudest = std::max(loudest, std::abs(sample));
  EXPECT_GT(loudest, 0.1f);
  const Audio silence{16000, 1, std::vector<float>(8000, 0.0f)};
  EXPECT_EQ(as_prompt(silence, 16000)->size(), 8000u);
}

TEST_F(GeneratorTest, EndsWhenItIsTold) {
  const Generator generator = bundled();
  SoundRequest request;
  request.seconds = 600;
  SoundCallbacks callbacks;
  callbacks.sound = [](std::span<const float>, double) { return false; };
  const WrittenSound written = generator.generate(request, callbacks).value();
  EXPECT_FALSE(written.complete);
  EXPECT_EQ(written.samples.size(), 4u * 320);  // one chunk
  request.seconds = 0;
  EXPECT_FALSE(generator.generate(request, {}));
  request.seconds = 1;
  request.sampling.fine.top_p = 2;
  EXPECT_FALSE(generator.generate(request, {}));
}

TEST_F(GeneratorTest, PartsThatDoNotBelongTogetherAreRefused) {
  BundleRequest wrong = request_;
  wrong.fine_stage = stage(Stage::kFine, 2, std::string(64, '0'));
  const Status status = write_bundle(folder_ / "wrong", wrong);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("another codec"));
  EXPECT_FALSE(Generator::load(folder_ / "wrong"));
  wrong = request_;
  wrong.coarse_stage = request_.fine_stage;
  EXPECT_FALSE(write_bundle(folder_ / "wrong", wrong));
  // A part that was changed afterwards.
  (void)bundled();
  Bytes bytes = read_file(folder_ / "bundle" / "coarse.hemiola").value();
  bytes.back() ^= 1;
  ASSERT_TRUE(write_file(folder_ / "bundle" / "coarse.hemiola", bytes));
  const auto changed = Generator::load(folder_ / "bundle");
  ASSERT_FALSE(changed);
  EXPECT_THAT(changed.error().message, HasSubstr("coarse.hemiola"));
  ASSERT_TRUE(write_text(folder_ / "other" / "mine.txt", "x"));
  EXPECT_FALSE(write_bundle(folder_ / "other", request_));
}

TEST_F(GeneratorTest, ANewBundleHasNoIndexOfAnOlderOne) {
  (void)bundled();
  const Path index = folder_ / "bundle" / kBundleIndex;
  ASSERT_TRUE(write_text(index, "of other parts"));
  (void)bundled();
  EXPECT_FALSE(std::filesystem::exists(index));
}

TEST_F(GeneratorTest, OracleKeepsWhatIsGiven) {
  const Generator generator = bundled();
  const std::vector<float> tune = a_tune(1);
  const std::vector<float> codes = made_from(generator, tune, Given::kCodes, 1).value();
  EXPECT_EQ(codes, generator.codec().decode(generator.tokens_of(tune).codes, 4));
  EXPECT_FALSE(made_from(generator, tune, Given::kRhythm, 1));  // there is no such stage
  for (const Given given : {Given::kCodes, Given::kUnitsAndCoarse, Given::kUnits}) {
    const std::vector<float> made = made_from(generator, tune, given, 1).value();
    EXPECT_EQ(made.size(), tune.size());
    EXPECT_EQ(made == codes, given == Given::kCodes);
  }
  const SoundDistance same = distance(generator.encoder(), tune, tune);
  EXPECT_EQ(same.mel_db, 0);
  EXPECT_EQ(same.units, 1);
  EXPECT_NEAR(same.chroma, 1, 1e-6);
  std::vector<float> louder = tune;
  for (float& sample : louder) sample *= 2;
  const SoundDistance twice = distance(generator.encoder(), tune, louder);
  EXPECT_NEAR(twice.level_db, 6.02, 0.01);
  EXPECT_GT(twice.mel_db, 0.1);
  EXPECT_NEAR(twice.chroma, 1, 1e-3);
}

TEST_F(GeneratorTest, ARhythmStageIsPartOfTheBundle) {
  const UnitClasses classes = {0, 1, 2, 0, 1, 2, 0, 1, 2, 2};
  request_.semantic_stage = stage(Stage::kSemantic, 12, codec_sha256_, classes);
  EXPECT_FALSE(write_bundle(folder_ / "bundle", request_));  // its rhythm stage is missing
  request_.rhythm_stage = stage(Stage::kRhythm, 12, codec_sha256_, classes);
  request_.sampling.rhythm.temperature = 0.9f;
  {
    const Generator generator = bundled();
    EXPECT_EQ(generator.sampling().rhythm.temperature, 0.9f);
    SoundRequest request;
    request.seconds = 1;
    const auto sound = generator.generate(request, {}).value();
    EXPECT_EQ(sound.samples.size(), 16000u);
    EXPECT_EQ(sound.samples, generator.generate(request, {})->samples);
    request.prompt = a_tune(0.7);
    EXPECT_TRUE(generator.generate(request, {}));
    // All units are given: the stage that writes their rhythm has nothing to do.
    EXPECT_TRUE(made_from(generator, a_tune(1), Given::kUnits, 1));
    EXPECT_EQ(made_from(generator, a_tune(1), Given::kRhythm, 1)->size(), 16000u);
  }
  const Path part = folder_ / "bundle" / kRhythmPart;
  const Bytes whole = read_file(part).value();
  ASSERT_TRUE(write_file(part, std::span(whole).first(whole.size() - 1)));
  EXPECT_FALSE(Generator::load(folder_ / "bundle"));
  // A bundle without that stage in the same place has no such file.
  request_.semantic_stage = stage(Stage::kSemantic, 12, codec_sha256_);
  request_.rhythm_stage.clear();
  (void)bundled();
  EXPECT_FALSE(std::filesystem::exists(part));
}

TEST(Sampling, IsReadBackAndChecked) {
  StageSampling sampling;
  sampling.fine.top_k = 7;
  StageSampling back;
  ASSERT_TRUE(read_sampling(to_json(sampling), back, "test"));
  EXPECT_EQ(back.fine.top_k, 7);
  EXPECT_FALSE(read_sampling(Json{{"coarse", {{"temperature", -1}}}}, back, "test"));
  EXPECT_FALSE(read_sampling(Json{{"coarse", {{"top_p", "x"}}}}, back, "test"));
  EXPECT_FALSE(read_sampling(Json::array(), back, "test"));
}

}  // namespace
}  // namespace hemiola::audiolm
