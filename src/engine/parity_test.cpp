// The engine against GPT2LMHeadModel of transformers: models and logits written by
// tests/parity/gpt2_parity.py lie beside it. For the other direction the script has this program
// write models of its own and loads them there.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/json.h"
#include "engine/engine.h"
#include "engine/sampler.h"
#include "model/model_folder.h"

namespace hemiola::engine {
namespace {

class Parity : public ::testing::TestWithParam<const char*> {
 protected:
  Path folder() const { return Path(HEMIOLA_SOURCE_DIR) / "tests/parity" / GetParam(); }

  Json golden() const {
    const auto text = read_text(folder() / "golden.json");
    if (!text) throw std::runtime_error(text.error().message);
    return *parse_json(*text, "golden.json");
  }
};

INSTANTIATE_TEST_SUITE_P(Files, Parity, ::testing::Values("gpt2", "gpt2_bare_bf16"));

TEST_P(Parity, LogitsAreThoseOfTransformers) {
  const Json expected = golden();
  const std::vector<TokenId> tokens = expected["tokens"];
  for (const auto isa : isa_names()) {
    const auto model = Model::load(folder(), {.precision = Precision::kFp32, .isa = isa});
    ASSERT_TRUE(model) << model.error().message;
    KvCache cache = model->make_cache(1);
    std::vector<float> logits(29);
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      model->decode(cache, {.stream = 0, .token = tokens[t], .logits = logits});
      for (std::size_t v = 0; v < logits.size(); ++v) {
        ASSERT_NEAR(logits[v], expected["logits"][t][v].get<double>(), 1e-4) << isa;
      }
    }
  }
}

TEST_P(Parity, GreedyTokensAreThoseOfTransformers) {
  const std::vector<TokenId> expected = golden()["greedy"];
  const auto model = Model::load(folder(), {.precision = Precision::kFp32});
  ASSERT_TRUE(model) << model.error().message;
  KvCache cache = model->make_cache(1);
  Sampler sampler(29, {.temperature = 0}, 0);
  std::vector<TokenId> tokens = {expected[0]};
  std::vector<float> logits(29);
  while (tokens.size() < expected.size()) {
    model->decode(cache, {.stream = 0, .token = tokens.back(), .logits = logits});
    tokens.push_back(sampler.pick(logits));
  }
  EXPECT_EQ(tokens, expected);
}

TEST(ParityOut, WritesModelsForOthers) {
  const char* place = std::getenv("HEMIOLA_PARITY_OUT");
  if (place == nullptr) GTEST_SKIP() << "tests/parity/gpt2_parity.py check runs this";
  for (const bool tied : {true, false}) {
    ModelConfig config = *preset("tiny");
    config.vocabulary = 300;
    config.tied_head = tied;
    config.initializer_range = 0.2f;
    config.inner = tied ? 256 : 200;
    const auto weights = OwnedWeights::random(config, 4);
    const std::string name = tied ? "tied" : "untied";
    const auto saved = save_model_folder(Path(place) / name, {config, weights.views(), "", ""});
    ASSERT_TRUE(saved) << saved.error().message;
    const auto model = Model::load(Path(place) / name, {.precision = Precision::kFp32});
    ASSERT_TRUE(model) << model.error().message;
    Json json;
    std::vector<TokenId> tokens;
    for (int t = 0; t < 200; ++t) tokens.push_back((t * 37 + t / 7) % 300);
    std::vector<float> logits(tokens.size() * 300);
    KvCache cache = model->make_cache(1);
    model->prefill(cache, 0, tokens, logits);
    json["tokens"] = tokens;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      json["logits"].push_back(
          std::vector<float>(logits.begin() + static_cast<std::ptrdiff_t>(t * 300),
                             logits.begin() + static_cast<std::ptrdiff_t>((t + 1) * 300)));
    }
    ASSERT_TRUE(write_text(Path(place) / (name + ".logits.json"), json_text(json)));
  }
}

}  // namespace
}  // namespace hemiola::engine
