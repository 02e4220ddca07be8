#include "data/loader.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "data/augment.h"
#include "data/convert.h"
#include "data/finish.h"
#include "data/packing.h"
#include "data/styles.h"
#include "data/test_scores.h"
#include "data/train_tokenizer.h"
#include "score/random_grid_score.h"

namespace hemiola::data {
namespace {

// Tunes of 4 to 60 bars, so that some fit a context of 256 and some do not.
const Dataset& tunes() {
  static const TemporaryFolder folder("loader");
  static const Dataset dataset = [] {
    std::vector<Piece> pieces;
    for (std::uint64_t i = 0; i < 150; ++i) {
      const GridScore score = tune(i, 4 + static_cast<int>(i * 7 % 57));
      pieces.push_back(piece_from_score(
          score, fmt::format("tunes/{}/{:03}.mid", i % 2 == 0 ? "even" : "odd", i), {}));
      pieces.back().file_hash[0] = static_cast<std::uint8_t>(i);
    }
    EXPECT_TRUE(write_file(folder.path() / kShardFolder / "a.shard", make_shard(pieces)));
    ImportOptions options;
    options.split = {.validation = 0.1, .test = 0.1};
    const auto summary = finish_dataset(folder.path(), options);
    EXPECT_TRUE(summary) << summary.error().message;
    return *Dataset::open(folder.path());
  }();
  return dataset;
}

const tokens::Tokenizer& tokenizer() {
  static const tokens::Tokenizer made = [] {
    TokenizerOptions options;
    options.vocabulary = 1500;
    return *train_tokenizer(tunes(), options);
  }();
  return made;
}

std::unique_ptr<nn::ExampleSource> loader(LoaderOptions options = {}) {
  auto made = make_loader(tunes(), tokenizer(), options);
  EXPECT_TRUE(made) << made.error().message;
  return std::move(*made);
}

bool operator==(const nn::Batch& a, const nn::Batch& b) {
  return a.ids == b.ids && a.targets == b.targets && a.positions == b.positions &&
         a.segments == b.segments;
}

// The documents of a batch; the last token is the last target.
std::vector<std::vector<tokens::Token>> documents_of(const nn::Batch& batch) {
  std::vector<std::vector<tokens::Token>> documents;
  const auto length = static_cast<std::size_t>(batch.length);
  for (std::size_t at = 0; at < batch.ids.size(); ++at) {
    if (batch.targets[at] == nn::kNoTarget) continue;
    if (at % length == 0 || batch.segments[at] != batch.segments[at - 1]) documents.emplace_back();
    documents.back().push_back(static_cast<tokens::Token>(batch.ids[at]));
    if ((at + 1) % length == 0 || batch.segments[at + 1] != batch.segments[at]) {
      documents.back().push_back(static_cast<tokens::Token>(batch.targets[at]));
    }
  }
  return documents;
}

TEST(Loader, RowsArePackedDocumentsThatDecode) {
  const auto source = loader();
  nn::Batch batch;
  std::size_t places = 0, used = 0, holes = 0, controlled = 0, documents = 0;
  std::set<tokens::Form> forms;
  std::set<std::uint8_t> styles;
  std::set<int> keys;
  while (source->epochs() < 2) {
    ASSERT_TRUE(source->next(4, 256, batch));
    for (std::size_t at = 0; at < batch.ids.size(); ++at) {
      const bool starts = at % 256 == 0 || batch.segments[at] != batch.segments[at - 1];
      ASSERT_EQ(batch.positions[at], starts ? 0 : batch.positions[at - 1] + 1);
      ++places;
      if (batch.targets[at] == nn::kNoTarget) continue;
      ++used;
      const bool ends = (at + 1) % 256 == 0 || batch.segments[at + 1] != batch.segments[at];
      ASSERT_TRUE(ends || batch.targets[at] == batch.ids[at + 1]);
    }
    for (const auto& document : documents_of(batch)) {
      const auto decoded = tokenizer().decode(document);
      ASSERT_TRUE(decoded) << decoded.error().message;
      ++documents;
      holes += decoded->frame.holes.empty() ? 0 : 1;
      controlled += decoded->frame.controls.empty() && decoded->frame.styles.empty() ? 0 : 1;
      forms.insert(decoded->frame.form);
      styles.insert(decoded->frame.styles.begin(), decoded->frame.styles.end());
      if (decoded->score.bars[0].key) keys.insert(decoded->score.bars[0].key->fifths);
    }
  }
  EXPECT_GT(static_cast<double>(used), 0.9 * static_cast<double>(places));
  EXPECT_EQ(forms.size(), 4u);
  EXPECT_EQ(keys.size(), 12u);
  EXPECT_EQ(styles.size(), 2u);
  EXPECT_NEAR(static_cast<double>(holes), 0.25 * static_cast<double>(documents),
              0.08 * static_cast<double>(documents));
  EXPECT_NEAR(static_cast<double>(controlled), 0.5 * static_cast<double>(documents),
              0.15 * static_cast<double>(documents));
}

// Without augmentation, a pass says every note once.
TEST(Loader, APassCoversEveryBar) {
  LoaderOptions options;
  options.mixture.augment = false;
  const auto source = loader(options);
  std::size_t notes = 0, wanted = 0;
  for (const Entry& entry : tunes().entries()) {
    if (entry.split == Split::kTrain) wanted += entry.notes;
  }
  nn::Batch batch;
  while (source->epochs() < 1) {
    ASSERT_TRUE(source->next(1, 256, batch));
    for (const auto& document : documents_of(batch)) {
      notes += tokenizer().decode(document)->score.note_count();
    }
  }
  EXPECT_EQ(notes, wanted);
}

TEST(Loader, IsTheSameWithAnyNumberOfThreads) {
  LoaderOptions one, four;
  one.threads = 1;
  four.threads = 4;
  const auto a = loader(one), b = loader(four);
  nn::Batch x, y;
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(a->next(3, 256, x));
    ASSERT_TRUE(b->next(3, 256, y));
    ASSERT_TRUE(x == y) << i;
    ASSERT_EQ(a->state(), b->state());
  }
  EXPECT_GT(a->epochs(), 1);
}

TEST(Loader, GoesOnFromEveryState) {
  const auto whole = loader();
  std::vector<std::string> states = {whole->state()};
  std::vector<nn::Batch> batches;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(whole->next(2, i < 25 ? 128 : 256, batches.emplace_back()));
    states.push_back(whole->state());
  }
  for (std::size_t from = 0; from < batches.size(); from += 3) {
    const auto again = loader();
    ASSERT_TRUE(again->restore(states[from]));
    for (std::size_t i = from; i < std::min(from + 5, batches.size()); ++i) {
      nn::Batch batch;
      ASSERT_TRUE(again->next(2, i < 25 ? 128 : 256, batch));
      ASSERT_TRUE(batch == batches[i]) << from << " " << i;
      ASSERT_EQ(again->state(), states[i + 1]);
    }
  }
}

