#include "score/musicxml_values.h"

#include <algorithm>
#include <array>

namespace hemiola::musicxml {
namespace {

struct Type {
  int ticks;  // of the plain value
  std::string_view name;
};
constexpr std::array<Type, 7> kTypes = {{{192, "breve"},
                                         {96, "whole"},
                                         {48, "half"},
                                         {24, "quarter"},
                                         {12, "eighth"},
                                         {6, "16th"},
                                         {3, "32nd"}}};

// One value without a triplet: plain, with a dot or with two.
std::optional<Value> plain_value(int ticks) {
  for (const Type& type : kTypes) {
    if (ticks == type.ticks) return Value{ticks, type.name, 0, false};
    if (type.ticks % 2 == 0 && ticks == type.ticks * 3 / 2)
      return Value{ticks, type.name, 1, false};
    if (type.ticks % 4 == 0 && ticks == type.ticks * 7 / 4)
      return Value{ticks, type.name, 2, false};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Value> triplet_value(int ticks) {
  if (ticks == 1) return Value{1, "64th", 0, true};  // half of three ticks, two thirds of that
  if (ticks < 1 || ticks % 2 != 0) return std::nullopt;
  auto value = plain_value(ticks / 2 * 3);
  if (value) {
    value->ticks = ticks;
    value->triplet = true;
  }
  return value;
}

std::vector<Value> values_of(int ticks) {
  std::vector<Value> values;
  if (const auto triplet = ticks % 3 != 0 ? triplet_value(ticks) : std::nullopt) return {*triplet};
  int binary = ticks - ticks % 3;
  while (binary > 0) {
    int longest = binary;
    while (!plain_value(longest)) longest -= 3;
    values.push_back(*plain_value(longest));
    binary -= longest;
  }
  if (const int rest = ticks % 3; rest > 0) values.push_back(*triplet_value(rest));
  return values;
}

Spelling spell(int pitch, const std::optional<Key>& key) {
  const int one = key ? key->fifths : 0;
  int fifths = pitch % 12 * 7 % 12;  // from C; any of these an octave of fifths apart
  while (fifths < one - 3) fifths += 12;
  while (fifths > one + 8) fifths -= 12;
  static constexpr std::string_view kSteps = "FCGDAEB";
  static constexpr std::array<int, 7> kSemitones = {5, 0, 7, 2, 9, 4, 11};
  const int place = fifths + 1 + 70;
  const auto step = static_cast<std::size_t>(place % 7);
  const int alter = place / 7 - 10;
  // MusicXML has no octave below 0.
  return {kSteps[step], alter, std::max(0, (pitch - alter - kSemitones[step]) / 12 - 1)};
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) result += c;
    }
  }
  return result;
}

}  // namespace hemiola::musicxml
