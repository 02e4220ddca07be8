// What a token sequence says about its window besides the notes: form, bars left, controls, holes.
// Also: cutting a window out of a piece, and the controls that a score has.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "score/grid_score.h"
#include "tokens/words.h"

namespace hemiola::tokens {

// Where the window lies in its piece.
enum class Form : std::uint8_t { kWhole, kStart, kMiddle, kEnd };

constexpr Form form_of(bool starts_piece, bool ends_piece) {
  return starts_piece ? (ends_piece ? Form::kWhole : Form::kStart)
                      : (ends_piece ? Form::kEnd : Form::kMiddle);
}
constexpr bool starts_piece(Form form) { return form == Form::kWhole || form == Form::kStart; }
constexpr bool ends_piece(Form form) { return form == Form::kWhole || form == Form::kEnd; }

struct PitchRange {
  std::uint8_t low = 0;
  std::uint8_t high = 127;

  bool operator==(const PitchRange&) const = default;
};

// What is asked of a track beforehand. Nothing said: nothing asked.
struct TrackControls {
  std::optional<int> density{};       // 1 to kDensityClasses
  std::optional<int> polyphony{};     // 1 to kMaxPolyphonyWord
  std::optional<PitchRange> range{};  // not on a drum track

  bool operator==(const TrackControls&) const = default;
};

// A cell of bar x track that is to be written: it is left out of the music and follows at the end.
struct Hole {
  int bar = 0;    // index into the window's bars
  int track = 0;  // index into its tracks

  auto operator<=>(const Hole&) const = default;
};

struct Frame {
  Form form = Form::kWhole;
  bool counts_bars = true;  // say with each bar how many of the piece follow it
  int bars_after = 0;  // bars of the piece after the window: 0 if and only if it ends the piece
  std::vector<std::uint8_t> styles{};     // 1 to kStyles, rising
  std::vector<TrackControls> controls{};  // one for each track, or empty: none at all
  std::vector<Hole> holes{};              // rising: by bar, then by track

  bool operator==(const Frame&) const = default;
};

// What a token sequence says, all of it.
struct Decoded {
  GridScore score;
  Frame frame;

  bool operator==(const Decoded&) const = default;
};

// The frame as decoding gives it back: bars_after no larger than can be told, controls empty where
// none of them says anything.
Frame canonical(Frame frame);

// Does the frame fit the score? (Form and bars_after agree, an upbeat only at a piece's start,
// controls in range and one for each track, holes inside and rising.)
Status check(const Frame& frame, const GridScore& score);

// The bars [first, first + count) of a piece as a score of their own, with all its tracks. Notes
// that begin before it are not in it, even where they last into it (notes_into() tells them).
GridScore window(const GridScore& piece, int first, int count);
// Form and bars_after of that window.
Frame window_frame(const GridScore& piece, int first, int count);

// A note that was begun before a window and lasts into it.
struct HeldNote {
  int track = 0;
  std::uint8_t pitch = 0;
  GridTick until{};  // from the start of the window

  bool operator==(const HeldNote&) const = default;
};
std::vector<HeldNote> notes_into(const GridScore& piece, int first);

// 1 to kDensityClasses: by notes a quarter over the whole score (the upper bounds of the classes).
inline constexpr std::array<double, kDensityClasses - 1> kDensityBounds = {
    0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0};
// The controls a track has in fact. An empty track has density 1, no polyphony and no range.
TrackControls measure_controls(const GridScore& score, int track);
// The most notes of a track that sound at once.
int max_polyphony(const GridTrack& track);

}  // namespace hemiola::tokens
