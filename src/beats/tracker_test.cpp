#include "beats/tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <sstream>

#include "base/rng.h"
#include "beats/alignment.h"
#include "beats/tracker_perform.h"
#include "beats/tracker_written.h"
#include "midi/reader.h"
#include "score/from_midi.h"
#include "tests/test_data.h"

namespace hemiola {
namespace {

// Each mark is matched once, with one at most 70 ms away; both rise.
double f_measure(const std::vector<double>& truth, const std::vector<double>& found) {
  std::size_t i = 0, j = 0, matched = 0;
  while (i < truth.size() && j < found.size()) {
    if (std::abs(truth[i] - found[j]) <= 0.07) {
      ++matched, ++i, ++j;
    } else if (truth[i] < found[j]) {
      ++i;
    } else {
      ++j;
    }
  }
  const std::size_t all = truth.size() + found.size();
  return all == 0 ? 0 : 2.0 * static_cast<double>(matched) / static_cast<double>(all);
}

struct Marks {
  std::vector<double> beats, downbeats;

  void add(double at, bool downbeat) {
    beats.push_back(at);
    if (downbeat) downbeats.push_back(at);
  }
};

Marks marks_of(std::span<const BeatTrack::Beat> beats) {
  Marks marks;
  for (const BeatTrack::Beat& beat : beats) marks.add(beat.at.count(), beat.downbeat);
  return marks;
}

// Music whose beats are known, played at a pace of one's own.
class Played {
 public:
  // `pace` gives the seconds at which a beat is played.
  template <class Pace>
  explicit Played(Pace pace) : pace_(pace) {}

  // Beats may be fractions; a drum where pitch is negative.
  void note(double beat, double beats, int pitch, int velocity = 70) {
    const double onset = pace_(beat);
    notes.push_back({Seconds(onset), Seconds((pace_(beat + beats) - onset) * 0.9),
                     static_cast<std::uint8_t>(std::abs(pitch)),
                     static_cast<std::uint8_t>(velocity), pitch < 0});
    last_ = std::max(last_, beat);
  }

  Marks truth(int beats_per_bar, int first_downbeat = 0, int first_beat = 0) const {
    Marks marks;
    for (int i = first_beat; i <= last_; ++i) {
      marks.add(pace_(i),
                ((i - first_downbeat) % beats_per_bar + beats_per_bar) % beats_per_bar == 0);
    }
    return marks;
  }

  std::vector<PlayedNote> notes;

