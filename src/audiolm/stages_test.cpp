// Layouts, the token cache and what training reads, on small made-up tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <set>

#include "audiolm/layout.h"
#include "audiolm/stage_source.h"
#include "audiolm/token_cache.h"
#include "base/json.h"
#include "base/rng.h"
#include "engine/sampler.h"

namespace hemiola::audiolm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr TokenShape kSmall{.units = 10, .quantizers = 4, .codebook = 20, .coarse = 2};

PieceTokens random_piece(std::size_t units, std::uint64_t seed, const TokenShape& shape = kSmall) {
  Rng rng(seed);
  PieceTokens piece;
  piece.units.resize(units);
  piece.codes.resize(units * kFramesPerUnit * static_cast<std::size_t>(shape.quantizers));
  for (auto& unit : piece.units) {
    unit = static_cast<std::int16_t>(rng.below(static_cast<std::uint64_t>(shape.units)));
  }
  for (auto& code : piece.codes) {
    code = static_cast<std::int16_t>(rng.below(static_cast<std::uint64_t>(shape.codebook)));
  }
  return piece;
}

class Cache : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("hemiola_tokens_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Pieces of 30, 5, 40, 25 and 60 units; the last two are held out.
  CacheJob job() const {
    CacheJob job;
    job.origin = {kSmall, "c0dec", "5e3a", "sounds"};
    job.splits = {Split::kTrain, Split::kTrain, Split::kTrain, Split::kValidation,
                  Split::kValidation};
    job.encode = [](std::size_t i) -> Result<PieceTokens> {
      constexpr std::size_t kUnits[] = {30, 5, 40, 25, 60};
      return random_piece(kUnits[i], i);
    };
    return job;
  }
  TokenCache built() const {
    EXPECT_TRUE(build_token_cache(folder_ / "tokens", job()));
    return TokenCache::open(folder_ / "tokens").value();
  }

  Path folder_;
};

TEST(Layout, OrdersIdsAsPublished) {
  const std::vector<std::int16_t> units = {3, 7};
  const std::vector<std::int16_t> codes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const Layout semantic(Stage::kSemantic, kSmall, 2);
  EXPECT_EQ(semantic.vocabulary(), 11);
  EXPECT_THAT(semantic.window_of(units, codes, true).ids, ElementsAre(10, 3, 7));
  EXPECT_EQ(semantic.window_of(units, codes, true).first, 1);
  EXPECT_THAT(semantic.window_of(units, codes, false).ids, ElementsAre(3, 7));

  const Layout coarse(Stage::kCoarse, kSmall, 2);
  EXPECT_EQ(coarse.vocabulary(), 10 + 1 + 40);
  const Window window = coarse.window_of(units, codes, true);
  EXPECT_EQ(window.first, 3);
  EXPECT_THAT(window.ids, ElementsAre(3, 7, 10, 11 + 0, 31 + 1, 11 + 4, 31 + 5, 11 + 8, 31 + 9,
                                      11 + 12, 31 + 13));
  EXPECT_EQ(static_cast<int>(window.ids.size()), coarse.length());

  const Layout fine(Stage::kFine, kSmall, 1);
  EXPECT_EQ(fine.vocabulary(), 81);
  const Window last = fine.window_of(std::span(units).first(1), std::span(codes).first(8), true);
  EXPECT_EQ(last.first, 5);
  EXPECT_THAT(last.ids, ElementsAre(0, 20 + 1, 4, 20 + 5, 80, 40 + 2, 60 + 3, 40 + 6, 60 + 7));
  EXPECT_EQ(static_cast<int>(last.ids.size()), fine.length());
}

