#include "tokens/grammar.h"

#include <vector>

namespace hemiola::tokens {
namespace {

using W = WordClass;
using N = Node;

struct Row {
  Node from;
  std::string_view name;
  std::vector<std::pair<WordClass, Node>> to;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table = [] {
    using To = std::vector<std::pair<WordClass, Node>>;
    const auto join = [](std::initializer_list<To> lists) {
      To all;
      for (const To& list : lists) all.insert(all.end(), list.begin(), list.end());
      return all;
    };
    const To declare = {{W::kTrack, N::kDeclare}};
    const To bar = {{W::kBar, N::kBar}, {W::kBarsLeft, N::kBar}};
    const To density = {{W::kDensity, N::kDensity}}, polyphony = {{W::kPolyphony, N::kPolyphony}},
             range = {{W::kRange, N::kRange}};
    const To metre = {{W::kNumerator, N::kNumerator}}, key = {{W::kKey, N::kKey}},
             tempo = {{W::kTempo, N::kTempo}}, chord = {{W::kChord, N::kChord}},
             mid_chord = {{W::kMidChord, N::kMidChord}}, hole = {{W::kHole, N::kHole}};
    const To beat = {{W::kBeat, N::kBeat}}, track = {{W::kTrack, N::kTrack}};
    const To fill_bar = {{W::kBar, N::kFillBar}, {W::kBarsLeft, N::kFillBar}};
    const To end = {{W::kEnd, N::kEnd}};
    // A bar that is over: the next bar, the next bar to be filled, the filling, or the end.
    const To over = join({bar, {{W::kFill, N::kFill}}, end});
    const To position = {{W::kPosition, N::kPosition}}, velocity = {{W::kVelocity, N::kVelocity}},
             duration = {{W::kLong, N::kLong}, {W::kDuration, N::kDuration}},
             pitch = {{W::kTone, N::kNote}, {W::kDown, N::kNote}, {W::kDrum, N::kNote}};
    return std::vector<Row>{
        {N::kStart, "the start", {{W::kForm, N::kForm}}},
        {N::kForm, "Form", join({{{W::kStyle, N::kStyle}}, declare, bar})},
        {N::kStyle, "Style", join({{{W::kStyle, N::kStyle}}, declare, bar})},
        {N::kDeclare, "Track, declared", {{W::kProgram, N::kProgram}}},
        {N::kProgram, "Program", join({density, polyphony, range, declare, bar})},
        {N::kDensity, "Density", join({polyphony, range, declare, bar})},
        {N::kPolyphony, "Polyphony", join({range, declare, bar})},
        {N::kRange, "Range", {{W::kTone, N::kLow}}},
        {N::kLow, "Tone, lowest of a range", {{W::kTone, N::kHigh}}},
        {N::kHigh, "Tone, highest of a range", join({declare, bar})},
        {N::kBar, "Bar",
         join({{{W::kUpbeat, N::kUpbeat}}, metre, key, tempo, chord, mid_chord, hole, beat, over})},
        {N::kUpbeat, "Upbeat", metre},
        {N::kNumerator, "Num", {{W::kDenominator, N::kDenominator}}},
        {N::kDenominator, "Den", join({key, tempo, chord, mid_chord, hole, beat, over})},
        {N::kKey, "Key", join({tempo, chord, mid_chord, hole, beat, over})},
        {N::kTempo, "Tempo", join({chord, mid_chord, hole, beat, over})},
        {N::kChord, "Chord", {{W::kQuality, N::kChordQuality}}},
        {N::kChordQuality, "Quality, after Chord", join({mid_chord, hole, beat, over})},
        {N::kMidChord, "MidChord", {{W::kQuality, N::kMidQuality}}},
        {N::kMidQuality, "Quality, after MidChord", join({hole, beat, over})},
        {N::kHole, "Hole", {{W::kTrack, N::kHoleTrack}}},
        {N::kHoleTrack, "Track, of a hole", join({{{W::kTrack, N::kHoleTrack}}, beat, over})},
        {N::kBeat, "Beat", track},
        {N::kTrack, "Track, of a cell", position},
        {N::kPosition, "Pos", join({velocity, duration, pitch})},
        {N::kVelocity, "Vel", join({duration, pitch})},
        {N::kLong, "Long", duration},
        {N::kDuration, "Dur", pitch},
        {N::kNote, "Tone, Down or Drum, of a note",
         join({velocity, duration, pitch, position, track, beat, over})},
        {N::kFill, "Fill", fill_bar},
        {N::kFillBar, "Bar, after Fill", join({beat, fill_bar, end})},
        {N::kEnd, "End", {{W::kPad, N::kEnd}}},
    };
  }();
  return table;
}

constexpr std::array<ClassText, kWordClasses> kClassTexts = {{
    {"Fills a sequence up after its end.", ""},
    {"The end of the sequence.",
     "After a bar. Where bars are counted, a window that ends its piece ends after Bar_0 and any "
     "other before it. Not while a hole waits to be filled."},
    {"What the window is of its piece: the whole, its start, its middle, its end.", ""},
    {"In this bar, the tracks that follow are left out here and written after Fill.",
     "Not after Fill. Needs a track."},
    {"The music is over; the contents of its holes follow, bar by bar, in order.",
     "Only where there are holes, once, where End could stand if there were none."},
    {"The first bar is an upbeat: silent at its start.",
     "Only in the first bar of a window that starts its piece."},
    {"The lowest and the highest pitch of the track, as two Tone words that stand for MIDI keys.",
     "Not on a drum track."},
    {"A bar begins.",
     "Every bar of a sequence is plain, or every one counted. After Fill: the same word again for "
     "each bar that has holes, in order, also for one that stays empty."},
    {"A bar begins, and so many of the piece follow it (64: or more).",
     "One less than the bar before it; after 64, 64 or 63. At least 1 where the window does not "
     "end "
     "its piece."},
    {"A label of the piece; tokenizer.json names them.", "Rising."},
    {"In the header: declares a track. After Hole: its cell is a hole. After Beat: its notes "
     "follow.",
     "Declared 1, 2, 3 and so on without a gap. Elsewhere one that is declared, rising. In a cell: "
     "not one that is a hole of this bar; after Fill only those; and one that has room for a "
     "note."},
    {"The track's General MIDI program, or drums.", ""},
    {"Asks for a density: class of the track's notes a quarter.", ""},
    {"Asks for this many notes of the track at once at the most (16: or more).", ""},
    {"The metre's numerator.", "Always in the first bar; elsewhere only where the metre changes."},
    {"The metre's denominator.",
     "With the numerator a metre other than the one in force, no longer than 32 quarters."},
    {"The key signature and its mode, or none.",
     "Always in the first bar; elsewhere only where it changes."},
    {"The nominal tempo in quarters a minute.",
     "Always in the first bar; elsewhere only where it changes."},
    {"Root of the chord from the start of the bar, in semitones above the key's do.", ""},
    {"Root of the chord from the middle of the bar, likewise.",
     "Only in bars with an even number of cells."},
    {"The chord's quality.", ""},
    {"A cell of the bar begins: a quarter, or a dotted value in compound metre.",
     "Rising, inside the bar, and only where some track of it has room for a note."},
    {"Ticks (24 to the quarter) from the start of the cell.",
     "Rising, inside the cell. Not 0 in the first cell of an upbeat bar."},
    {"The velocity from here on in this track: class c is velocity 8c to 8c+7.",
     "Always before the first note of a track after the header and after Fill; elsewhere only "
     "where "
     "it changes."},
    {"The duration is this many quarters longer than the Dur that follows.",
     "Falling; only for a duration that is not one word."},
    {"The duration of the notes from here on in this cell, in ticks.",
     "Always before the first note of a cell; elsewhere only where it changes. After Long: at most "
     "24, and the sum not a duration that is one word."},
    {"A note: its pitch is this many semitones above MIDI key 0 moved by the key signature's do "
     "(-5 "
     "to 6), so that a tone's number tells its place in the scale.",
     "The first note of a position, not on a drum track. Not while the track sounds this pitch, "
     "and "
     "not so long that it runs into it."},
    {"A note: its pitch is this many semitones below that of the note before.",
     "Every further note of a position, from high to low, not on a drum track. Otherwise as Tone."},
    {"A note of a drum track: the percussion key.",
     "Only on a drum track; at one position from high to low. Otherwise as Tone."},
}};

}  // namespace

std::span<const Arc> arcs() {
  static const std::vector<Arc> all = [] {
    std::vector<Arc> result;
    for (const Row& row : rows()) {
      for (const auto& [word, to] : row.to) result.push_back({row.from, word, to});
    }
    return result;
  }();
  return all;
}

std::span<const Arc> arcs_from(Node node) {
  static const auto spans = [] {
    std::array<std::span<const Arc>, kNodes> result;
    const auto all = arcs();
    for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
      while (end < all.size() && all[end].from == all[begin].from) ++end;
      result[static_cast<std::size_t>(all[begin].from)] = all.subspan(begin, end - begin);
    }
    return result;
  }();
  return spans[static_cast<std::size_t>(node)];
}

std::optional<Node> next_node(Node from, WordClass word) {
  static const auto table = [] {
    std::array<std::array<std::int8_t, kWordClasses>, kNodes> result{};
    for (auto& row : result) row.fill(-1);
    for (const Arc& arc : arcs()) {
      result[static_cast<std::size_t>(arc.from)][static_cast<std::size_t>(arc.word)] =
          static_cast<std::int8_t>(arc.to);
    }
    return result;
  }();
  const int to = table[static_cast<std::size_t>(from)][static_cast<std::size_t>(word)];
  if (to < 0) return std::nullopt;
  return static_cast<Node>(to);
}

const ClassText& text_of(WordClass word_class) {
  return kClassTexts[static_cast<std::size_t>(word_class)];
}

std::string_view text_of(Node node) { return rows()[static_cast<std::size_t>(node)].name; }

}  // namespace hemiola::tokens
