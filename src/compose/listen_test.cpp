// From notes in seconds to a piece: beats led by a person's wishes, bars that stand in the file
// where the beats are, and a score on the grid.
#include "compose/listen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "midi/reader.h"
#include "midi/writer.h"

namespace hemiola {
namespace {

using testing::HasSubstr;

// A bass note on each downbeat, a chord on the beats between, quavers above: plainly in `per_bar`.
std::vector<TranscribedNote> played(double tempo, int per_bar, int bars, double first) {
  std::vector<TranscribedNote> notes;
  const double beat = 60 / tempo;
  const auto add = [&](double at, double beats, int pitch, float amplitude) {
    notes.push_back({Seconds(first + at * beat),
                     Seconds(beats * beat),
                     static_cast<std::uint8_t>(pitch),
                     amplitude,
                     {}});
  };
  constexpr int kRoots[] = {36, 41, 43, 36};
  constexpr int kTune[] = {72, 74, 76, 77, 79, 77, 76, 74};
  for (int bar = 0; bar < bars; ++bar) {
    const double at = bar * per_bar;
    const int root = kRoots[bar % 4];
    add(at, per_bar, root, 0.8f);
    for (int b = 1; b < per_bar; ++b) {
      add(at + b, 0.8, root + 16, 0.4f);
      add(at + b, 0.8, root + 19, 0.4f);
    }
    for (int q = 0; q < 2 * per_bar; ++q) add(at + q / 2.0, 0.45, kTune[(bar + q) % 8], 0.5f);
  }
  return notes;
}

// Seconds of the bar lines that the file's own tempo and metre map give.
std::vector<double> bar_lines(const Score& score, std::size_t count) {
  std::vector<double> lines;
  Tick at{0};
  std::size_t next = 0;
  Metre metre;
  while (lines.size() < count) {
    while (next < score.metres.size() && score.metres[next].at <= at) {
      metre = score.metres[next++].metre;
    }
    lines.push_back(score.seconds_at(at).count());
    at += Tick(bar_length(metre).count() * score.ticks_per_quarter / 24);
  }
  return lines;
}

bool holds(const std::vector<double>& lines, double time) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](double line) { return std::abs(line - time) < 0.03; });
}

TEST(PieceFromNotes, FindsBeatsAndKeepsTheRecordingsTime) {
  const auto notes = played(96, 4, 16, 1.3);
  const auto piece = piece_from_notes(notes);
  ASSERT_TRUE(piece) << piece.error().message;
  EXPECT_EQ(piece->beats.metre, (Metre{4, 4}));
  // The file says the same times as the notes.
  const auto& score = piece->source.score;
  ASSERT_EQ(score.note_count(), notes.size());
  std::multimap<int, double> heard;
  for (const TranscribedNote& note : notes) heard.emplace(note.pitch, note.onset.count());
  for (const Note& note : score.tracks.at(0).notes) {
    const auto [from, to] = heard.equal_range(note.pitch);
    EXPECT_TRUE(std::any_of(from, to, [&](const auto& entry) {
      return std::abs(entry.second - score.seconds_at(note.onset).count()) < 0.002;
    }));
  }
  const auto lines = bar_lines(score, 12);
  for (int bar = 0; bar < 8; ++bar) EXPECT_TRUE(holds(lines, 1.3 + bar * 2.5)) << bar;
  EXPECT_TRUE(validate(piece->source.grid()));
  EXPECT_EQ(piece->source.grid().note_count(), notes.size());
  // And reads back from its bytes.
  const auto again = midi::read(midi::write(piece->source.file));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->repair_count(), 0u);
  EXPECT_TRUE(same_content(*again, piece->source.file));
}

TEST(PieceFromNotes, ASteadyBeatHasOneTempo) {
  BeatWishes wishes;
  wishes.tempo = 96;
  wishes.steady = true;
  wishes.metre = Metre{4, 4};
  wishes.first_downbeat = Seconds(1.3);
  const auto piece = piece_from_notes(played(96, 4, 12, 1.3), wishes);
  ASSERT_TRUE(piece) << piece.error().message;
  ASSERT_GE(piece->beats.beats.size(), 40u);
  for (std::size_t i = 1; i < piece->beats.beats.size(); ++i) {
    ASSERT_NEAR((piece->beats.beats[i].at - piece->beats.beats[i - 1].at).count(), 0.625, 1e-9);
  }
  // One for what comes before the first whole bar, one for the rest.
  EXPECT_LE(piece->source.score.tempos.size(), 2u);
  EXPECT_NEAR(piece->source.score.tempos.back().quarters_per_minute(), 96, 0.01);
  EXPECT_TRUE(holds(bar_lines(piece->source.score, 4), 1.3));
}

