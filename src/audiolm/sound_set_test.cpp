#include "audiolm/sound_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "audio/audio.h"

namespace hemiola::audiolm {
namespace {

using testing::HasSubstr;

class SoundSetTest : public testing::Test {
 protected:
  SoundSetTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("hemiola-sound-set-{}", ::getpid())) {
    std::filesystem::create_directories(folder_);
  }
  ~SoundSetTest() override { std::filesystem::remove_all(folder_); }

  Path write_tone(const std::string& name, int rate, std::size_t samples) {
    Audio audio{rate, 1, std::vector<float>(samples)};
    for (std::size_t i = 0; i < samples; ++i) {
      audio.samples[i] = 0.5f * std::sin(0.05f * static_cast<float>(i));
    }
    EXPECT_TRUE(write_audio(folder_ / name, audio));
    return folder_ / name;
  }

  Path folder_;
};

TEST_F(SoundSetTest, HoldsWhatTheLoopsAre) {
  write_tone("loop-00001.flac", 16000, 4000);
  write_tone("loop-00002.flac", 16000, 6000);
  ASSERT_TRUE(write_text(folder_ / "labels.jsonl",
                         R"({"file":"loop-00001.mid","tempo":90,"split":"train"}
{"file":"loop-00002.mid","tempo":120,"split":"test"}
)"));
  const auto sources = loop_sources(folder_);
  ASSERT_TRUE(sources) << sources.error().message;
  const auto written = write_sound_set(*sources, folder_ / "set");
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->samples, 10000u);
  auto set = SoundSet::open(folder_ / "set");
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->size(), 2u);
  EXPECT_EQ(set->piece(1).name, "loop-00002");
  EXPECT_EQ(set->piece(1).labels["tempo"], 120);
  EXPECT_EQ(set->of_split("test"), std::vector<std::size_t>{1});
  ASSERT_EQ(set->samples(1).size(), 6000u);
  const auto sound = set->sound(1);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    ASSERT_NEAR(sound[i], 0.5f * std::sin(0.05f * static_cast<float>(i)), 1e-4f) << i;
  }
}

TEST_F(SoundSetTest, BringsOthersToItsRateAndNamesWhatFails) {
  const Path tone = write_tone("tone.wav", 32000, 32000);
  const Path broken = folder_ / "broken.wav";
  ASSERT_TRUE(write_text(broken, "no sound"));
  const std::vector<SoundSource> sources{{broken, "broken", ""}, {tone, "tone", ""}};
  const auto written = write_sound_set(sources, folder_ / "set");
  ASSERT_TRUE(written) << written.error().message;
  ASSERT_EQ(written->skipped.size(), 1u);
  EXPECT_THAT(written->skipped[0].path, HasSubstr("broken.wav"));
  const auto set = SoundSet::open(folder_ / "set");
  ASSERT_TRUE(set) << set.error().message;
  ASSERT_EQ(set->size(), 1u);
  EXPECT_EQ(set->samples(0).size(), 16000u);
}

TEST(SoundTable, RefusesPiecesOutsideTheNumbers) {
  const auto table = [](const std::string& pieces) {
    return parse_sound_table(
        R"({"format":"hemiola-sounds-1","rate":16000,"pieces":[)" + pieces + "]}", 100, "here");
  };
  EXPECT_TRUE(table(R"({"name":"a","start":60,"samples":40,"split":"train"})"));
  for (const char* row : {R"({"name":"a","start":61,"samples":40,"split":"train"})",
                          R"({"name":"a","start":18446744073709551615,"samples":2,"split":"test"})",
                          R"({"name":"a","start":0,"samples":-1,"split":"train"})",
                          R"({"name":"a","start":0,"samples":1,"split":"other"})",
                          R"({"name":"a","start":0,"split":"train"})", "7"}) {
    const auto pieces = table(row);
    ASSERT_FALSE(pieces) << row;
    EXPECT_THAT(pieces.error().message, HasSubstr("here"));
  }
}

}  // namespace
}  // namespace hemiola::audiolm
