#include "score/notation_text.h"

#include <algorithm>
#include <cctype>

#include "score/instruments.h"
#include "score/notation_words.h"

namespace hemiola::notation {
namespace {

constexpr std::size_t kMostBars = 2'000'000;
constexpr std::size_t kMostVoices = 128;  // of one track
constexpr int kMostTicks = 1 << 24;       // of one element or bar

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

struct Dynamic {
  std::string_view name;
  std::uint8_t velocity_class;
};
constexpr std::array<Dynamic, 8> kDynamics = {
    {{"ppp", 2}, {"pp", 4}, {"p", 6}, {"mp", 8}, {"mf", 10}, {"f", 12}, {"ff", 14}, {"fff", 15}}};

class Parser {
 public:
  Parser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  Result<Parsed> run();

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void advance(std::size_t count = 1);
  bool accept(char c) {
    if (peek() != c) return false;
    advance();
    return true;
  }
  tl::unexpected<Error> error(std::string_view what) const { return fail_at(name_, place_, what); }
  tl::unexpected<Error> error(Place place, std::string_view what) const {
    return fail_at(name_, place, what);
  }

  Status line_start();
  Status begin_track(std::string_view instrument, Place place);
  Status begin_voice(Place place);
  Status ensure_voice();
  Status bar_line();
  Status item();
  Status number_item();
  Status letter_item();
  Status assignment();
  Status quoted();
  Status element();
  Status pitch();
  Status chord();
  Result<int> value(bool is_rest);
  Status dash();
  Status tie();
  Status open_group();
  Status add(Element element);
  Result<int> number(int least, int most, std::string_view what);
  Words& words_here(Place place);
  Status only_at_bar_start(std::string_view what) const;
  std::string_view word_at(std::size_t at) const;
  bool is_metre() const;

