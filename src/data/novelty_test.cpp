#include "data/novelty.h"

#include <gtest/gtest.h>

#include "data/canonical.h"
#include "data/convert.h"
#include "data/finish.h"
#include "data/loops.h"
#include "data/near_copies.h"
#include "data/novelty_index.h"
#include "data/test_scores.h"
#include "tests/test_data.h"

namespace hemiola::data {
namespace {

NoveltyIndex index_of(const Dataset& dataset) {
  return *NoveltyIndex::parse(make_novelty_index(std::span(&dataset, 1)).value(), "index");
}

class NoveltyTest : public testing::Test {
 protected:
  NoveltyTest() : folder_("novelty") {
    std::vector<Piece> pieces;
    for (std::uint64_t i = 0; i < 60; ++i) {
      Sha256Digest hash{};
      hash[0] = static_cast<std::uint8_t>(i);
      pieces.push_back(piece_from_score(tune(i, 24), fmt::format("set/{:02}.mid", i), hash));
    }
    // Two shards, so that the search crosses them.
    const std::span all(pieces);
    EXPECT_TRUE(write_file(folder_.path() / kShardFolder / "a.shard", make_shard(all.first(30))));
    EXPECT_TRUE(write_file(folder_.path() / kShardFolder / "b.shard", make_shard(all.subspan(30))));
    ImportOptions options;
    options.split = {.validation = 0.15, .test = 0.15};
    EXPECT_TRUE(finish_dataset(folder_.path(), options));
    dataset_.emplace(*Dataset::open(folder_.path()));
  }

  std::uint64_t first_of(Split split, std::size_t number = 0) const {
    return dataset_->entries_of(split).at(number);
  }

