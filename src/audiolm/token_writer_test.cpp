// The stages at work, with random models: against a plain form without a cache, and what
// prompts, seeds, given tokens and files do.
#include "audiolm/token_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "audiolm/tiny_stages_for_tests.h"
#include "base/rng.h"

namespace hemiola::audiolm {
namespace {

using Tokens = std::vector<std::int16_t>;

constexpr TokenShape kShape{.units = 12, .quantizers = 4, .codebook = 16, .coarse = 2};
constexpr std::size_t kQ = 4;

StageSampling greedy() {
  StageSampling sampling;
  sampling.semantic.temperature = sampling.coarse.temperature = sampling.fine.temperature = 0;
  return sampling;
}

Tokens random_tokens(std::size_t count, int limit, std::uint64_t seed) {
  Rng rng(seed);
  Tokens tokens(count);
  for (auto& token : tokens) {
    token = static_cast<std::int16_t>(rng.below(static_cast<std::uint64_t>(limit)));
  }
  return tokens;
}

// The likeliest id that may stand at `index`, from the whole window at once.
std::int32_t likeliest(const StageModel& stage, const std::vector<std::int32_t>& ids, int index,
                       int of = 0) {
  engine::KvCache cache = stage.model.make_cache(1);
  std::vector<float> logits(static_cast<std::size_t>(stage.layout.vocabulary()));
  stage.model.prefill(cache, 0, ids, logits);
  int best = -1;
  for (int id = 0; id < stage.layout.vocabulary(); ++id) {
    if (!engine::is_allowed(stage.layout.allowed(index, of), id)) continue;
    if (best < 0 || logits[static_cast<std::size_t>(id)] > logits[static_cast<std::size_t>(best)]) {
      best = id;
    }
  }
  return best;
}

struct Written {
  Tokens units, codes;
};

Written write(TokenWriter& writer, int chunks) {
  Written written;
  for (int i = 0; i < chunks; ++i) {
    const Tokens chunk = writer.next();
    EXPECT_EQ(chunk.size(), static_cast<std::size_t>(writer.chunk_frames()) * kQ);
    written.codes.insert(written.codes.end(), chunk.begin(), chunk.end());
  }
  written.units = writer.units();
  return written;
}

TEST(TokenWriter, WithACacheIsAsWithoutOne) {
  for (const auto precision : {engine::Precision::kFp32, engine::Precision::kInt8}) {
    const Stages stages = tiny_stages(kShape, precision);
    ASSERT_TRUE(check(stages));
    TokenWriter writer(stages, {}, greedy(), 1);
    // Twelve chunks of four frames: past the first windows of the semantic and the coarse stage.
    const Written written = write(writer, 12);
    // Units: the model sees 12 ids, the start among them; a new window keeps 6.
    std::size_t begin = 0;
    ASSERT_EQ(written.units.size(), 24u);
    for (std::size_t i = 0; i < written.units.size(); ++i) {
      if (i == 12 || i == 19) begin = i - 6;
      std::vector<std::int32_t> ids;
      if (begin == 0) ids.push_back(stages.semantic.layout.mark());
      for (std::size_t j = begin; j < i; ++j) ids.push_back(written.units[j]);
      EXPECT_EQ(written.units[i], likeliest(stages.semantic, ids, 0)) << i;
    }
    // Coarse: windows of 6 units, of which a new one keeps 3.
    const Layout& coarse = stages.coarse.layout;
    for (std::size_t unit = 0; unit < 24; ++unit) {
      const std::size_t from = unit < 6 ? 0 : unit / 3 * 3 - 3;
      for (std::size_t c = 0; c < 4; ++c) {
        std::vector<std::int32_t> ids =
            coarse.prefix(std::span(written.units).subspan(from, 6), {});
        const std::vector<std::int32_t> before =
            coarse.targets({}, std::span(written.codes).subspan(from * 8, (unit - from + 1) * 8));
        const std::size_t known = (unit - from) * 4 + c;
        ids.insert(ids.end(), before.begin(), before.begin() + static_cast<std::ptrdiff_t>(known));
        const int id = likeliest(stages.coarse, ids, static_cast<int>(known));
        EXPECT_EQ(written.codes[unit * 8 + c / 2 * 4 + c % 2], coarse.value_of(id));
      }
    }
    // Fine: chunks of four frames, each for itself.
    const Layout& fine = stages.fine.layout;
    for (std::size_t chunk = 0; chunk < 12; ++chunk) {
      const auto codes = std::span(written.codes).subspan(chunk * 16, 16);
      std::vector<std::int32_t> ids = fine.prefix({}, codes);
      const std::vector<std::int32_t> all = fine.targets({}, codes);
      for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i], likeliest(stages.fine, ids, static_cast<int>(i)));
        ids.push_back(all[i]);
      }
    }
  }
}

