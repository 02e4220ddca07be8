#include "evaluate/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "audio/audio.h"
#include "base/rng.h"
#include "midi/writer.h"
#include "score/to_midi.h"

namespace hemiola::evaluate {
namespace {

GridNote note(int onset, int duration, int pitch) {
  return {.onset = GridTick(onset),
          .duration = GridTick(duration),
          .pitch = static_cast<std::uint8_t>(pitch)};
}

// Six bars of 4/4 with a silent stretch, two instruments and drums. muspy 0.5 was given the same
// notes at 24 steps to the quarter.
GridScore small_piece() {
  GridScore score;
  score.bars.resize(6);
  score.tracks.resize(3);
  score.tracks[0].notes = {note(0, 48, 64),   note(0, 24, 60),   note(24, 12, 62),
                           note(36, 12, 65),  note(48, 48, 67),  note(48, 24, 60),
                           note(96, 48, 64),  note(96, 24, 60),  note(120, 12, 62),
                           note(132, 12, 66), note(144, 24, 67), note(192, 36, 72),
                           note(192, 36, 69), note(192, 90, 65), note(228, 12, 72)};
  score.tracks[1].program = 32;
  score.tracks[1].notes = {note(0, 96, 36), note(96, 96, 43), note(210, 30, 64), note(480, 30, 55)};
  score.tracks[2].is_drum = true;
  score.tracks[2].notes = {note(0, 6, 36), note(48, 6, 38), note(500, 6, 36)};
  return score;
}

std::map<std::string, double> by_name(const GridScore& score) {
  const auto statistics = measure_notes(score).value();
  std::map<std::string, double> result;
  for (std::size_t i = 0; i < kNoteMeasures.size(); ++i) {
    result[std::string(kNoteMeasures[i])] = statistics.values[i];
  }
  return result;
}

TEST(NoteStatistics, EqualMuspy) {
  const Status valid = validate(small_piece());
  ASSERT_TRUE(valid) << valid.error().message;
  const auto values = by_name(small_piece());
  EXPECT_EQ(values.at("pitches_used"), 11);
  EXPECT_EQ(values.at("pitch_range"), 36);
  EXPECT_NEAR(values.at("pitch_class_entropy"), 2.549787381523038, 1e-12);
  EXPECT_NEAR(values.at("scale_consistency"), 0.9473684210526315, 1e-12);
  EXPECT_NEAR(values.at("polyphony"), 2.2884615384615383, 1e-12);
  EXPECT_NEAR(values.at("polyphony_rate"), 0.32941176470588235, 1e-12);
  EXPECT_NEAR(values.at("empty_beat_rate"), 0.36363636363636365, 1e-12);
  EXPECT_NEAR(values.at("empty_bar_rate"), 1 / 3.0, 1e-12);
  EXPECT_NEAR(values.at("groove_consistency"), 0.9833333333333333, 1e-12);
}

TEST(NoteStatistics, CountNotesAndLengths) {
  const auto values = by_name(small_piece());
  EXPECT_NEAR(values.at("note_density"), 22 * 24 / 510.0, 1e-12);
  EXPECT_NEAR(values.at("note_length"), 714.0 / 19 / 24, 1e-12);
}

TEST(NoteStatistics, SeeRepetition) {
  GridScore score;
  score.bars.resize(4);
  score.tracks.resize(1);
  const int second[] = {60, 62, 60, 65};
  for (int bar = 0; bar < 4; ++bar) {
    score.tracks[0].notes.push_back(note(96 * bar, 24, 60));
    score.tracks[0].notes.push_back(note(96 * bar + 48, 24, second[bar]));
  }
  const auto values = by_name(score);
  // Bar 2 shares one note of three with bar 1, bar 3 is bar 1, bar 4 shares one of three.
  EXPECT_NEAR(values.at("bar_similarity"), (1 / 3.0 + 1 + 1 / 3.0) / 3, 1e-12);
  EXPECT_NEAR(values.at("repeated_bars"), 1 / 3.0, 1e-12);
}

TEST(NoteStatistics, HistogramsAreSharesAndDoNotDependOnTheKey) {
  GridScore score = small_piece();
  const auto first = measure_notes(score).value();
  for (std::size_t track = 0; track < 2; ++track) {
    for (GridNote& each : score.tracks[track].notes) each.pitch += 5;
  }
  const auto moved = measure_notes(score).value();
  EXPECT_NEAR(overlap(first.pitch_classes, first.pitch_classes), 1, 1e-12);
  EXPECT_NEAR(overlap(first.lengths, first.lengths), 1, 1e-12);
  EXPECT_NEAR(overlap(first.pitch_classes, moved.pitch_classes), 1, 1e-12);
}

TEST(NoteStatistics, DrumsAloneSayNothingAboutPitch) {
  GridScore score = small_piece();
  score.tracks.erase(score.tracks.begin(), score.tracks.begin() + 2);
  const auto values = by_name(score);
  EXPECT_TRUE(std::isnan(values.at("polyphony")));
  EXPECT_TRUE(std::isnan(values.at("pitch_class_entropy")));
  EXPECT_GT(values.at("empty_beat_rate"), 0.5);
  score.tracks.clear();
  EXPECT_FALSE(measure_notes(score));
}

// ---- time

std::vector<PlayedNote> played(double jitter, bool on_grid, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<PlayedNote> notes;
  double at = 1;
  for (int i = 0; i < 160; ++i) {
    const bool beat = i % 2 == 0;
    double onset = on_grid ? 1 + i * 0.25 : (at += 0.05 + 0.4 * rng.uniform());
    onset += jitter * (rng.uniform() - 0.5);
    notes.push_back({.onset = Seconds(onset),
                     .duration = Seconds(beat ? 0.4 : 0.2),
                     .pitch = static_cast<std::uint8_t>(beat ? 48 + i % 8 : 64 + i % 5),
                     .velocity = static_cast<std::uint8_t>(i % 8 == 0 ? 100
                                                           : beat     ? 80
                                                                      : 60)});
  }
  return notes;
}

TEST(TemporalConsistency, OfAMachineIsPerfectAndOfChanceIsNot) {
  const auto machine = measure_consistency(played(0, true, 1)).value();
  EXPECT_LT(machine.beat_variation, 0.01);
  EXPECT_LT(machine.beat_jitter, 0.01);
  EXPECT_NEAR(machine.on_grid, 1, 1e-9);
  const auto person = measure_consistency(played(0.04, true, 2)).value();
  const auto chance = measure_consistency(played(0, false, 3)).value();
  EXPECT_GT(person.beat_jitter, machine.beat_jitter);
  EXPECT_GT(chance.beat_jitter, person.beat_jitter);
  EXPECT_GT(person.on_grid, chance.on_grid + 0.2);
  EXPECT_FALSE(measure_consistency(std::vector<PlayedNote>()));
}

TEST(TemporalConsistency, ChanceGivesAboutNothingOnTheGrid) {
  BeatTrack track;
  for (int i = 0; i <= 2000; ++i) track.beats.push_back({.at = Seconds(i * 0.5)});
  Rng rng(1);
  std::vector<Seconds> onsets;
  for (int i = 0; i < 2000; ++i) onsets.emplace_back(1000 * rng.uniform());
  std::sort(onsets.begin(), onsets.end());
  // The better of two divisions is taken for each beat, which favours chance a little.
  EXPECT_NEAR(measure_consistency(track, onsets).value().on_grid, 0.2, 0.05);
}

TEST(FindOnsets, FindsClicksWhereTheyAre) {
  std::vector<float> sound(16000 * 12);
  Rng rng(1);
  for (std::size_t begin = 8000; begin + 4000 < sound.size(); begin += 4000) {
    for (std::size_t i = 0; i < 2000; ++i) {
      sound[begin + i] =
          static_cast<float>((rng.uniform() - 0.5) * std::exp(-static_cast<double>(i) / 300));
    }
  }
  const auto onsets = find_onsets(sound);
  EXPECT_EQ(onsets.size(), 45u);
  for (std::size_t i = 0; i < onsets.size(); ++i) {
    EXPECT_NEAR(onsets[i].onset.count(), 0.5 + 0.25 * static_cast<double>(i), 0.021) << i;
  }
  const auto steady = measure_consistency(onsets).value();
  EXPECT_LT(steady.beat_variation, 0.05);
  EXPECT_GT(steady.on_grid, 0.95);
  EXPECT_TRUE(find_onsets(std::vector<float>(100)).empty());
}

// ---- sets

TEST(MeasureSet, NamesWhatFailsAndComparesWithAReference) {
  const Path folder = std::filesystem::temp_directory_path() / "hemiola_statistics_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  GridScore score = small_piece();
  for (int i = 0; i < 4; ++i) {
    const auto file = midi_from_grid(score).value();
    ASSERT_TRUE(write_file(folder / fmt::format("{}.mid", i), midi::write(file)));
    score.tracks[1].notes[0].pitch += 1;
  }
  ASSERT_TRUE(write_text(folder / "bad.mid", "this is no MIDI file"));
  ASSERT_TRUE(write_text(folder / "read.me", "nor is this, but nobody asked"));
  const auto set = measure_set(folder, {.threads = 2});
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->pieces.size(), 4u);
  ASSERT_EQ(set->skipped.size(), 1u);
  EXPECT_NE(set->skipped[0].path.find("bad.mid"), std::string::npos);

