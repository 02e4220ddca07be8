#include "data/shard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/canonical.h"
#include "data/grid_codec.h"
#include "data/suffix_array.h"
#include "data/test_scores.h"

namespace hemiola::data {
namespace {

Piece piece_of(const GridScore& score, std::string path) {
  Piece piece;
  piece.path = std::move(path);
  piece.details = R"({"collection":"test"})";
  piece.file_hash[0] = static_cast<std::uint8_t>(piece.path.size());
  piece.usable = true;
  encode_grid(score, piece.grid);
  const auto notes = canonical_notes(score);
  piece.notes_hash = canonical_hash(notes);
  piece.notes = static_cast<std::uint32_t>(score.note_count());
  piece.bars = static_cast<std::uint32_t>(score.bars.size());
  piece.sketch = {1, 5, 9};
  piece.steps = note_steps(notes);
  piece.bar_hashes = bar_hashes(score);
  return piece;
}

TEST(SuffixArray, SortsAllSuffixes) {
  Rng rng(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint16_t> symbols(rng.below(200));
    const std::uint64_t alphabet = round % 3 == 0 ? 2 : round % 3 == 1 ? 5 : 60000;
    for (auto& symbol : symbols) symbol = static_cast<std::uint16_t>(rng.below(alphabet));
    std::vector<std::uint32_t> plain(symbols.size());
    std::iota(plain.begin(), plain.end(), 0u);
    std::sort(plain.begin(), plain.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::lexicographical_compare(symbols.begin() + a, symbols.end(), symbols.begin() + b,
                                          symbols.end());
    });
    ASSERT_EQ(suffix_array(symbols), plain);
  }
}

TEST(SuffixArray, IsQuickOnRepetition) {
  const std::vector<std::uint16_t> symbols(300000, 7);
  const auto order = suffix_array(symbols);
  EXPECT_EQ(order.front(), 299999u);
  EXPECT_EQ(order.back(), 0u);
}

TEST(Canonical, DoesNotHearTranspositionTracksOrTempo) {
  const GridScore score = tune(5);
  GridScore other = transposed(score, -4);
  std::swap(other.tracks[0], other.tracks[1]);
  other.tracks.push_back(other.tracks[0]);  // doubled
  for (auto& bar : other.bars) bar.tempo_class = 3;
  EXPECT_EQ(canonical_notes(score), canonical_notes(other));
  EXPECT_EQ(bar_hashes(score), bar_hashes(other));
  EXPECT_NE(canonical_notes(score), canonical_notes(tune(6)));
  other.tracks[0].notes[3].pitch = static_cast<std::uint8_t>(other.tracks[0].notes[3].pitch + 1);
  EXPECT_NE(canonical_hash(canonical_notes(score)), canonical_hash(canonical_notes(other)));
}

TEST(Canonical, HashIsOfPlainText) {
  GridScore score;
  score.bars.resize(1);
  score.tracks = {{.notes = {{.onset = GridTick(24), .duration = GridTick(24), .pitch = 64},
                             {.onset = GridTick(48), .duration = GridTick(24), .pitch = 60}}}};
  // printf '0 0\n24 -4\n' | sha256sum
  EXPECT_EQ(canonical_hash(canonical_notes(score)), Sha256().update("0 0\n24 -4\n").finish());
}

TEST(Shard, GivesBackItsPieces) {
  std::vector<Piece> pieces;
  std::vector<GridScore> scores;
  for (std::uint64_t i = 0; i < 20; ++i) {
    scores.push_back(tune(i, 4 + static_cast<int>(i)));
    pieces.push_back(piece_of(scores.back(), "folder/" + std::to_string(i) + ".mid"));
    pieces.push_back({.path = "refused.mid", .details = R"({"reason":"no notes"})"});
  }
  const Bytes bytes = make_shard(pieces);
  EXPECT_EQ(bytes, make_shard(pieces));
  const auto shard = ShardView::open(bytes);
  ASSERT_TRUE(shard) << shard.error().message;
  ASSERT_EQ(shard->size(), 40u);
  for (std::size_t i = 0; i < 20; ++i) {
    const PieceView view = shard->piece(2 * i);
    EXPECT_EQ(view.path, pieces[2 * i].path);
    EXPECT_EQ(view.details, pieces[2 * i].details);
    EXPECT_EQ(view.notes_hash, pieces[2 * i].notes_hash);
    EXPECT_TRUE(std::ranges::equal(view.sketch, pieces[2 * i].sketch));
    const auto score = view.score();
    ASSERT_TRUE(score) << score.error().message;
    EXPECT_EQ(*score, scores[i]);
    EXPECT_EQ(shard->piece_at_step(view.steps_begin), 2 * i);
    EXPECT_EQ(shard->piece_at_step(view.steps_begin + view.steps_size), 2 * i);
    EXPECT_FALSE(shard->piece(2 * i + 1).score());
  }
}

TEST(Shard, RefusesDamage) {
  const Bytes whole = make_shard(std::vector{piece_of(tune(1), "a"), piece_of(tune(2), "b")});
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    EXPECT_FALSE(ShardView::open(std::span(whole).first(size)));
  }
  Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes = whole;
    bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1 + rng.below(255));
    const auto shard = ShardView::open(bytes);
    if (!shard) continue;
    for (std::size_t p = 0; p < shard->size(); ++p) {
      const auto score = shard->piece(p).score();
      EXPECT_TRUE(!score || *score == tune(p + 1));
    }
  }
}

}  // namespace
}  // namespace hemiola::data
