// Draws against the probabilities they claim, limits against their definitions, repeatability.
#include "engine/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>

namespace hemiola::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::map<TokenId, int> draw(const SamplerOptions& options, std::span<const float> logits,
                            std::span<const std::uint64_t> allowed = {}, int count = 20000) {
  Sampler sampler(static_cast<int>(logits.size()), options, 1);
  std::map<TokenId, int> counts;
  for (int i = 0; i < count; ++i) ++counts[sampler.pick(logits, allowed)];
  return counts;
}

std::vector<TokenId> tokens_of(const std::map<TokenId, int>& counts) {
  std::vector<TokenId> tokens;
  for (const auto& [token, count] : counts) tokens.push_back(token);
  return tokens;
}

// Probabilities 0.1, 0.2, 0.4, 0.3.
const std::vector<float> kLogits = {std::log(0.1f), std::log(0.2f), std::log(0.4f), std::log(0.3f)};

TEST(Sampler, DrawsInProportion) {
  const auto counts = draw({}, kLogits);
  EXPECT_NEAR(counts.at(0), 2000, 250);
  EXPECT_NEAR(counts.at(1), 4000, 250);
  EXPECT_NEAR(counts.at(2), 8000, 300);
  EXPECT_NEAR(counts.at(3), 6000, 300);
}

TEST(Sampler, TemperatureSharpensAndFlattens) {
  // Squares of the probabilities: 1 : 4 : 16 : 9.
  const auto cold = draw({.temperature = 0.5f}, kLogits);
  EXPECT_NEAR(cold.at(2), 20000 * 16.0 / 30, 300);
  EXPECT_NEAR(cold.at(0), 20000 * 1.0 / 30, 120);
  const auto hot = draw({.temperature = 100}, kLogits);
  for (const auto& [token, count] : hot) EXPECT_NEAR(count, 5000, 250);
  EXPECT_THAT(tokens_of(draw({.temperature = 0}, kLogits)), ElementsAre(2));
}

TEST(Sampler, LimitsKeepTheLikeliest) {
  EXPECT_THAT(tokens_of(draw({.top_k = 1}, kLogits)), ElementsAre(2));
  EXPECT_THAT(tokens_of(draw({.top_k = 2}, kLogits)), ElementsAre(2, 3));
  EXPECT_THAT(tokens_of(draw({.top_k = 9}, kLogits)), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(tokens_of(draw({.top_p = 0.01f}, kLogits)), ElementsAre(2));
  EXPECT_THAT(tokens_of(draw({.top_p = 0.65f}, kLogits)), ElementsAre(2, 3));
  EXPECT_THAT(tokens_of(draw({.top_p = 0.75f}, kLogits)), ElementsAre(1, 2, 3));
  EXPECT_THAT(tokens_of(draw({.min_p = 0.6f}, kLogits)), ElementsAre(2, 3));
  EXPECT_THAT(tokens_of(draw({.min_p = 1}, kLogits)), ElementsAre(2));
  const auto counts = draw({.top_k = 2}, kLogits);
  EXPECT_NEAR(counts.at(2), 20000 * 4.0 / 7, 300);
}

TEST(Sampler, OnlyAllowedTokensAreDrawn) {
  const std::vector<std::uint64_t> allowed = {0b1001};
  EXPECT_THAT(tokens_of(draw({}, kLogits, allowed)), ElementsAre(0, 3));
  EXPECT_THAT(tokens_of(draw({.temperature = 0}, kLogits, allowed)), ElementsAre(3));
  EXPECT_THAT(tokens_of(draw({.top_k = 1}, kLogits, allowed)), ElementsAre(3));
  // Bits past the vocabulary mean nothing.
  const std::vector<std::uint64_t> beyond = {1ull << 63 | 1};
  EXPECT_THAT(tokens_of(draw({}, kLogits, beyond)), ElementsAre(0));
  const std::vector<std::uint64_t> none = {0};
  Sampler sampler(4, {}, 1), greedy(4, {.temperature = 0}, 1);
  EXPECT_THROW(sampler.pick(kLogits, none), std::invalid_argument);
  EXPECT_THROW(greedy.pick(kLogits, none), std::invalid_argument);
  EXPECT_THROW(sampler.pick(std::vector<float>(5)), std::invalid_argument);
  EXPECT_TRUE(is_allowed(allowed, 3));
  EXPECT_FALSE(is_allowed(allowed, 1));
  EXPECT_TRUE(is_allowed({}, 1));
}

TEST(Sampler, TheSameSeedGivesTheSameTokens) {
  std::vector<float> logits;
  Rng rng(3);
  for (int i = 0; i < 500; ++i) logits.push_back(static_cast<float>(4 * rng.uniform()));
  for (const SamplerOptions& options :
       {SamplerOptions{}, SamplerOptions{.top_k = 40}, SamplerOptions{.top_p = 0.9f},
        SamplerOptions{.repetition_penalty = 1.3f, .min_p = 0.1f}}) {
    Sampler a(500, options, 11), b(500, options, 11), c(500, options, 12);
    std::vector<TokenId> from_a, from_b, from_c;
    for (int i = 0; i < 200; ++i) {
      from_a.push_back(a.pick(logits));
      from_b.push_back(b.pick(logits));
      from_c.push_back(c.pick(logits));
    }
    EXPECT_EQ(from_a, from_b);
    EXPECT_NE(from_a, from_c);
  }
}

// Written down once: other machines, compilers and libraries must agree.
TEST(Sampler, GoldenTokens) {
  std::vector<float> logits;
  Rng rng(3);
  for (int i = 0; i < 100; ++i) logits.push_back(static_cast<float>(6 * rng.uniform()));
  Sampler sampler(100, {.temperature = 0.9f, .top_k = 50, .top_p = 0.95f, .min_p = 0.02f}, 2026);
  std::vector<TokenId> tokens;
  for (int i = 0; i < 12; ++i) tokens.push_back(sampler.pick(logits));
  EXPECT_THAT(tokens, ElementsAre(49, 65, 47, 12, 12, 16, 27, 61, 80, 86, 92, 20));
}

TEST(Sampler, RepetitionCostsOdds) {
  // Two equal tokens, one of them seen: its odds are divided by 4.
  const std::vector<float> equal = {0, 0};
  int seen = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    Sampler sampler(2, {.repetition_penalty = 4, .repetition_window = 1}, seed);
    sampler.saw(1);
    seen += sampler.pick(equal) == 1;
  }
  EXPECT_NEAR(seen, 800, 90);
  // Greedy choices alternate, and a window forgets.
  Sampler sampler(3, {.repetition_penalty = 10, .repetition_window = 2, .temperature = 0}, 1);
  const std::vector<float> falling = {3, 2, 1};
  EXPECT_EQ(sampler.pick(falling), 0);
  EXPECT_EQ(sampler.pick(falling), 1);
  EXPECT_EQ(sampler.pick(falling), 2);
  EXPECT_EQ(sampler.pick(falling), 0);
  // Tokens outside the penalised set are free to repeat.
  Sampler spared(3, {.repetition_penalty = 10, .temperature = 0}, 1);
  spared.set_penalised(std::vector<std::uint64_t>{0b110});
  EXPECT_EQ(spared.pick(falling), 0);
  EXPECT_EQ(spared.pick(falling), 0);
}

