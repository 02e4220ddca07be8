#include "compose/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "compose/untrained_for_tests.h"
#include "data/dataset.h"
#include "data/import.h"
#include "midi/writer.h"

namespace hemiola {
namespace {

Path new_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "hemiola.XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return pattern;
}

Composer untrained(int context) {
  const Path folder = new_folder();
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

// A variation that stands in the training data is drawn again until it does not; what is told after
// the last `again` is the piece that is kept, under the variation's own number.
TEST(Generate, DrawsCopiesAgain) {
  const Composer composer = untrained(512);
  GenerateRequest request;
  request.bars = 3;
  request.count = 3;
  request.seed = 5;
  const auto first = composer.generate(request);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->size(), 3u);
  const Path folder = new_folder();
  ASSERT_TRUE(write_file(folder / "music" / "copy.mid", midi::write((*first)[1].file)));
  ASSERT_TRUE(data::import_dataset({folder / "music"}, folder / "set"));
  const auto training = data::Dataset::open(folder / "set");
  ASSERT_TRUE(training) << training.error().message;

  using Note = std::tuple<std::int64_t, int, int>;  // onset, track, pitch
  struct Told {
    int again = 0, progress = -1;
    std::size_t tracks = 0;
    std::vector<int> bars;
    std::vector<Note> notes;
  };
  std::map<int, Told> told;
  GenerateCallbacks callbacks;
  callbacks.tracks = [&](int v, const auto& tracks) { told[v].tracks = tracks.size(); };
  callbacks.bar = [&](int v, int index, GridTick, const GridBar&) {
    told[v].bars.push_back(index);
  };
  callbacks.note = [&](int v, int track, const GridNote& note) {
    told[v].notes.push_back({note.onset.count(), track, note.pitch});
  };
  callbacks.progress = [&](int v, int done, int) { told[v].progress = done; };
  callbacks.again = [&](int v) { told[v] = {.again = told[v].again + 1}; };
  request.novel = true;
  request.training = &*training;
  const auto pieces = composer.generate(request, callbacks);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(pieces) << pieces.error().message;
  ASSERT_EQ(pieces->size(), 3u);
  for (const WrittenPiece& piece : *pieces) {
    const bool was_copy = piece.variation == 1;
    const auto& before = (*first)[static_cast<std::size_t>(piece.variation)];
    EXPECT_EQ(piece.seed != before.seed, was_copy) << piece.variation;
    EXPECT_EQ(midi::write(piece.file) != midi::write(before.file), was_copy) << piece.variation;
    ASSERT_TRUE(piece.novelty);
    EXPECT_FALSE(piece.novelty->is_copy());
    Told& of = told[piece.variation];
    EXPECT_EQ(of.again > 0, was_copy) << piece.variation;
    EXPECT_EQ(of.tracks, piece.grid.tracks.size());
    EXPECT_EQ(of.progress, 3);
    EXPECT_EQ(of.bars, (std::vector<int>{0, 1, 2}));
    std::vector<Note> kept;
    for (std::size_t track = 0; track < piece.grid.tracks.size(); ++track) {
      for (const GridNote& note : piece.grid.tracks[track].notes) {
        kept.push_back({note.onset.count(), static_cast<int>(track), note.pitch});
      }
    }
    std::sort(kept.begin(), kept.end());
    std::sort(of.notes.begin(), of.notes.end());
    EXPECT_EQ(of.notes, kept) << piece.variation;
  }
}

}  // namespace
}  // namespace hemiola
