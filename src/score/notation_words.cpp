#include "score/notation_words.h"

#include <algorithm>

namespace hemiola::notation {
namespace {

constexpr std::string_view kLetters = "FCGDAEB";  // by fifths, from -1

// In the order of ChordQuality.
constexpr std::array<std::string_view, kChordQualities> kQualities = {
    "maj", "min", "dim", "aug", "sus4", "maj7", "min7", "7", "hdim7", "dim7", "minmaj7", "6", "5"};

}  // namespace

std::optional<NoteName> parse_note_name(std::string_view text) {
  int alteration = 0;
  const auto alter = [&](char c) {
    if (c != '#' && c != 'b') return false;
    alteration += c == '#' ? 1 : -1;
    return true;
  };
  while (!text.empty() && alter(text.front())) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  const std::size_t letter = kLetters.find(text.front());
  if (letter == std::string_view::npos) return std::nullopt;
  text.remove_prefix(1);
  for (const char c : text) {
    if (!alter(c)) return std::nullopt;
  }
  if (alteration < -1 || alteration > 1) return std::nullopt;
  return NoteName{static_cast<int>(letter) - 1 + 7 * alteration};
}

std::string note_name(int fifths) {
  const int place = fifths + 1;
  const int alteration = place >= 0 ? place / 7 : -((6 - place) / 7);
  const int letter = place - 7 * alteration;
  std::string name(1, kLetters[static_cast<std::size_t>(letter)]);
  name.append(static_cast<std::size_t>(std::abs(alteration)), alteration > 0 ? '#' : 'b');
  return name;
}

std::optional<Key> key_of_words(int degree, NoteName note) {
  const bool minor = degree == 6;
  const int fifths = minor ? note.fifths - 3 : note.fifths;
  if (fifths < -7 || fifths > 7) return std::nullopt;
  return Key{fifths, minor};
}

std::string key_words(const Key& key) {
  return key.minor ? "6=" + note_name(key.fifths + 3) : "1=" + note_name(key.fifths);
}

std::optional<Chord> parse_chord(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto root = parse_note_name(text.substr(0, colon));
  const auto quality = std::find(kQualities.begin(), kQualities.end(), text.substr(colon + 1));
  if (!root || quality == kQualities.end()) return std::nullopt;
  return Chord{static_cast<std::uint8_t>(root->pitch_class()),
               static_cast<ChordQuality>(quality - kQualities.begin())};
}

std::string chord_word(const Chord& chord, const std::optional<Key>& key) {
  // The name that lies nearest to the key: from five flats to six sharps around it.
  const int centre = key ? key->fifths : 0;
  int fifths = chord.root * 7 % 12;
  while (fifths > centre + 6) fifths -= 12;
  while (fifths < centre - 5) fifths += 12;
  if (fifths > 12) fifths -= 12;
  if (fifths < -8) fifths += 12;
  return note_name(fifths) + ":" + std::string(kQualities[static_cast<std::size_t>(chord.quality)]);
}

int pitch_of_one(const std::optional<Key>& key) {
  const int pitch_class = key ? ((key->fifths * 7) % 12 + 12) % 12 : 0;
  return pitch_class < 8 ? 60 + pitch_class : 48 + pitch_class;
}

}  // namespace hemiola::notation
