// The reader and writer on real files: good ones of the shared collections, and the known-bad ones
// of data/robust, where a table says for each class what must happen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "midi/reader.h"
#include "midi/test_bytes.h"
#include "midi/writer.h"
#include "tests/test_data.h"

namespace hemiola::midi::test {
namespace {

constexpr std::size_t kSampled = 60;  // files of a collection

bool is_midi(const Path& path) {
  std::string extension = path.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".mid" || extension == ".midi" || extension == ".rmi";
}

std::vector<Path> midi_files(const Path& folder) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && is_midi(entry.path())) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

std::size_t notes_of(const File& file) {
  std::size_t notes = 0;
  for (const Track& track : file.tracks) {
    notes += static_cast<std::size_t>(std::ranges::count_if(track.events, [](const Event& event) {
      return event.kind == EventKind::kNoteOn && event.data2 > 0;
    }));
  }
  return notes;
}

void expect_round_trip(const Path& path, const File& file) {
  for (const bool running_status : {true, false}) {
    const Bytes bytes = write(file, {.running_status = running_status});
    const auto again = read(bytes);
    ASSERT_TRUE(again) << path << again.error().message;
    EXPECT_TRUE(same_content(file, *again)) << path;
    EXPECT_EQ(write(*again, {.running_status = running_status}), bytes) << path;
  }
}

class Collection : public ::testing::TestWithParam<const char*> {};

TEST_P(Collection, IsReadAndWrittenWithNothingLost) {
  const auto folder = test_data(GetParam());
  if (!folder) GTEST_SKIP() << "no shared test data: " << GetParam();
  for (const Path& path : test_sample(midi_files(*folder), kSampled)) {
    const auto file = read(path);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_GT(notes_of(*file), 0u) << path;
    // A value out of range is in some of them; nothing else is wrong in any.
    EXPECT_EQ(file->repair_count(), count_of(*file, RepairKind::kMetaValue)) << path;
    EXPECT_EQ(read(path, {.strict = true, .limits = {}}).has_value(), file->repair_count() == 0);
    expect_round_trip(path, *file);
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, Collection,
                         ::testing::Values("piano", "multitrack", "pop909", "asap",
                                           "adl-classical"),
                         [](const auto& row) {
                           std::string name = row.param;
                           std::erase(name, '-');
                           return name;
                         });

// What another reader (mido 1.3) finds in some of the files.
TEST(SharedData, AgreesWithAnotherReader) {
  struct Row {
    const char* path;
    int format;
    std::size_t tracks, notes;
    std::int64_t end;  // of the longest track, in ticks
  };
  static constexpr Row kRows[] = {
      {"drywetmidi/Resources/MIDI files/Valid/MultiSequence/Small/empshort.mid", 2, 1, 389, 38388},
      {"drywetmidi/Resources/MIDI files/Valid/MultiTrack/Large/TheAlbum.mid", 1, 23, 65672, 466080},
      {"miditok/tests/MIDIs_multitrack/Funkytown.mid", 1, 10, 4860, 95112},
      {"midly/test-asset/Sandstorm.mid", 1, 19, 12537, 67560},
      {"pretty-midi/example.mid", 0, 1, 4956, 58944},
      {"symusic/tests/testcases/One_track_MIDIs/Maestro_2.mid", 1, 2, 12418, 692246},
      {"jazz-soft-test-midi-files/midi/test-all-gs-sounds.mid", 0, 1, 5044, 665808},
  };
  const auto folder = test_data("robust");
  if (!folder) GTEST_SKIP() << "no shared test data: robust";
  for (const Row& row : kRows) {
    const auto file = read(*folder / row.path, {.strict = true, .limits = {}});
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->format, row.format) << row.path;
    EXPECT_EQ(file->tracks.size(), row.tracks) << row.path;
    EXPECT_EQ(notes_of(*file), row.notes) << row.path;
    Tick end{0};
    for (const Track& track : file->tracks) end = std::max(end, track.events.back().at);
    EXPECT_EQ(end.count(), row.end) << row.path;
  }
}

using enum RepairKind;
using Kinds = std::vector<RepairKind>;
using Names = std::vector<std::string>;

// One class of data/robust: the files of a folder whose names begin with a prefix.
struct Class {
  std::string folder;
  std::string prefix;
  bool read;        // what lenient reading does
  bool accepted;    // what strict reading does
  Kinds any_of;     // where read and not accepted: at least one of these is wrong
  Names otherwise;  // files that lenient reading treats the other way
  Names otherwise_strict;

