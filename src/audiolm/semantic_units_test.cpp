#include "audiolm/semantic_units.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "audiolm/agreement.h"
#include "audiolm/semantic_for_tests.h"

namespace hemiola::audiolm {
namespace {

// Two tones in turns of any length over a bed of noise, struck anew every few frames: a little
// louder than what still sounds. Of each frame which tone it is and whether it is struck there.
struct Struck {
  std::vector<float> sound;
  std::vector<int> tones, begins;
};

constexpr std::size_t kFrames = 300, kPieces = 4;

Struck struck(std::uint64_t seed) {
  Struck result;
  Rng rng(seed);
  int tone = 0;
  double level = 0, wanted = 0, phase = 0;
  std::size_t next = 0;
  for (std::size_t frame = 0; frame < kFrames; ++frame) {
    const bool begins = frame == next;
    if (begins) {
      next += 4 + rng.below(8);
      if (rng.chance(0.3)) tone = 1 - tone;
    }
    for (int i = 0; i < kSemanticHop; ++i) {
      if (begins && i == kSemanticHop / 4) wanted = 0.25;
      wanted *= 0.9998;
      level += (wanted - level) * 0.02;  // 3 ms, so that no click tells of it
      phase += 2 * std::numbers::pi * (tone == 0 ? 330 : 1320) / kSemanticRate;
      result.sound.push_back(
          static_cast<float>(level * std::sin(phase) + 0.02 * (rng.uniform() - 0.5)));
    }
    result.tones.push_back(tone);
    result.begins.push_back(begins ? 1 : 0);
  }
  return result;
}

class SemanticUnitsTest : public testing::Test {
 protected:
  SemanticUnitsTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("hemiola-semantic-units-{}", ::getpid())) {
    std::filesystem::create_directories(folder_);
    std::vector<std::int16_t> samples;
    Json pieces = Json::array();
    for (std::size_t i = 0; i < kPieces; ++i) {
      const Struck piece = struck(i);
      pieces.push_back({{"name", fmt::format("piece-{}", i)},
                        {"start", samples.size()},
                        {"samples", piece.sound.size()},
                        {"split", "train"}});
      for (const float value : piece.sound) {
        samples.push_back(static_cast<std::int16_t>(std::lround(32767 * value)));
      }
    }
    const Json table = {{"format", "hemiola-sounds-1"}, {"rate", kSoundRate}, {"pieces", pieces}};
    EXPECT_TRUE(write_text(folder_ / "sound.json", json_text(table)));
    EXPECT_TRUE(
        write_file(folder_ / "sound.i16",
                   {reinterpret_cast<const std::uint8_t*>(samples.data()), 2 * samples.size()}));
  }
  ~SemanticUnitsTest() override { std::filesystem::remove_all(folder_); }

  SemanticUnits fitted(float rise_weight) const {
    const auto sounds = SoundSet::open(folder_).value();
    auto units = fit_units(network_, sounds, sounds.of_split("train"), 6, rise_weight);
    EXPECT_TRUE(units) << units.error().message;
    return std::move(*units);
  }
  std::vector<std::int16_t> found(const UnitCentres& centres, std::span<const float> sound) const {
    const auto mel = log_mel(sound, 0, semantic_frames(sound.size()));
    const auto dimensions =
        static_cast<int>(centres.features.mean.size() + centres.rises.mean.size());
    return NearestCentre::create(centres.centres, dimensions)
        .value()
        .find(centres.points(network_.run_windows(mel), rises(mel)));
  }

  Path folder_;
  TinySemantic tiny_;
  SemanticNetwork network_ =
      SemanticNetwork::create(tiny_semantic_shape(), tiny_.weights(), "tiny").value();
};

TEST_F(SemanticUnitsTest, TellWhenSomethingBeginsIfTheyWereFittedWithRises) {
  const Struck unheard = struck(99);
  const auto agreement = [&](float rise_weight, const std::vector<int>& labels) {
    const auto units = found(fitted(rise_weight).centres, unheard.sound);
    return measure_agreement(std::vector<int>(units.begin(), units.end()), labels);
  };
  const Agreement with = agreement(4, unheard.begins), without = agreement(0, unheard.begins);
  // One frame in seven is a beginning. Without rises hardly a unit is one of beginnings, though
  // units tell the tones apart.
  EXPECT_GT(with.purity, 0.97);
  EXPECT_LT(without.purity, without.commonest + 0.03);
  EXPECT_GT(agreement(0, unheard.tones).purity, 0.95);
}

TEST_F(SemanticUnitsTest, StayTheSameInAFile) {
  const Path path = folder_ / kSemanticFile;
  const auto sound = struck(99).sound;
  for (const float rise_weight : {0.0F, 4.0F}) {
    const SemanticUnits units = fitted(rise_weight);
    EXPECT_EQ(units.frames, kPieces * kFrames);
    EXPECT_EQ(units.centres.has_rises(), rise_weight > 0);
    ASSERT_TRUE(write_semantic(path, tiny_.shape, tiny_.weights(), units.centres));
    const auto bytes = read_file(path).value();
    const auto view = SafetensorsView::parse(bytes, "here").value();
    EXPECT_EQ(view.metadata().find("format")->second,
              rise_weight > 0 ? "hemiola-semantic-2" : "hemiola-semantic-1");
    const auto encoder = SemanticEncoder::load(path);
    ASSERT_TRUE(encoder) << encoder.error().message;
    EXPECT_EQ(encoder->encode(sound), found(units.centres, sound));
  }
}

// Classes tell whether something begins, and little of which tone sounds where nothing does.
TEST_F(SemanticUnitsTest, ClassesOfRisesTellWhenAndNotWhat) {
  const Path path = folder_ / kSemanticFile;
  const Struck unheard = struck(99);
  const auto encoder_with = [&](float rise_weight) {
    EXPECT_TRUE(write_semantic(path, tiny_.shape, tiny_.weights(), fitted(rise_weight).centres));
    return SemanticEncoder::load(path).value();
  };
  const SemanticEncoder encoder = encoder_with(4);
  std::vector<std::uint64_t> counts(6);
  for (const std::int16_t unit : encoder.encode(unheard.sound)) {
    ++counts[static_cast<std::size_t>(unit)];
  }
  const auto classes = encoder.rise_classes(5, counts);
  ASSERT_TRUE(classes) << classes.error().message;
  ASSERT_TRUE(check(*classes, {.units = encoder.units()}));
  std::vector<int> units, found_classes;
  for (const std::int16_t unit : encoder.encode(unheard.sound)) {
    units.push_back(unit);
    found_classes.push_back((*classes)[static_cast<std::size_t>(unit)]);
  }
  EXPECT_GT(measure_agreement(found_classes, unheard.begins).purity, 0.97);
  EXPECT_LT(measure_agreement(found_classes, unheard.tones).information,
            0.5 * measure_agreement(units, unheard.tones).information);
  // Stronger rises have higher numbers.
  const auto first = std::find(unheard.begins.begin() + 1, unheard.begins.end(), 1);
  const auto at = static_cast<std::size_t>(first - unheard.begins.begin());
  EXPECT_GT(found_classes[at], found_classes[at + 2]);
  EXPECT_FALSE(encoder.rise_classes(1, counts));
  EXPECT_FALSE(encoder.rise_classes(7, counts));
  EXPECT_FALSE(encoder_with(0).rise_classes(2, counts));
  EXPECT_FALSE(encoder.rise_classes(2, std::vector<std::uint64_t>(5)));
}

}  // namespace
}  // namespace hemiola::audiolm
