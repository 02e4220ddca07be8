// The engine against the plain reference in every precision and with every set of kernels; a cache
// against none, a batch against one stream, pieces against the whole: those to the bit.
#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <stdexcept>
#include <thread>

#include "base/rng.h"
#include "engine/reference_gpt2.h"
#include "engine/sampler.h"
#include "model/model_folder.h"
#include "model/packed.h"

namespace hemiola::engine {
namespace {

using ::testing::HasSubstr;

constexpr Precision kPrecisions[] = {Precision::kFp32, Precision::kBf16, Precision::kInt8,
                                     Precision::kInt4};

ModelConfig odd_config() {
  ModelConfig config;
  config.layers = 3;
  config.heads = 3;
  config.width = 60;  // heads of 20, no multiple of any register
  config.inner = 150;
  config.context = 80;
  config.vocabulary = 101;
  return config;
}

// Weights large enough that the layers matter, with biases and norms that are not 0 and 1.
OwnedWeights lively_weights(ModelConfig config, std::uint64_t seed = 5) {
  config.initializer_range = 0.15f;
  OwnedWeights weights = OwnedWeights::random(config, seed);
  Rng rng(seed);
  for (const TensorSpec& spec : weights.specs()) {
    if (spec.role == TensorRole::kEmbedding || spec.shape.size() == 2) continue;
    for (float& value : weights.values(spec.name)) value += static_cast<float>(rng.uniform() - 0.5);
  }
  return weights;
}

std::vector<TokenId> random_tokens(int count, int vocabulary, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<TokenId> tokens;
  for (int i = 0; i < count; ++i) tokens.push_back(rng.between(0, vocabulary - 1));
  return tokens;
}

using Logits = std::vector<float>;

std::size_t vocabulary(const Model& model) {
  return static_cast<std::size_t>(model.config().vocabulary);
}

// Logits after each token, fed one at a time.
std::vector<Logits> decode_all(const Model& model, std::span<const TokenId> tokens) {
  KvCache cache = model.make_cache(1);
  std::vector<Logits> all;
  for (const TokenId token : tokens) {
    Logits& logits = all.emplace_back(vocabulary(model));
    model.decode(cache, {.stream = 0, .token = token, .logits = logits});
  }
  return all;
}

Logits prefill_all(const Model& model, std::span<const TokenId> tokens) {
  KvCache cache = model.make_cache(1);
  Logits logits(tokens.size() * vocabulary(model));
  model.prefill(cache, 0, tokens, logits);
  return logits;
}

Logits joined(const std::vector<Logits>& rows) {
  Logits all;
  for (const Logits& row : rows) all.insert(all.end(), row.begin(), row.end());
  return all;
}

Model model_of(const OwnedWeights& weights, Options options) {
  auto model = Model::from_weights(weights, options);
  if (!model) throw std::runtime_error(model.error().message);
  return std::move(*model);
}

// Root of the mean square of a - b over that of b's deviation from its mean.
double relative_error(std::span<const float> a, const Rows& b) {
  double error = 0, size = 0;
  std::size_t at = 0;
  for (const Vector& row : b) {
    double mean = 0;
    for (const double value : row) mean += value / static_cast<double>(row.size());
    for (const double value : row) {
      error += (a[at] - value) * (a[at] - value);
      size += (value - mean) * (value - mean);
      ++at;
    }
  }
  return std::sqrt(error / size);
}

TEST(Engine, LogitsAreThoseOfTheReference) {
  for (const bool tied : {true, false}) {
    ModelConfig config = odd_config();
    config.tied_head = tied;
    const auto weights = lively_weights(config);
    const auto tokens = random_tokens(70, config.vocabulary, 1);
    const Rows expected = ReferenceGpt2(weights).logits(tokens);
    for (const std::string_view isa : isa_names()) {
      for (const Precision precision : kPrecisions) {
        const Model model = model_of(weights, {.precision = precision, .threads = 1, .isa = isa});
        EXPECT_EQ(model.isa(), isa);
        EXPECT_EQ(model.precision(), precision);
        const double error = relative_error(prefill_all(model, tokens), expected);
        const double limit = precision == Precision::kFp32   ? 2e-6
                             : precision == Precision::kBf16 ? 0.02
                             : precision == Precision::kInt8 ? 0.04
                                                             : 0.3;
        EXPECT_LT(error, limit) << isa << " precision " << static_cast<int>(precision);
        EXPECT_TRUE(precision == Precision::kFp32 || error > 1e-5) << "is it fp32?";
      }
    }
  }
}

TEST(Engine, Fp32LogitsAreWithin1e4OfTheReferenceEverywhere) {
  const auto weights = lively_weights(*preset("tiny"));
  const auto tokens = random_tokens(40, 4050, 2);
  const Rows expected = ReferenceGpt2(weights).logits(tokens);
  const Model model = model_of(weights, {.precision = Precision::kFp32});
  const Logits logits = prefill_all(model, tokens);
  for (std::size_t t = 0; t < expected.size(); ++t) {
    for (std::size_t v = 0; v < expected[t].size(); ++v) {
      ASSERT_NEAR(logits[t * 4050 + v], expected[t][v], 1e-4);
    }
  }
}

TEST(Engine, GreedyTokensAreThoseOfTheReference) {
  const auto weights = lively_weights(odd_config());
  const Model model = model_of(weights, {.precision = Precision::kFp32});
  std::vector<TokenId> expected = {7}, tokens = {7};
  while (expected.size() < 40) {
    const Vector last = ReferenceGpt2(weights).logits(expected).back();
    expected.push_back(
        static_cast<TokenId>(std::max_element(last.begin(), last.end()) - last.begin()));
  }
  KvCache cache = model.make_cache(1);
  Sampler sampler(101, {.temperature = 0}, 0);
  Logits logits(101);
  while (tokens.size() < 40) {
    model.decode(cache, {.stream = 0, .token = tokens.back(), .logits = logits});
    tokens.push_back(sampler.pick(logits));
  }
  EXPECT_EQ(tokens, expected);
}

class EngineBits : public ::testing::TestWithParam<std::tuple<std::string_view, Precision>> {
 protected:
  Options options(int threads = 1) const {
    return {
        .precision = std::get<1>(GetParam()), .threads = threads, .isa = std::get<0>(GetParam())};
  }
};

INSTANTIATE_TEST_SUITE_P(All, EngineBits,
                         ::testing::Combine(::testing::ValuesIn(isa_names()),
                                            ::testing::ValuesIn(kPrecisions)));

TEST_P(EngineBits, CacheEqualsNoCache) {
  const auto weights = lively_weights(odd_config());
  const auto tokens = random_tokens(75, 101, 3);
  const Model model = model_of(weights, options());
  const Logits whole = prefill_all(model, tokens);
  EXPECT_EQ(joined(decode_all(model, tokens)), whole);
  // In pieces of all sizes.
  KvCache cache = model.make_cache(1);
  Logits pieces;
  for (std::size_t begin = 0, size = 1; begin < tokens.size(); begin += size++) {
    const auto piece = std::span(tokens).subspan(begin, std::min(size, tokens.size() - begin));
    Logits logits(piece.size() * 101);
    model.prefill(cache, 0, piece, logits);
    pieces.insert(pieces.end(), logits.begin(), logits.end());
  }
  EXPECT_EQ(pieces, whole);
}

TEST_P(EngineBits, BatchEqualsSingle) {
  const auto weights = lively_weights(odd_config());
  const Model model = model_of(weights, options());
  constexpr int kStreams = 11;
  std::vector<std::vector<TokenId>> tokens;
  std::vector<std::vector<Logits>> expected;
  for (int s = 0; s < kStreams; ++s) {
    tokens.push_back(random_tokens(12 + 5 * s, 101, static_cast<std::uint64_t>(s)));
    expected.push_back(decode_all(model, tokens.back()));
  }
  // Streams join and leave; the order of the steps changes all the time.
  KvCache cache = model.make_cache(kStreams);
  Rng rng(9);
  for (int left = kStreams; left > 0;) {
    std::vector<Step> steps;
    std::vector<Logits> logits;
    logits.reserve(kStreams);
    for (int s = 0; s < kStreams; ++s) {
      const auto at = static_cast<std::size_t>(cache.length(s));
      if (at == tokens[static_cast<std::size_t>(s)].size() || rng.chance(0.3)) continue;
      steps.push_back({.stream = s,
                       .token = tokens[static_cast<std::size_t>(s)][at],
                       .logits = logits.emplace_back(101)});
    }
    rng.shuffle(std::span(steps));
    model.decode(cache, steps);
    left = kStreams;
    for (const Step& step : steps) {
      const auto s = static_cast<std::size_t>(step.stream);
      const auto at = static_cast<std::size_t>(cache.length(step.stream)) - 1;
      ASSERT_EQ(Logits(step.logits.begin(), step.logits.end()), expected[s][at]);
    }
    for (int s = 0; s < kStreams; ++s) {
      left -=
          static_cast<std::size_t>(cache.length(s)) == tokens[static_cast<std::size_t>(s)].size();
    }
  }
}

TEST_P(EngineBits, ThreadsChangeNothing) {
  const auto weights = lively_weights(odd_config());
  const auto tokens = random_tokens(60, 101, 3);
  const Model one = model_of(weights, options(1)), four = model_of(weights, options(4));
  EXPECT_EQ(four.threads(), 4);
  EXPECT_EQ(prefill_all(one, tokens), prefill_all(four, tokens));
  EXPECT_EQ(decode_all(one, tokens), decode_all(four, tokens));
}

// Heads that begin at panels are tasks of their own, from the product to the attention.
TEST_P(EngineBits, HeadsAsTasksChangeNothing) {
  ModelConfig config = odd_config();
  config.heads = 4;
  config.width = 128;
  const auto weights = lively_weights(config);
  const auto tokens = random_tokens(50, 101, 3);
  const Model one = model_of(weights, options(1)), two = model_of(weights, options(2)),
              many = model_of(weights, options(3));
  const Logits whole = prefill_all(one, tokens);
  EXPECT_EQ(joined(decode_all(one, tokens)), whole);
  EXPECT_EQ(joined(decode_all(two, tokens)), whole);
  EXPECT_EQ(joined(decode_all(many, tokens)), whole);
  KvCache cache = two.make_cache(2);
  Logits first(101), second(101);
  two.prefill(cache, 1, std::span(tokens).first(20));
  for (std::size_t t = 0; t + 20 < tokens.size(); ++t) {
    const Step steps[] = {{.stream = 0, .token = tokens[t], .logits = first},
                          {.stream = 1, .token = tokens[t + 20], .logits = second}};
    two.decode(cache, steps);
    ASSERT_TRUE(std::equal(first.begin(), first.end(), whole.begin() + 101 * static_cast<int>(t)));
    ASSERT_TRUE(
        std::equal(second.begin(), second.end(), whole.begin() + 101 * (static_cast<int>(t) + 20)));
  }
}

TEST_P(EngineBits, RewindingForgets) {
  const auto weights = lively_weights(odd_config());
  const Model model = model_of(weights, options());
  const auto tokens = random_tokens(50, 101, 3), others = random_tokens(40, 101, 4);
  const auto expected = decode_all(model, tokens);
  KvCache cache = model.make_cache(2);
  model.prefill(cache, 1, std::span(tokens).first(20));
  model.prefill(cache, 1, others);
  cache.truncate(1, 20);
  EXPECT_EQ(cache.length(1), 20);
  Logits logits(101);
  model.decode(cache, {.stream = 1, .token = tokens[20], .logits = logits});
  EXPECT_EQ(logits, expected[20]);
  // A copy goes on alone.
  cache.copy_stream(1, 0);
  EXPECT_EQ(cache.length(0), 21);
  model.prefill(cache, 1, others);
  model.decode(cache, {.stream = 0, .token = tokens[21], .logits = logits});
  EXPECT_EQ(logits, expected[21]);
  cache.truncate(0, 0);
  model.prefill(cache, 0, std::span(tokens).first(5), logits);
  EXPECT_EQ(logits, expected[4]);
}

TEST_P(EngineBits, OnlyAllowedTokensNeedBeComputed) {
  const auto weights = lively_weights(odd_config());
  const Model model = model_of(weights, options());
  const auto tokens = random_tokens(10, 101, 3);
  const auto expected = decode_all(model, tokens);
  KvCache cache = model.make_cache(2);
  for (const int stream : {0, 1}) model.prefill(cache, stream, std::span(tokens).first(9));
  const std::vector<std::uint64_t> first = {1u << 5, 0}, second = {0, 1ull << 36};
  Logits a(101, -7), b(101, -7);
  const Step steps[] = {{.stream = 0, .token = tokens[9], .logits = a, .allowed = first},
                        {.stream = 1, .token = tokens[9], .logits = b, .allowed = second}};
  model.decode(cache, steps);
  EXPECT_EQ(a[5], expected[9][5]);
  EXPECT_EQ(b[100], expected[9][100]);
  cache.truncate(0, 9);
  Logits alone(101, -7);
  model.decode(cache, {.stream = 0, .token = tokens[9], .logits = alone, .allowed = first});
  EXPECT_EQ(alone[5], expected[9][5]);
  EXPECT_EQ(alone[40], -7) << "a panel without allowed tokens was computed";
}

TEST(Engine, AllWideRegistersWriteTheSamePiece) {
  const auto names = isa_names();
  if (names.size() < 3) GTEST_SKIP() << "this processor has one set of wide registers";
  const auto weights = lively_weights(odd_config());
  const auto tokens = random_tokens(60, 101, 3);
  for (const Precision precision : kPrecisions) {
    const Logits first =
        prefill_all(model_of(weights, {.precision = precision, .isa = names[1]}), tokens);
    for (const auto name : names) {
      if (name == "plain") continue;
      EXPECT_EQ(prefill_all(model_of(weights, {.precision = precision, .isa = name}), tokens),
                first)
          << name;
    }
  }
}

TEST(Engine, Bf16CacheIsCloseToFp32Cache) {
  const auto weights = lively_weights(odd_config());
  const auto tokens = random_tokens(70, 101, 1);
  const Rows expected = ReferenceGpt2(weights).logits(tokens);
  const Model model = model_of(weights, {.precision = Precision::kFp32, .cache = CacheType::kBf16});
  EXPECT_LT(relative_error(prefill_all(model, tokens), expected), 0.01);
}

TEST(Engine, Int8CacheIsCloseToFp32Cache) {
  const auto weights = lively_weights(odd_config());
  const auto tokens = random_tokens(70, 101, 1);
  const Rows expected = ReferenceGpt2(weights).logits(tokens);
  const Model model = model_of(weights, {.precision = Precision::kFp32, .cache = CacheType::kInt8});
  EXPECT_LT(relative_error(prefill_all(model, tokens), expected), 0.02);
  EXPECT_EQ(model_of(weights, {.precision = Precision::kInt4}).cache_bytes_per_token(),
            model.cache_bytes_per_token());
}

TEST(Engine, TwoCallersShareOneModel) {
  const auto weights = lively_weights(odd_config());
  const Model model = model_of(weights, {.precision = Precision::kInt8, .threads = 3});
  const auto tokens = random_tokens(70, 101, 1);
  const auto expected = decode_all(model, tokens);
  std::vector<std::thread> callers;
  std::vector<int> equal(3, 0);
  for (std::size_t i = 0; i < equal.size(); ++i) {
    callers.emplace_back([&, i] {
      equal[i] =
          decode_all(model, tokens) == expected && prefill_all(model, tokens) == joined(expected);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(equal, std::vector<int>(3, 1));
}

TEST(Engine, SaysWhatIsWrongWithACall) {
  const Model model = model_of(lively_weights(odd_config()), {});
  EXPECT_EQ(model.precision(), Precision::kInt8);
  KvCache cache = model.make_cache(2, 4);
  EXPECT_EQ(cache.capacity(), 4);
  Logits logits(101), wrong(100);
  EXPECT_THROW(model.make_cache(0), std::invalid_argument);
  EXPECT_THROW(model.make_cache(1, 81), std::invalid_argument);
  EXPECT_THROW(model.decode(cache, {.stream = 2, .token = 0}), std::invalid_argument);
  EXPECT_THROW(model.decode(cache, {.stream = 0, .token = 101}), std::invalid_argument);
  EXPECT_THROW(model.decode(cache, {.stream = 0, .token = -1}), std::invalid_argument);
  EXPECT_THROW(model.decode(cache, {.stream = 0, .token = 0, .logits = wrong}),
               std::invalid_argument);
  const Step twice[] = {{.stream = 1, .token = 0}, {.stream = 1, .token = 0}};
  EXPECT_THROW(model.decode(cache, twice), std::invalid_argument);
  const auto tokens = random_tokens(5, 101, 1);
  EXPECT_THROW(model.prefill(cache, 0, tokens), std::length_error);
  EXPECT_THROW(model.prefill(cache, 0, std::span(tokens).first(3), wrong), std::invalid_argument);
  EXPECT_EQ(cache.length(0), 0);
  model.prefill(cache, 0, std::span(tokens).first(4), logits);
  EXPECT_THROW(model.decode(cache, {.stream = 0, .token = 0}), std::length_error);
  EXPECT_EQ(cache.length(0), 4);
  model.prefill(cache, 0, {});
  const auto none = Model::from_weights(lively_weights(odd_config()), {.isa = "mmx"});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("it has plain"));
  EXPECT_FALSE(Model::from_weights(lively_weights(odd_config()), {.threads = -1}));
}

TEST(Engine, LoadsFoldersAndExports) {
  std::string pattern = (std::filesystem::temp_directory_path() / "hemiola.XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const Path folder = pattern;
  const auto weights = lively_weights(odd_config());
  ASSERT_TRUE(save_model_folder(folder / "m", {weights.config(), weights.views(), "{}", "card"}));
  const auto tokens = random_tokens(30, 101, 1);
  for (const Precision precision : kPrecisions) {
    const auto direct = Model::load(folder / "m", {.precision = precision});
    ASSERT_TRUE(direct) << direct.error().message;
    EXPECT_EQ(direct->tokenizer(), "{}");
    EXPECT_EQ(direct->config().vocabulary, 101);
    const Packing packing = precision == Precision::kFp32   ? Packing::kF32
                            : precision == Precision::kBf16 ? Packing::kBf16
                            : precision == Precision::kInt8 ? Packing::kInt8
                                                            : Packing::kInt4;
    auto source = load_model_folder(folder / "m");
    ASSERT_TRUE(source);
    auto packed = pack_model(source->config, source->weights, packing);
    ASSERT_TRUE(packed) << packed.error().message;
    packed->tokenizer = source->tokenizer;
    ASSERT_TRUE(write_export(folder / "x.hemiola", *packed));
    const auto exported = Model::load(folder / "x.hemiola");
    ASSERT_TRUE(exported) << exported.error().message;
    EXPECT_EQ(exported->precision(), precision);
    EXPECT_EQ(exported->tokenizer(), "{}");
    EXPECT_EQ(prefill_all(*exported, tokens), prefill_all(*direct, tokens));
  }
  const auto wrong = Model::load(folder / "x.hemiola", {.precision = Precision::kFp32});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("holds int4 weights, fp32 was asked for"));
  const auto missing = Model::load(folder / "none");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("no such model"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace hemiola::engine
