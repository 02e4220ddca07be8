// The text of numbered notation taken apart: tracks, voices, bars and what stands in them, each
// with its place in the text. What needs the key and the metre (pitches, whether bars are full) is
// left to the reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "score/grid_score.h"

namespace hemiola::notation {

struct Place {
  std::uint32_t line = 1, column = 1;  // column in characters
};

struct Pitch {
  bool absolute = false;
  std::int16_t number = 1;  // 1-7; if absolute, a MIDI key
  std::int8_t alteration = 0;
  std::int8_t octave = 0;
  std::uint8_t velocity_class = 0;
};

struct Element {
  std::uint32_t first_pitch = 0, pitches = 0;  // none: a rest
  int ticks = 0;
  bool tied = false;  // to the element after it
  bool whole_bar = false;
  Place place;
};

struct Words {  // said at a bar's start, or a chord at its middle
  std::optional<Metre> metre;
  std::optional<std::optional<Key>> key;
  std::optional<std::uint8_t> tempo_class;
  std::optional<Chord> chord, chord_at_middle;
  bool upbeat = false;
  std::size_t voice = 0;  // which says them
  Place place;
};

struct VoiceBar {
  std::size_t first = 0, count = 0;  // elements
  int ticks = 0;
  Place place;
};

struct Voice {
  std::size_t track = 0;
  std::vector<VoiceBar> bars;
};

struct TextTrack {
  std::uint8_t program = 0;
  bool is_drum = false;
};

struct Parsed {
  std::vector<TextTrack> tracks;
  bool no_tracks = false;  // "track none"
  std::vector<Voice> voices;
  std::vector<Element> elements;
  std::vector<Pitch> pitches;
  std::vector<std::pair<std::size_t, Words>> words;  // with the bar, from 0
  // A chord symbol after the start of a bar: must stand at its middle.
  struct LateChord {
    std::size_t bar = 0;
    int ticks = 0;
    Chord chord;
    Place place;
  };
  std::vector<LateChord> late_chords;
};

Result<Parsed> parse(std::string_view text, std::string_view name);

// fail("name:line:column: ...")
tl::unexpected<Error> fail_at(std::string_view name, Place place, std::string_view what);

}  // namespace hemiola::notation