  TemporaryFolder folder_;
  std::optional<Dataset> dataset_;
};

TEST_F(NoveltyTest, KnowsTrainingPieces) {
  const std::uint64_t piece = first_of(Split::kTrain, 3);
  const GridScore score = transposed(tune(piece, 24), 5);
  const Novelty found = novelty(score, *dataset_);
  EXPECT_FALSE(found.exact_file);
  EXPECT_TRUE(found.exact_notes);
  EXPECT_EQ(found.longest_run.notes, found.notes);
  EXPECT_EQ(found.longest_run.piece, fmt::format("set/{:02}.mid", piece));
  EXPECT_EQ(found.longest_run.bars.first, 1);
  EXPECT_EQ(found.longest_run.bars.last, 24);
  EXPECT_EQ(found.copied_bars, 1);
  EXPECT_TRUE(found.is_copy());
  Sha256Digest hash{};
  hash[0] = static_cast<std::uint8_t>(piece);
  EXPECT_TRUE(novelty(score, *dataset_, hash).exact_file);
}

TEST_F(NoveltyTest, HeldOutPiecesAreNotTraining) {
  const std::uint64_t piece = first_of(Split::kTest);
  Sha256Digest hash{};
  hash[0] = static_cast<std::uint8_t>(piece);
  const Novelty found = novelty(tune(piece, 24), *dataset_, hash);
  EXPECT_FALSE(found.exact_file);
  EXPECT_FALSE(found.exact_notes);
  EXPECT_LT(found.longest_run.notes, 20u);
  EXPECT_FALSE(found.is_copy());
}

// A new piece of 16 bars into which `bars` of another, from its bar 5 on, are put at its bar 3,
// transposed; with how many notes that are.
std::pair<GridScore, std::uint32_t> borrowing(std::uint64_t piece, int bars,
                                              std::uint64_t own = 9999) {
  const GridScore source = transposed(tune(piece, 24), -3);
  GridScore score = tune(own, 16);
  std::uint32_t borrowed = 0;
  for (std::size_t t = 0; t < 2; ++t) {
    auto& notes = score.tracks[t].notes;
    std::erase_if(notes, [&](const GridNote& note) {
      return note.onset.count() >= 2 * 96 && note.onset.count() < (2 + bars) * 96;
    });
    for (GridNote note : source.tracks[t].notes) {
      if (note.onset.count() < 4 * 96 || note.onset.count() >= (4 + bars) * 96) continue;
      note.onset -= GridTick(2 * 96);
      notes.push_back(note);
      ++borrowed;
    }
    std::sort(notes.begin(), notes.end(), [](const GridNote& a, const GridNote& b) {
      return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
    });
  }
  return {score, borrowed};
}

// Bars 5 to 12 of a training piece at bars 3 to 10 of a new one.
TEST_F(NoveltyTest, FindsABorrowedStretch) {
  const std::uint64_t piece = first_of(Split::kTrain, 5);
  const auto [score, borrowed] = borrowing(piece, 8);
  const Novelty found = novelty(score, *dataset_);
  EXPECT_FALSE(found.exact_notes);
  EXPECT_GE(found.longest_run.notes + 2, borrowed);
  EXPECT_EQ(found.longest_run.piece, fmt::format("set/{:02}.mid", piece));
  EXPECT_NEAR(found.longest_run.bars.first, 5, 1);
  EXPECT_NEAR(found.longest_run.bars.last, 12, 1);
  EXPECT_NEAR(found.longest_run.own_bars.first, 3, 1);
  EXPECT_NEAR(found.copied_bars, 0.5, 0.07);
  EXPECT_TRUE(novelty(borrowing(piece, 12).first, *dataset_).is_copy()) << "more than half of it";
}

// Against the plainest search there is.
TEST_F(NoveltyTest, LongestRunIsTheLongest) {
  const auto longest = [&](const GridScore& score) {
    const auto steps = note_steps(canonical_notes(score));
    std::size_t best = 0;
    for (const std::uint32_t entry : dataset_->entries_of(Split::kTrain)) {
      const auto other = note_steps(canonical_notes(*dataset_->score(entry)));
      for (std::size_t i = 0; i < steps.size(); ++i) {
        for (std::size_t j = 0; j < other.size(); ++j) {
          std::size_t n = 0;
          while (i + n < steps.size() && j + n < other.size() && steps[i + n] == other[j + n]) ++n;
          best = std::max(best, n);
        }
      }
    }
    return best + 1;
  };
  for (std::uint64_t i = 0; i < 12; ++i) {
    const GridScore score = tune(500 + i, 10);
    EXPECT_EQ(novelty(score, *dataset_).longest_run.notes, longest(score));
  }
}

TEST_F(NoveltyTest, TheIndexKnowsCopiesWithoutTheDataSet) {
  const NoveltyIndex index = index_of(*dataset_);
  EXPECT_EQ(index.pieces(), dataset_->entries_of(Split::kTrain).size());
  const std::uint64_t piece = first_of(Split::kTrain, 3);
  const GridScore score = transposed(tune(piece, 24), 5);
  const Novelty found = novelty(score, index);
  EXPECT_TRUE(found.exact_notes);
  EXPECT_FALSE(found.exact_file);
  EXPECT_GE(found.longest_run.notes + NoveltyIndex::kSlack, found.notes);
  EXPECT_EQ(found.longest_run.piece, fmt::format("set/{:02}.mid", piece));
  EXPECT_EQ(found.longest_run.bars.first, found.longest_run.own_bars.first);
  EXPECT_NEAR(found.longest_run.bars.last, 24, 2);
  EXPECT_EQ(found.copied_bars, 1);
  EXPECT_TRUE(found.is_copy());
  Sha256Digest hash{};
  hash[0] = static_cast<std::uint8_t>(piece);
  EXPECT_TRUE(novelty(score, index, hash).exact_file);

  const std::uint64_t unknown = first_of(Split::kTest);
  hash[0] = static_cast<std::uint8_t>(unknown);
  const Novelty held_out = novelty(tune(unknown, 24), index, hash);
  EXPECT_FALSE(held_out.exact_file);
  EXPECT_FALSE(held_out.exact_notes);
  EXPECT_FALSE(held_out.is_copy());
}

// What the index says of runs is true, and short of the truth by no more than it says.
TEST_F(NoveltyTest, TheIndexAgreesWithTheDataSet) {
  const NoveltyIndex index = index_of(*dataset_);
  std::size_t long_runs = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::uint64_t piece = first_of(Split::kTrain, i % 30);
    const GridScore score = borrowing(piece, 1 + static_cast<int>(i % 9), 700 + i).first;
    const Novelty truth = novelty(score, *dataset_), found = novelty(score, index);
    EXPECT_LE(found.longest_run.notes, truth.longest_run.notes);
    EXPECT_GE(found.longest_run.notes + found.run_slack, truth.longest_run.notes);
    EXPECT_EQ(found.copied_bars, truth.copied_bars);
    if (truth.longest_run.notes < NoveltyIndex::kSureNotes) continue;
    ++long_runs;
    EXPECT_GT(found.longest_run.notes, 0u);
    EXPECT_EQ(found.longest_run.piece, truth.longest_run.piece);
    EXPECT_GE(found.longest_run.bars.first, truth.longest_run.bars.first);
    EXPECT_LE(found.longest_run.bars.last, truth.longest_run.bars.last);
    EXPECT_GE(found.longest_run.own_bars.first, truth.longest_run.own_bars.first);
    EXPECT_LE(found.longest_run.own_bars.last, truth.longest_run.own_bars.last);
  }
  EXPECT_GT(long_runs, 20u);
}

TEST_F(NoveltyTest, ADamagedIndexIsRefused) {
  const Bytes good = make_novelty_index(std::span(&*dataset_, 1)).value();
  for (std::size_t at = 0; at < good.size(); at += 97) {
    Bytes bad = good;
    bad[at] ^= 0x10;
    EXPECT_FALSE(NoveltyIndex::parse(bad, "index"));
    bad = good;
    bad.resize(at);
    EXPECT_FALSE(NoveltyIndex::parse(bad, "index"));
  }
  EXPECT_EQ(novelty_index_path("models/default/small.hemiola"), "models/default/small.novelty");
  EXPECT_EQ(novelty_index_path(folder_.path()), folder_.path() / "training.novelty");
}

TEST_F(NoveltyTest, AnEmptyPieceIsNew) {
  GridScore score;
  score.bars.resize(3);
  const Novelty found = novelty(score, *dataset_);
  EXPECT_EQ(found.longest_run.notes, 0u);
  EXPECT_FALSE(found.is_copy());
  EXPECT_TRUE(to_json(found)["longest_run"]["piece"].is_null());
}

TEST(NearCopies, LinkThroughTranspositionAndDoubleValues) {
  const GridScore song = tune(1, 40);
  GridScore doubled = transposed(song, 4);
  for (std::size_t i = doubled.bars.size(); i > 0; --i) doubled.bars.push_back(doubled.bars[0]);
  for (GridTrack& track : doubled.tracks) {
    for (GridNote& note : track.notes) {
      note.onset = 2 * note.onset;
      note.duration = 2 * note.duration;
    }
  }
  ASSERT_TRUE(validate(doubled));
  const std::vector<std::vector<std::uint32_t>> sketches = {copy_sketch(song), copy_sketch(doubled),
                                                            copy_sketch(tune(2, 40))};
  const auto decisions = find_near_copies(
      3, [&](std::size_t i) { return std::span<const std::uint32_t>(sketches[i]); });
  EXPECT_EQ(decisions[1].copy_of, 0u);
  EXPECT_EQ(decisions[1].group, decisions[0].group);
  EXPECT_EQ(decisions[2].copy_of, CopyDecision::kNone);
  EXPECT_NE(decisions[2].group, decisions[0].group);
}

TEST(Loops, AreValidVariedAndLabelledTruly) {
  std::set<std::string> styles, keys, progressions, splits;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Loop loop = make_loop(seed);
    const Status valid = validate(loop.score);
    ASSERT_TRUE(valid) << seed << ": " << valid.error().message;
    ASSERT_EQ(loop.score.bars.size(), 4u);
    ASSERT_EQ(loop.score.tracks.size(), loop.labels.roles.size());
    ASSERT_GE(loop.score.note_count(), 8u);
    EXPECT_EQ(loop.score, make_loop(seed).score);
    styles.insert(loop.labels.style);
    keys.insert(to_json(loop.labels)["key"].get<std::string>());
    progressions.insert(loop.labels.progression);
    splits.insert(loop.labels.split);
    // Chords and pads sound the notes of the labelled chord and no others.
    for (std::size_t t = 0; t < loop.score.tracks.size(); ++t) {
      EXPECT_EQ(loop.score.tracks[t].is_drum, loop.labels.roles[t] == Role::kDrums);
      if (loop.labels.roles[t] != Role::kPad) continue;
      for (const GridNote& note : loop.score.tracks[t].notes) {
        const GridBar& bar = loop.score.bars[static_cast<std::size_t>(
            note.onset.count() / bar_length(loop.labels.metre).count())];
        if (bar.chord_at_middle) continue;
        EXPECT_TRUE(bar.key);
        const int above = (note.pitch - bar.chord->root + 12 * 12) % 12;
        EXPECT_TRUE(above == 0 || above == 3 || above == 4 || above == 6 || above == 7 ||
                    above == 8 || above == 10 || above == 11)
            << seed;
      }
    }
  }
  EXPECT_EQ(styles.size(), 11u);
  EXPECT_EQ(keys.size(), 24u);
  EXPECT_GT(progressions.size(), 150u);
  EXPECT_EQ(splits.size(), 3u);
}

TEST(Loops, AreWrittenTheSameByAnyNumberOfThreads) {
  const TemporaryFolder folder("loops");
  for (const int threads : {1, 3}) {
    LoopSetOptions options;
    options.count = 200;
    options.seed = 4;
    options.threads = threads;
    const Status status = write_loops(folder.path() / std::to_string(threads), options);
    ASSERT_TRUE(status) << status.error().message;
  }
  std::size_t files = 0;
  for (const auto& item : std::filesystem::directory_iterator(folder.path() / "1")) {
    EXPECT_EQ(*read_file(item.path()), *read_file(folder.path() / "3" / item.path().filename()));
    files += item.path().extension() == ".mid" ? 1 : 0;
  }
  EXPECT_EQ(files, 200u);
  // No two are the same music, also not for the importer.
  ImportOptions options;
  const auto summary = import_dataset({folder.path() / "1"}, folder.path() / "set", options);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->files, 200u);
  EXPECT_TRUE(summary->refused.empty());
  EXPECT_EQ(summary->same_file, 0u);
}

}  // namespace
}  // namespace hemiola::data