TEST(Layout, ClassesConditionTheirUnits) {
  const UnitClasses classes = {0, 0, 1, 2, 1, 0, 2, 2, 2, 0};
  const std::vector<std::int16_t> units = {3, 7, 4};
  const Layout rhythm(Stage::kRhythm, kSmall, 3, classes);
  EXPECT_EQ(rhythm.vocabulary(), 4);
  EXPECT_EQ(rhythm.length(), 4);
  EXPECT_THAT(rhythm.window_of(units, {}, true).ids, ElementsAre(3, 2, 2, 1));
  EXPECT_THAT(rhythm.window_of(units, {}, false).ids, ElementsAre(2, 2, 1));
  EXPECT_EQ(rhythm.window_of(units, {}, false).first, 1);

  const Layout semantic(Stage::kSemantic, kSmall, 3, classes);
  EXPECT_EQ(semantic.vocabulary(), 10 + 1 + 3);
  EXPECT_EQ(semantic.length(), 7);
  const Window window = semantic.window_of(units, {}, true);
  EXPECT_THAT(window.ids, ElementsAre(13, 13, 12, 10, 3, 7, 4));
  EXPECT_EQ(window.first, 4);
  EXPECT_EQ(semantic.window_of(units, {}, false).ids, window.ids);
  // The units of a class, and nothing else.
  const auto allowed = [](const Layout& layout, int of) {
    std::vector<int> ids;
    for (int id = 0; id < layout.vocabulary(); ++id) {
      if (engine::is_allowed(layout.allowed(0, of), id)) ids.push_back(id);
    }
    return ids;
  };
  EXPECT_THAT(allowed(semantic, 0), ElementsAre(0, 1, 5, 9));
  EXPECT_THAT(allowed(semantic, 1), ElementsAre(2, 4));
  EXPECT_THAT(allowed(rhythm, 0), ElementsAre(0, 1, 2));

  for (const Layout& layout : {rhythm, semantic}) {
    const auto back = parse_layout(to_text(layout, "", "bb"), "test");
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->layout.classes(), classes);
    EXPECT_EQ(back->layout.stage(), layout.stage());
    EXPECT_EQ(back->semantic_sha256, "bb");
  }
}

TEST(Layout, ClassesThatDoNotFitAreRefused) {
  EXPECT_TRUE(check(UnitClasses{}, kSmall));
  EXPECT_FALSE(check(UnitClasses{0, 1}, kSmall));                          // too few
  EXPECT_FALSE(check(UnitClasses{0, 0, 0, 0, 0, 0, 0, 0, 0, 2}, kSmall));  // none of class 1
  EXPECT_FALSE(check(UnitClasses{0, 0, 0, 0, 0, 0, 0, 0, 0, -1}, kSmall));
  const auto read = [](std::string_view stage, std::string_view rest) {
    return parse_layout(
        fmt::format(R"({{"hemiola_audiolm": 1, "stage": "{}", "units": 2, "quantizers": 4,
                        "codebook": 20, "coarse": 2, "window": 8, "codec_sha256": "",
                        "semantic_sha256": ""{}}})",
                    stage, rest),
        "test");
  };
  EXPECT_TRUE(read("rhythm", R"(, "classes": [0, 1])"));
  EXPECT_TRUE(read("semantic", R"(, "classes": [0, 1])"));
  EXPECT_TRUE(read("semantic", ""));
  EXPECT_FALSE(read("rhythm", ""));
  EXPECT_FALSE(read("coarse", R"(, "classes": [0, 1])"));
  EXPECT_FALSE(read("semantic", R"(, "classes": [0, 2])"));
}

TEST(Layout, AllowsExactlyTheIdsThatStandThere) {
  for (const Stage stage : {Stage::kSemantic, Stage::kCoarse, Stage::kFine}) {
    const Layout layout(stage, kSmall, 8);
    const PieceTokens piece = random_piece(8, 5);
    const Window window = layout.window_of(piece.units, piece.codes, true);
    for (int i = 0; i + window.first < static_cast<int>(window.ids.size()); ++i) {
      const std::int32_t id = window.ids[static_cast<std::size_t>(i + window.first)];
      EXPECT_TRUE(engine::is_allowed(layout.allowed(i), id)) << name(stage) << " " << i;
      EXPECT_FALSE(engine::is_allowed(layout.allowed(i), layout.mark()));
      int count = 0;
      for (const std::uint64_t word : layout.allowed(i)) count += std::popcount(word);
      EXPECT_EQ(count, stage == Stage::kSemantic ? kSmall.units : kSmall.codebook);
      const auto quantizer = static_cast<std::size_t>(layout.quantizer_at(i));
      const auto frame = static_cast<std::size_t>(i / (stage == Stage::kSemantic ? 1 : 2));
      EXPECT_EQ(layout.value_of(id), stage == Stage::kSemantic
                                         ? piece.units[frame]
                                         : piece.codes[frame * 4 + quantizer]);
    }
  }
}

