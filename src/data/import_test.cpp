#include "data/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "base/json.h"
#include "data/dataset.h"
#include "data/dataset_stats.h"
#include "data/export.h"
#include "data/test_scores.h"
#include "data/zip_writer_for_tests.h"
#include "midi/writer.h"
#include "score/to_midi.h"
#include "tests/test_data.h"

namespace hemiola::data {
namespace {

namespace fs = std::filesystem;

Bytes midi_of(const GridScore& score) { return midi::write(*midi_from_grid(score)); }

void put(const Path& path, const GridScore& score) {
  ASSERT_TRUE(write_file(path, midi_of(score)));
}

// Every file of a data set but the lock, by name.
std::map<std::string, Bytes> contents(const Path& folder) {
  std::map<std::string, Bytes> files;
  for (const auto& item : fs::recursive_directory_iterator(folder)) {
    if (!item.is_regular_file() || item.path().filename() == ".lock") continue;
    files[fs::relative(item.path(), folder).string()] = *read_file(item.path());
  }
  return files;
}

ImportOptions with_threads(int threads) {
  ImportOptions options;
  options.threads = threads;
  return options;
}

const Entry& entry_of(const Dataset& dataset, std::string_view path) {
  for (const Entry& entry : dataset.entries()) {
    if (entry.path == path) return entry;
  }
  ADD_FAILURE() << path << " is not in the data set";
  return dataset.entries().front();
}

TEST(Import, TakesDropsAndRefusesWithReasons) {
  const TemporaryFolder folder("import");
  const Path in = folder.path() / "music", out = folder.path() / "set";
  put(in / "pop" / "a.mid", tune(1));
  put(in / "pop" / "same file.mid", tune(1));
  put(in / "rock" / "transposed.MIDI", transposed(tune(1), 3));
  GridScore slower = tune(1);
  for (GridBar& bar : slower.bars) bar.tempo_class = 5;
  put(in / "rock" / "slower.kar", slower);
  put(in / "b.mid", tune(2));
  ASSERT_TRUE(write_text(in / "broken.mid", "this is not MIDI at all"));
  ASSERT_TRUE(write_text(in / "readme.txt", "no music"));
  ASSERT_TRUE(write_text(in / "._b.mid", "left by another system"));
  const auto summary = import_dataset({in}, out);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->files, 6u);
  EXPECT_EQ(summary->accepted, 2u);
  EXPECT_EQ(summary->same_file, 1u);
  EXPECT_EQ(summary->same_notes, 2u);
  EXPECT_EQ(summary->files, summary->accepted + summary->duplicates + summary->refused.size());
  ASSERT_EQ(summary->refused.size(), 1u);
  EXPECT_EQ(summary->refused[0].path, "music/broken.mid");
  EXPECT_FALSE(summary->refused[0].reason.empty());

  const auto dataset = Dataset::open(out);
  ASSERT_TRUE(dataset) << dataset.error().message;
  EXPECT_EQ(dataset->styles(entry_of(*dataset, "music/pop/a.mid")),
            std::vector<std::string>{"pop"});
  const Entry& slow = entry_of(*dataset, "music/rock/slower.kar");
  EXPECT_EQ(slow.outcome, Outcome::kSameNotes);
  EXPECT_EQ(dataset->entries()[dataset->original(slow.copy_of)].path, "music/pop/a.mid");
  EXPECT_TRUE(dataset_stats(*dataset));

