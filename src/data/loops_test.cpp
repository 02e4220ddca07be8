#include "data/loops.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/hash.h"
#include "data/source.h"
#include "score/analysis.h"

namespace hemiola::data {
namespace {

class LoopSet : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Name to hash of every file.
  static std::map<std::string, std::string> contents(const Path& folder) {
    std::map<std::string, std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const Bytes bytes = read_file(entry.path()).value();
      result[entry.path().filename().string()] = to_hex(sha256(bytes));
    }
    return result;
  }

  Path folder_ = std::filesystem::temp_directory_path() / "hemiola_loops_test";
};

TEST(Loops, AreValidAndFourBarsLongAndAsLabelled) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Loop loop = make_loop(seed);
    const Status valid = validate(loop.score);
    ASSERT_TRUE(valid) << seed << ": " << valid.error().message;
    ASSERT_EQ(loop.score.bars.size(), 4u);
    ASSERT_EQ(loop.labels.chords.size(), 4u);
    ASSERT_EQ(loop.labels.roles.size(), loop.score.tracks.size());
    ASSERT_GE(loop.score.tracks.size(), 2u);
    const int end = 4 * bar_length(loop.labels.metre).count();
    for (const GridTrack& track : loop.score.tracks) {
      EXPECT_FALSE(track.notes.empty()) << seed;
      for (const GridNote& note : track.notes) {
        ASSERT_LE(note.onset.count() + note.duration.count(), end) << seed;
      }
    }
    EXPECT_EQ(kTempos[loop.score.bars[0].tempo_class], loop.labels.tempo);
    EXPECT_EQ(loop.score, make_loop(seed).score);
  }
}

TEST(Loops, SoundAsTheirLabelsSay) {
  std::size_t keys = 0, chord_notes = 0, notes = 0, on_beat = 0, right_on_beat = 0;
  constexpr std::uint64_t kLoops = 300;
  for (std::uint64_t seed = 0; seed < kLoops; ++seed) {
    const Loop loop = make_loop(seed);
    const KeyEstimate key = estimate_key(loop.score);
    keys += key.key.fifths == loop.labels.key.fifths ||
            std::abs(key.key.fifths - loop.labels.key.fifths) == 12;
    const int tonic = loop.labels.key.tonic();
    const std::set<int> scale =
        loop.labels.key.minor ? std::set{0, 2, 3, 5, 7, 8, 10, 11} : std::set{0, 2, 4, 5, 7, 9, 11};
    const int bar = bar_length(loop.labels.metre).count();
    for (std::size_t track = 0; track < loop.score.tracks.size(); ++track) {
      if (loop.score.tracks[track].is_drum || loop.labels.roles[track] == Role::kBass) continue;
      for (const GridNote& note : loop.score.tracks[track].notes) {
        ++notes;
        chord_notes += scale.contains((note.pitch - tonic + 120) % 12);
        // Melodies rest on notes of the chord where a bar begins.
        if (loop.labels.roles[track] != Role::kMelody || note.onset.count() % bar != 0) continue;
        const auto index = static_cast<std::size_t>(note.onset.count() / bar);
        const auto& chord = loop.score.bars[index].chord;
        ++on_beat;
        const int above = (note.pitch - chord->root + 120) % 12;
        right_on_beat += std::set{0, 3, 4, 6, 7, 8}.contains(above);
      }
    }
  }
  EXPECT_EQ(chord_notes, notes);
  EXPECT_EQ(right_on_beat, on_beat);
  EXPECT_GT(on_beat, 100u);
  // Four bars on a few chords often suit a neighbouring key as well.
  EXPECT_GT(static_cast<double>(keys) / kLoops, 0.6);
}

TEST(Loops, SplitByProgressionAndDrumsHoldsNothingOfBothBack) {
  std::map<std::string, std::set<std::string>> splits;
  std::map<std::string, int> sizes;
  constexpr int kLoops = 4000;
  for (std::uint64_t seed = 0; seed < kLoops; ++seed) {
    const LoopLabels labels = make_loop(seed).labels;
    splits[labels.progression + "|" + labels.drum_pattern].insert(labels.split);
    ++sizes[labels.split];
  }
  for (const auto& [key, names] : splits) EXPECT_EQ(names.size(), 1u) << key;
  EXPECT_NEAR(sizes["train"], 0.9 * kLoops, 0.04 * kLoops);
  EXPECT_GT(sizes["validation"], 0.02 * kLoops);
  EXPECT_GT(sizes["test"], 0.02 * kLoops);
}