TEST(Layout, PublishedAndSmallSizesFitTheirContexts) {
  const TokenShape published{.units = 1024, .quantizers = 12, .codebook = 1024, .coarse = 4};
  EXPECT_EQ(Layout(Stage::kCoarse, published, 10 * 25).length(), 250 + 1 + 10 * 50 * 4);
  EXPECT_EQ(Layout(Stage::kFine, published, 3 * 25).length(), 3 * 50 * 12 + 1);
  EXPECT_EQ(Layout(Stage::kCoarse, {}, 100).length(), 701);
  EXPECT_EQ(Layout(Stage::kFine, {}, 25).length(), 401);
}

TEST(Layout, TextIsReadBack) {
  const Layout layout(Stage::kCoarse, kSmall, 17);
  const auto back = parse_layout(to_text(layout, "aa", "bb"), "test");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->layout.stage(), Stage::kCoarse);
  EXPECT_EQ(back->layout.shape(), kSmall);
  EXPECT_EQ(back->layout.window(), 17);
  EXPECT_EQ(back->codec_sha256, "aa");
  EXPECT_EQ(back->semantic_sha256, "bb");
  EXPECT_FALSE(parse_layout(R"({"hemiola_audiolm": 1, "stage": "coarse"})", "test"));
  EXPECT_FALSE(parse_layout(R"({"version": 1})", "test"));
}

// In fresh weights the code of a moment is nearest to that of the unit it belongs to, and how alike
// two moments are follows from the time between them alone.
TEST(Layout, FreshPositionsAreACodeOfTime) {
  const Layout layout(Stage::kCoarse, {}, 100);
  ModelConfig config;
  config.width = 64, config.inner = 256, config.heads = 1, config.layers = 1;
  config.vocabulary = layout.vocabulary(), config.context = layout.length();
  const OwnedWeights weights = layout.fresh_weights(config, 1);
  const std::vector<float>& positions = weights.values("wpe.weight");
  const auto alike = [&](int a, int b) {
    float sum = 0;
    for (int i = 0; i < 62; ++i) {
      sum += positions[static_cast<std::size_t>(a * 64 + i)] *
             positions[static_cast<std::size_t>(b * 64 + i)];
    }
    return sum;
  };
  for (const int unit : {0, 31, 99}) {
    const int place = 100 + 6 * unit;  // what generates the first code of the unit
    int best = 0;
    for (int u = 1; u < 100; ++u) best = alike(place, u) > alike(place, best) ? u : best;
    EXPECT_EQ(best, unit);
  }
  for (const int apart : {1, 7, 50}) {
    EXPECT_NEAR(alike(0, apart), alike(40, 40 + apart), 1e-5);
    EXPECT_LT(alike(0, apart), alike(0, 0));
  }
}

TEST_F(Cache, HoldsWhatWasEncoded) {
  const TokenCache cache = built();
  ASSERT_EQ(cache.size(), 5u);
  EXPECT_EQ(cache.origin().codec_sha256, "c0dec");
  EXPECT_THAT(cache.of_split(Split::kValidation), ElementsAre(3, 4));
  const PieceTokens piece = random_piece(40, 2);
  EXPECT_THAT(cache.units(2), ::testing::ElementsAreArray(piece.units));
  EXPECT_THAT(cache.codes(2), ::testing::ElementsAreArray(piece.codes));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tokens.part"));
}