TEST(Loader, RefusesAForeignState) {
  LoaderOptions other_seed, other_mixture;
  other_seed.seed = 7;
  other_mixture.mixture.infill = 0.5;
  const std::string state = loader()->state();
  EXPECT_FALSE(loader(other_seed)->restore(state));
  EXPECT_FALSE(loader(other_mixture)->restore(state));
  for (std::size_t size = 0; size < state.size(); ++size) {
    EXPECT_FALSE(loader()->restore(state.substr(0, size)) && size + 4 < state.size()) << size;
  }
}

TEST(Loader, RanksShareTheRows) {
  const auto whole = loader();
  LoaderOptions first, second;
  first.ranks = second.ranks = 2;
  second.rank = 1;
  const auto a = loader(first), b = loader(second);
  nn::Batch all, x, y;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(whole->next(4, 128, all));
    ASSERT_TRUE(a->next(2, 128, x));
    ASSERT_TRUE(b->next(2, 128, y));
    x.ids.insert(x.ids.end(), y.ids.begin(), y.ids.end());
    ASSERT_EQ(x.ids, all.ids);
  }
}

TEST(Loader, LeavesAStyleOut) {
  for (const std::uint32_t entry : tunes().entries_of(Split::kTrain)) {
    ASSERT_NE(has_style(tunes(), entry, "odd"), has_style(tunes(), entry, "even"));
  }
  EXPECT_EQ(known_styles(tunes()), (std::vector<std::string>{"even", "odd"}));
  LoaderOptions options;
  options.without_style = "odd";
  const auto some = loader(options);
  const auto all = loader();
  nn::Batch batch;
  // Half the pieces: a pass over them is over after about half as many rows.
  const auto rows_of_a_pass = [&](nn::ExampleSource& source) {
    int rows = 0;
    for (; source.epochs() < 1; ++rows) EXPECT_TRUE(source.next(1, 256, batch));
    return rows;
  };
  const int half = rows_of_a_pass(*some), whole = rows_of_a_pass(*all);
  EXPECT_NEAR(half, whole / 2.0, whole / 8.0);
  EXPECT_FALSE(some->restore(all->state()));  // it is other data
  options.without_style = "none such";
  EXPECT_EQ(rows_of_a_pass(*loader(options)), whole);

  HeldOutOptions holding;
  holding.splits = {Split::kValidation, Split::kTest};
  const auto count = [&] { return (*make_held_out(tunes(), tokenizer(), holding))->size(); };
  const std::size_t both = count();
  holding.only_style = "odd";
  const std::size_t only = count();
  holding.only_style = "";
  holding.without_style = "odd";
  EXPECT_EQ(only + count(), both);
  EXPECT_GT(only, 0u);
  EXPECT_LT(only, both);
}