  std::string_view text_, name_;
  std::size_t at_ = 0;
  Place place_;
  Parsed out_;
  std::vector<std::size_t> voices_of_track_;
  bool voice_open_ = false;
  VoiceBar bar_;
  std::size_t bar_index_ = 0;
  std::uint8_t velocity_ = kUsualVelocity;
  int numerator_ = 1, denominator_ = 1;  // of the group we are in: 2/3 in a triplet
  bool in_group_ = false;
  Place group_place_;
};

void Parser::advance(std::size_t count) {
  for (; count > 0 && at_ < text_.size(); --count, ++at_) {
    if (text_[at_] == '\n') {
      ++place_.line;
      place_.column = 1;
    } else if ((static_cast<unsigned char>(text_[at_]) & 0xc0) != 0x80) {
      ++place_.column;
    }
  }
}

std::string_view Parser::word_at(std::size_t at) const {
  std::size_t end = at;
  while (end < text_.size() && is_letter(text_[end])) ++end;
  return text_.substr(at, end - at);
}

// Digits and a slash.
bool Parser::is_metre() const {
  std::size_t digits = 0;
  while (is_digit(peek(digits)) && digits < 9) ++digits;
  return digits > 0 && peek(digits) == '/';
}

Result<int> Parser::number(int least, int most, std::string_view what) {
  const Place place = place_;
  std::int64_t value = -1;
  while (is_digit(peek())) {
    value =
        std::min<std::int64_t>(1'000'000'000, std::max<std::int64_t>(value, 0) * 10 + peek() - '0');
    advance();
  }
  if (value < least || value > most) {
    return error(place, fmt::format("{}: expected a number from {} to {}", what, least, most));
  }
  return static_cast<int>(value);
}

// Remarks, track and voice lines; anything else is left where it is.
Status Parser::line_start() {
  while (is_space(peek())) advance();
  const std::string_view word = word_at(at_);
  const Place place = place_;
  const std::size_t end = std::min(text_.find('\n', at_), text_.size());
  if (!word.empty() && at_ + word.size() < text_.size() && text_[at_ + word.size()] == ':') {
    advance(end - at_);  // title:, w: and the like
    return {};
  }
  if (word != "track" && word != "voice") return {};
  std::string_view rest = text_.substr(at_ + word.size(), end - at_ - word.size());
  rest = rest.substr(0, rest.find('%'));
  while (!rest.empty() && is_space(rest.back())) rest.remove_suffix(1);
  while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
  if (in_group_) return error(group_place_, "this group is not closed: expected '}'");
  HEMIOLA_CHECK(bar_line());
  if (word == "track") {
    HEMIOLA_CHECK(begin_track(rest, place));
  } else {
    if (!rest.empty()) return error("'voice' stands alone on its line");
    if (out_.tracks.empty()) HEMIOLA_CHECK(begin_track("piano", place));
    HEMIOLA_CHECK(begin_voice(place));
  }
  advance(end - at_);
  return {};
}

Status Parser::begin_track(std::string_view instrument, Place place) {
  if (instrument == "none") {
    if (!out_.tracks.empty()) return error(place, "'track none' stands before any other track");
    out_.no_tracks = true;
    return begin_voice(place);
  }
  if (out_.no_tracks) return error(place, "no track can follow 'track none'");
  if (out_.tracks.size() == static_cast<std::size_t>(kMaxTracks)) {
    return error(place, fmt::format("more than {} tracks", kMaxTracks));
  }
  const auto parsed = parse_instrument(instrument);
  if (!parsed) return error(place, parsed.error().message);
  out_.tracks.push_back({static_cast<std::uint8_t>(parsed->program), parsed->is_drum});
  voices_of_track_.push_back(0);
  voice_open_ = false;
  bar_ = {out_.elements.size(), 0, 0, place_};
  bar_index_ = 0;
  return {};
}

Status Parser::begin_voice(Place place) {
  if (!out_.no_tracks && ++voices_of_track_.back() > kMostVoices) {
    return error(place, fmt::format("more than {} voices in one track", kMostVoices));
  }
  out_.voices.push_back({out_.no_tracks ? 0 : out_.tracks.size() - 1, {}});
  voice_open_ = true;
  bar_ = {out_.elements.size(), 0, 0, place_};
  bar_index_ = 0;
  velocity_ = kUsualVelocity;
  return {};
}

Status Parser::ensure_voice() {
  if (voice_open_) return {};
  if (out_.tracks.empty()) HEMIOLA_CHECK(begin_track("piano", place_));
  return begin_voice(place_);
}

Status Parser::bar_line() {
  if (in_group_) return error(group_place_, "this group is not closed: expected '}'");
  if (!voice_open_ || bar_.count == 0) return {};
  if (bar_index_ + 1 > kMostBars) return error(fmt::format("more than {} bars", kMostBars));
  out_.voices.back().bars.push_back(bar_);
  ++bar_index_;
  bar_ = {out_.elements.size(), 0, 0, place_};
  return {};
}

Status Parser::add(Element element) {
  if (bar_.count == 0) bar_.place = element.place;
  if (bar_.count > 0 && (element.whole_bar || out_.elements.back().whole_bar)) {
    return error(element.place, "'R' stands alone in its bar");
  }
  if (element.ticks > kMostTicks || bar_.ticks > kMostTicks) {
    return error(element.place, "this bar is far too long");
  }
  bar_.ticks += element.ticks;
  ++bar_.count;
  out_.elements.push_back(element);
  return {};
}

Words& Parser::words_here(Place place) {
  // What different voices say is kept apart, so that it can be compared.
  const std::size_t voice = out_.voices.size() + (voice_open_ ? 0 : 1);
  if (out_.words.empty() || out_.words.back().first != bar_index_ ||
      out_.words.back().second.voice != voice) {
    out_.words.emplace_back(bar_index_, Words());
    out_.words.back().second.voice = voice;
    out_.words.back().second.place = place;
  }
  return out_.words.back().second;
}

Status Parser::only_at_bar_start(std::string_view what) const {
  if (bar_.count > 0) return error(fmt::format("{} stands at the start of a bar", what));
  return {};
}

// Underlines, dots or an exact number of ticks, after a digit or a chord.
Result<int> Parser::value(bool is_rest) {
  const Place place = place_;
  if (accept(':')) {
    HEMIOLA_TRY(const int ticks, number(1, kMostTicks, "ticks (24 to the quarter)"));
    return ticks;
  }
  std::int64_t scaled = 24 * 64;  // 1/64 of a tick, so that three underlines and three dots divide
  while (accept('_')) {
    if ((scaled /= 2) < 3 * 64) return error(place, "expected at most three underlines");
  }
  std::int64_t dot = scaled / 2;
  for (int dots = 0; accept('.'); ++dots, dot /= 2) {
    if (dots == 3) return error(place, "expected at most three dots");
    scaled += dot;
  }
  scaled *= numerator_;
  if (scaled % (64LL * denominator_) != 0) {
    return error(place, fmt::format("this {} is no whole number of ticks (24 to the quarter)",
                                    is_rest ? "rest" : "note"));
  }
  return static_cast<int>(scaled / (64LL * denominator_));
}

Status Parser::pitch() {
  const Place place = place_;
  Pitch pitch;
  pitch.velocity_class = velocity_;
  if (accept('x')) {
    pitch.absolute = true;
    HEMIOLA_TRY(const int key, number(0, 127, "a key after 'x'"));
    pitch.number = static_cast<std::int16_t>(key);
  } else {
    for (; peek() == '#' || peek() == 'b'; advance()) {
      pitch.alteration = static_cast<std::int8_t>(pitch.alteration + (peek() == '#' ? 1 : -1));
      if (pitch.alteration < -2 || pitch.alteration > 2) {
        return error(place, "expected at most two accidentals");
      }
    }
    if (peek() < '1' || peek() > '7') {
      return error(
          fmt::format("expected a digit from 1 to 7{}", at_end() ? " before the end" : ""));
    }
    pitch.number = static_cast<std::int16_t>(peek() - '0');
    advance();
    while (peek() == '\'' || peek() == ',') {
      pitch.octave = static_cast<std::int8_t>(pitch.octave + (peek() == '\'' ? 1 : -1));
      if (pitch.octave < -7 || pitch.octave > 7) return error(place, "too many octave marks");
      advance();
    }
  }
  out_.pitches.push_back(pitch);
  return {};
}

Status Parser::chord() {
  const Place place = place_;
  advance();
  for (;;) {
    while (is_space(peek())) advance();
    if (accept(']')) return {};
    if (peek() == 'v') {
      advance();
      HEMIOLA_TRY(const int velocity, number(0, kVelocityClasses - 1, "a velocity after 'v'"));
      velocity_ = static_cast<std::uint8_t>(velocity);
      continue;
    }
    if (at_end() || peek() == '\n' || peek() == '|') {
      return error(place, "this chord is not closed: expected ']'");
    }
    HEMIOLA_CHECK(pitch());
  }
}

Status Parser::element() {
  Element element;
  element.place = place_;
  element.first_pitch = static_cast<std::uint32_t>(out_.pitches.size());
  const bool rest = accept('0');
  if (!rest) {
    if (peek() == '[') {
      HEMIOLA_CHECK(chord());
    } else {
      HEMIOLA_CHECK(pitch());
    }
    element.pitches = static_cast<std::uint32_t>(out_.pitches.size()) - element.first_pitch;
    if (element.pitches == 0) return error(element.place, "a chord of no notes");
  }
  HEMIOLA_TRY(element.ticks, value(rest));
  HEMIOLA_CHECK(add(element));
  return peek() == '~' ? tie() : Status();
}

Status Parser::tie() {
  const bool after_note = !out_.voices.back().bars.empty() || bar_.count > 0;
  if (!after_note || out_.elements.empty() || out_.elements.back().pitches == 0) {
    return error("a tie ('~') stands after a note");
  }
  out_.elements.back().tied = true;
  advance();
  return {};
}

// A quarter more for what stands before, across a bar line too.
Status Parser::dash() {
  const Place place = place_;
  advance();
  const bool after_something = !out_.voices.back().bars.empty() || bar_.count > 0;
  if (!after_something) return error(place, "a dash stands after a note");
  if (24 * numerator_ % denominator_ != 0) {
    return error(place, "this dash is no whole number of ticks (24 to the quarter)");
  }
  const int ticks = 24 * numerator_ / denominator_;
  Element& before = out_.elements.back();
  if (before.whole_bar) return error(place, "a dash stands after a note");
  if (bar_.count > 0) {
    before.ticks += ticks;
    bar_.ticks += ticks;
    if (bar_.ticks > kMostTicks) return error(place, "this bar is far too long");
  } else {
    Element more = before;
    before.tied = before.pitches > 0;
    more.ticks = ticks;
    more.tied = false;
    more.place = place;
    HEMIOLA_CHECK(add(more));
  }
  return peek() == '~' ? tie() : Status();
}

// {3 ...}: three in the time of two; {5:4 ...}.
Status Parser::open_group() {
  if (in_group_) return error("a group within a group cannot be said");
  group_place_ = place_;
  advance();
  HEMIOLA_TRY(const int count, number(2, 32, "how many notes, after '{'"));
  int time = count == 2 ? 3 : 1;
  if (count > 2) {
    while (time * 2 < count) time *= 2;
  }
  if (accept(':')) {
    HEMIOLA_TRY(time, number(1, 32, "in the time of how many, after ':'"));
  }
  if (!is_space(peek()) && peek() != '\n') return error("expected a space after '{3'");
  numerator_ = time;
  denominator_ = count;
  in_group_ = true;
  return {};
}

Status Parser::assignment() {
  HEMIOLA_CHECK(only_at_bar_start("a key or a tempo"));
  const Place place = place_;
  const char what = peek();
  advance(2);
  Words& words = words_here(place);
  if (what == 'q') {
    HEMIOLA_TRY(const int tempo, number(1, 1000, "quarters a minute"));
    words.tempo_class = static_cast<std::uint8_t>(nearest_tempo_class(tempo));
    return {};
  }
  std::size_t length = 0;
  while (is_letter(peek(length)) || peek(length) == '#') ++length;
  const std::string_view name = text_.substr(at_, length);
  if (what == '1' && accept('?')) {
    words.key.emplace(std::nullopt);
    return {};
  }
  const auto note = parse_note_name(name);
  const auto key = note ? key_of_words(what - '0', *note) : std::nullopt;
  if (!key) {
    return error(place, fmt::format("'{}={}' is no key: expected one like 1=C, 1=Bb or, in minor, "
                                    "6=F#, with seven sharps or flats at most",
                                    what, name));
  }
  words.key.emplace(*key);
  advance(length);
  return {};
}

// A digit: a note, a metre ("4/4") or a key ("1=C").
Status Parser::number_item() {
  if (peek(1) == '=') {
    if (peek() != '1' && peek() != '6') {
      return error("expected '1=' (major) or '6=' (minor) and the key's note");
    }
    return assignment();
  }
  if (!is_metre()) return element();
  HEMIOLA_CHECK(only_at_bar_start("a metre"));
  const Place place = place_;
  Metre metre;
  HEMIOLA_TRY(metre.numerator, number(1, kMaxMetreNumerator, "the beats of a metre"));
  advance();
  HEMIOLA_TRY(metre.denominator, number(1, 32, "the value of a metre's beats"));
  GridBar bar;
  bar.metre = metre;
  GridScore probe;
  probe.bars.push_back(bar);
  if (const Status status = validate(probe); !status) return error(place, status.error().message);
  words_here(place).metre = metre;
  return {};
}

Status Parser::letter_item() {
  if (peek() == 'q' && peek(1) == '=') return assignment();
  if (peek() == 'x' && is_digit(peek(1))) return element();
  if (peek() == 'b') return element();
  const std::string_view word = word_at(at_);
  if (word == "v" && is_digit(peek(1))) {
    advance();
    HEMIOLA_TRY(const int velocity, number(0, kVelocityClasses - 1, "a velocity after 'v'"));
    velocity_ = static_cast<std::uint8_t>(velocity);
    return {};
  }
  if (word == "R") {
    Element rest;
    rest.whole_bar = true;
    rest.place = place_;
    advance();
    return add(rest);
  }
  if (word == "upbeat") {
    HEMIOLA_CHECK(only_at_bar_start("'upbeat'"));
    if (bar_index_ > 0) return error("only the first bar can be an upbeat");
    words_here(place_).upbeat = true;
    advance(word.size());
    return {};
  }
  for (const Dynamic& dynamic : kDynamics) {
    if (word != dynamic.name) continue;
    velocity_ = dynamic.velocity_class;
    advance(word.size());
    return {};
  }
  return error(
      fmt::format("'{}' means nothing here: expected notes (1 to 7), a rest (0 or R), a "
                  "bar line, or a key, metre or tempo (1=C 4/4 q=96)",
                  word.substr(0, 20)));
}

// "C:maj", "C:maj / A:min" or "/ A:min"
Status Parser::quoted() {
  const Place place = place_;
  const std::size_t begin = at_ + 1;
  const std::size_t end = text_.find_first_of("\"\n", begin);
  if (end == std::string_view::npos || text_[end] == '\n') {
    return error(place, "this chord symbol is not closed: expected '\"'");
  }
  std::string_view inside = text_.substr(begin, end - begin);
  const auto part = [](std::string_view from) {
    while (!from.empty() && is_space(from.front())) from.remove_prefix(1);
    while (!from.empty() && is_space(from.back())) from.remove_suffix(1);
    return from;
  };
  const std::size_t slash = inside.find('/');
  const std::string_view first = part(inside.substr(0, slash));
  const std::string_view second =
      slash == std::string_view::npos ? std::string_view() : part(inside.substr(slash + 1));
  const auto wrong = [&](std::string_view chord) {
    return error(place, fmt::format("'{}' is no chord: expected one like C:maj, F#:min7 or Bb:7",
                                    chord.substr(0, 20)));
  };
  std::optional<Chord> start, middle;
  if (!first.empty() && !(start = parse_chord(first))) return wrong(first);
  if (!second.empty() && !(middle = parse_chord(second))) return wrong(second);
  if (!start && !middle) return wrong(inside);
  if (bar_.count > 0) {
    if (middle) return error(place, "two chords stand at the start of a bar");
    out_.late_chords.push_back({bar_index_, bar_.ticks, *start, place});
  } else {
    Words& words = words_here(place);
    if (start) words.chord = start;
    if (middle) words.chord_at_middle = middle;
  }
  advance(end + 1 - at_);
  return {};
}

Status Parser::item() {
  const char c = peek();
  if (c == '|') {
    advance();
    if (peek() == ':' || (at_ >= 2 && text_[at_ - 2] == ':')) {
      return error("repeats cannot be said: write the bars out");
    }
    if (peek() == ']' || peek() == '.') advance();  // |] and |. end a piece
    return bar_line();
  }
  if (c == ':' && peek(1) == '|') return error("repeats cannot be said: write the bars out");
  if (c == '(' || c == ')') return advance(), Status();  // slurs
  if (c == '"') return quoted();
  // A header belongs to no voice: a track may be named after it.
  const bool header = (c != '\0' && peek(1) == '=') || word_at(at_) == "upbeat" || is_metre();
  if (!header) HEMIOLA_CHECK(ensure_voice());
  if (c == '0') return element();
  if (is_digit(c)) return number_item();
  if (c == '#' || c == '[') return element();
  if (is_letter(c)) return letter_item();
  if (c == '-') return dash();
  if (c == '~') return tie();
  if (c == '{') return open_group();
  if (c == '}') {
    if (!in_group_) return error("'}' without '{'");
    in_group_ = false;
    numerator_ = denominator_ = 1;
    advance();
    return {};
  }
  std::size_t length = 1;
  while ((static_cast<unsigned char>(peek(length)) & 0xc0) == 0x80) ++length;
  return error(
      fmt::format("'{}' means nothing here", text_.substr(at_, std::min(length, std::size_t{4}))));
}

Result<Parsed> Parser::run() {
  bool fresh_line = true;
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
  while (!at_end()) {
    if (fresh_line) {
      HEMIOLA_CHECK(line_start());
      fresh_line = false;
    } else if (peek() == '\n') {
      advance();
      fresh_line = true;
    } else if (is_space(peek())) {
      advance();
    } else if (peek() == '%') {
      advance(std::min(text_.find('\n', at_), text_.size()) - at_);
    } else {
      HEMIOLA_CHECK(item());
    }
  }
  HEMIOLA_CHECK(bar_line());
  return std::move(out_);
}

}  // namespace

Result<Parsed> parse(std::string_view text, std::string_view name) {
  return Parser(text, name).run();
}

tl::unexpected<Error> fail_at(std::string_view name, Place place, std::string_view what) {
  return fail("{}:{}:{}: {}", name, place.line, place.column, what);
}

}  // namespace hemiola::notation