 private:
  std::function<double(double)> pace_;
  double last_ = 0;
};

auto steady(double seconds) {
  return [seconds](double beat) { return 0.7 + beat * seconds; };
}

// Between a fifth faster and a fifth slower, over 24 beats.
auto rubato(double seconds) {
  return [seconds](double beat) {
    const double turn = 2 * std::numbers::pi / 24;
    return 0.7 + seconds * (beat + 0.2 / turn * std::sin(turn * beat));
  };
}

constexpr std::array<int, 4> kRoots = {48, 53, 55, 48};  // C F G C
constexpr std::array<int, 4> kThirds = {4, 4, 4, 4};

// A song in four: bass on one and three, chords on two and four, a melody in halves of a beat. At
// a walking pace: much faster, and it is as well heard (and written) in two, at half the tempo.
constexpr double kWalk = 0.7;  // seconds a beat

Played song(std::function<double(double)> pace, int bars, double upbeat = 0) {
  Played played(std::move(pace));
  Rng rng(3);
  if (upbeat > 0) {
    for (double at = 4 - upbeat; at < 4; at += 0.5) played.note(at, 0.5, 67, 62);
  }
  const int first = upbeat > 0 ? 1 : 0;
  for (int bar = first; bar < bars; ++bar) {
    const int root = kRoots[static_cast<std::size_t>(bar % 4)];
    const double at = 4.0 * bar;
    played.note(at, 2, root, 78);
    played.note(at + 2, 2, root + 7, 70);
    for (const double chord : {1.0, 3.0}) {
      for (const int step : {12, 16, 19}) played.note(at + chord, 1, root + step, 58);
    }
    const int figure = static_cast<int>(rng.below(3));
    played.note(at, figure == 0 ? 2 : 1, root + 24 + kThirds[0], 84);
    if (figure != 0) played.note(at + 1, 1, root + 26, 74);
    for (double half = 2; half < 4; half += 0.5) {
      played.note(at + half, 0.5, root + 24 + static_cast<int>(rng.below(8)), 72);
    }
  }
  return played;
}

// With a melody in halves of a beat every other bar: else its bars are as well heard as beats.
Played waltz(std::function<double(double)> pace, int bars) {
  Played played(std::move(pace));
  for (int bar = 0; bar < bars; ++bar) {
    const int root = kRoots[static_cast<std::size_t>(bar % 4)];
    const double at = 3.0 * bar;
    played.note(at, 1, root - 12, 80);
    for (const double chord : {1.0, 2.0}) {
      for (const int step : {4, 7, 12}) played.note(at + chord, 0.8, root + step, 55);
    }
    played.note(at, bar % 2 == 0 ? 3 : 1, root + 28, 82);
    for (double half = 1; bar % 2 == 1 && half < 3; half += 0.5) {
      played.note(at + half, 0.5, root + 24 + static_cast<int>(2 * half), 74);
    }
  }
  return played;
}

// Two dotted beats to the bar.
Played jig(std::function<double(double)> pace, int bars) {
  Played played(std::move(pace));
  Rng rng(5);
  for (int bar = 0; bar < bars; ++bar) {
    const int root = kRoots[static_cast<std::size_t>(bar % 4)];
    const double at = 2.0 * bar;
    played.note(at, 1, root - 12, 80);
    played.note(at + 1, 1, root - 5, 68);
    for (int eighth = 0; eighth < 6; ++eighth) {
      if (bar % 4 == 3 && eighth > 3) break;
      played.note(at + eighth / 3.0, 1 / 3.0, root + 24 + static_cast<int>(rng.below(9)),
                  eighth % 3 == 0 ? 84 : 68);
    }
  }
  return played;
}

TEST(Tracker, FindsSteadyBeatsAndBars) {
  const Played played = song(steady(kWalk), 24);
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  const Marks found = marks_of(track->beats), truth = played.truth(4);
  EXPECT_GT(f_measure(truth.beats, found.beats), 0.98);
  EXPECT_GT(f_measure(truth.downbeats, found.downbeats), 0.98);
  EXPECT_EQ(track->metre, (Metre{4, 4}));
  EXPECT_GT(track->confidence, 0.5);
}

TEST(Tracker, FollowsRubato) {
  for (const double beat : {0.6, 0.7, 0.8}) {
    const Played played = song(rubato(beat), 32);
    const auto track = track_beats(played.notes);
    ASSERT_TRUE(track);
    EXPECT_GT(f_measure(played.truth(4).beats, marks_of(track->beats).beats), 0.95) << beat;
  }
}

TEST(Tracker, FollowsALastingChangeOfTempo) {
  const Played played = song(
      [](double beat) { return 1 + 0.6 * std::min(beat, 48.0) + 0.8 * std::max(0.0, beat - 48); },
      24);
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  EXPECT_GT(f_measure(played.truth(4).beats, marks_of(track->beats).beats), 0.93);
}

TEST(Tracker, KnowsAWaltz) {
  const Played played = waltz(rubato(0.6), 32);
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  EXPECT_EQ(track->metre, (Metre{3, 4}));
  const Marks found = marks_of(track->beats), truth = played.truth(3);
  EXPECT_GT(f_measure(truth.beats, found.beats), 0.95);
  EXPECT_GT(f_measure(truth.downbeats, found.downbeats), 0.95);
}

TEST(Tracker, KnowsCompoundMetre) {
  const Played played = jig(steady(0.55), 32);
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  EXPECT_EQ(track->metre, (Metre{6, 8}));
  const Marks found = marks_of(track->beats), truth = played.truth(2);
  EXPECT_GT(f_measure(truth.beats, found.beats), 0.95);
  EXPECT_GT(f_measure(truth.downbeats, found.downbeats), 0.9);
}

TEST(Tracker, PutsTheFirstDownbeatAfterAnUpbeat) {
  const Played played = song(steady(kWalk), 24, 1);
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  const Marks found = marks_of(track->beats), truth = played.truth(4, 0, 3);
  EXPECT_GT(f_measure(truth.beats, found.beats), 0.98);
  EXPECT_GT(f_measure(truth.downbeats, found.downbeats), 0.95);
  EXPECT_FALSE(track->beats.front().downbeat);
}

TEST(Tracker, FindsTheBeatsOfADrumLoop) {
  Played played(steady(0.5));
  for (int beat = 0; beat < 64; ++beat) {
    played.note(beat, 0.1, beat % 2 == 0 ? -36 : -38, beat % 4 == 0 ? 110 : 95);
    if (beat % 8 == 6) played.note(beat + 0.5, 0.1, -36, 90);
    played.note(beat, 0.1, -42, 70);
    played.note(beat + 0.5, 0.1, -42, 55);
  }
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  EXPECT_GT(f_measure(played.truth(4).beats, marks_of(track->beats).beats), 0.95);
}

TEST(Tracker, GoesOnThroughSilence) {
  Played played = song(steady(kWalk), 8);
  const std::vector<PlayedNote> again = played.notes;
  for (PlayedNote note : again) {
    note.onset += Seconds(51 * kWalk);  // from beat 32 on to beat 51
    played.notes.push_back(note);
  }
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  double longest = 0;
  for (std::size_t i = 1; i < track->beats.size(); ++i) {
    longest = std::max(longest, (track->beats[i].at - track->beats[i - 1].at).count());
  }
  EXPECT_LT(longest, 1.2 * kWalk);
}

void expect_sound(const BeatTrack& track) {
  ASSERT_GE(track.beats.size(), 2u);
  for (std::size_t i = 0; i < track.beats.size(); ++i) {
    EXPECT_TRUE(std::isfinite(track.beats[i].at.count()));
    if (i > 0) {
      EXPECT_LT(track.beats[i - 1].at, track.beats[i].at);
    }
  }
  EXPECT_GE(track.confidence, 0);
  EXPECT_LE(track.confidence, 1);
}

TEST(Tracker, MakesDoWithLittle) {
  EXPECT_FALSE(track_beats(std::vector<PlayedNote>{}));
  std::vector<PlayedNote> notes;
  for (int count = 1; count <= 12; ++count) {
    notes.push_back({Seconds(0.3 * count), Seconds(0.2), 60, 64, false});
    const auto track = track_beats(notes);
    ASSERT_TRUE(track);
    expect_sound(*track);
    EXPECT_NEAR(track->beats.front().at.count(), 0.3, 0.35);
  }
  EXPECT_EQ(track_beats(std::span(notes).first(1))->confidence, 0);
}

TEST(Tracker, MakesDoWithStrangeTimes) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<PlayedNote> notes = song(steady(0.5), 4).notes;
  notes.push_back({Seconds(std::nan("")), Seconds(1), 60, 64, false});
  notes.push_back({Seconds(kInfinity), Seconds(1), 60, 64, false});
  notes.push_back({Seconds(3), Seconds(kInfinity), 127, 127, false});
  notes.push_back({Seconds(3), Seconds(-5), 0, 0, true});
  notes.push_back({Seconds(-40), Seconds(1), 60, 64, false});
  notes.push_back({Seconds(1e9), Seconds(1), 60, 64, false});
  notes.push_back({Seconds(1e9 + 1e-4), Seconds(1), 61, 64, false});
  const auto track = track_beats(notes);
  ASSERT_TRUE(track);
  expect_sound(*track);
  EXPECT_LT(track->beats.size(), 20000u);
}

TEST(Tracker, MakesDoWithAnyNotes) {
  Rng rng(11);
  for (int round = 0; round < 60; ++round) {
    std::vector<PlayedNote> notes(rng.below(300) + 1);
    const double span = std::exp(12 * rng.uniform() - 6);
    for (PlayedNote& note : notes) {
      note = {Seconds(span * rng.uniform()), Seconds(rng.uniform()),
              static_cast<std::uint8_t>(rng.below(128)), static_cast<std::uint8_t>(rng.below(128)),
              rng.chance(0.2)};
    }
    const auto track = track_beats(notes);
    ASSERT_TRUE(track);
    expect_sound(*track);
  }
}

TEST(Tracker, TakesLongFilesInParts) {
  Played played = song(rubato(kWalk), 4000);
  const auto track = track_beats(played.notes);
  ASSERT_TRUE(track);
  expect_sound(*track);
  const Marks found = marks_of(track->beats), truth = played.truth(4);
  EXPECT_GT(f_measure(truth.beats, found.beats), 0.95);
}

TEST(Tracker, DoesNotCareForTheOrderOfNotes) {
  std::vector<PlayedNote> notes = song(rubato(0.5), 16).notes;
  const auto before = track_beats(notes);
  Rng rng(2);
  rng.shuffle(std::span(notes));
  const auto after = track_beats(notes);
  ASSERT_TRUE(before && after);
  ASSERT_EQ(before->beats.size(), after->beats.size());
  for (std::size_t i = 0; i < before->beats.size(); ++i) {
    EXPECT_EQ(before->beats[i].at, after->beats[i].at);
    EXPECT_EQ(before->beats[i].downbeat, after->beats[i].downbeat);
  }
}

TEST(Tracker, HeedsWhatIsKnown) {
  const Played played = song(steady(0.5), 24);
  TrackOptions options;
  options.beats_per_minute = 60;
  options.beats_per_bar = 2;
  const auto slow = track_beats(played.notes, options);
  ASSERT_TRUE(slow);
  EXPECT_NEAR(static_cast<double>(slow->beats.size()), 48, 2);
  EXPECT_EQ(slow->metre.numerator, 2);
  std::size_t downbeats = 0;
  for (const auto& beat : slow->beats) downbeats += beat.downbeat ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(downbeats), 24, 2);
  options.beats_per_minute = 240;
  options.beats_per_bar = 4;
  const auto fast = track_beats(played.notes, options);
  ASSERT_TRUE(fast);
  EXPECT_NEAR(static_cast<double>(fast->beats.size()), 192, 6);