TEST(PieceFromNotes, ThePersonIsRightAboutTheFirstDownbeat) {
  const auto notes = played(96, 4, 12, 0.5);
  for (const double shift : {0.0, 1.0, 2.0, 0.5}) {  // beats; the last is between two
    BeatWishes wishes;
    wishes.first_downbeat = Seconds(0.5 + shift * 0.625);
    const auto piece = piece_from_notes(notes, wishes);
    ASSERT_TRUE(piece) << piece.error().message;
    bool found = false;
    for (const BeatTrack::Beat& beat : piece->beats.beats) {
      found |= beat.downbeat && std::abs((beat.at - *wishes.first_downbeat).count()) < 0.05;
    }
    EXPECT_TRUE(found) << shift;
    EXPECT_TRUE(holds(bar_lines(piece->source.score, 4), wishes.first_downbeat->count())) << shift;
  }
}

TEST(PieceFromNotes, ThePersonIsRightAboutTheMetre) {
  const auto notes = played(100, 3, 16, 0.2);
  for (const Metre metre : {Metre{3, 4}, Metre{5, 4}, Metre{6, 8}, Metre{2, 4}}) {
    BeatWishes wishes;
    wishes.metre = metre;
    const auto piece = piece_from_notes(notes, wishes);
    ASSERT_TRUE(piece) << piece.error().message;
    EXPECT_EQ(piece->beats.metre, metre);
    const auto& bars = piece->source.grid().bars;
    EXPECT_TRUE(std::any_of(bars.begin(), bars.end(),
                            [&](const GridBar& bar) { return bar.metre == metre; }));
  }
}

TEST(PieceFromNotes, BendsOnlyWhatSoundsAlone) {
  const std::vector<float> up = {0, 0.5f, 1, 1};
  const std::vector<TranscribedNote> notes = {
      {Seconds(0.5), Seconds(0.4), 60, 0.5f, up},
      {Seconds(1.0), Seconds(0.8), 64, 0.5f, up},  // under the next one
      {Seconds(1.5), Seconds(0.4), 67, 0.5f, up},
  };
  const auto piece = piece_from_notes(notes);
  ASSERT_TRUE(piece) << piece.error().message;
  const auto& file = piece->source.file;
  std::vector<std::pair<double, int>> bends;
  for (const midi::Event& event : file.tracks.back().events) {
    if (event.kind != midi::EventKind::kPitchBend) continue;
    bends.emplace_back(piece->source.score.seconds_at(event.at).count(),
                       event.data1 | event.data2 << 7);
  }
  ASSERT_EQ(bends.size(), 3u);
  EXPECT_NEAR(bends[0].first, 0.6, 0.003);
  EXPECT_EQ(bends[0].second, 8192 + 2048);
  EXPECT_NEAR(bends[1].first, 0.7, 0.003);
  EXPECT_EQ(bends[1].second, 8192 + 4096);
  EXPECT_NEAR(bends[2].first, 0.9, 0.003);
  EXPECT_EQ(bends[2].second, 8192);
  const auto again = midi::read(midi::write(file));
  ASSERT_TRUE(again);
  EXPECT_TRUE(same_content(*again, file));
}

TEST(PieceFromNotes, TakesWhateverIsHeard) {
  // One note, notes at time 0, notes far apart, two at once.
  const std::vector<std::vector<TranscribedNote>> cases = {
      {{Seconds(0), Seconds(0.2), 60, 0.5f, {}}},
      {{Seconds(20), Seconds(0.2), 60, 0.5f, {}}},
      {{Seconds(0), Seconds(0.2), 60, 0.5f, {}}, {Seconds(300), Seconds(0.2), 60, 0.5f, {}}},
      {{Seconds(1), Seconds(0.2), 60, 0.5f, {}}, {Seconds(1), Seconds(0.2), 60, 0.5f, {}}},
  };
  for (const auto& notes : cases) {
    const auto piece = piece_from_notes(notes);
    ASSERT_TRUE(piece) << piece.error().message;
    EXPECT_TRUE(validate(piece->source.grid()));
    BeatWishes late;
    late.first_downbeat = Seconds(100);
    const auto led = piece_from_notes(notes, late);
    ASSERT_TRUE(led) << led.error().message;
    EXPECT_TRUE(validate(led->source.grid()));
  }
}

TEST(PieceFromNotes, RefusesImpossibleWishes) {
  const auto notes = played(96, 4, 4, 0);
  const auto refuses = [&](const BeatWishes& wishes, const char* words) {
    const auto piece = piece_from_notes(notes, wishes);
    ASSERT_FALSE(piece);
    EXPECT_THAT(piece.error().message, HasSubstr(words));
  };
  refuses({.tempo = 5}, "tempo");
  refuses({.tempo = std::nan("")}, "tempo");
  refuses({.steady = true}, "steady");
  refuses({.metre = Metre{7, 8}}, "whole beats");
  refuses({.first_downbeat = Seconds(-1)}, "first downbeat");
  EXPECT_FALSE(piece_from_notes({}));
}

}  // namespace
}  // namespace hemiola
