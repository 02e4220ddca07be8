// The base words: one per event, each with a text form, laid out in ranges of one class after
// another. Ids below kWordCount are the same in every tokenizer of this version; merged tokens
// follow (tokenizer.h). What may follow what is in grammar.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "score/grid_score.h"

namespace hemiola::tokens {

// Frozen: a later change gets a new number, a new date and a way to convert.
inline constexpr int kVersion = 1;
inline constexpr std::string_view kVersionDate = "2026-11-23";

using Word = std::uint16_t;   // a base word
using Token = std::uint16_t;  // an id of the vocabulary: a base word, a merged token or reserved

enum class WordClass : std::uint8_t {
  kPad,
  kEnd,
  kForm,  // Form: what the window is of its piece
  kHole,
  kFill,
  kUpbeat,
  kRange,
  kBar,          // a bar; how many follow it is not said
  kBarsLeft,     // a bar and how many of the piece follow it, 0 to 64
  kStyle,        // 1 to 64
  kTrack,        // 1 to 32
  kProgram,      // General MIDI 0 to 127, or drums
  kDensity,      // 1 to 10
  kPolyphony,    // 1 to 16; 16: that many or more
  kNumerator,    // 1 to 32
  kDenominator,  // 1, 2, 4, 8, 16, 32
  kKey,          // none, 15 major, 15 minor
  kTempo,        // of kTempos
  kChord,        // root of the chord from the bar's start, in semitones above the key's do
  kMidChord,     // the same of the chord from the bar's middle
  kQuality,      // ChordQuality
  kBeat,         // a cell of the bar, 1 to 32
  kPosition,     // ticks from the start of the cell, 0 to 35
  kVelocity,     // class 0 to 15
  kLong,         // 32, 16, 8, 4, 2 or 1 quarters more than the Dur that follows
  kDuration,     // of kDurations
  kTone,         // a pitch, -6 to 132 semitones above the do of key_offset()
  kDown,         // a pitch, 1 to 127 semitones below the note before
  kDrum,         // a percussion key, 0 to 127
};
inline constexpr int kWordClasses = static_cast<int>(WordClass::kDrum) + 1;

inline constexpr int kMaxBarsLeft = 64;  // Bar_64: 64 or more
inline constexpr int kStyles = 64;
inline constexpr int kDensityClasses = 10;
inline constexpr int kMaxPolyphonyWord = 16;
inline constexpr int kKeyWords = 31;  // none, then 15 major and 15 minor from 7 flats to 7 sharps
inline constexpr int kLowestTone = -6, kHighestTone = 132;
inline constexpr int kTones = kHighestTone - kLowestTone + 1;

// The durations that are one word. Any other is said as Long words and a Dur of at most a quarter.
inline constexpr std::array<int, 65> kDurations = {
    1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14, 15,  16,  17,
    18,  19,  20,  21,  22,  23,  24,  27,  28,  30,  32,  33,  36,  39, 40,  42,  44,
    45,  48,  51,  54,  56,  60,  63,  64,  66,  72,  78,  84,  90,  96, 108, 120, 132,
    144, 156, 168, 180, 192, 216, 240, 264, 288, 336, 360, 384, 576, 768};
inline constexpr std::array<int, 6> kLongs = {32, 16, 8, 4, 2, 1};  // in quarters

// Each class in the order of WordClass: how its words begin, and how many there are.
struct WordClassInfo {
  std::string_view prefix;
  int count = 0;
};
// clang-format off
inline constexpr std::array<WordClassInfo, kWordClasses> kWordClassInfo = {{
    {"Pad", 1},
    {"End", 1},
    {"Form_", 4},
    {"Hole", 1},
    {"Fill", 1},
    {"Upbeat", 1},
    {"Range", 1},
    {"Bar", 1},
    {"Bar_", kMaxBarsLeft + 1},
    {"Style_", kStyles},
    {"Track_", kMaxTracks},
    {"Program_", 129},
    {"Density_", kDensityClasses},
    {"Polyphony_", kMaxPolyphonyWord},
    {"Num_", kMaxMetreNumerator},
    {"Den_", 6},
    {"Key_", kKeyWords},
    {"Tempo_", static_cast<int>(kTempos.size())},
    {"Chord_", 12},
    {"MidChord_", 12},
    {"Quality_", kChordQualities},
    {"Beat_", kMaxCells},
    {"Pos_", kMaxCellLength},
    {"Vel_", kVelocityClasses},
    {"Long_", static_cast<int>(kLongs.size())},
    {"Dur_", static_cast<int>(kDurations.size())},
    {"Tone_", kTones},
    {"Down_", 127},
    {"Drum_", 128},
}};
// clang-format on

struct WordRange {
  Word first = 0;
  Word count = 0;
};
inline constexpr std::array<WordRange, kWordClasses> kWordRanges = [] {
  std::array<WordRange, kWordClasses> ranges{};
  int first = 0;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const int count = kWordClassInfo[i].count;
    ranges[i] = {static_cast<Word>(first), static_cast<Word>(count)};
    first += count;
  }
  return ranges;
}();
inline constexpr int kWordCount = kWordRanges.back().first + kWordRanges.back().count;

