#include "evaluate/fad.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "audio/audio.h"
#include "base/hash.h"
#include "base/rng.h"
#include "evaluate/published_models.h"

namespace hemiola::evaluate {
namespace {

// Loudness and brightness of each tenth of a second: enough to tell sets apart.
class PlainEmbedding : public Embedding {
 public:
  std::string_view name() const override { return "plain"; }
  int dimensions() const override { return 2; }
  Result<Matrix> embed(std::span<const float> sound) const override {
    constexpr std::size_t kFrame = 1600;
    if (sound.size() < kFrame) return fail("shorter than a tenth of a second");
    Matrix frames(sound.size() / kFrame, 2);
    for (std::size_t i = 0; i < frames.rows; ++i) {
      for (std::size_t k = 1; k < kFrame; ++k) {
        const double here = sound[i * kFrame + k], before = sound[i * kFrame + k - 1];
        frames.row(i)[0] += here * here;
        frames.row(i)[1] += (here - before) * (here - before);
      }
    }
    return frames;
  }
};

class Fad : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write_set(const std::string& name, int files, double loudness, std::uint64_t seed) {
    Rng rng(seed);
    for (int i = 0; i < files; ++i) {
      Audio audio{16000, 1, std::vector<float>(16000)};
      for (float& sample : audio.samples) {
        sample = static_cast<float>(loudness * (rng.uniform() - 0.5));
      }
      ASSERT_TRUE(write_audio(folder_ / name / fmt::format("{}.wav", i), audio));
    }
  }

  Path folder_ = std::filesystem::temp_directory_path() / "hemiola_fad_test";
};

TEST_F(Fad, OfAFolderWithItselfIsZeroAndOrdersOthers) {
  write_set("real", 10, 0.5, 1);
  write_set("same", 10, 0.5, 2);
  write_set("loud", 10, 1, 3);
  const PlainEmbedding embedding;
  const auto distance = [&](const char* a, const char* b) {
    return measure_fad(folder_ / a, folder_ / b, embedding, {.threads = 2}).value();
  };
  const FadReport own = distance("real", "real"), same = distance("real", "same"),
                  loud = distance("real", "loud");
  EXPECT_NEAR(own.fad, 0, 1e-6);
  EXPECT_LT(same.fad, loud.fad / 10);
  EXPECT_LT(same.kad.value, loud.kad.value / 10);
  EXPECT_LT(std::abs(same.fad_infinity->value), loud.fad_infinity->value / 10);
  EXPECT_EQ(own.reference_files, 10u);
  EXPECT_EQ(own.reference_frames, 100u);
  const FadReport again = distance("real", "loud");
  EXPECT_EQ(again.fad, loud.fad);
  EXPECT_EQ(to_json(again), to_json(loud));
}

TEST_F(Fad, NamesFilesThatFailAndStandsOnTheOthers) {
  write_set("real", 3, 0.5, 1);
  write_set("mixed", 3, 0.5, 2);
  ASSERT_TRUE(write_text(folder_ / "mixed" / "broken.wav", "no sound"));
  ASSERT_TRUE(write_audio(folder_ / "mixed" / "short.wav", {16000, 1, std::vector<float>(100)}));
  const auto report = measure_fad(folder_ / "real", folder_ / "mixed", PlainEmbedding(),
                                  {.threads = 1, .per_song = true});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->generated_files, 3u);
  ASSERT_EQ(report->skipped.size(), 2u);
  EXPECT_NE(report->skipped[0].path.find("broken.wav"), std::string::npos);
  EXPECT_NE(report->skipped[1].reason.find("shorter"), std::string::npos);
  EXPECT_EQ(report->songs.size(), 3u);
  const Json json = to_json(*report);
  for (const char* key : {"fad", "fad_inf", "kad", "embedding", "n_ref", "n_gen", "skipped"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_FALSE(measure_fad(folder_ / "real", folder_ / "none", PlainEmbedding()));
}

TEST_F(Fad, IsMeasuredOnTheReferencesAxesWhereAskedFor) {
  write_set("real", 3, 0.5, 1);
  write_set("loud", 3, 0.6, 2);
  const auto report =
      measure_fad(folder_ / "real", folder_ / "loud", PlainEmbedding(), {.threads = 1, .axes = 1});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->dimensions, 1);
  const auto whole =
      measure_fad(folder_ / "real", folder_ / "loud", PlainEmbedding(), {.threads = 1});
  EXPECT_LE(report->fad, whole->fad);
}

class Models : public Fad {
 protected:
  void SetUp() override {
    Fad::SetUp();
    ASSERT_EQ(setenv("HEMIOLA_MODELS", (folder_ / "models").c_str(), 1), 0);
  }
  void TearDown() override {
    unsetenv("HEMIOLA_MODELS");
    Fad::TearDown();
  }
};

TEST_F(Models, AreCopiedOnlyWithTheRightHash) {
  const Path file = folder_ / "weights";
  ASSERT_TRUE(write_text(file, "some weights"));
  const auto missing = locate_published("yamnet");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("hemiola models add yamnet"), std::string::npos);
  const auto wrong = add_model("yamnet", file.string());
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("SHA-256"), std::string::npos);
  EXPECT_FALSE(locate_published("yamnet"));
  const auto added =
      add_model("yamnet", file.string(), {.sha256 = to_hex(sha256(read_file(file).value()))});
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(locate_published("yamnet").value(), added->path);
  EXPECT_EQ(installed_models().value().size(), 1u);
  EXPECT_FALSE(add_model("vggish", (folder_ / "nowhere").string()));
  EXPECT_FALSE(add_model("clap", file.string()));
  const auto again = add_model("vggish", file.string());
  ASSERT_TRUE(again);
  const auto twice = add_model("vggish", file.string());
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().message.find("--force"), std::string::npos);
  EXPECT_TRUE(add_model("vggish", file.string(), {.force = true}));
}

}  // namespace
}  // namespace hemiola::evaluate
