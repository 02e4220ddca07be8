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
  double evidence = 1.21;  // weight of the chords' evidence
  double pattern = 0.661;  // weight of how the patterns fit

  // The beat's length: a bell curve over log2(seconds), and its weight for each beat.
  double tempo_centre = 0.5;   // seconds
  double tempo_spread = 0.75;  // octaves
  double tempo_weight = 0.846;

  // From one beat to the next: a parabola over log2 of the ratio, then a straight line, then flat.
  double change_spread = 0.143;  // octaves
  double change_slope = 10.9;    // per octave
  double change_most = 11;

  // A chord's distance from where its pattern expects it: seconds, and parts of the beat.
  double blur_seconds = 0.0305;
  double blur_beats = 0.0463;
  double stray = 0.0338;  // likelihood of a chord beside the pattern

  std::array<double, kPatterns> patterns = {0.119, 0.173, 0.228, 0.0659, 0.128, 0.0868, 0.0794};

  // How often a chord stands on a downbeat, the middle of four, any other beat.
  std::array<double, 3> struck = {0.934, 0.814, 0.653};
  double beat_bonus = 0.391;

  std::array<double, 3> metres = {0.412, 0.251, 0.336};  // of two, three, four beats
  double slip = 6.58;      // the cost of a bar that is too short or too long
  double switched = 11.7;  // of another metre
  double skipped = 2.42;   // of a chord before the first beat or after the last
};

struct FoundBeat {
  double at = 0;
  int beats_in_bar = 4;  // 2, 3 or 4
  int place = 0;         // 0: a downbeat
  int chord = -1;        // that stands on it, or -1
};

constexpr Level level_of(const FoundBeat& beat) {
  if (beat.place == 0) return kDownbeat;
  return beat.beats_in_bar == 4 && beat.place == 2 ? kMiddle : kBeat;
}

struct Found {
  std::vector<FoundBeat> beats;
  std::array<double, kPatterns> patterns{};  // beats filled by each
  double score = 0;
};

// Chords by time. Two chords at least; else nothing is found.
Found find_beats(std::span<const double> onsets, std::span<const Evidence> evidence,
                 const Settings& settings);

}  // namespace hemiola::tracker