  for (const double wrong : {0.0, -3.0, 1e9, std::nan("")}) {
    TrackOptions bad;
    bad.beats_per_minute = wrong;
    EXPECT_FALSE(track_beats(played.notes, bad)) << wrong;
  }
  TrackOptions bad;
  bad.beats_per_bar = 7;
  const auto refused = track_beats(played.notes, bad);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("expected 2, 3 or 4"));
}

// Quarters of `pitch` in the given metres; tick 0 is the first.
Score written(std::vector<MetreChange> metres, int quarters) {
  Score score;
  score.metres = std::move(metres);
  score.tracks.emplace_back();
  for (int i = 0; i < quarters * 2; ++i) {
    score.tracks[0].notes.push_back({Tick(240 * i), Tick(240), 60, 64});
  }
  score.bar_lines_known = true;
  return score;
}

std::string shape(const Score& score) {
  const auto beats = beats_of(score, Timing::kAligned);
  std::string text;
  if (!beats) return beats.error().message;
  for (const BeatTrack::Beat& beat : *beats) {
    text += fmt::format("{}{:g} ", beat.downbeat ? "|" : "", beat.at.count() * 2);
  }
  return text;
}

TEST(BeatsOf, WrittenMusicKeepsItsMetres) {
  EXPECT_EQ(shape(written({{Tick(0), {3, 4}}}, 7)), "|0 1 2 |3 4 5 |6 ");
  EXPECT_EQ(shape(written({{Tick(0), {6, 8}}}, 6)), "|0 1.5 |3 4.5 ");
  EXPECT_EQ(shape(written({{Tick(0), {2, 2}}}, 6)), "|0 2 |4 ");
  EXPECT_EQ(shape(written({{Tick(0), {3, 8}}}, 3)), "|0 0.5 1 |1.5 2 2.5 ");
  // An upbeat of one quarter, then a change.
  EXPECT_EQ(shape(written({{Tick(0), {1, 4}}, {Tick(480), {2, 4}}, {Tick(2400), {3, 4}}}, 8)),
            "0 |1 2 |3 4 |5 6 7 ");
}

