#include "compose/generate.h"

#include <gtest/gtest.h>

#include <map>

#include "midi/writer.h"
#include "model/gpt2_tensors.h"
#include "model/model_folder.h"

namespace hemiola {
namespace {

// Random weights: they write what the grammar lets them, dense and without sense.
Composer untrained(int context) {
  const auto tokenizer = tokens::Tokenizer::plain();
  ModelConfig config;
  config.layers = 1;
  config.heads = 2;
  config.width = 16;
  config.inner = 64;
  config.context = context;
  config.vocabulary = tokenizer->vocabulary().size();
  const OwnedWeights weights = OwnedWeights::random(config, 1);
  std::string pattern = (std::filesystem::temp_directory_path() / "hemiola.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  const Path folder = pattern;
  Status saved =
      save_model_folder(folder / "m", {weights.config(), weights.views(), tokenizer->json(), ""});
  auto composer = Composer::load(folder / "m");
  std::filesystem::remove_all(folder);
  if (!saved || !composer) throw std::runtime_error("no model");
  return *std::move(composer);
}

// Some variations come to a bar that leaves no room in the context. They alone are missing; each
// of the others is what it is when written alone.
TEST(Generate, LeavesOutWhatFailsAndKeepsTheOthers) {
  const Composer composer = untrained(160);
  GenerateRequest request;
  request.bars = 4;
  request.count = 20;
  request.seed = 1;
  std::map<int, std::string> left_out;
  GenerateCallbacks callbacks;
  callbacks.left_out = [&](int variation, const Error& why) { left_out[variation] = why.message; };
  const auto pieces = composer.generate(request, callbacks);
  ASSERT_TRUE(pieces) << pieces.error().message;
  ASSERT_FALSE(left_out.empty());
  EXPECT_EQ(pieces->size() + left_out.size(), 20u);
  auto piece = pieces->begin();
  for (int variation = 0; variation < 20; ++variation) {
    GenerateRequest alone = request;
    alone.count = 1;
    alone.seed = variation_seed(request.seed, variation);
    const auto written = composer.generate(alone);
    if (const auto missing = left_out.find(variation); missing != left_out.end()) {
      ASSERT_FALSE(written) << variation;
      EXPECT_EQ(written.error().message, missing->second);
      continue;
    }
    ASSERT_TRUE(written) << written.error().message;
    ASSERT_NE(piece, pieces->end());
    EXPECT_EQ(piece->variation, variation);
    EXPECT_EQ(piece->seed, alone.seed);
    EXPECT_EQ(midi::write(piece->file), midi::write(written->front().file));
    ++piece;
  }
}

}  // namespace
}  // namespace hemiola
