// The manners in which loops are made: tables, no code. Patterns are strings over the steps of a
// bar, a character a sixteenth: '.' silence, digits 1-9 how hard, letters what a table says.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace hemiola::data {

struct DrumPattern {
  std::string_view kick, snare, hat, open_hat, extra;
  int extra_key = 0;  // General MIDI percussion key of `extra`
};

struct LoopStyle {
  std::string_view name;
  int numerator = 4, denominator = 4;
  std::vector<int> tempos;
  bool minor_preferred = false;
  double swing = 0;  // chance of swung sixteenths (or eighths, where swing_eighths)
  bool swing_eighths = false;
  double sevenths = 0.5;  // chance that chords have sevenths
  double vamp = 0.4;      // chance of two chords in turn, instead of four
  std::vector<DrumPattern> drums;
  // Bass: R root, 5 fifth, 3 third, 8 octave, 7 seventh, a the step before the next chord's root,
  // - hold.
  std::vector<std::string_view> bass;
  // Comping: X the whole chord, l its lower and u its upper half, 1-4 single notes from below,
  // - hold.
  std::vector<std::string_view> comping;
  // Rhythm of the melody: x a note, - hold.
  std::vector<std::string_view> melody;
  std::vector<int> bass_programs, comping_programs, pad_programs, melody_programs;
  double drums_chance = 0.9, bass_chance = 0.9, comping_chance = 0.85, pad_chance = 0.35,
         melody_chance = 0.75;
};

const std::vector<LoopStyle>& loop_styles();

}  // namespace hemiola::data