  std::size_t lines = 0;
  std::ifstream manifest(out / kManifestName);
  for (std::string line; std::getline(manifest, line); ++lines) {
    const auto json = parse_json(line, "manifest");
    ASSERT_TRUE(json);
    EXPECT_TRUE(json->contains("path") && json->contains("outcome") && json->contains("labels"));
    EXPECT_EQ((*json)["outcome"] == "refused", json->contains("reason"));
  }
  EXPECT_EQ(lines, 6u);
}

TEST(Import, KnowsTheLayoutOfAdlPiano) {
  const TemporaryFolder folder("adl");
  const Path in = folder.path() / "adl-piano-midi";
  put(in / "Jazz" / "Bebop" / "Someone" / "Tune.mid", tune(3));
  put(in / "Jazz" / "Cool Jazz" / "Another" / "Tune.mid", tune(4));
  const auto summary = import_dataset({in}, folder.path() / "set");
  ASSERT_TRUE(summary);
  const auto dataset = Dataset::open(folder.path() / "set");
  EXPECT_EQ(dataset->styles(dataset->entries()[0]), (std::vector<std::string>{"Jazz", "Bebop"}));
  const auto manifest = read_text(folder.path() / "set" / kManifestName);
  EXPECT_NE(manifest->find(R"("genre":"Jazz","subgenre":"Bebop","artist":"Someone")"),
            std::string::npos);
}

TEST(Import, DropsNearCopiesAndPartsAndKeepsVersionsTogether) {
  const TemporaryFolder folder("near");
  const Path in = folder.path() / "music";
  const auto changed = [](GridScore score, std::size_t one_in) {
    for (std::size_t n = 5; n < score.tracks[0].notes.size(); n += one_in) {
      score.tracks[0].notes[n].pitch ^= 1;
    }
    return score;
  };
  constexpr std::uint64_t kSongs = 40;
  for (std::uint64_t i = 0; i < kSongs; ++i) {
    const GridScore song = tune(100 + i, 32);
    put(in / fmt::format("{:02}-song.mid", i), song);
    GridScore part = transposed(song, 2);
    part.tracks = {song.tracks[0]};  // the melody alone
    put(in / fmt::format("{:02}-part.mid", i), part);
    put(in / fmt::format("{:02}-edited.mid", i), changed(song, 53));
    put(in / fmt::format("{:02}-version.mid", i), changed(song, 13));
  }
  ImportOptions options;
  options.split = {.validation = 0.3, .test = 0.3};
  const auto summary = import_dataset({in}, folder.path() / "set", options);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->files, 4 * kSongs);
  EXPECT_EQ(summary->near_copies, 2 * kSongs);
  EXPECT_GT(summary->validation, 0u);
  EXPECT_GT(summary->test, 0u);
  // Of each song two pieces are left: it (or its edited copy) and the version; both on one side.
  const auto dataset = Dataset::open(folder.path() / "set");
  ASSERT_TRUE(dataset);
  std::map<std::string, std::vector<Split>> kept;
  for (const Entry& entry : dataset->entries()) {
    if (entry.outcome == Outcome::kAccepted) kept[entry.path.substr(0, 8)].push_back(entry.split);
  }
  EXPECT_EQ(kept.size(), kSongs);
  for (const auto& [song, sides] : kept) {
    ASSERT_EQ(sides.size(), 2u) << song;
    EXPECT_EQ(sides[0], sides[1]) << song;
  }
}

TEST(Import, IsTheSameWithAnyNumberOfThreads) {
  const TemporaryFolder folder("threads");
  const Path in = folder.path() / "music";
  for (std::uint64_t i = 0; i < 600; ++i)
    put(in / fmt::format("{}.mid", i * 7919 % 1000), tune(i, 6));
  ASSERT_TRUE(import_dataset({in}, folder.path() / "one", with_threads(1)));
  ASSERT_TRUE(import_dataset({in}, folder.path() / "four", with_threads(4)));
  EXPECT_EQ(contents(folder.path() / "one"), contents(folder.path() / "four"));
}

