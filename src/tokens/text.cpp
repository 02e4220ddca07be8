#include "tokens/text.h"

#include <fmt/format.h>

#include "tokens/walk.h"
#include "tokens/write_words.h"

namespace hemiola::tokens {
namespace {

// Writes words with a line break before each bar, Fill and End.
struct TextSink {
  std::string text;

  void put(std::string_view name, bool breaks) {
    if (!text.empty()) text += breaks ? '\n' : ' ';
    text += name;
  }
  void word(Word word) {
    const WordClass c = class_of(word);
    put(word_text(word), c == WordClass::kBar || c == WordClass::kBarsLeft ||
                             c == WordClass::kFill || c == WordClass::kEnd);
  }
  void bar() {}
  void fill() {}
  void segment(std::span<Word> words) {
    for (const Word w : words) word(w);
  }
};

constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

std::string to_text(std::span<const Token> tokens, const Vocabulary& vocabulary) {
  TextSink sink;
  for (const Token token : tokens) {
    if (token >= vocabulary.used()) {
      sink.put(fmt::format("Reserved_{}", token), false);
    } else {
      for (const Word word : vocabulary.words_of(token)) sink.word(word);
    }
  }
  sink.text += '\n';
  return std::move(sink.text);
}

std::string to_text(const GridScore& score, const Frame& frame) {
  TextSink sink;
  WordWriter(score, frame, sink).write();
  sink.text += '\n';
  return std::move(sink.text);
}

Result<Decoded> parse_text(std::string_view text, std::string_view where) {
  Walk walk;
  std::size_t line = 1, line_begin = 0;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\n') {
      ++line;
      line_begin = ++i;
      continue;
    }
    if (is_space(text[i])) {
      ++i;
      continue;
    }
    if (text[i] == '#') {
      while (i < text.size() && text[i] != '\n') ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && !is_space(text[i])) ++i;
    const std::string_view name = text.substr(begin, i - begin);
    const auto place = [&] { return fmt::format("{}:{}:{}", where, line, begin - line_begin + 1); };
    const auto word = parse_word(name);
    if (!word) {
      return fail("{}: '{}' is not a word of the vocabulary (docs/tokens.md lists them)", place(),
                  name.substr(0, 40));
    }
    if (auto status = walk.step(*word); !status) {
      return fail(std::move(status.error()).within(place()));
    }
  }
  if (!walk.at_end()) {
    return fail("{}:{}: the text breaks off after {}: expected End at last", where, line,
                text_of(walk.node()));
  }
  return walk.result();
}

}  // namespace hemiola::tokens
