#include "compose/generate.h"

#include <gtest/gtest.h>

#include <map>

#include "compose/untrained_for_tests.h"
#include "midi/writer.h"

namespace hemiola {
namespace {

Composer untrained(int context) {
  std::string pattern = (std::filesystem::temp_directory_path() / "hemiola.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  const Path folder = pattern;
  save_untrained_model(folder / "m", context);
  auto composer = Composer::load(folder / "m");
  std::filesystem::remove_all(folder);
  if (!composer) throw std::runtime_error(composer.error().message);
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