TEST(Import, DoesOnlyWhatIsNewAndEndsAsIfAllHadBeenThere) {
  const TemporaryFolder folder("again");
  const Path in = folder.path() / "music", out = folder.path() / "set";
  for (std::uint64_t i = 0; i < 60; ++i) put(in / fmt::format("{}.mid", i), tune(i, 8));
  ASSERT_EQ(import_dataset({in}, out)->new_files, 60u);
  const auto before = contents(out);
  ASSERT_EQ(import_dataset({in}, out)->new_files, 0u);
  EXPECT_EQ(contents(out), before);
  for (std::uint64_t i = 60; i < 90; ++i) put(in / fmt::format("{}.mid", i), tune(i, 8));
  put(in / "0.mid", tune(1000, 8));  // changed
  ASSERT_EQ(import_dataset({in}, out)->new_files, 31u);
  put(in / "0.mid", tune(0, 8));
  ASSERT_EQ(import_dataset({in}, out)->new_files, 0u);
  put(in / "0.mid", tune(1000, 8));
  ASSERT_TRUE(import_dataset({in}, folder.path() / "fresh"));
  // The older version of the file that was changed stays, as a piece of its own.
  const auto added = Dataset::open(out), fresh = Dataset::open(folder.path() / "fresh");
  ASSERT_EQ(added->entries().size(), fresh->entries().size() + 1);
  for (const Entry& entry : fresh->entries()) {
    bool found = false;
    for (const Entry& other : added->entries()) {
      found = found || (other.path == entry.path && other.file_hash == entry.file_hash &&
                        other.outcome == entry.outcome);
    }
    EXPECT_TRUE(found) << entry.path;
  }
}

// A piece that was trained on is never held out later.
TEST(Import, SplitStandsWhenPiecesAreAdded) {
  const TemporaryFolder folder("split");
  const Path in = folder.path() / "music", out = folder.path() / "set";
  std::map<std::string, Split> before;
  for (std::uint64_t step = 0; step < 5; ++step) {
    for (std::uint64_t i = 0; i < 20; ++i) {
      put(in / fmt::format("{}-{}.mid", step, i), tune(20 * step + i, 8));
    }
    ImportOptions options;
    options.split = {.validation = 0.1, .test = 0.1};
    ASSERT_TRUE(import_dataset({in}, out, options));
    const auto dataset = Dataset::open(out);
    EXPECT_FALSE(dataset->entries_of(Split::kValidation).empty());
    EXPECT_FALSE(dataset->entries_of(Split::kTest).empty());
    for (const Entry& entry : dataset->entries()) {
      if (before.contains(entry.path) && before[entry.path] == Split::kTrain) {
        EXPECT_EQ(entry.split, Split::kTrain);
      }
      before[entry.path] = entry.split;
    }
  }
}

TEST(Import, PartsJoinToTheWhole) {
  const TemporaryFolder folder("join");
  const Path in = folder.path() / "music";
  for (std::uint64_t i = 0; i < 90; ++i) put(in / fmt::format("{}.mid", i % 80), tune(i / 2, 8));
  std::vector<Path> parts;
  std::size_t files = 0;
  for (unsigned part = 0; part < 3; ++part) {
    ImportOptions options;
    options.part = part;
    options.parts = 3;
    parts.push_back(folder.path() / fmt::format("part{}", part));
    const auto summary = import_dataset({in}, parts.back(), options);
    ASSERT_TRUE(summary);
    EXPECT_GT(summary->files, 10u);
    files += summary->files;
  }
  EXPECT_EQ(files, 80u);
  ASSERT_TRUE(join_datasets(parts, folder.path() / "joined"));
  ASSERT_TRUE(import_dataset({in}, folder.path() / "whole"));
  EXPECT_EQ(*read_text(folder.path() / "joined" / kManifestName),
            *read_text(folder.path() / "whole" / kManifestName));
  EXPECT_EQ(Dataset::open(folder.path() / "joined")->identity(),
            Dataset::open(folder.path() / "whole")->identity());
}

