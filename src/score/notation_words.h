// What reader and writer of numbered notation have in common: the names of keys and chords, and
// where "1" lies.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "score/grid_score.h"

namespace hemiola::notation {

// A note name: "C", "F#", "#F", "Bb", "bB".
struct NoteName {
  int fifths = 0;  // from C along the circle of fifths: F -1, G 1, F# 6
  int pitch_class() const { return ((fifths * 7) % 12 + 12) % 12; }
};
std::optional<NoteName> parse_note_name(std::string_view text);
std::string note_name(int fifths);

// "1=G" or, in minor, "6=E". nullopt where the note cannot be the tonic of a key that can be said.
std::optional<Key> key_of_words(int degree, NoteName note);
std::string key_words(const Key& key);

// "G:7"; nullopt on anything else.
std::optional<Chord> parse_chord(std::string_view text);
// Spelled as the key has it.
std::string chord_word(const Chord& chord, const std::optional<Key>& key);

// The pitch of "1" without marks: from Ab below middle C to the G above it. C where no key is said.
int pitch_of_one(const std::optional<Key>& key);

inline constexpr std::array<int, 7> kScale = {0, 2, 4, 5, 7, 9, 11};  // degrees above "1"
inline constexpr int kUsualVelocity = 9;                              // class, unless said

}  // namespace hemiola::notation
