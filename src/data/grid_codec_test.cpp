#include "data/grid_codec.h"

#include <gtest/gtest.h>

#include "data/test_scores.h"
#include "score/random_grid_score.h"

namespace hemiola::data {
namespace {

TEST(GridCodec, KeepsEveryField) {
  Rng rng(1);
  for (int i = 0; i < 500; ++i) {
    const GridScore score = random_grid_score(rng);
    ASSERT_TRUE(validate(score));
    Bytes bytes;
    encode_grid(score, bytes);
    const auto back = decode_grid(bytes);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, score);
  }
}

TEST(GridCodec, IsSmall) {
  const GridScore score = tune(3, 64);
  Bytes bytes;
  encode_grid(score, bytes);
  EXPECT_LT(bytes.size(), score.note_count() * 4 + 40);
}

TEST(GridCodec, RefusesWhatIsCut) {
  Bytes bytes;
  encode_grid(tune(1), bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_grid(std::span(bytes).first(size))) << size;
  }
  bytes.push_back(0);
  EXPECT_FALSE(decode_grid(bytes));
}

TEST(GridCodec, SurvivesAnyBytes) {
  Rng rng(2);
  Bytes whole;
  encode_grid(tune(1), whole);
  for (int i = 0; i < 20000; ++i) {
    Bytes bytes = whole;
    for (int k = rng.between(1, 4); k > 0; --k) {
      bytes[rng.below(bytes.size())] = static_cast<std::uint8_t>(rng.next());
    }
    const auto score = decode_grid(bytes);
    EXPECT_TRUE(!score || validate(*score));
  }
}

TEST(GridCodec, NamesTheVersion) {
  Bytes bytes;
  encode_grid(tune(1), bytes);
  bytes[0] = 9;
  const auto score = decode_grid(bytes);
  ASSERT_FALSE(score);
  EXPECT_NE(score.error().message.find("version 9"), std::string::npos);
}

}  // namespace
}  // namespace hemiola::data