TEST(Loops, NearCopiesAreKnownInAnotherKeyAndWithOneBarChanged) {
  Loop loop = make_loop(3);
  const auto before = near_copy_hashes(loop);
  Loop moved = loop;
  moved.labels.key = Key{.fifths = loop.labels.key.fifths + 2, .minor = loop.labels.key.minor};
  const int up = moved.labels.key.tonic() - loop.labels.key.tonic();
  for (GridTrack& track : moved.score.tracks) {
    if (track.is_drum) continue;
    for (GridNote& note : track.notes) note.pitch = static_cast<std::uint8_t>(note.pitch + up);
  }
  EXPECT_EQ(near_copy_hashes(moved), before);
  // The third bar alone: what is left without it stays the same.
  const int bar = bar_length(loop.labels.metre).count();
  for (GridTrack& track : loop.score.tracks) {
    if (track.is_drum) continue;
    for (GridNote& note : track.notes) note.pitch += note.onset.count() / bar == 2;
  }
  const auto changed = near_copy_hashes(loop);
  EXPECT_EQ(changed[2], before[2]);
  for (const std::size_t without : {0u, 1u, 3u}) EXPECT_NE(changed[without], before[without]);
}

TEST_F(LoopSet, IsTheSameForTheSameArgumentsAndGrows) {
  ASSERT_TRUE(write_loops(folder_ / "a", {.count = 30, .seed = 7, .threads = 2}));
  ASSERT_TRUE(write_loops(folder_ / "b", {.count = 30, .seed = 7, .threads = 1}));
  const auto first = contents(folder_ / "a");
  EXPECT_EQ(first, contents(folder_ / "b"));
  EXPECT_EQ(first.size(), 32u);
  ASSERT_TRUE(write_loops(folder_ / "b", {.count = 40, .seed = 7}));
  const auto longer = contents(folder_ / "b");
  EXPECT_EQ(longer.size(), 42u);
  for (const auto& [name, hash] : first) {
    if (!name.ends_with(".mid")) continue;
    EXPECT_EQ(longer.at(name), hash) << name;
  }
  // Another seed, or fewer, would leave files of two sets side by side.
  const auto other = write_loops(folder_ / "b", {.count = 40, .seed = 8});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("another set"), std::string::npos);
  EXPECT_FALSE(write_loops(folder_ / "b", {.count = 30, .seed = 7}));
}

TEST_F(LoopSet, ReadsBackAsItWasMade) {
  ASSERT_TRUE(write_loops(folder_, {.count = 25, .seed = 2}));
  const std::string labels = read_text(folder_ / "labels.jsonl").value();
  EXPECT_EQ(std::count(labels.begin(), labels.end(), '\n'), 25);
  std::size_t begin = 0;
  for (int i = 0; i < 25; ++i) {
    const std::size_t end = labels.find('\n', begin);
    const Json line = parse_json(labels.substr(begin, end - begin), "labels.jsonl").value();
    begin = end + 1;
    const auto source = read_source(folder_ / line["file"].get<std::string>());
    ASSERT_TRUE(source) << source.error().message;
    const std::uint64_t seed = std::stoull(line["seed"].get<std::string>(), nullptr, 16);
    const Loop loop = make_loop(seed);
    ASSERT_EQ(source->grid().tracks.size(), loop.score.tracks.size()) << line["file"];
    EXPECT_EQ(source->grid().note_count(), loop.score.note_count()) << line["file"];
    EXPECT_EQ(source->grid().bars[0].metre, loop.labels.metre) << line["file"];
  }
}

TEST_F(LoopSet, StopsWhereSoundFails) {
  LoopSetOptions options{.count = 5, .seed = 1, .threads = 2};
  options.then = [](const Loop&, const midi::File&, const Path& path) -> Status {
    if (path.filename() == "loop-00003.mid") return fail("no sound today");
    return {};
  };
  const Status status = write_loops(folder_, options);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "no sound today");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "labels.jsonl"));
}

}  // namespace
}  // namespace hemiola::data