TEST(BeatsOf, BeginsWithTheMusic) {
  Score score = written({{Tick(0), {4, 4}}}, 8);
  for (Note& note : score.tracks[0].notes) note.onset += Tick(2 * 480);
  EXPECT_EQ(shape(score), "2 3 |4 5 6 7 |8 9 ");
  EXPECT_FALSE(beats_of(Score{}));
}

// Played to a click, so that a file's own quarters are its beats, unless it was stored beside them.
TEST(BeatsOf, APlayedClickMustBeOnTheFilesQuarters) {
  Rng rng(7);
  for (const bool shifted : {false, true}) {
    Score score = written({{Tick(0), {4, 4}}}, 64);
    for (std::size_t i = 0; i < score.tracks[0].notes.size(); i += 4) {  // no half in every second
      score.tracks[0].notes[i + 1].onset += Tick(240);
    }
    for (Note& note : score.tracks[0].notes) {
      note.onset += Tick((shifted ? 720 : 480) + rng.between(-9, 9));
    }
    std::sort(score.tracks[0].notes.begin(), score.tracks[0].notes.end(),
              [](const Note& a, const Note& b) { return a.onset < b.onset; });
    EXPECT_EQ(measure_alignment(score).is_aligned(), !shifted);
  }
}

TEST(Perform, BeatsAreWhereTheNotesAre) {
  Score score = written({{Tick(0), {4, 4}}}, 200);
  Rng rng(4);
  tracker::PerformOptions options;
  options.steadiness = 1e6;
  const auto played = tracker::perform(score, options, rng);
  ASSERT_TRUE(played) << played.error().message;
  ASSERT_EQ(played->notes.size(), 400u);
  ASSERT_EQ(played->notes.size(), played->levels.size());
  ASSERT_EQ(played->beats.size(), 200u);
  for (std::size_t i = 0; i < played->beats.size(); ++i) {
    EXPECT_NEAR(played->beats[i].at, played->notes[2 * i].onset, 0.003);
    EXPECT_EQ(played->beats[i].downbeat, i % 4 == 0);
    EXPECT_EQ(played->levels[2 * i + 1], tracker::kHalf);
  }
}