TEST_F(Cache, GoesOnWhereItStopped) {
  CacheJob first = job();
  first.progress = [](std::size_t done) { return done < 3; };
  const Status stopped = build_token_cache(folder_ / "tokens", first);
  ASSERT_FALSE(stopped);
  EXPECT_THAT(stopped.error().message, HasSubstr("3 of 5"));
  {  // a torn record at the end
    std::FILE* part = std::fopen((folder_ / "tokens.part").c_str(), "ab");
    std::fwrite("\x05\0\0\0\1", 1, 5, part);
    std::fclose(part);
  }
  CacheJob second = job();
  second.threads = 2;
  std::atomic<int> encoded{0};
  second.encode = [&](std::size_t i) {
    ++encoded;
    return first.encode(i);
  };
  ASSERT_TRUE(build_token_cache(folder_ / "tokens", second));
  EXPECT_EQ(encoded, 2);
  const std::uint64_t print = TokenCache::open(folder_ / "tokens")->fingerprint();
  std::filesystem::remove(folder_ / "tokens");
  EXPECT_EQ(built().fingerprint(), print);

  // A part of another origin is of no use.
  ASSERT_FALSE(build_token_cache(folder_ / "tokens", first));
  encoded = 0;
  second.origin.codec_sha256 = "other";
  ASSERT_TRUE(build_token_cache(folder_ / "tokens", second));
  EXPECT_EQ(encoded, 5);
}

TEST_F(Cache, RefusesWhatDoesNotFit) {
  CacheJob wrong = job();
  wrong.encode = [](std::size_t) -> Result<PieceTokens> {
    PieceTokens piece = random_piece(4, 1);
    piece.units[2] = 10;
    return piece;
  };
  EXPECT_FALSE(build_token_cache(folder_ / "tokens", wrong));
  (void)built();
  Bytes bytes = read_file(folder_ / "tokens").value();
  bytes[bytes.size() - 1] = 0x40;  // the last code
  EXPECT_FALSE(TokenCache::read(bytes, "test"));
  bytes.pop_back();
  EXPECT_FALSE(TokenCache::read(bytes, "test"));
}

TEST_F(Cache, RowsHoldWholeWindowsOfTheTrainingPieces) {
  const TokenCache cache = built();
  const UnitClasses classes = {0, 0, 1, 2, 1, 0, 2, 2, 2, 0};
  for (const Layout& layout :
       {Layout(Stage::kSemantic, kSmall, 8), Layout(Stage::kCoarse, kSmall, 8),
        Layout(Stage::kFine, kSmall, 8), Layout(Stage::kRhythm, kSmall, 8, classes),
        Layout(Stage::kSemantic, kSmall, 8, classes)}) {
    const Stage stage = layout.stage();
    auto source = StageSource::create(cache, layout, 7).value();
    nn::Batch batch;
    const int length = 2 * (layout.length() - 1) + 3;
    ASSERT_TRUE(source->next(2, length, batch));
    for (int row = 0; row < 2; ++row) {
      std::set<int> windows;
      for (int t = 0; t < length; ++t) {
        const auto at = static_cast<std::size_t>(row * length + t);
        const std::int32_t target = batch.targets[at];
        if (target == nn::kNoTarget) continue;
        windows.insert(batch.segments[at]);
        EXPECT_NE(target, layout.mark());
        // Nothing that conditions is a target.
        const int conditions = stage == Stage::kCoarse ? kSmall.units + 1
                               : stage == Stage::kFine ? kSmall.coarse * kSmall.codebook
                                                       : 0;
        EXPECT_GE(target, conditions);
        if (t + 1 < length && batch.segments[at + 1] == batch.segments[at]) {
          EXPECT_EQ(batch.ids[at + 1], target);
          EXPECT_EQ(batch.positions[at + 1], batch.positions[at] + 1);
        }
      }
      EXPECT_GE(windows.size(), 2u);
    }
    EXPECT_GT(source->epochs(), 0);
    EXPECT_FALSE(source->next(1, layout.length() - 2, batch));
  }
}

