// docs/tokens.md, from the tables that the program itself goes by.
#include <fmt/format.h>

#include "tokens/grammar.h"
#include "tokens/text.h"

namespace hemiola::tokens {
namespace {

constexpr std::string_view kIntroduction = R"(# Tokens

Version {version}, frozen on {date}. This page is written by the program (`tokens::document()`), from the
tables that encoder, decoder and masks go by; a test keeps it up to date.

A window of a piece (or all of it) is one sequence:

1. a header: what the window is of its piece, styles, the tracks with their instruments and, where
   they are asked for, density, polyphony and pitch range;
2. bar by bar: the bar (with how many follow it), where they change metre, key and tempo, chords,
   which tracks are left out here (holes), then the cells: beat after beat, and in each beat track
   after track. A cell is a quarter, or a dotted value in compound metre. The same figure on another
   beat is the same words;
3. where there are holes: `Fill`, and the same bars again with the contents of the holes alone;
4. `End`.

Within a cell a note says only what is new: its position where that changes, its velocity where it
is not the track's last, its duration where it is not the cell's last, then its pitch. The highest note
of a position is said against the key signature's do, those below it by their distance from the note
before. Words of one cell are merged by byte pairs up to the size of the vocabulary; a merged token
is nothing but its words, and never reaches beyond its cell.
)";

constexpr std::string_view kMeasured = R"(
## Why these words
)";

GridScore example() {
  GridScore score;
  score.bars.assign(2, GridBar{{4, 4}, Key{1, false}, 32, {}, {}});
  score.bars[0].chord = Chord{7, ChordQuality::kMajor};
  const auto note = [](int onset, int duration, int pitch, int velocity) {
    return GridNote{GridTick(onset), GridTick(duration), static_cast<std::uint8_t>(pitch),
                    static_cast<std::uint8_t>(velocity)};
  };
  score.tracks = {{0,
                   false,
                   {note(0, 12, 71, 9), note(0, 12, 67, 9), note(12, 12, 74, 9),
                    note(24, 53, 79, 9), note(96, 24, 72, 10), note(120, 72, 71, 9)}},
                  {32, false, {note(0, 96, 43, 8), note(96, 96, 38, 8)}}};
  return score;
}

// For a table's cell, in which "|" would end it.
std::string number_list(WordClass word_class) {
  const WordRange range = range_of(word_class);
  const std::string_view first = word_text(range.first);
  const std::string_view last = word_text(static_cast<Word>(range.first + range.count - 1));
  if (range.count == 1) return fmt::format("`{}`", first);
  if (range.count <= 6) {
    std::string all;
    for (int i = 0; i < range.count; ++i) {
      all += fmt::format("{}`{}`", i > 0 ? " " : "", word_text(word_at(word_class, i)));
    }
    return all;
  }
  return fmt::format("`{}` ... `{}`", first, last);
}

std::string words_table() {
  std::string out = fmt::format(
      "\n## Words\n\n{} base words. Ids rise in this order; merged tokens follow them.\n\n"
      "| words | number | first id | meaning | rule |\n|---|---|---|---|---|\n",
      kWordCount);
  for (int i = 0; i < kWordClasses; ++i) {
    const auto word_class = static_cast<WordClass>(i);
    const auto [meaning, rule] = text_of(word_class);
    const WordRange range = range_of(word_class);
    out += fmt::format("| {} | {} | {} | {} | {} |\n", number_list(word_class), range.count,
                       range.first, meaning, rule);
  }
  out += "\nDurations of one word:";
  for (const int ticks : kDurations) out += fmt::format(" {}", ticks);
  out +=
      ". Any other up to 1536 is `Long` words and a `Dur` of at most 24: 53 is `Long_2 Dur_5`.\n";
  return out;
}

std::string grammar_table() {
  std::string out =
      "\n## What may follow what\n\nBesides this table the rules above hold. Every word that is "
      "allowed can be gone on from to an end.\n\n| after | may follow |\n|---|---|\n";
  for (int i = 0; i < kNodes; ++i) {
    const auto node = static_cast<Node>(i);
    std::string list;
    for (const Arc& arc : arcs()) {
      if (arc.from != node) continue;
      std::string_view name = kWordClassInfo[static_cast<std::size_t>(arc.word)].prefix;
      if (!list.empty()) list += ", ";
      list += name.ends_with('_') ? fmt::format("{}n", name) : std::string(name);
    }
    out += fmt::format("| {} | {} |\n", text_of(node), list);
  }
  return out;
}

std::string examples() {
  const GridScore score = example();
  Frame holes;
  holes.holes = {{1, 0}};
  Frame middle;
  middle.form = Form::kMiddle;
  middle.bars_after = 7;
  middle.styles = {2};
  middle.controls = {measure_controls(score, 0), {}};
  return fmt::format(
      "\n## Examples\n\nThe text form (`hemiola tokenize`), a line a bar. A whole piece:\n\n"
      "```\n{}```\n\nThe same with its second bar's first track as a hole:\n\n```\n{}```\n\n"
      "The same as the middle of a longer piece, with a style and controls for the first track:"
      "\n\n```\n{}```\n",
      to_text(score), to_text(score, holes), to_text(score, middle));
}

}  // namespace

std::string document() {
  return fmt::format(fmt::runtime(kIntroduction), fmt::arg("version", kVersion),
                     fmt::arg("date", kVersionDate)) +
         words_table() + grammar_table() + examples() + std::string(kMeasured);
}

}  // namespace hemiola::tokens
