#include "audio/note_events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "audio/published_for_tests.h"
#include "tests/test_data.h"

namespace hemiola {
namespace {

PitchActivations silence(std::size_t frames) {
  return {
      frames, std::vector<float>(frames * kPitchKeys), std::vector<float>(frames * kPitchKeys), {}};
}

// The key sounds in frames [begin, end).
void sound(PitchActivations& a, int pitch, std::size_t begin, std::size_t end, float strength) {
  for (std::size_t frame = begin; frame < end; ++frame) {
    a.note[frame * kPitchKeys + static_cast<std::size_t>(pitch - kPitchLowest)] = strength;
  }
}
void strike(PitchActivations& a, int pitch, std::size_t frame, float strength) {
  a.onset[frame * kPitchKeys + static_cast<std::size_t>(pitch - kPitchLowest)] = strength;
}

TEST(FindNotes, OneNoteFromItsOnsetToItsEnd) {
  PitchActivations a = silence(100);
  sound(a, 60, 10, 40, 0.8f);
  strike(a, 60, 10, 0.9f);
  const auto notes = find_notes(a, {});
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].begin, 10u);
  EXPECT_EQ(notes[0].end, 40u);
  EXPECT_EQ(notes[0].pitch, 60);
  EXPECT_NEAR(notes[0].amplitude, 0.8, 1e-6);
}

TEST(FindNotes, AGapWithinTheToleranceDoesNotEndANote) {
  PitchActivations a = silence(120);
  sound(a, 60, 10, 30, 0.8f);
  sound(a, 60, 40, 60, 0.8f);  // 10 frames later
  strike(a, 60, 10, 0.9f);
  NoteOptions options;
  options.infer_onsets = false;
  auto notes = find_notes(a, options);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].end, 60u);
  options.energy_tolerance = 10;
  options.trailing = false;
  notes = find_notes(a, options);
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].end, 30u);
}

TEST(FindNotes, WhatHasNoOnsetIsFoundByItsEnergyOrByItsRise) {
  PitchActivations a = silence(120);
  sound(a, 60, 10, 60, 0.8f);
  sound(a, 72, 30, 80, 0.7f);
  strike(a, 60, 10, 0.9f);
  NoteOptions options;
  options.infer_onsets = false;
  EXPECT_EQ(find_notes(a, options).size(), 2u);
  options.trailing = false;
  EXPECT_EQ(find_notes(a, options).size(), 1u);
  options.infer_onsets = true;
  const auto notes = find_notes(a, options);
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_EQ(notes[0].pitch, 72);  // the later one first
  EXPECT_EQ(notes[0].begin, 30u);
}

TEST(FindNotes, ThresholdsLengthAndRangeLeaveNotesOut) {
  PitchActivations a = silence(200);
  sound(a, 60, 10, 60, 0.5f);
  strike(a, 60, 10, 0.6f);
  sound(a, 84, 100, 108, 0.5f);  // short: 8 frames are 93 ms
  strike(a, 84, 100, 0.6f);
  NoteOptions options;
  options.infer_onsets = false;
  options.trailing = false;
  EXPECT_EQ(find_notes(a, options).size(), 1u);
  options.shortest = Seconds(0.08);
  EXPECT_EQ(find_notes(a, options).size(), 2u);
  options.lowest = 61;
  EXPECT_EQ(find_notes(a, options).size(), 1u);
  options.highest = 83;
  EXPECT_EQ(find_notes(a, options).size(), 0u);
  options = {};
  options.infer_onsets = false;
  options.trailing = false;
  options.onset_threshold = 0.7;
  EXPECT_EQ(find_notes(a, options).size(), 0u);
  options.onset_threshold = 0.5;
  options.frame_threshold = 0.55;
  EXPECT_EQ(find_notes(a, options).size(), 0u);
}

TEST(FindNotes, SilenceAndNothingGiveNoNotes) {
  EXPECT_TRUE(find_notes(silence(0), {}).empty());
  EXPECT_TRUE(find_notes(silence(1), {}).empty());
  EXPECT_TRUE(find_notes(silence(500), {}).empty());
}

TEST(FrameTime, RisesBy256SamplesAndIsCorrectedOnceAWindow) {
  EXPECT_EQ(frame_time(0).count(), 0);
  EXPECT_NEAR(frame_time(171).count(), 171 * 256.0 / 22050, 1e-12);
  // The windows' true places: 36,164 samples and 142 frames from one to the next.
  for (std::size_t frame = 0; frame < 200'000; frame += 37) {
    const double truth =
        (static_cast<double>(frame / 142) * 36164 + static_cast<double>(frame % 142) * 256) / 22050;
    ASSERT_NEAR(frame_time(frame).count(), truth, 0.02) << frame;
  }
}

TEST(FindNotes, EqualsWhatWasPublished) {
  const auto folder = test_models("basic-pitch/test/vocadito_10");
  if (!folder) GTEST_SKIP() << "needs ../shared/models/basic-pitch";
  const auto outputs = published::read_npz(*folder / "model_output.npz");
  const auto wanted = published::read_npz(*folder / "note_events.npz");
  PitchActivations a;  // a dictionary: note, onset, contour, each after its name
  a.note = (*outputs.at(0))[1].floats();
  a.onset = (*outputs.at(0))[3].floats();
  a.contour = (*outputs.at(0))[5].floats();
  a.frames = a.note.size() / kPitchKeys;
  ASSERT_EQ(a.contour.size(), a.frames * kContourBins);
  const auto notes = find_notes(a, {});
  ASSERT_EQ(notes.size() * 5, wanted.size());
  // Begin, end, pitch, amplitude, bends; the same rules in the same order.
  for (std::size_t i = 0; i < notes.size(); ++i) {
    EXPECT_NEAR(frame_time(notes[i].begin).count(), wanted[5 * i]->as<double>(), 1e-9);
    EXPECT_NEAR(frame_time(notes[i].end).count(), wanted[5 * i + 1]->as<double>(), 1e-9);
    EXPECT_EQ(notes[i].pitch, wanted[5 * i + 2]->as<std::int64_t>());
    EXPECT_NEAR(notes[i].amplitude, wanted[5 * i + 3]->as<float>(), 1e-5);
    std::vector<int> bends;
    for (const auto& bend : wanted[5 * i + 4]->items) {
      bends.push_back(static_cast<int>(bend->as<std::int64_t>()));
    }
    EXPECT_EQ(bends_of(a, notes[i]), bends);
  }
}

}  // namespace
}  // namespace hemiola