TEST(TokenWriter, WritesUnitsOfTheClassesThatItWroteBefore) {
  const UnitClasses classes = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
  Stages stages = tiny_stages(kShape);
  stages.semantic = tiny_stage(Stage::kSemantic, kShape, 12, engine::Precision::kFp32, classes);
  EXPECT_FALSE(check(stages));  // without a rhythm stage
  UnitClasses others = classes;
  others[0] = 1;
  stages.rhythm = tiny_stage(Stage::kRhythm, kShape, 8, engine::Precision::kFp32, others);
  EXPECT_FALSE(check(stages));
  stages.rhythm = tiny_stage(Stage::kRhythm, kShape, 8, engine::Precision::kFp32, classes);
  ASSERT_TRUE(check(stages));
  const Layout& rhythm = stages.rhythm->layout;
  const Layout& semantic = stages.semantic.layout;
  StageSampling sampling = greedy();
  sampling.rhythm.temperature = 0;
  for (const Tokens& given : {Tokens{}, random_tokens(3, kShape.units, 5)}) {
    const Tokens codes = random_tokens(given.size() * 2 * kQ, kShape.codebook, 6);
    TokenWriter writer(stages, {given, codes}, sampling, 1);
    const Tokens units = write(writer, 12).units;
    ASSERT_GE(units.size(), 24u);
    EXPECT_TRUE(std::equal(given.begin(), given.end(), units.begin()));
    // Classes: a window ends once the model has seen 8 ids, the start among them; a new one
    // keeps 4.
    const bool from_start = given.empty();
    std::size_t begin = 0;
    std::vector<int> written;
    for (const std::int16_t unit : given)
      written.push_back(classes[static_cast<std::size_t>(unit)]);
    for (std::size_t i = given.size(); i < units.size(); ++i) {
      const bool starts = begin == 0 && from_start;
      if (i - begin == (starts ? 8 : 9)) begin = i - 4;
      std::vector<std::int32_t> ids;
      if (begin == 0 && from_start) ids.push_back(rhythm.mark());
      ids.insert(ids.end(), written.begin() + static_cast<std::ptrdiff_t>(begin), written.end());
      written.push_back(likeliest(*stages.rhythm, ids, 0));
      EXPECT_EQ(written.back(), classes[static_cast<std::size_t>(units[i])]) << i;
    }
    // Units: windows of 12, of which a new one keeps 6.
    for (std::size_t i = given.size(); i < units.size(); ++i) {
      const std::size_t from = i < 12 ? 0 : i / 6 * 6 - 6;
      if (from + 12 > written.size()) break;
      std::vector<std::int32_t> ids;
      for (std::size_t j = from; j < from + 12; ++j) ids.push_back(semantic.class_id(written[j]));
      ids.push_back(semantic.mark());
      for (std::size_t j = from; j < i; ++j) ids.push_back(units[j]);
      EXPECT_EQ(units[i], likeliest(stages.semantic, ids, 0, written[i])) << i;
    }
  }
}

TEST(TokenWriter, FollowsItsSeed) {
  const Stages stages = tiny_stages(kShape);
  TokenWriter first(stages, {}, {}, 5), same(stages, {}, {}, 5), other(stages, {}, {}, 6);
  const Written written = write(first, 6);
  EXPECT_EQ(written.codes, write(same, 6).codes);
  EXPECT_NE(written.codes, write(other, 6).codes);
  for (const std::int16_t unit : written.units) EXPECT_TRUE(unit >= 0 && unit < kShape.units);
  for (const std::int16_t code : written.codes) EXPECT_TRUE(code >= 0 && code < kShape.codebook);
}

TEST(TokenWriter, HearsThePrompt) {
  const Stages stages = tiny_stages(kShape);
  const Tokens units = random_tokens(7, kShape.units, 1);
  const Tokens codes = random_tokens(7 * 2 * kQ, kShape.codebook, 2);
  const auto continued = [&](const Tokens& u, const Tokens& c) {
    TokenWriter writer(stages, {u, c}, greedy(), 1);
    return write(writer, 2);
  };
  const Written plain = continued(units, codes);
  EXPECT_TRUE(std::equal(units.begin(), units.end(), plain.units.begin()));
  EXPECT_EQ(plain.codes.size(), 2u * 4 * kQ);  // the new frames only
  TokenWriter alone(stages, {}, greedy(), 1);
  EXPECT_NE(plain.codes, write(alone, 2).codes);
  // Other units: other units follow. Other coarse codes: other codes follow.
  Tokens other_units = units;
  other_units.back() = static_cast<std::int16_t>((units.back() + 5) % kShape.units);
  const Written by_units = continued(other_units, codes);
  EXPECT_FALSE(std::equal(plain.units.begin() + 7, plain.units.end(), by_units.units.begin() + 7,
                          by_units.units.end()));
  Tokens other_codes = codes;
  for (std::size_t i = 0; i < other_codes.size(); i += kQ) {
    other_codes[i] = static_cast<std::int16_t>((codes[i] + 7) % kShape.codebook);
  }
  const Written by_codes = continued(units, other_codes);
  EXPECT_EQ(by_codes.units, plain.units);
  EXPECT_NE(by_codes.codes, plain.codes);
}