std::optional<Score> read_score(const Path& path) {
  const auto bytes = read_file(path);
  if (!bytes) return std::nullopt;
  const auto file = midi::read(*bytes);
  if (!file) return std::nullopt;
  auto score = score_from_midi(*file);
  if (!score) return std::nullopt;
  return std::move(*score);
}

std::vector<Path> annotated(const Path& folder, std::string_view ending, bool scores) {
  std::vector<Path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(ending) && name.starts_with("midi_score") == scores) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

Marks read_asap(const Path& path) {
  Marks marks;
  std::istringstream lines(read_text(path).value_or(""));
  double at = 0, again = 0;
  for (std::string line, kind; std::getline(lines, line);) {
    std::istringstream words(line);
    if (words >> at >> again >> kind) marks.add(at, kind.starts_with("db"));
  }
  return marks;
}

Path midi_of(const Path& annotations) {
  const std::string name = annotations.filename().string();
  return annotations.parent_path() / (name.substr(0, name.size() - 16) + ".mid");
}

TEST(SharedData, PianistsBeatsAreFound) {
  const auto folder = test_data("asap");
  if (!folder) GTEST_SKIP() << "no test data: set HEMIOLA_TEST_DATA";
  const std::vector<Path> files = test_sample(annotated(*folder, "_annotations.txt", false), 40);
  double beat = 0, downbeat = 0;
  for (const Path& path : files) {
    const auto score = read_score(midi_of(path));
    ASSERT_TRUE(score) << path;
    EXPECT_FALSE(measure_alignment(*score).is_aligned()) << path;
    const auto beats = beats_of(*score);
    ASSERT_TRUE(beats);
    const Marks found = marks_of(*beats), truth = read_asap(path);
    beat += f_measure(truth.beats, found.beats);
    downbeat += f_measure(truth.downbeats, found.downbeats);
  }
  const auto count = static_cast<double>(files.size());
  EXPECT_GT(beat / count, 0.6);
  EXPECT_GT(downbeat / count, 0.4);
}

TEST(SharedData, PopSongsBeatsAreFound) {
  const auto folder = test_data("pop909");
  if (!folder) GTEST_SKIP() << "no test data: set HEMIOLA_TEST_DATA";
  const std::vector<Path> files = test_sample(annotated(*folder, "beat_midi.txt", false), 36);
  double beat = 0, downbeat = 0;
  for (const Path& path : files) {
    const Path song = path.parent_path();
    const auto score = read_score(song / (song.filename().string() + ".mid"));
    ASSERT_TRUE(score) << path;
    const auto track = track_beats(*score);
    ASSERT_TRUE(track);
    Marks truth;
    std::istringstream lines(read_text(path).value_or(""));
    for (double at = 0, half = 0, whole = 0; lines >> at >> half >> whole;) {
      truth.add(at, whole > 0);
    }
    const Marks found = marks_of(track->beats);
    beat += f_measure(truth.beats, found.beats);
    downbeat += f_measure(truth.downbeats, found.downbeats);
  }
  const auto count = static_cast<double>(files.size());
  EXPECT_GT(beat / count, 0.8);
  EXPECT_GT(downbeat / count, 0.5);
}

TEST(SharedData, ScoresBeatsAreThoseTheyState) {
  const auto folder = test_data("asap");
  if (!folder) GTEST_SKIP() << "no test data: set HEMIOLA_TEST_DATA";
  const std::vector<Path> files = test_sample(annotated(*folder, "_annotations.txt", true), 24);
  double beat = 0, downbeat = 0;
  for (const Path& path : files) {
    const auto score = read_score(midi_of(path));
    ASSERT_TRUE(score) << path;
    const auto beats = beats_of(*score);
    ASSERT_TRUE(beats) << path;
    const Marks found = marks_of(*beats), truth = read_asap(path);
    beat += f_measure(truth.beats, found.beats);
    downbeat += f_measure(truth.downbeats, found.downbeats);
  }
  const auto count = static_cast<double>(files.size());
  EXPECT_GT(beat / count, 0.9);
  EXPECT_GT(downbeat / count, 0.85);
}

}  // namespace
}  // namespace hemiola