constexpr WordRange range_of(WordClass word_class) {
  return kWordRanges[static_cast<std::size_t>(word_class)];
}
// The index-th word of a class, from 0.
constexpr Word word_at(WordClass word_class, int index) {
  return static_cast<Word>(range_of(word_class).first + index);
}

inline constexpr Word kPadWord = word_at(WordClass::kPad, 0);
inline constexpr Word kEndWord = word_at(WordClass::kEnd, 0);
inline constexpr Word kHoleWord = word_at(WordClass::kHole, 0);
inline constexpr Word kFillWord = word_at(WordClass::kFill, 0);
inline constexpr Word kUpbeatWord = word_at(WordClass::kUpbeat, 0);
inline constexpr Word kRangeWord = word_at(WordClass::kRange, 0);
inline constexpr Word kBarWord = word_at(WordClass::kBar, 0);
inline constexpr int kDrumProgram = 128;  // index of Program_drums in its class

namespace detail {
inline constexpr auto kClassOfWord = [] {
  std::array<WordClass, kWordCount> classes{};
  for (std::size_t i = 0; i < kWordRanges.size(); ++i) {
    for (int w = 0; w < kWordRanges[i].count; ++w) {
      classes[static_cast<std::size_t>(kWordRanges[i].first + w)] = static_cast<WordClass>(i);
    }
  }
  return classes;
}();
}  // namespace detail

// word < kWordCount.
constexpr WordClass class_of(Word word) { return detail::kClassOfWord[word]; }
constexpr int index_of(Word word) { return word - range_of(class_of(word)).first; }
constexpr bool is_word(WordClass word_class, Word word) {
  const WordRange range = range_of(word_class);
  return word >= range.first && word < range.first + range.count;
}

// "Tone_60", "Key_F#_minor", "Bar". Unique; no white space.
std::string_view word_text(Word word);
std::optional<Word> parse_word(std::string_view text);

// How far the key signature's do lies from C, folded into -5 to 6; 0 without a key. Both modes of a
// signature have one do, so that a tone's number tells its place in the scale whatever the mode.
constexpr int key_offset(const std::optional<Key>& key) {
  if (!key) return 0;
  const int pitch_class = ((key->fifths * 7) % 12 + 12) % 12;
  return pitch_class > 6 ? pitch_class - 12 : pitch_class;
}
constexpr Word tone_word(int pitch, int offset) {
  return word_at(WordClass::kTone, pitch - offset - kLowestTone);
}
constexpr int pitch_of_tone(Word tone, int offset) { return index_of(tone) + kLowestTone + offset; }

Word key_word(const std::optional<Key>& key);
std::optional<Key> key_of(Word word);

namespace detail {
// Not in the function: GCC would copy it onto the stack at each call.
inline constexpr auto kDurationIndices = [] {
  std::array<std::int8_t, kDurations.back() + 1> result{};
  result.fill(-1);
  for (std::size_t i = 0; i < kDurations.size(); ++i) {
    result[static_cast<std::size_t>(kDurations[i])] = static_cast<std::int8_t>(i);
  }
  return result;
}();
}  // namespace detail

// Index into kDurations, or -1 where the duration is not one word. ticks >= 0.
constexpr int duration_index(int ticks) {
  return ticks <= kDurations.back() ? detail::kDurationIndices[static_cast<std::size_t>(ticks)]
                                    : -1;
}

}  // namespace hemiola::tokens