TEST_F(Cache, ARestoredSourceGoesOnWithTheSameBatches) {
  const TokenCache cache = built();
  const Layout layout(Stage::kCoarse, kSmall, 6);
  auto source = StageSource::create(cache, layout, 3).value();
  nn::Batch batch, again;
  ASSERT_TRUE(source->next(3, 64, batch));
  const std::string state = source->state();
  ASSERT_TRUE(source->next(3, 64, batch));
  auto other = StageSource::create(cache, layout, 99).value();
  ASSERT_TRUE(other->restore(state));
  ASSERT_TRUE(other->next(3, 64, again));
  EXPECT_EQ(batch.ids, again.ids);
  EXPECT_EQ(batch.targets, again.targets);
  EXPECT_EQ(source->epochs(), other->epochs());
  auto wrong = StageSource::create(cache, Layout(Stage::kFine, kSmall, 6), 3).value();
  EXPECT_FALSE(wrong->restore(state));
}

TEST_F(Cache, APastThatMisleadsIsShownAndNeverTaught) {
  const TokenCache cache = built();
  const Layout layout(Stage::kCoarse, kSmall, 8);
  const int rows = 64, length = layout.length() - 1;
  nn::Batch plain, misled;
  ASSERT_TRUE(StageSource::create(cache, layout, 5).value()->next(rows, length, plain));
  auto source = StageSource::create(cache, layout, 5, 0.4).value();
  ASSERT_TRUE(source->next(rows, length, misled));
  EXPECT_EQ(misled.positions, plain.positions);
  EXPECT_EQ(misled.segments, plain.segments);
  EXPECT_EQ(misled.targets, plain.targets);
  int past = 0, differ = 0;
  for (std::size_t at = 0; at < plain.ids.size(); ++at) {
    const int first_code = kSmall.units + 1;
    if (plain.ids[at] < first_code) {  // a unit, the separator or padding
      EXPECT_EQ(misled.ids[at], plain.ids[at]);
      continue;
    }
    ++past;
    differ += misled.ids[at] != plain.ids[at] ? 1 : 0;
    EXPECT_EQ((misled.ids[at] - first_code) / kSmall.codebook,
              (plain.ids[at] - first_code) / kSmall.codebook);
  }
  const double share = static_cast<double>(differ) / past;
  EXPECT_GT(share, 0.2);
  EXPECT_LT(share, 0.5);
  // A run that goes on is misled as before.
  const std::string state = source->state();
  ASSERT_TRUE(source->next(rows, length, misled));
  auto other = StageSource::create(cache, layout, 99).value();
  ASSERT_TRUE(other->restore(state));
  ASSERT_TRUE(other->next(rows, length, plain));
  EXPECT_EQ(misled.ids, plain.ids);
  EXPECT_FALSE(StageSource::create(cache, Layout(Stage::kSemantic, kSmall, 8), 5, 0.4));
  EXPECT_FALSE(StageSource::create(cache, layout, 5, 1));
}

TEST_F(Cache, HeldOutLossIsToldByQuantizer) {
  const TokenCache cache = built();
  const Layout layout(Stage::kFine, kSmall, 10);
  const StageHeldOut held_out(cache, layout);
  ASSERT_EQ(held_out.size(), 4u);  // both held-out pieces are longer than a window
  EXPECT_EQ(held_out.document(0).first, 10 * 2 * 2 + 1);
  // A loss that tells the quantizer: its number.
  const auto score = [&](const nn::Batch& batch) {
    std::vector<float> nats;
    for (const std::int32_t target : batch.targets) {
      nats.push_back(target == nn::kNoTarget ? 0.0f : static_cast<float>(target / kSmall.codebook));
    }
    return nats;
  };
  const auto losses = held_out_by_quantizer(held_out, layout, score);
  ASSERT_EQ(losses.size(), 2u);
  for (const QuantizerLoss& loss : losses) {
    EXPECT_EQ(loss.tokens, 4 * 20);
    EXPECT_NEAR(loss.perplexity(), std::exp(loss.quantizer), 1e-6);
  }
}

}  // namespace
}  // namespace hemiola::audiolm