  const Json report = report_statistics(*set, &*set, 1);
  EXPECT_EQ(report["pieces"], 4);
  const Json& row = report["metrics"]["pitch_class_entropy"];
  EXPECT_LE(row["low"].get<double>(), row["mean"].get<double>());
  EXPECT_GE(row["high"].get<double>(), row["mean"].get<double>());
  EXPECT_EQ(row["mean"], row["reference"]["mean"]);
  EXPECT_NEAR(row["overlap"].get<double>(), 1, 1e-3);
  EXPECT_GT(report["metrics"]["length_overlap"]["mean"].get<double>(), 0.9);
  EXPECT_FALSE(measure_set(folder / "nowhere"));
  std::filesystem::remove_all(folder);
}

TEST(MeasureSet, MeasuresNotesAndTheirSoundInTheSameWay) {
  const Path folder = std::filesystem::temp_directory_path() / "hemiola_as_sound_test";
  std::filesystem::remove_all(folder);
  GridScore score;
  score.bars.resize(4);
  score.tracks.resize(1);
  score.tracks[0].is_drum = true;
  for (int beat = 0; beat < 16; ++beat) {
    score.tracks[0].notes.push_back(note(24 * beat, 6, beat % 4 == 0 ? 36 : 38));
  }
  const Bytes midi = midi::write(midi_from_grid(score).value());
  ASSERT_TRUE(write_file(folder / "notes" / "a.mid", midi));
  const auto sound = load_sound(folder / "notes" / "a.mid");
  if (!sound) GTEST_SKIP() << sound.error().message;  // no soundfont
  std::filesystem::create_directories(folder / "sound");
  ASSERT_TRUE(write_audio(folder / "sound" / "a.wav", {kEmbeddingRate, 1, *sound}));

  const auto notes = measure_set(folder / "notes", {.as_sound = true});
  const auto recording = measure_set(folder / "sound", {.as_sound = true});
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(notes) << notes.error().message;
  ASSERT_TRUE(recording) << recording.error().message;
  EXPECT_FALSE(notes->pieces[0].notes);
  ASSERT_TRUE(notes->pieces[0].time && recording->pieces[0].time);
  EXPECT_EQ(notes->pieces[0].time->beats, recording->pieces[0].time->beats);
  EXPECT_NEAR(notes->pieces[0].time->on_grid, recording->pieces[0].time->on_grid, 1e-6);
  const Json report = report_statistics(*notes, nullptr, 1);
  EXPECT_TRUE(report["metrics"].contains("on_grid"));
  EXPECT_FALSE(report["metrics"].contains("polyphony"));
}

}  // namespace
}  // namespace hemiola::evaluate