  bool contains(const Path& path) const { return path.filename().string().starts_with(prefix); }
};

const std::string kInvalid = "drywetmidi/Resources/MIDI files/Invalid/";
const std::string kValid = "drywetmidi/Resources/MIDI files/Valid/";
const std::string kOldWeb = "midi-archive-malformed";
const std::string kJazz = "jazz-soft-test-midi-files/midi";

const std::vector<Class>& classes() {
  static const std::vector<Class> kClasses = {
      // Good files.
      {kValid + "MultiSequence", "", true, true, {}, {}, {}},
      {kValid + "MultiTrack", "", true, true, {}, {}, {}},
      {kValid + "SingleTrack", "", true, true, {}, {}, {}},
      {"drywetmidi/Docs/articles/composing/files", "", true, true, {}, {}, {}},
      {"miditok/tests", "", true, true, {}, {}, {}},
      {"symusic/tests", "", true, true, {}, {}, {}},
      {"pretty-midi", "", true, true, {}, {}, {}},
      // Levels.mid: a time signature of two bytes.
      {"midly/test-asset", "", true, true, {kMetaValue}, {}, {"Levels.mid"}},
      {kJazz, "test-2-tracks-type-0", true, false, {kTrackCount}, {}, {}},
      {kJazz, "test-2-tracks-type-1", true, true, {}, {}, {}},
      {kJazz, "test-all", true, true, {}, {}, {}},
      {kJazz, "test-control", true, true, {}, {}, {}},
      {kJazz, "test-corrupt", true, false, {kTrackLength}, {}, {}},
      {kJazz, "test-g", true, true, {}, {}, {}},
      {kJazz, "test-illegal-message", true, false, {kSystemMessage}, {}, {}},
      {kJazz, "test-karaoke", true, true, {}, {}, {}},
      {kJazz, "test-multichannel", true, true, {}, {}, {}},
      {kJazz, "test-not-a-midi-file", false, false, {}, {}, {}},
      {kJazz, "test-rpn", true, true, {}, {}, {}},
      {kJazz, "test-s", true, true, {}, {}, {}},
      {kJazz, "test-vlq", true, true, {}, {}, {}},
      {kJazz, "test-xg", true, true, {}, {}, {}},
      // Bad files, by what is bad in them.
      {kInvalid + "Extra Track Chunk", "", true, false, {kTrackCount}, {}, {}},
      {kInvalid + "Invalid Channel Event", "", true, false, {kDamage}, {}, {}},
      // In stelmosfire2.mid a block was overwritten.
      {kInvalid + "Invalid Channel Event Parameter Value",
       "",
       true,
       false,
       {kDataByte, kDamage},
       {},
       {}},
      {kInvalid + "Invalid Chunk Size", "", true, false, {kAfterEndOfTrack, kTrackLength}, {}, {}},
      {kInvalid + "Invalid Key Signature Key", "", true, false, {kMetaValue}, {}, {}},
      {kInvalid + "Invalid Key Signature Scale", "", true, false, {kMetaValue}, {}, {}},
      {kInvalid + "Invalid Meta Event Parameter Value", "", true, false, {kMetaValue}, {}, {}},
      {kInvalid + "Invalid SMPTE Frames", "", true, false, {kMetaValue}, {}, {}},
      {kInvalid + "No End of Track", "", true, false, {kNoEndOfTrack}, {}, {}},
      // Web pages, archives, sounds and the like; five hold a MIDI file behind other bytes.
      {kInvalid + "No Header Chunk",
       "",
       false,
       false,
       {kJunkBefore, kNoHeader},
       {"SailAway.mid", "higher3.mid", "holiday2.mid", "mohicans.mid", "strav1.mid"},
       {}},
      // Remnants behind the last track, or cut. Three are no MIDI files; in three the remnant is a
      // whole alien chunk.
      {kInvalid + "Not Enough Bytes",
       "",
       true,
       false,
       {kChunk, kTrackLength},
       {"ICanSeeClearly.mid", "my_girl.mid", "sledgehm1.mid"},
       {"gloria_estefan-ayer.mid", "semi_charmed_life.mid", "serah.mid"}},
      {kInvalid + "Unexpected Running Status",
       "",
       true,
       false,
       {kDamage, kDelta, kLineEndings, kTrackLength, kChunk},
       {},
       {}},
      {kInvalid + "Unknown Channel Event",
       "",
       true,
       false,
       {kDamage, kSystemMessage, kLineEndings, kTrackLength},
       {},
       {}},
      {kInvalid + "Unknown Chunk Id", "", true, false, {kChunk}, {}, {}},
      // All its zero bytes are lost.
      {kInvalid + "Unknown File Format", "", false, false, {}, {}, {}},
      {kOldWeb,
       "alienchunk__",
       true,
       false,
       {kChunk},
       {},
       {"alienchunk__laurasmidiheaven__midi__xe-Sky_Cloud_and_You.mid"}},
      {kOldWeb, "badvlq__", true, false, {kDelta}, {}, {}},
      {kOldWeb, "databit__", true, false, {kDataByte}, {}, {}},
      // Web pages; one holds the answer of a server with a MIDI file in it.
      {kOldWeb,
       "no_MThd__",
       false,
       false,
       {kJunkBefore},
       {"no_MThd__laurasmidiheaven__midi__rch23-5.mid"},
       {}},
      {kOldWeb, "ntrkmismatch__", true, false, {kTrackCount}, {}, {}},
      {kOldWeb, "riff__", true, true, {}, {}, {}},
      {kOldWeb, "trunc__", true, false, {kChunk, kTrackLength}, {}, {}},
  };
  return kClasses;
}

bool is_among(const Names& names, const Path& path) {
  return std::ranges::find(names, path.filename().string()) != names.end();
}

void expect_class(const Class& expected, const Path& path) {
  const auto lenient = read(path);
  const auto strict = read(path, {.strict = true, .limits = {}});
  EXPECT_EQ(lenient.has_value(), expected.read != is_among(expected.otherwise, path)) << path;
  EXPECT_EQ(strict.has_value(), expected.accepted != is_among(expected.otherwise_strict, path))
      << path;
  if (!strict) {
    EXPECT_THAT(strict.error().message, ::testing::HasSubstr("byte ")) << path;
  }
  if (!lenient) return;
  EXPECT_EQ(strict.has_value(), lenient->repair_count() == 0) << path;
  if (!strict) {
    EXPECT_TRUE(std::ranges::any_of(expected.any_of, [&](RepairKind kind) {
      return count_of(*lenient, kind) > 0;
    })) << path;
  }
  expect_round_trip(path, *lenient);
}

TEST(SharedData, EachClassOfOddFilesIsTreatedAsTheTableSays) {
  const auto root = test_data("robust");
  if (!root) GTEST_SKIP() << "no shared test data: robust";
  std::vector<Path> seen;
  for (const Class& row : classes()) {
    std::size_t count = 0;
    for (const Path& path : midi_files(*root / row.folder)) {
      if (!row.contains(path)) continue;
      seen.push_back(path);
      ++count;
      expect_class(row, path);
    }
    EXPECT_GT(count, 0u) << row.folder << " " << row.prefix;
  }
  // Every file has its place in the table.
  std::ranges::sort(seen);
  EXPECT_EQ(seen, midi_files(*root));
}

}  // namespace
}  // namespace hemiola::midi::test
