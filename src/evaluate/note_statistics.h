// What can be counted in a piece's notes, one number a measure, after the literature. Drums are
// left out where pitch matters. Where muspy (Dong and others, "MusPy: A Toolkit for Symbolic Music
// Generation", 2020) has a measure, this is the same to rounding, at 24 steps to the quarter.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "score/grid_score.h"

namespace hemiola::evaluate {

//   pitches_used, pitch_range          how many pitches, and from lowest to highest [1]
//   pitch_class_entropy                bits; 0 to 3.585 [2]
//   scale_consistency                  largest share of notes in any major or minor scale [3]
//   polyphony                          pitches at once, while any sounds [1]
//   polyphony_rate                     share of steps with three pitches or more [4]
//   empty_beat_rate, empty_bar_rate    share in which nothing sounds; all tracks [4]
//   groove_consistency                 1 - share of positions that differ between neighbouring
//   bars,
//                                      an onset or none at each; all tracks [2]
//   note_density                       notes a quarter, from the start to the last note's end [1]
//   note_length, length_entropy        mean in quarters; bits over lengths on the grid [1]
//   bar_similarity                     how alike each bar is to the likest before it: notes in both
//                                      over notes in either, by position and pitch. A plain form of
//                                      the self-similarity that [2] reads structure from
//   repeated_bars                      share of bars that stand before note by note
// [1] Yang and Lerch, "On the evaluation of generative models in music", 2020. [2] Wu and Yang,
// "The Jazz Transformer on the Front Line", 2020. [3] Mogren, "C-RNN-GAN", 2016. [4] Dong and
// others, "MuseGAN", 2018.
inline constexpr std::array<std::string_view, 14> kNoteMeasures = {
    "pitches_used",       "pitch_range",    "pitch_class_entropy", "scale_consistency",
    "polyphony",          "polyphony_rate", "empty_beat_rate",     "empty_bar_rate",
    "groove_consistency", "note_density",   "note_length",         "length_entropy",
    "bar_similarity",     "repeated_bars"};

inline constexpr std::size_t kLengthBins = 12;

struct NoteStatistics {
  // In the order of kNoteMeasures; NaN where a piece does not say (no pitched notes, one bar).
  std::array<double, kNoteMeasures.size()> values{};
  // Shares, of pitched notes: pitch classes relative to the key that the notes suggest, so that
  // sets in other keys are comparable; lengths by the nearest power of two, from 1/24 of a quarter
  // on.
  std::array<double, 12> pitch_classes{};
  std::array<double, kLengthBins> lengths{};
};

// Fails on a piece without notes.
Result<NoteStatistics> measure_notes(const GridScore& score);

// The area under both of two histograms of sum 1: 1 where they are equal, 0 where nothing is
// common.
double overlap(std::span<const double> a, std::span<const double> b);

}  // namespace hemiola::evaluate
