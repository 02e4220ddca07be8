// The whole way with the bundled model: from nothing under controls, on from a piece, inside one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "base/rng.h"
#include "compose/generate.h"
#include "data/dataset.h"
#include "data/import.h"
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

// One bar that takes more than half of the model's context.
data::Source dense_bar() {
  GridScore score;
  GridBar bar;
  bar.key = Key{};
  score.bars.assign(1, bar);
  GridTrack track;
  Rng rng(1);
  for (int tick = 0; tick < 96; tick += 2) {
    std::set<int, std::greater<>> pitches;
    while (pitches.size() < 6) pitches.insert(rng.between(30, 90));
    for (const int pitch : pitches) {
      track.notes.push_back({GridTick(tick), GridTick(rng.between(1, 2)),
                             static_cast<std::uint8_t>(pitch),
                             static_cast<std::uint8_t>(rng.between(4, 12))});
    }
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

TEST(BundledModel, GoesOnFromABarThatLeavesNoRoomForAnother) {
  const data::Source prompt = dense_bar();
  GenerateRequest request = request_of(1, 5, 2);
  request.prompt = &prompt;
  request.sampling.temperature = 0.5f;
  const auto pieces = composer().generate(request);
  ASSERT_TRUE(pieces) << pieces.error().message;
  for (const WrittenPiece& piece : *pieces) EXPECT_EQ(piece.grid.bars.size(), 2u);
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

// The reason a wish is refused for; empty where it is not.
std::string refusal(const GenerateRequest& request) {
  const auto pieces = composer().generate(request);
  return pieces ? "" : pieces.error().message;
}

TEST(BundledModel, RefusesTheImpossibleWithTheReason) {
  using testing::HasSubstr;
  const data::Source prompt = tune();
  GenerateRequest good = request_of(2, 1);
  GenerateRequest r = good;
  r.bars = 0;
  EXPECT_THAT(refusal(r), HasSubstr("from 1 to 2000"));
  r.bars = 100000;
  EXPECT_THAT(refusal(r), HasSubstr("from 1 to 2000"));
  r = good, r.count = 0;
  EXPECT_THAT(refusal(r), HasSubstr("0 pieces"));
  r = good, r.sampling.top_p = 0;
  EXPECT_THAT(refusal(r), HasSubstr("top-p"));
  r = good, r.controls.style = "polka";
  EXPECT_THAT(refusal(r), HasSubstr("this model knows"));
  r = good, r.controls.density = 11;
  EXPECT_THAT(refusal(r), HasSubstr("density 11"));
  r = good, r.controls.tempo = 5;
  EXPECT_THAT(refusal(r), HasSubstr("tempo 5"));
  r = good, r.controls.max_polyphony = 0;
  EXPECT_THAT(refusal(r), HasSubstr("max_polyphony 0"));
  r = good, r.controls.range = tokens::PitchRange{80, 60};
  EXPECT_THAT(refusal(r), HasSubstr("lower one first"));
  r = good, r.controls.instruments.assign(40, Instrument{});
  EXPECT_THAT(refusal(r), HasSubstr("32 tracks are the most"));
  // C# alone is in no scale of C major.
  r = good, r.controls.key = Key{}, r.controls.in_scale = true;
  r.controls.range = tokens::PitchRange{61, 61};
  EXPECT_THAT(refusal(r), HasSubstr("in the scale"));

  r = good, r.from_bar = 3;
  EXPECT_THAT(refusal(r), HasSubstr("need a piece to start from"));
  r = good, r.infill = BarSpan{1, 2};
  EXPECT_THAT(refusal(r), HasSubstr("need a piece to start from"));
  good.prompt = &prompt;
  r = good, r.from_bar = 9;
  EXPECT_THAT(refusal(r), HasSubstr("the piece has bars 1 to 4"));
  r = good, r.from_bar = 1;
  EXPECT_THAT(refusal(r), HasSubstr("nothing stands before bar 1"));
  r = good, r.tracks = {1};
  EXPECT_THAT(refusal(r), HasSubstr("for infilling only"));
  r = good, r.infill = BarSpan{3, 9};
  EXPECT_THAT(refusal(r), HasSubstr("the piece has bars 1 to 4"));
  r = good, r.infill = BarSpan{3, 2};
  EXPECT_THAT(refusal(r), HasSubstr("the first comes first"));
  r = good, r.infill = BarSpan{2, 3}, r.tracks = {2};
  EXPECT_THAT(refusal(r), HasSubstr("the piece has tracks 1 to 1"));
  r = good, r.infill = BarSpan{2, 3}, r.controls.metre = Metre{3, 4};
  EXPECT_THAT(refusal(r), HasSubstr("stay as they are"));
  r = good, r.infill = BarSpan{2, 3}, r.from_bar = 2;
  EXPECT_THAT(refusal(r), HasSubstr("one or the other"));
}

TEST(BundledModel, RefusesWhereHeldNotesLeaveNoRoom) {
  GridScore score;
  score.bars.assign(8, GridBar{.key = Key{}});
  score.tracks.push_back({.notes = {{GridTick(0), GridTick(8 * 96), 60, 9}}});
  const auto prompt = data::source_from_grid(score, data::SourceKind::kNotation);
  ASSERT_TRUE(prompt);
  GenerateRequest request = request_of(0, 1);
  request.prompt = &*prompt;
  request.infill = BarSpan{3, 4};
  request.controls.max_polyphony = 1;
  EXPECT_THAT(refusal(request), testing::HasSubstr("there is no room for a new note"));
  request.controls.max_polyphony = 2;
  EXPECT_EQ(refusal(request), "");
}

// What is streamed is the piece: all its new notes, bar by bar, and no others.
TEST(BundledModel, StreamsWhatItWrites) {
  const data::Source prompt = tune();
  for (const bool infill : {false, true}) {
    GenerateRequest request = request_of(6, 11, 3);
    request.prompt = &prompt;
    if (infill) request.infill = BarSpan{2, 4};
    std::vector<std::multiset<std::tuple<int, int, int, int>>> heard(3);
    std::vector<int> bars(3, -1);
    GenerateCallbacks callbacks;
    callbacks.note = [&](int variation, int track, const GridNote& note) {
      heard.at(static_cast<std::size_t>(variation))
          .insert({track, note.onset.count(), note.duration.count(), note.pitch});
    };
    callbacks.progress = [&](int variation, int done, int all) {
      int& before = bars.at(static_cast<std::size_t>(variation));
      EXPECT_GE(done, before);
      EXPECT_EQ(all, infill ? 3 : 6);
      before = done;
    };
    const auto pieces = composer().generate(request, callbacks);
    ASSERT_TRUE(pieces) << pieces.error().message;
    const GridTick from = GridTick(96) * (infill ? 1 : 4);
    const GridTick until = GridTick(96) * (infill ? 4 : 10);
    for (std::size_t i = 0; i < 3; ++i) {
      std::multiset<std::tuple<int, int, int, int>> written;
      const GridScore& grid = (*pieces)[i].grid;
      for (std::size_t t = 0; t < grid.tracks.size(); ++t) {
        for (const GridNote& note : grid.tracks[t].notes) {
          if (note.onset < from || note.onset >= until) continue;
          written.insert(
              {static_cast<int>(t), note.onset.count(), note.duration.count(), note.pitch});
        }
      }
      EXPECT_EQ(heard[i], written);
      EXPECT_EQ(bars[i], infill ? 3 : 6);
    }
  }
}

TEST(BundledModel, CancellingEndsWithAnErrorOrWithWhatIsWhole) {
  const data::Source prompt = tune();
  for (const bool infill : {false, true}) {
    GenerateRequest request = request_of(12, 12, 2);
    request.prompt = &prompt;
    if (infill) request.infill = BarSpan{1, 4};
    int seen = 0;
    std::size_t notes = 0;
    GenerateCallbacks callbacks;
    callbacks.note = [&](int, int, const GridNote&) { ++notes; };
    callbacks.progress = [&](int variation, int done, int) {
      if (variation == 0) seen = done;
    };
    callbacks.cancelled = [&] { return seen >= 2; };
    const auto cancelled = composer().generate(request, callbacks);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().message, "cancelled");

    request.keep_stopped = true;
    seen = 0;
    const auto kept = composer().generate(request, callbacks);
    ASSERT_TRUE(kept) << kept.error().message;
    const WrittenPiece& piece = kept->front();
    EXPECT_TRUE(piece.stopped);
    EXPECT_EQ(piece.bars, 2);
    EXPECT_EQ(piece.grid.bars.size(), infill ? 4u : 6u);
    EXPECT_TRUE(validate(piece.grid));
    const GridTick from = GridTick(96) * (infill ? 0 : 4), until = from + GridTick(2 * 96);
    std::size_t inside = 0;
    std::vector<GridNote> after, before_it;
    for (const GridTrack& track : piece.grid.tracks) {
      for (const GridNote& note : track.notes) {
        if (note.onset >= until) after.push_back(note);
        inside += note.onset >= from && note.onset < until ? 1 : 0;
      }
    }
    EXPECT_EQ(inside, piece.notes);
    for (const GridNote& note : prompt.grid().tracks[0].notes) {
      if (infill && note.onset >= until) before_it.push_back(note);
    }
    EXPECT_EQ(after, before_it) << "only the old music goes on after what is kept";
    EXPECT_TRUE(reread(piece.file).grid().note_count() > 0);

    request.keep_stopped = true;
    callbacks.cancelled = [] { return true; };
    EXPECT_FALSE(composer().generate(request, callbacks)) << "nothing is whole yet";
  }
}

TEST(BundledModel, NotesOfAScaleImplyAKey) {
  GenerateRequest request = request_of(4, 21, 8);
  request.controls.in_scale = true;
  const auto pieces = composer().generate(request);
  ASSERT_TRUE(pieces) << pieces.error().message;
  for (const WrittenPiece& piece : *pieces) {
    for (const GridBar& bar : piece.grid.bars) EXPECT_TRUE(bar.key);
  }
}

TEST(BundledModel, TellsWhetherWhatItWroteIsNew) {
  ASSERT_NE(composer().training_index(), nullptr) << "small.novelty stands beside the model";
  const auto pieces = composer().generate(request_of(8, 31, 2));
  ASSERT_TRUE(pieces) << pieces.error().message;
  for (const WrittenPiece& piece : *pieces) {
    ASSERT_TRUE(piece.novelty);
    EXPECT_FALSE(piece.novelty->exact_notes);
    EXPECT_LE(piece.novelty->longest_run.notes, piece.novelty->notes);
  }
  GenerateRequest request = request_of(8, 31, 2);
  request.novel = true;
  const auto novel = composer().generate(request);
  ASSERT_TRUE(novel) << novel.error().message;
  for (const WrittenPiece& piece : *novel) EXPECT_FALSE(piece.novelty->is_copy());
}

// A variation that stands in the training data is drawn again until it does not; what is told after
// the last `again` is the piece that is kept, under the variation's own number.
TEST(BundledModel, DrawsCopiesAgain) {
  GenerateRequest request = request_of(6, 5, 3);
  const auto first = composer().generate(request);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(first->size(), 3u);
  std::string pattern = (std::filesystem::temp_directory_path() / "hemiola.XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const Path folder = pattern;
  ASSERT_TRUE(write_file(folder / "music" / "copy.mid", midi::write((*first)[1].file)));
  data::ImportOptions all_to_train;
  all_to_train.split.validation = all_to_train.split.test = 0;
  const auto imported = data::import_dataset({folder / "music"}, folder / "set", all_to_train);
  ASSERT_TRUE(imported) << imported.error().message;
  ASSERT_EQ(imported->accepted, 1u) << imported->refused.front().reason;
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
  callbacks.again = [&](int v) {
    const int before = told[v].again;
    told[v] = {};
    told[v].again = before + 1;
  };
  request.novel = true;
  request.training = &*training;
  const auto pieces = composer().generate(request, callbacks);
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
    EXPECT_EQ(of.progress, 6);
    EXPECT_EQ(of.bars, (std::vector<int>{0, 1, 2, 3, 4, 5}));
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
