// Tokens of real files: grid scores of the shared data go to tokens and back without a difference,
// whole and as random windows with random frames (forms, controls, holes), with merges learned on
// them. A sample by default; HEMIOLA_TEST_FULL=1 takes every file.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "beats/standardise.h"
#include "midi/reader.h"
#include "score/from_midi.h"
#include "tests/test_data.h"
#include "tokens/mask.h"
#include "tokens/random_frame.h"
#include "tokens/text.h"

namespace hemiola::tokens {
namespace {

std::vector<GridScore> load(const Path& folder, std::size_t usual) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const Path extension = entry.path().extension();
    if (extension == ".mid" || extension == ".midi") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<GridScore> scores;
  for (const Path& path : test_sample(std::move(files), usual)) {
    const auto file = midi::read(path);
    if (!file) continue;
    const auto score = score_from_midi(*file);
    if (!score) continue;
    StandardiseOptions options;
    options.for_data = true;
    options.timing = Timing::kAligned;
    auto standard = standardise(*score, options);
    if (standard) scores.push_back(std::move(standard->grid));
  }
  return scores;
}

class Corpus : public ::testing::TestWithParam<const char*> {};

TEST_P(Corpus, ComesBackUnchanged) {
  const auto folder = test_data(GetParam());
  if (!folder) GTEST_SKIP() << "no shared data: " << GetParam();
  const std::vector<GridScore> scores = load(*folder, 120);
  ASSERT_FALSE(scores.empty());
  MergeTrainer trainer;
  for (const GridScore& score : scores) trainer.add(score);
  const auto tokenizer = trainer.finish();
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->vocabulary().size(), 4050);

  const auto expect_same = [&](const GridScore& score, const Frame& frame) {
    const auto tokens = tokenizer->encode(score, frame);
    ASSERT_TRUE(tokens) << tokens.error().message;
    const auto decoded = tokenizer->decode(*tokens);
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(decoded->score, score);
    ASSERT_EQ(decoded->frame, canonical(frame));
  };
  Rng rng(1);
  std::size_t notes = 0, all_tokens = 0;
  for (const GridScore& score : scores) {
    ASSERT_TRUE(validate(score));
    notes += score.note_count();
    all_tokens += tokenizer->encode(score)->size();
    const auto bars = static_cast<int>(score.bars.size());
    expect_same(score, {});
    expect_same(score, random_frame(rng, score, {}));
    const int first = rng.between(0, bars - 1), count = rng.between(1, bars - first);
    const GridScore part = window(score, first, count);
    expect_same(part, random_frame(rng, part, window_frame(score, first, count)));
    if (HasFatalFailure()) return;
    if (rng.chance(0.1)) {
      const auto read = parse_text(to_text(score), "text");
      ASSERT_TRUE(read) << read.error().message;
      ASSERT_EQ(read->score, score);
    }
  }
  std::printf("%s: %zu scores, %zu notes, %.3f tokens a note\n", GetParam(), scores.size(), notes,
              static_cast<double>(all_tokens) / static_cast<double>(notes));
  if (test_full() && std::string_view(GetParam()) == "piano") {
    EXPECT_LE(static_cast<double>(all_tokens), 1.5 * static_cast<double>(notes));
  }
}

// The mask allows every token of real music, and equals the slow way along it.
TEST_P(Corpus, IsAllowedByTheMask) {
  const auto folder = test_data(GetParam());
  if (!folder) GTEST_SKIP() << "no shared data: " << GetParam();
  const std::vector<GridScore> scores = load(*folder, 20);
  MergeTrainer trainer;
  for (const GridScore& score : scores) trainer.add(score);
  const auto tokenizer = trainer.finish().value();
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  const MaskTables tables(vocabulary);
  Rng rng(2);
  for (std::size_t s = 0; s < scores.size() && s < 40; ++s) {
    const auto bars = static_cast<int>(scores[s].bars.size());
    const GridScore part = window(scores[s], 0, std::min(bars, 12));
    const auto tokens = tokenizer.encode(part, random_frame(rng, part, {}));
    ASSERT_TRUE(tokens);
    Mask mask(tables);
    for (const Token token : *tokens) {
      ASSERT_TRUE(mask.allowed().has(token));
      if (is_cell_node(mask.walk().node()) && rng.chance(0.02)) {
        for (int id = 0; id < vocabulary.used(); ++id) {
          const auto other = static_cast<Token>(id);
          const auto words = vocabulary.words_of(other);
          ASSERT_EQ(mask.allowed().has(other), mask.walk().admits_all(words))
              << to_text(std::vector<Token>{other}, vocabulary);
        }
      }
      ASSERT_TRUE(mask.advance(token));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, Corpus, ::testing::Values("piano", "multitrack", "adl-classical"),
                         [](const auto& folder) {
                           std::string name = folder.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace hemiola::tokens