TEST(Sampler, BrokenLogitsStillGiveAnAllowedToken) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinite = std::numeric_limits<float>::infinity();
  const std::vector<std::uint64_t> allowed = {0b0110};
  EXPECT_THAT(tokens_of(draw({}, std::vector{nan, nan, nan, nan}, allowed)), ElementsAre(1, 2));
  EXPECT_THAT(tokens_of(draw({}, std::vector{0.f, nan, 1.f, nan}, allowed)), ElementsAre(2));
  EXPECT_THAT(tokens_of(draw({.temperature = 0}, std::vector{0.f, nan, 1.f, nan}, allowed)),
              ElementsAre(2));
  EXPECT_THAT(tokens_of(draw({}, std::vector{0.f, -infinite, 1.f, 0.f}, allowed)), ElementsAre(2));
  EXPECT_THAT(tokens_of(draw({.top_p = 0.5f}, std::vector{0.f, infinite, 1.f, 0.f}, allowed)),
              ElementsAre(1));
}

TEST(Sampler, OptionsOutOfRangeAreNamed) {
  EXPECT_TRUE(check(SamplerOptions{}));
  const auto message = [](const SamplerOptions& options) {
    const auto status = check(options);
    return status ? std::string("accepted") : status.error().message;
  };
  EXPECT_THAT(message({.temperature = -1}), HasSubstr("temperature: expected 0 to 100, got -1"));
  EXPECT_THAT(message({.temperature = std::nanf("")}), HasSubstr("temperature"));
  EXPECT_THAT(message({.top_k = -1}), HasSubstr("top-k"));
  EXPECT_THAT(message({.top_p = 0}), HasSubstr("top-p"));
  EXPECT_THAT(message({.top_p = 1.5f}), HasSubstr("top-p"));
  EXPECT_THAT(message({.min_p = 2}), HasSubstr("min-p"));
  EXPECT_THAT(message({.repetition_penalty = 0.5f}), HasSubstr("repetition penalty"));
  EXPECT_THAT(message({.repetition_window = -1}), HasSubstr("repetition window"));
}

}  // namespace
}  // namespace hemiola::engine