TEST(Loader, PassesDiffer) {
  const auto source = loader();
  std::map<std::int64_t, std::vector<std::int32_t>> first_ids;
  nn::Batch batch;
  while (source->epochs() < 3) {
    const auto pass = static_cast<std::int64_t>(source->epochs());
    ASSERT_TRUE(source->next(1, 256, batch));
    first_ids.emplace(pass, batch.ids);
  }
  EXPECT_NE(first_ids[0], first_ids[1]);
  EXPECT_NE(first_ids[1], first_ids[2]);
}

TEST(HeldOut, ScoresEveryNoteOnce) {
  for (const double overlap : {0.0, 0.5}) {
    for (const int length : {128, 256, 2048}) {
      HeldOutOptions options;
      options.overlap = overlap;
      options.length = length;
      const auto source = make_held_out(tunes(), tokenizer(), options);
      ASSERT_TRUE(source) << source.error().message;
      std::int64_t notes = 0, wanted = 0;
      double beats = 0, wanted_beats = 0;
      for (std::size_t i = 0; i < (*source)->size(); ++i) {
        const nn::EvalDocument document = (*source)->document(i);
        ASSERT_GE(document.first, 1);
        ASSERT_LE(document.ids.size(), static_cast<std::size_t>(length) + 1);
        ASSERT_LT(static_cast<std::size_t>(document.first), document.ids.size());
        notes += document.notes;
        beats += document.beats;
      }
      for (const std::uint32_t entry : tunes().entries_of(Split::kValidation)) {
        wanted += tunes().entries()[entry].notes;
        wanted_beats += 4 * tunes().entries()[entry].bars;
      }
      EXPECT_GT(wanted, 0);
      EXPECT_EQ(notes, wanted);
      EXPECT_EQ(beats, wanted_beats);
    }
  }
}

// A model that never learnt how many bars are left is not asked.
TEST(HeldOut, CountsBarsOnlyWhereAsked) {
  for (const bool counts : {true, false}) {
    HeldOutOptions options;
    options.counts_bars = counts;
    const auto source = make_held_out(tunes(), tokenizer(), options);
    ASSERT_TRUE(source) << source.error().message;
    ASSERT_GT((*source)->size(), 0u);
    bool counted = false;
    for (std::size_t i = 0; i < (*source)->size(); ++i) {
      for (const std::int32_t id : (*source)->document(i).ids) {
        for (const tokens::Word word :
             tokenizer().vocabulary().words_of(static_cast<tokens::Token>(id))) {
          counted = counted || tokens::class_of(word) == tokens::WordClass::kBarsLeft;
        }
      }
    }
    EXPECT_EQ(counted, counts);
  }
}

TEST(Pack, FillsRowsAndLosesNothing) {
  Rng rng(1);
  std::vector<Document> documents(400);
  std::size_t total = 0;
  for (Document& document : documents) {
    document.ids.assign(2 + rng.below(256), 5);
    total += document.ids.size() - 1;
  }
  const auto rows = pack(documents, 256);
  std::vector<int> seen(documents.size(), 0);
  for (const auto& row : rows) {
    std::size_t used = 0;
    for (const std::uint32_t i : row) {
      ++seen[i];
      used += documents[i].ids.size() - 1;
    }
    EXPECT_LE(used, 256u);
  }
  EXPECT_EQ(std::set<int>(seen.begin(), seen.end()), std::set<int>{1});
  EXPECT_LE(rows.size(), total / 240 + 2);
}

TEST(Augment, KeepsScoresValid) {
  Rng rng(4);
  for (int i = 0; i < 300; ++i) {
    GridScore score = random_grid_score(rng);
    const auto [low, high] = transposition_range(score, -6, 5);
    if (low <= high) transpose(score, rng.between(low, high));
    shift_velocity(score, rng.between(-3, 3));
    shift_tempo(score, rng.between(-9, 9));
    EXPECT_TRUE(validate(score));
    EXPECT_TRUE(validate(flattened(score)));
  }
}

TEST(Augment, TransposesKeysAndChordsWithTheNotes) {
  for (int fifths = -7; fifths <= 7; ++fifths) {
    for (const bool minor : {false, true}) {
      for (int semitones = -6; semitones <= 5; ++semitones) {
        GridScore score = tune(1);
        const Key key{.fifths = fifths, .minor = minor};
        for (GridBar& bar : score.bars) {
          bar.key = key;
          bar.chord = Chord{.root = static_cast<std::uint8_t>(key.tonic())};
        }
        transpose(score, semitones);
        EXPECT_EQ(score.bars[0].key->tonic(), ((key.tonic() + semitones) % 12 + 12) % 12);
        EXPECT_EQ(score.bars[0].key->minor, minor);
        EXPECT_EQ(score.bars[0].chord->root, score.bars[0].key->tonic());
      }
    }
  }
}

}  // namespace
}  // namespace hemiola::data
