#include "tokens/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace hemiola::tokens {
namespace {

constexpr std::array<std::string_view, 4> kForms = {"whole", "start", "middle", "end"};
constexpr std::array<std::string_view, 15> kMajorKeys = {
    "Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"};
constexpr std::array<std::string_view, 15> kMinorKeys = {
    "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#"};
constexpr std::array<std::string_view, kChordQualities> kQualities = {
    "major",     "minor",          "diminished",  "augmented",   "suspended", "major7", "minor7",
    "dominant7", "halfdiminished", "diminished7", "minormajor7", "sixth",     "power"};

std::string value_text(WordClass word_class, int index) {
  const auto i = static_cast<std::size_t>(index);
  switch (word_class) {
    case WordClass::kForm:
      return std::string(kForms[i]);
    case WordClass::kStyle:
    case WordClass::kTrack:
    case WordClass::kDensity:
    case WordClass::kPolyphony:
    case WordClass::kNumerator:
    case WordClass::kBeat:
    case WordClass::kDown:
      return fmt::format("{}", index + 1);
    case WordClass::kProgram:
      return index == kDrumProgram ? "drums" : fmt::format("{}", index);
    case WordClass::kDenominator:
      return fmt::format("{}", 1 << index);
    case WordClass::kKey:
      if (index == 0) return "none";
      return index <= 15 ? fmt::format("{}_major", kMajorKeys[i - 1])
                         : fmt::format("{}_minor", kMinorKeys[i - 16]);
    case WordClass::kTempo:
      return fmt::format("{}", kTempos[i]);
    case WordClass::kQuality:
      return std::string(kQualities[i]);
    case WordClass::kLong:
      return fmt::format("{}", kLongs[i]);
    case WordClass::kDuration:
      return fmt::format("{}", kDurations[i]);
    case WordClass::kTone:
      return fmt::format("{}", index + kLowestTone);
    default:
      return fmt::format("{}", index);
  }
}

const std::array<std::string, kWordCount>& texts() {
  static const auto all = [] {
    std::array<std::string, kWordCount> result;
    for (Word word = 0; word < kWordCount; ++word) {
      const WordClass word_class = class_of(word);
      const std::string_view prefix = kWordClassInfo[static_cast<std::size_t>(word_class)].prefix;
      result[word] = prefix;
      if (prefix.back() == '_') result[word] += value_text(word_class, index_of(word));
    }
    return result;
  }();
  return all;
}

}  // namespace

std::string_view word_text(Word word) { return texts()[word]; }

std::optional<Word> parse_word(std::string_view text) {
  static const auto all = [] {
    std::unordered_map<std::string_view, Word> result;
    for (Word word = 0; word < kWordCount; ++word) result.emplace(texts()[word], word);
    return result;
  }();
  const auto found = all.find(text);
  if (found == all.end()) return std::nullopt;
  return found->second;
}

Word key_word(const std::optional<Key>& key) {
  return word_at(WordClass::kKey, key ? 1 + (key->minor ? 15 : 0) + key->fifths + 7 : 0);
}

std::optional<Key> key_of(Word word) {
  const int index = index_of(word);
  if (index == 0) return std::nullopt;
  return Key{(index - 1) % 15 - 7, index > 15};
}

}  // namespace hemiola::tokens