TEST(Import, ReadsZips) {
  const TemporaryFolder folder("zip");
  std::map<std::string, Bytes> files;
  for (std::uint64_t i = 0; i < 300; ++i) {
    files[fmt::format("Jazz/Swing/Band {}/Стая {}.mid", i % 7, i)] = midi_of(tune(i, 6));
  }
  files["Jazz/notes.txt"] = {1, 2, 3};
  files["__MACOSX/Jazz/._x.mid"] = {1, 2, 3};
  files["bad.mid"] = {1, 2, 3};
  const Path zip = folder.path() / "songs.zip";
  ASSERT_TRUE(write_file(zip, zip_of(files)));
  const auto summary = import_dataset({zip}, folder.path() / "set");
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->files, 301u);
  EXPECT_EQ(summary->accepted, 300u);
  EXPECT_EQ(import_dataset({zip}, folder.path() / "set")->new_files, 0u);
  const auto dataset = Dataset::open(folder.path() / "set");
  EXPECT_EQ(dataset->styles(entry_of(*dataset, "songs.zip/Jazz/Swing/Band 0/Стая 0.mid")),
            (std::vector<std::string>{"Jazz", "Swing"}));

  // A zip that was cut: what can be read is there, and the damage is told.
  Bytes cut = *read_file(zip);
  cut.resize(cut.size() / 2);
  const Path half = folder.path() / "half.zip";
  ASSERT_TRUE(write_file(half, cut));
  const auto less = import_dataset({half}, folder.path() / "less");
  ASSERT_TRUE(less) << less.error().message;
  EXPECT_GE(less->refused.size(), 1u);
  EXPECT_THAT(less->refused.back().path + less->refused.front().path,
              testing::HasSubstr("half.zip"));
}

TEST(Import, SaysWhatIsWrongWithWhatItIsGiven) {
  const TemporaryFolder folder("wrong");
  const auto nothing = import_dataset({folder.path() / "absent"}, folder.path() / "set");
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message.find("absent"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder.path() / "set"));
  const auto no_set = Dataset::open(folder.path());
  ASSERT_FALSE(no_set);
  EXPECT_NE(no_set.error().message.find("dataset import"), std::string::npos);
}

TEST(Import, RefusesADamagedDataSet) {
  const TemporaryFolder folder("damage");
  put(folder.path() / "in" / "a.mid", tune(1));
  const Path out = folder.path() / "set";
  ASSERT_TRUE(import_dataset({folder.path() / "in"}, out));
  for (const auto& [name, bytes] : contents(out)) {
    if (name == kManifestName || name == kSummaryName) continue;
    Bytes damaged = bytes;
    damaged.resize(damaged.size() - 3);
    ASSERT_TRUE(write_file(out / name, damaged));
    const auto dataset = Dataset::open(out);
    EXPECT_FALSE(dataset) << name;
    EXPECT_NE(dataset.error().message.find(Path(name).filename().string()), std::string::npos);
    ASSERT_TRUE(write_file(out / name, bytes));
  }
  EXPECT_TRUE(Dataset::open(out));
}

TEST(Export, GivesBackTheSameNotes) {
  const TemporaryFolder folder("export");
  for (std::uint64_t i = 0; i < 20; ++i)
    put(folder.path() / "in" / fmt::format("{}.mid", i), tune(i, 8));
  ASSERT_TRUE(import_dataset({folder.path() / "in"}, folder.path() / "set"));
  const auto dataset = Dataset::open(folder.path() / "set");
  for (const bool flatten : {false, true}) {
    ExportOptions options;
    options.flatten = flatten;
    const Path midi = folder.path() / (flatten ? "flat" : "whole");
    const auto summary = export_midi(*dataset, midi, options);
    ASSERT_TRUE(summary) << summary.error().message;
    EXPECT_EQ(summary->files, 20u);
    const Path again = folder.path() / (flatten ? "flat-set" : "whole-set");
    ASSERT_TRUE(import_dataset({midi}, again));
    const auto back = Dataset::open(again);
    std::set<Sha256Digest> before, after;
    for (const Entry& entry : dataset->entries()) before.insert(entry.notes_hash);
    for (const Entry& entry : back->entries()) after.insert(entry.notes_hash);
    EXPECT_EQ(before, after);
  }
}

struct Ended {
  int status = 0;
  std::string said;
};

