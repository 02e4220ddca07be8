// What the vocabulary can say, and nothing else: bars, each with metre, key and nominal tempo;
// tracks of notes on a grid of 24 ticks to the quarter, velocities in 16 classes; chords. The
// invariants below are checked by validate(); encode and decode are exact inverses on every
// GridScore that passes it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/time_units.h"
#include "score/score.h"

namespace hemiola {

// Nominal tempos, in beats of a quarter note a minute: the marks of a metronome, extended.
inline constexpr std::array<int, 58> kTempos = {
    20,  22,  24,  26,  28,  30,  32,  34,  36,  38,  40,  42,  44,  46,  48,
    50,  52,  54,  56,  58,  60,  63,  66,  69,  72,  76,  80,  84,  88,  92,
    96,  100, 104, 108, 112, 116, 120, 126, 132, 138, 144, 152, 160, 168, 176,
    184, 192, 200, 208, 216, 224, 232, 240, 252, 264, 276, 288, 300};
// The nearest in proportion, as an index into kTempos.
int nearest_tempo_class(double quarters_per_minute);

inline constexpr int kVelocityClasses = 16;  // class c stands for velocities 8c to 8c+7
constexpr int velocity_class_of(int velocity) { return velocity / 8; }
constexpr int velocity_of_class(int velocity_class) { return 8 * velocity_class + 4; }

inline constexpr int kMaxTracks = 32;
inline constexpr int kMaxMetreNumerator = 32;
inline constexpr GridTick kMaxBarLength{32 * 24};  // longer bars are split by standardising
inline constexpr GridTick kMaxDuration{16 * 96};   // 16 whole notes

// A bar's length on the grid. The metre's denominator is 1, 2, 4, 8, 16 or 32.
constexpr GridTick bar_length(Metre metre) {
  return GridTick(96 * metre.numerator / metre.denominator);
}
// The length of the cells a bar is divided in: a dotted value in compound metre (denominator 8 or
// more, numerator a multiple of three), else a quarter. A bar's last cell may be shorter.
constexpr GridTick cell_length(Metre metre) {
  const bool compound = metre.denominator >= 8 && metre.numerator % 3 == 0;
  return GridTick(compound ? 3 * 96 / metre.denominator : 24);
}
constexpr int cell_count(Metre metre) {
  const int bar = bar_length(metre).count(), cell = cell_length(metre).count();
  return (bar + cell - 1) / cell;
}
inline constexpr int kMaxCellLength = 36;
inline constexpr int kMaxCells = 32;  // cells in a bar

// The metre of a bar of this length: with the denominator wished for or the next finer one that
// can say it; nullopt where none can.
std::optional<Metre> metre_of_length(GridTick length, int denominator);

enum class ChordQuality : std::uint8_t {
  kMajor,
  kMinor,
  kDiminished,
  kAugmented,
  kSuspended,
  kMajor7,
  kMinor7,
  kDominant7,
  kHalfDiminished,
  kDiminished7,
  kMinorMajor7,
  kSixth,
  kPower,
};
inline constexpr int kChordQualities = 13;

struct Chord {
  std::uint8_t root = 0;  // pitch class, C = 0
  ChordQuality quality = ChordQuality::kMajor;

  bool operator==(const Chord&) const = default;
};

struct GridNote {
  GridTick onset{};     // from the start of bar 0 (or of bar 1 where there is no upbeat)
  GridTick duration{};  // 1 to kMaxDuration
  std::uint8_t pitch = 60;
  std::uint8_t velocity_class = 9;

  bool operator==(const GridNote&) const = default;
};

struct GridTrack {
  std::uint8_t program = 0;  // General MIDI 0-127; 0 on a drum track
  bool is_drum = false;
  std::vector<GridNote> notes{};  // by onset, then pitch from high to low; no two alike in both;
                                  // notes of one pitch never overlap

  bool operator==(const GridTrack&) const = default;
};

struct GridBar {
  Metre metre{};
  std::optional<Key> key{};       // in force here; nullopt: none stated
  std::uint8_t tempo_class = 36;  // in force here; index into kTempos
  // In force from the bar's start, and from its middle; nullopt where nothing is stated. Only bars
  // with an even number of cells have a middle.
  std::optional<Chord> chord{};
  std::optional<Chord> chord_at_middle{};

  bool operator==(const GridBar&) const = default;
};

struct GridScore {
  // bars.front() is bar 0, an upbeat: a whole bar of its metre that is silent at its start (no note
  // begins at tick 0). When written out, it begins at the cell of its first note; if that is the
  // first cell, at the last eighth, sixteenth or thirty-second in it that is not its start.
  bool has_upbeat = false;
  std::vector<GridBar> bars;      // one at least; every note begins inside one of them
  std::vector<GridTrack> tracks;  // at most kMaxTracks

  bool operator==(const GridScore&) const = default;

  std::size_t note_count() const;
  // Onset of each bar, and one past the last: bars.size() + 1 values.
  std::vector<GridTick> bar_starts() const;
  // The silence at the start of an upbeat bar that is not written out; 0 without an upbeat.
  GridTick unwritten_rest() const;
};

// Every invariant above, or what breaks it and where.
Status validate(const GridScore& score);

}  // namespace hemiola