TEST(TokenWriter, LeavesOutFineCodesThatAreNotHeard) {
  const Stages stages = tiny_stages(kShape);
  StageSampling sampling;
  const auto written = [&] {
    TokenWriter writer(stages, {}, sampling, 5);
    return write(writer, 6);
  };
  const Written all = written();
  sampling.quantizers = 3;  // one of them is fine
  EXPECT_EQ(written().codes, all.codes);
  sampling.quantizers = kShape.coarse;
  const Written coarse = written();
  EXPECT_EQ(coarse.units, all.units);
  for (std::size_t i = 0; i < all.codes.size(); ++i) {
    EXPECT_EQ(coarse.codes[i], i % kQ < 2 ? all.codes[i] : 0) << i;
  }
  for (const int quantizers : {-1, 1, 5}) {
    sampling.quantizers = quantizers;
    EXPECT_FALSE(check(sampling, kShape)) << quantizers;
  }
}

TEST(TokenWriter, FollowsTheRhythmThatIsGiven) {
  const UnitClasses classes = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
  Stages stages = tiny_stages(kShape);
  stages.semantic = tiny_stage(Stage::kSemantic, kShape, 12, engine::Precision::kFp32, classes);
  stages.rhythm = tiny_stage(Stage::kRhythm, kShape, 8, engine::Precision::kFp32, classes);
  const Tokens units = random_tokens(30, kShape.units, 6);
  TokenWriter writer(stages, {}, {}, 2);
  writer.give_rhythm(units);
  const Tokens made = write(writer, 10).units;
  ASSERT_GE(made.size(), 20u);
  const auto class_of = [&](std::int16_t unit) { return classes[static_cast<std::size_t>(unit)]; };
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(class_of(made[i]), class_of(units[i])) << i;
  EXPECT_FALSE(std::equal(made.begin(), made.begin() + 20, units.begin()));
}

TEST(TokenWriter, KeepsWhatIsGiven) {
  const Stages stages = tiny_stages(kShape);
  const Tokens units = random_tokens(20, kShape.units, 3);
  const Tokens codes = random_tokens(20 * 2 * kQ, kShape.codebook, 4);
  TokenWriter writer(stages, {}, {}, 1);
  writer.give_units(units);
  writer.give_codes(codes);
  const Written written = write(writer, 10);  // 40 frames: 20 units
  EXPECT_TRUE(std::equal(units.begin(), units.end(), written.units.begin()));
  std::size_t fine_changed = 0;
  for (std::size_t i = 0; i < written.codes.size(); ++i) {
    if (i % kQ < 2) {
      EXPECT_EQ(written.codes[i], codes[i]);
    } else {
      fine_changed += written.codes[i] != codes[i] ? 1 : 0;
    }
  }
  EXPECT_GT(fine_changed, 40u);
}

TEST(TokenWriter, FromFilesIsTheSameToTheBit) {
  const Path folder =
      std::filesystem::temp_directory_path() / ("hemiola_stages_" + std::to_string(::getpid()));
  const auto file = [&](Stage stage, int window) {
    const Path path = folder / (std::string(name(stage)) + ".hemiola");
    EXPECT_TRUE(export_tiny_stage(stage, kShape, window, "c0", "5e", path));
    std::string codec, semantic;
    auto loaded = StageModel::load(path, {.threads = 1}, &codec, &semantic);
    EXPECT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(codec, stage == Stage::kSemantic ? "" : "c0");
    EXPECT_EQ(semantic, stage == Stage::kFine ? "" : "5e");
    return *std::move(loaded);
  };
  const Stages loaded{file(Stage::kSemantic, 12), file(Stage::kCoarse, 6), file(Stage::kFine, 2)};
  ASSERT_TRUE(check(loaded));
  const Stages stages = tiny_stages(kShape, engine::Precision::kInt8);
  TokenWriter from_files(loaded, {}, {}, 9), from_memory(stages, {}, {}, 9);
  EXPECT_EQ(write(from_files, 8).codes, write(from_memory, 8).codes);
  std::filesystem::remove_all(folder);
}

TEST(TokenWriter, StagesThatDoNotBelongTogetherAreRefused) {
  Stages mixed = tiny_stages(kShape);
  mixed.coarse = tiny_stage(Stage::kFine, kShape, 2);
  EXPECT_FALSE(check(mixed));
  TokenShape other = kShape;
  other.codebook = 17;
  mixed.coarse = tiny_stage(Stage::kCoarse, other, 6);
  EXPECT_FALSE(check(mixed));
  // Units are nothing to the fine stage.
  other = kShape;
  other.units += 5;
  mixed = tiny_stages(kShape);
  mixed.fine = tiny_stage(Stage::kFine, other, 2);
  EXPECT_TRUE(check(mixed));
  mixed.coarse = tiny_stage(Stage::kCoarse, other, 6);
  EXPECT_FALSE(check(mixed));
}

}  // namespace
}  // namespace hemiola::audiolm
