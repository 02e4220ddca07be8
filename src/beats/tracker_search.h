// The most likely beats for a row of chords with evidence: dynamic programming over (tempo, place
// in the bar), from beat to beat. Each beat explains the chords within it by one of a few patterns
// (halves, quarters, triplets, ...), so that the right metrical level, the phase, the tempo curve
// and the bars are found at once.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "beats/tracker_onsets.h"

namespace hemiola::tracker {

// How a beat is filled: nothing, halves, quarters, eighths of a beat, thirds, sixths, dotted.
inline constexpr std::size_t kPatterns = 7;
enum Pattern : std::size_t { kPlain, kHalves, kQuarters, kEighths, kThirds, kSixths, kDotted };

// All logarithms are natural; shares are probabilities.
struct Settings {
  double evidence = 1.2;  // weight of the chords' evidence
  double pattern = 1;     // weight of how the patterns fit

  // The beat's length: a bell curve over log2(seconds), and its weight for each beat.
  double tempo_centre = 0.5;  // seconds
  double tempo_spread = 0.75;  // octaves
  double tempo_weight = 1;

  // From one beat to the next: a parabola over log2 of the ratio, then a straight line, then flat.
  double change_spread = 0.092;  // octaves
  double change_slope = 10.8;    // per octave
  double change_most = 9;

  // A chord's distance from where its pattern expects it: seconds, and parts of the beat.
  double blur_seconds = 0.022;
  double blur_beats = 0.045;
  double stray = 0.08;  // likelihood of a chord beside the pattern

  std::array<double, kPatterns> patterns = {0.2, 0.3, 0.25, 0.05, 0.12, 0.05, 0.05};

  // How often a chord stands on a downbeat, the middle of four, any other beat.
  std::array<double, 3> struck = {0.93, 0.85, 0.75};
  double beat_bonus = 0.3;

  std::array<double, 3> metres = {0.3, 0.3, 0.4};  // of two, three, four beats
  double slip = 7;     // the cost of a bar that is too short or too long
  double switched = 8;  // of another metre
  double skipped = 1.2;  // of a chord before the first beat or after the last
};

struct FoundBeat {
  double at = 0;
  int beats_in_bar = 4;  // 2, 3 or 4
  int place = 0;         // 0: a downbeat
  int chord = -1;        // that stands on it, or -1
};

struct Found {
  std::vector<FoundBeat> beats;
  double score = 0;
};

// Chords by time. Two chords at least; else nothing is found.
Found find_beats(std::span<const double> onsets, std::span<const Evidence> evidence,
                 const Settings& settings);

}  // namespace hemiola::tracker
