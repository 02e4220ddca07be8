#include "tokens/tokenizer.h"

#include <algorithm>

#include "base/hash.h"
#include "base/json.h"
#include "tokens/walk.h"
#include "tokens/write_words.h"

namespace hemiola::tokens {
namespace {

constexpr std::string_view kFormat = "hemiola-tokenizer";
constexpr std::size_t kFileLimit = std::size_t{16} << 20;

struct TokenSink {
  const Vocabulary& vocabulary;
  Encoded& out;

  void word(Word word) { out.tokens.push_back(word); }
  void bar() { out.bar_begins.push_back(static_cast<std::uint32_t>(out.tokens.size())); }
  void fill() { out.fill_begin = static_cast<std::uint32_t>(out.tokens.size()); }
  void segment(std::span<Word> words) {
    const std::size_t size = vocabulary.merge(words);
    out.tokens.insert(out.tokens.end(), words.begin(),
                      words.begin() + static_cast<std::ptrdiff_t>(size));
  }
};

std::string to_json(const Vocabulary& vocabulary, const Settings& settings) {
  Json json;
  json["format"] = kFormat;
  json["version"] = kVersion;
  json["date"] = kVersionDate;
  json["settings"] = {{"vocabulary", settings.vocabulary},
                      {"ticks_per_quarter", kGridQuarter.count()},
                      {"velocity_classes", kVelocityClasses}};
  Json& words = json["words"] = Json::array();
  for (Word word = 0; word < kWordCount; ++word) words.push_back(word_text(word));
  Json& merges = json["merges"] = Json::array();
  for (const Merge& merge : vocabulary.merges()) merges.push_back({merge.left, merge.right});
  json["styles"] = settings.styles;
  return json_text(json) + "\n";
}

Status check_styles(const std::vector<std::string>& styles) {
  if (styles.size() > kStyles) {
    return fail("{} styles, at most {} can be named", styles.size(), kStyles);
  }
  for (std::size_t i = 0; i < styles.size(); ++i) {
    if (styles[i].empty()) continue;
    if (std::find(styles.begin(), styles.begin() + static_cast<std::ptrdiff_t>(i), styles[i]) !=
        styles.begin() + static_cast<std::ptrdiff_t>(i)) {
      return fail("style '{}' is named twice", styles[i]);
    }
  }
  return {};
}

// The file's words must be this program's, one by one.
Status check_words(const Json& words) {
  if (!words.is_array() || words.size() != kWordCount) {
    return fail("words: expected a list of {}", kWordCount);
  }
  for (Word word = 0; word < kWordCount; ++word) {
    if (!words[word].is_string() || words[word].get<std::string>() != word_text(word)) {
      return fail("words[{}]: expected \"{}\", got {}", word, word_text(word),
                  json_text(words[word]));
    }
  }
  return {};
}

Result<std::vector<Merge>> read_merges(const Json& list) {
  if (!list.is_array()) return fail("merges: expected a list of pairs");
  std::vector<Merge> merges;
  merges.reserve(list.size());
  const auto is_id = [](const Json& value) {
    return value.is_number_unsigned() && value.get<std::uint64_t>() <= 0xffff;
  };
  for (const Json& pair : list) {
    if (!pair.is_array() || pair.size() != 2 || !is_id(pair[0]) || !is_id(pair[1])) {
      return fail("merges[{}]: expected a pair of ids, got {}", merges.size(), json_text(pair));
    }
    merges.push_back({pair[0].get<Token>(), pair[1].get<Token>()});
  }
  return merges;
}

Result<Settings> read_settings(const Json& json) {
  Settings settings;
  const auto number = [](const Json& object, const char* name) -> std::int64_t {
    const auto found = object.find(name);
    return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
  };
  const auto found = json.find("settings");
  if (found == json.end() || !found->is_object()) return fail("settings: missing");
  const std::int64_t vocabulary = number(*found, "vocabulary");
  if (vocabulary < kWordCount || vocabulary > 65535) {
    return fail("settings.vocabulary: expected {} to 65535", kWordCount);
  }
  settings.vocabulary = static_cast<int>(vocabulary);
  if (number(*found, "ticks_per_quarter") != kGridQuarter.count() ||
      number(*found, "velocity_classes") != kVelocityClasses) {
    return fail("settings: this program reads {} ticks a quarter and {} velocity classes only",
                kGridQuarter.count(), kVelocityClasses);
  }
  const auto styles = json.find("styles");
  if (styles == json.end() || !styles->is_array()) return fail("styles: expected a list of names");
  for (const Json& style : *styles) {
    if (!style.is_string()) return fail("styles: expected names, got {}", json_text(style));
    settings.styles.push_back(style.get<std::string>());
  }
  return settings;
}

}  // namespace

void Encoded::clear() {
  tokens.clear();
  bar_begins.clear();
  fill_begin = 0;
  notes = 0;
}

Result<Tokenizer> Tokenizer::plain(Settings settings) { return make({}, std::move(settings)); }

Result<Tokenizer> Tokenizer::make(std::vector<Merge> merges, Settings settings) {
  HEMIOLA_CHECK(check_styles(settings.styles));
  HEMIOLA_TRY(auto vocabulary, Vocabulary::make(std::move(merges), settings.vocabulary));
  Tokenizer tokenizer(std::move(vocabulary));
  tokenizer.settings_ = std::move(settings);
  tokenizer.json_ = to_json(tokenizer.vocabulary_, tokenizer.settings_);
  tokenizer.sha256_ = to_hex(Sha256().update(tokenizer.json_).finish());
  return tokenizer;
}

Result<Tokenizer> Tokenizer::parse(std::string_view text, std::string_view where) {
  const auto refuse = [&](std::string_view why) {
    return fail("{}: not a tokenizer of this program: {}", where, why);
  };
  HEMIOLA_TRY(const Json json, parse_json(text, where));
  if (!json.is_object() || json.value("format", Json()) != kFormat) {
    return refuse(fmt::format("no \"format\": \"{}\"", kFormat));
  }
  if (json.value("version", Json()) != kVersion) {
    return refuse(fmt::format("version {}, this program reads version {}",
                              json_text(json.value("version", Json())), kVersion));
  }
  if (auto status = check_words(json.value("words", Json())); !status) {
    return refuse(status.error().message);
  }
  auto settings = read_settings(json);
  if (!settings) return refuse(settings.error().message);
  auto merges = read_merges(json.value("merges", Json()));
  if (!merges) return refuse(merges.error().message);
  auto tokenizer = make(*std::move(merges), *std::move(settings));
  if (!tokenizer) return refuse(tokenizer.error().message);
  // The identity is that of the bytes that were read.
  tokenizer->json_ = text;
  tokenizer->sha256_ = to_hex(Sha256().update(text).finish());
  return tokenizer;
}

Result<Tokenizer> Tokenizer::load(const Path& path) {
  HEMIOLA_TRY(const std::string text, read_text(path, kFileLimit));
  return parse(text, path.string());
}

Status Tokenizer::save(const Path& path) const { return write_text(path, json_); }

int Tokenizer::style(std::string_view name) const {
  if (name.empty()) return 0;
  const auto found = std::ranges::find(settings_.styles, name);
  return found == settings_.styles.end() ? 0
                                         : static_cast<int>(found - settings_.styles.begin()) + 1;
}

Status Tokenizer::encode(const GridScore& score, const Frame& frame, Encoded& out) const {
  HEMIOLA_CHECK(check(frame, score));
  out.clear();
  TokenSink sink{vocabulary_, out};
  WordWriter(score, frame, sink).write();
  if (frame.holes.empty()) out.fill_begin = static_cast<std::uint32_t>(out.tokens.size());
  out.notes = static_cast<std::uint32_t>(score.note_count());
  return {};
}

Result<std::vector<Token>> Tokenizer::encode(const GridScore& score, const Frame& frame) const {
  Encoded encoded;
  HEMIOLA_CHECK(encode(score, frame, encoded));
  return std::move(encoded.tokens);
}

Result<std::vector<Token>> Tokenizer::encode_header(const std::vector<GridTrack>& tracks,
                                                    const Frame& frame) const {
  GridScore score;
  for (const GridTrack& track : tracks) score.tracks.push_back({track.program, track.is_drum, {}});
  HEMIOLA_CHECK(check(frame, score));
  Encoded encoded;
  TokenSink sink{vocabulary_, encoded};
  WordWriter(score, frame, sink).write_header();
  return std::move(encoded.tokens);
}

Result<Decoded> Tokenizer::decode(std::span<const Token> tokens) const {
  Walk walk;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] >= vocabulary_.used()) {
      return fail("token {}: {} is not in use; ids go up to {}", i, tokens[i],
                  vocabulary_.used() - 1);
    }
    for (const Word word : vocabulary_.words_of(tokens[i])) {
      if (auto status = walk.step(word); !status) {
        return fail("token {} ({}): {}", i, tokens[i], status.error().message);
      }
    }
  }
  if (!walk.at_end()) {
    return fail("the sequence of {} tokens breaks off after {}: expected End at last",
                tokens.size(), text_of(walk.node()));
  }
  return walk.result();
}

}  // namespace hemiola::tokens