// Runs the helper; kills it after `delay` if that is not negative.
Ended run_helper(const Path& in, const Path& out, std::size_t limit,
                 std::chrono::microseconds delay) {
  int said[2];
  EXPECT_EQ(::pipe(said), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(said[1], STDOUT_FILENO);
    ::execl(HEMIOLA_IMPORT_HELPER, HEMIOLA_IMPORT_HELPER, out.c_str(),
            std::to_string(limit).c_str(), "2", in.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(said[1]);
  if (delay.count() >= 0) {
    std::this_thread::sleep_for(delay);
    ::kill(child, SIGKILL);
  }
  Ended outcome;
  char buffer[512];
  for (ssize_t n; (n = ::read(said[0], buffer, sizeof buffer)) > 0;) {
    outcome.said.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(said[0]);
  ::waitpid(child, &outcome.status, 0);
  return outcome;
}

constexpr std::chrono::microseconds kNever{-1};

TEST(ImportKilled, AtAnyMomentGoesOnToTheSameResult) {
  const TemporaryFolder folder("killed");
  const Path in = folder.path() / "music", out = folder.path() / "set";
  for (std::uint64_t i = 0; i < 800; ++i) put(in / fmt::format("{:03}.mid", i), tune(i, 12));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(run_helper(in, folder.path() / "whole", 0, kNever).status, 0);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  const auto whole = contents(folder.path() / "whole");
  Rng rng(11);
  constexpr int kKills = 20;
  for (int kills = 0, runs = 0; kills < kKills; ++runs) {
    ASSERT_LT(runs, 10 * kKills) << "it is never killed";
    const auto share = rng.below(static_cast<std::uint64_t>(took.count()));
    const Ended outcome = run_helper(in, out, 0, std::chrono::microseconds(share));
    if (WIFSIGNALED(outcome.status)) {
      ++kills;
      // Whatever is there is whole: a reader is refused or sees a finished data set.
      const auto dataset = Dataset::open(out);
      EXPECT_TRUE(!dataset || dataset_stats(*dataset));
    } else {
      ASSERT_EQ(outcome.status, 0) << outcome.said;
      EXPECT_EQ(contents(out), whole);
      fs::remove_all(out);  // and once more
    }
  }
  ASSERT_EQ(run_helper(in, out, 0, kNever).status, 0);
  EXPECT_EQ(contents(out), whole);
}

TEST(ImportOnAFullDisk, FailsClearlyAndLeavesNoHalfFile) {
  const TemporaryFolder folder("full");
  const Path in = folder.path() / "music", out = folder.path() / "set";
  for (std::uint64_t i = 0; i < 300; ++i) put(in / fmt::format("{:03}.mid", i), tune(i, 12));
  for (const std::size_t limit : {1000u, 100000u}) {
    const Ended outcome = run_helper(in, out, limit, kNever);
    ASSERT_TRUE(WIFEXITED(outcome.status));
    EXPECT_EQ(WEXITSTATUS(outcome.status), 1);
    EXPECT_THAT(outcome.said, testing::HasSubstr(out.string()));
    EXPECT_THAT(outcome.said, testing::HasSubstr("cannot write"));
    for (const auto& [name, bytes] : contents(out)) {
      EXPECT_FALSE(name.ends_with(".tmp")) << name;
      EXPECT_TRUE(!name.ends_with(kShardEnding) || Shard::open(out / name)) << name;
    }
    EXPECT_FALSE(Dataset::open(out));
  }
  ASSERT_EQ(run_helper(in, out, 0, kNever).status, 0);
  EXPECT_EQ(Dataset::open(out)->entries().size(), 300u);
}

TEST(ImportSharedData, AcceptsPianoMusic) {
  const auto piano = test_data("piano");
  if (!piano) GTEST_SKIP() << "the shared test data is not here";
  const TemporaryFolder folder("piano");
  ImportOptions options;
  if (!test_full()) options.parts = 10;
  const auto summary = import_dataset({*piano}, folder.path(), options);
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_GT(summary->files, 300u);
  EXPECT_LE(summary->refused.size() + summary->duplicates, summary->files / 100 + 2);
}

}  // namespace
}  // namespace hemiola::data
