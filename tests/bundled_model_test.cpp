// The whole way with the bundled model: from nothing under controls, on from a piece, inside one.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "compose/generate.h"
#include "midi/reader.h"
#include "midi/writer.h"
#include "score/to_midi.h"

namespace hemiola {
namespace {

const Composer& composer() {
  static const Composer instance = [] {
    auto loaded = Composer::load(Path(HEMIOLA_SOURCE_DIR) / "models/default/small.hemiola");
    if (!loaded) throw std::runtime_error(loaded.error().message);
    return *std::move(loaded);
  }();
  return instance;
}

GenerateRequest request_of(int bars, std::uint64_t seed, int count = 1) {
  GenerateRequest request;
  request.bars = bars;
  request.seed = seed;
  request.count = count;
  request.sampling.temperature = 0.95f;
  request.sampling.top_p = 0.97f;
  return request;
}

// What an outside reader would see: the file as bytes, read and standardised again.
data::Source reread(const midi::File& file) {
  auto source = data::source_from_midi(midi::write(file));
  if (!source) throw std::runtime_error(source.error().message);
  return *std::move(source);
}

int most_at_once(const Track& track) {
  int most = 0;
  for (const Note& a : track.notes) {
    int now = 0;
    for (const Note& b : track.notes) {
      if (b.onset <= a.onset && a.onset < b.onset + b.duration) ++now;
    }
    most = std::max(most, now);
  }
  return most;
}

TEST(BundledModel, WritesFromNothingAndTheSameAgain) {
  const auto pieces = composer().generate(request_of(16, 1, 4));
  ASSERT_TRUE(pieces) << pieces.error().message;
  ASSERT_EQ(pieces->size(), 4u);
  for (const WrittenPiece& piece : *pieces) {
    EXPECT_EQ(piece.grid.bars.size(), 16u);
    EXPECT_GT(piece.notes, 16u);
    EXPECT_TRUE(validate(piece.grid));
  }
  const auto again = composer().generate(request_of(16, 1, 1));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->front().grid, pieces->front().grid) << "batch and single differ";
}

TEST(BundledModel, HonoursControls) {
  GenerateRequest request = request_of(8, 3, 8);
  request.controls.key = Key{-2, true};
  request.controls.in_scale = true;
  request.controls.metre = Metre{3, 4};
  request.controls.tempo = 132;
  request.controls.range = tokens::PitchRange{48, 84};
  request.controls.max_polyphony = 3;
  request.controls.density = 5;
  request.controls.instruments = {{0, false}, {32, false}};
  const auto pieces = composer().generate(request);
  ASSERT_TRUE(pieces) << pieces.error().message;
  const std::set<int> scale = {7, 9, 10, 0, 2, 3, 5, 6};  // G minor with its raised seventh
  for (const WrittenPiece& piece : *pieces) {
    const data::Source source = reread(piece.file);
    ASSERT_EQ(source.score.tracks.size(), 2u);
    EXPECT_EQ(source.score.tracks[0].program, 0);
    EXPECT_EQ(source.score.tracks[1].program, 32);
    ASSERT_FALSE(source.score.metres.empty());
    EXPECT_EQ(source.score.metres.front().metre, (Metre{3, 4}));
    ASSERT_FALSE(source.score.tempos.empty());
    EXPECT_NEAR(source.score.tempos.front().quarters_per_minute(), 132, 0.01);
    EXPECT_EQ(piece.grid.bars.size(), 8u);
    for (const Track& track : source.score.tracks) {
      EXPECT_LE(most_at_once(track), 3);
      for (const Note& note : track.notes) {
        EXPECT_GE(note.pitch, 48);
        EXPECT_LE(note.pitch, 84);
        EXPECT_TRUE(scale.contains(note.pitch % 12)) << int{note.pitch};
      }
    }
  }
}

// A little tune of four bars, written by hand.
data::Source tune() {
  GridScore score;
  GridBar bar;
  bar.key = Key{};
  score.bars.assign(4, bar);
  GridTrack track;
  const std::array<int, 16> pitches = {60, 60, 67, 67, 69, 69, 67, 67,
                                       65, 65, 64, 64, 62, 62, 60, 60};
  for (int i = 0; i < 16; ++i) {
    track.notes.push_back({GridTick(24 * i), GridTick(24),
                           static_cast<std::uint8_t>(pitches[static_cast<std::size_t>(i)]), 9});
  }
  score.tracks.push_back(track);
  return data::source_from_grid(score, data::SourceKind::kNotation).value();
}

std::multiset<std::tuple<Tick, Tick, int, int>> notes_of(const data::Source& source) {
  std::multiset<std::tuple<Tick, Tick, int, int>> notes;
  for (const Track& track : source.score.tracks) {
    for (const Note& note : track.notes) {
      notes.insert({note.onset, note.duration, note.pitch, note.velocity});
    }
  }
  return notes;
}

TEST(BundledModel, GoesOnAndLeavesThePromptAsItWas) {
  const data::Source prompt = tune();
  GenerateRequest request = request_of(6, 5, 4);
  request.prompt = &prompt;
  const auto pieces = composer().generate(request);
  ASSERT_TRUE(pieces) << pieces.error().message;
  for (const WrittenPiece& piece : *pieces) {
    const auto before = notes_of(prompt), after = notes_of(reread(piece.file));
    EXPECT_TRUE(std::includes(after.begin(), after.end(), before.begin(), before.end()));
    EXPECT_EQ(after.size(), before.size() + piece.notes);
    EXPECT_GT(piece.notes, 0u);
    EXPECT_EQ(piece.grid.bars.size(), 10u);
  }
}

TEST(BundledModel, WritesBarsAnewAndLeavesTheOthers) {
  const data::Source prompt = tune();
  GenerateRequest request = request_of(0, 6, 4);
  request.prompt = &prompt;
  request.infill = BarSpan{2, 3};
  const auto pieces = composer().generate(request);
  ASSERT_TRUE(pieces) << pieces.error().message;
  for (const WrittenPiece& piece : *pieces) {
    const auto outside = [](const data::Source& source) {
      auto notes = notes_of(source);
      std::erase_if(notes, [](const auto& note) {
        return std::get<0>(note) >= Tick(4 * 480) && std::get<0>(note) < Tick(12 * 480);
      });
      return notes;
    };
    EXPECT_EQ(outside(reread(piece.file)), outside(prompt));
    EXPECT_GT(piece.notes, 0u);
  }
}

TEST(BundledModel, RefusesTheImpossibleWithTheReason) {
  const data::Source prompt = tune();
  GenerateRequest request = request_of(0, 1);
  request.prompt = &prompt;
  request.infill = BarSpan{3, 9};
  EXPECT_NE(composer().generate(request).error().message.find("bars 1 to 4"), std::string::npos);
  request = request_of(8, 1);
  request.controls.style = "polka";
  EXPECT_FALSE(composer().generate(request));
  request = request_of(0, 1);
  EXPECT_FALSE(composer().generate(request));
}

}  // namespace
}  // namespace hemiola
