#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "score/instruments.h"
#include "score/notation.h"
#include "score/notation_words.h"
#include "score/voices.h"

namespace hemiola {
namespace {

// A value that one sign can say: underlines and dots, and the dashes that follow it.
struct Sign {
  std::string_view marks;
  int dashes = 0;
};

std::optional<Sign> sign_of(int ticks) {
  switch (ticks) {
    case 3:
      return Sign{"___", 0};
    case 6:
      return Sign{"__", 0};
    case 9:
      return Sign{"__.", 0};
    case 12:
      return Sign{"_", 0};
    case 18:
      return Sign{"_.", 0};
    case 21:
      return Sign{"_..", 0};
    default:
      break;
  }
  if (ticks < 24) return std::nullopt;
  switch (ticks % 24) {
    case 0:
      return Sign{"", ticks / 24 - 1};
    case 12:
      return Sign{".", ticks / 24 - 1};
    case 18:
      return Sign{"..", ticks / 24 - 1};
    default:
      return std::nullopt;
  }
}

// What a bar of one voice holds: parts of sounds, and silence.
struct Part {
  int ticks = 0;
  const Sound* sound = nullptr;  // null: a rest
  bool begins = false;           // the sound begins here: its velocities are said
  bool goes_on = false;          // tied to the next part
  bool overruns = false;         // sounds beyond the last bar
};

std::string join(std::string a, std::string_view b) {
  if (!a.empty() && !b.empty()) a += ' ';
  return a.append(b);
}

class Writer {
 public:
  Writer(const GridScore& score, const NotationOptions& options)
      : score_(score), options_(options), starts_(score.bar_starts()) {
    // A first bar that is short shows by itself what it is; not if it is all there is.
    if (score.bars.size() > 1) unwritten_ = score.unwritten_rest().count();
  }

  std::string run();

 private:
  void write_voice(const VoiceLine& voice, bool is_first);
  std::string bar_words(std::size_t bar) const;
  std::vector<Part> parts_of(const VoiceLine& voice, std::size_t& next, std::size_t bar) const;
  std::string content_of(const std::vector<Part>& parts, std::size_t bar);
  std::size_t triplet_end(const std::vector<Part>& parts, std::size_t begin, int at) const;
  std::string part_text(const Part& part, int ticks, std::size_t bar);
  std::string head_of(const Part& part, bool velocities, std::size_t bar);
  std::string pitch_word(int pitch, std::size_t bar) const;
  void put(const std::string& words);
  void end_line();

  const GridScore& score_;
  const NotationOptions& options_;
  std::vector<GridTick> starts_;
  int unwritten_ = 0;  // of an upbeat bar
  std::string text_, line_;
  int velocity_ = notation::kUsualVelocity;  // in force in this voice
  bool drums_ = false;
};

// What is said at the start of a bar: what changes there, and its chords.
std::string Writer::bar_words(std::size_t index) const {
  const GridBar& bar = score_.bars[index];
  const GridBar* before = index > 0 ? &score_.bars[index - 1] : nullptr;
  std::string words;
  if (before == nullptr ? bar.key.has_value() : bar.key != before->key) {
    words = bar.key ? notation::key_words(*bar.key) : "1=?";
  }
  if (before == nullptr || bar.metre != before->metre) {
    words =
        join(std::move(words), fmt::format("{}/{}", bar.metre.numerator, bar.metre.denominator));
  }
  if (before == nullptr || bar.tempo_class != before->tempo_class) {
    words = join(std::move(words), fmt::format("q={}", kTempos[bar.tempo_class]));
  }
  if (index == 0 && score_.has_upbeat && unwritten_ == 0) words = join(std::move(words), "upbeat");
  if (bar.chord || bar.chord_at_middle) {
    std::string chords = bar.chord ? notation::chord_word(*bar.chord, bar.key) : "";
    if (bar.chord_at_middle) {
      chords = join(std::move(chords), "/ " + notation::chord_word(*bar.chord_at_middle, bar.key));
    }
    words = join(std::move(words), '"' + chords + '"');
  }
  return words;
}

std::vector<Part> Writer::parts_of(const VoiceLine& voice, std::size_t& next,
                                   std::size_t bar) const {
  std::vector<Part> parts;
  const int start = starts_[bar].count(), end = starts_[bar + 1].count();
  const int cell = cell_length(score_.bars[bar].metre).count();
  int at = start;
  if (bar == 0) at += unwritten_;
  // Rests end where a cell ends, so that a triplet's rest belongs to it.
  const auto rest_until = [&](int until) {
    while (at < until) {
      const int stop = std::min(until, start + ((at - start) / cell + 1) * cell);
      parts.push_back({stop - at, nullptr, false, false, false});
      at = stop;
    }
  };
  for (; next < voice.size() && voice[next].onset.count() < end; ++next) {
    const Sound& sound = voice[next];
    rest_until(sound.onset.count());
    const int until = sound.end().count();
    const bool last = bar + 1 == score_.bars.size();
    const int stop = last ? until : std::min(until, end);
    parts.push_back({stop - at, &sound, at == sound.onset.count(), until > stop, stop > end});
    at = stop;
    if (until > stop) break;  // the next bar has more of it
  }
  rest_until(end);
  return parts;
}

std::string Writer::pitch_word(int pitch, std::size_t bar) const {
  if (drums_) return fmt::format("x{}", pitch);
  static constexpr std::array<std::string_view, 12> kDegrees = {"1",  "#1", "2",  "b3", "3",  "4",
                                                                "#4", "5",  "#5", "6",  "b7", "7"};
  const int above = pitch - notation::pitch_of_one(score_.bars[bar].key);
  const int octave = (above + 120) / 12 - 10;
  std::string word(kDegrees[static_cast<std::size_t>(above - 12 * octave)]);
  return word.append(static_cast<std::size_t>(std::abs(octave)), octave > 0 ? '\'' : ',');
}

// A digit or a chord. Velocities stand before the notes that they are said for.
std::string Writer::head_of(const Part& part, bool velocities, std::size_t bar) {
  if (part.sound == nullptr) return "0";
  const auto& notes = part.sound->pitches;
  std::string before, head;
  for (const auto& [pitch, velocity] : notes) {
    if (velocities && velocity != velocity_) {
      velocity_ = velocity;
      (head.empty() ? before : head) += fmt::format("{}v{}", head.empty() ? "" : " ", velocity_);
    }
    head = join(std::move(head), pitch_word(pitch, bar));
  }
  return join(std::move(before), notes.size() > 1 ? '[' + head + ']' : head);
}

// The part with `ticks` as its value, which is not its own inside a triplet.
std::string Writer::part_text(const Part& part, int ticks, std::size_t bar) {
  const auto signed_text = [&](const std::string& head, const Sign& sign, bool tie) {
    std::string text = head;
    text.append(sign.marks);
    for (int i = 0; i < sign.dashes; ++i) text += part.sound != nullptr ? " -" : " 0";
    return tie ? text + '~' : text;
  };
  const std::string head = head_of(part, part.begins, bar);
  if (const auto sign = sign_of(ticks); sign && (part.sound != nullptr || sign->dashes == 0)) {
    return signed_text(head, *sign, part.goes_on);
  }
  if (ticks % 3 == 0 && !part.overruns) {
    // Two signs: the longest that leaves one.
    for (int first = ticks - 3; first > 0; first -= 3) {
      const auto sign = sign_of(first), other = sign_of(ticks - first);
      if (!sign || !other) continue;
      const std::string again = head_of(part, false, bar);
      return signed_text(head, *sign, part.sound != nullptr) + ' ' +
             signed_text(again, *other, part.goes_on);
    }
  }
  return fmt::format("{}:{}{}", head, ticks, part.goes_on ? "~" : "");
}

// One past the last part of a group that is written as a triplet, or `begin` where none begins:
// parts that fill an eighth, a quarter or a half, each a value once three are in the time of two.
std::size_t Writer::triplet_end(const std::vector<Part>& parts, std::size_t begin, int at) const {
  for (const int window : {24, 48, 12}) {
    if (at % std::min(window, 24) != 0) continue;
    int filled = 0;
    bool needed = false, possible = true;
    std::size_t end = begin;
    for (; end < parts.size() && filled < window && possible; ++end) {
      const int ticks = parts[end].ticks;
      possible = ticks % 2 == 0 && sign_of(ticks * 3 / 2).has_value() && !parts[end].overruns;
      needed = needed || ticks % 3 != 0;
      filled += ticks;
    }
    if (possible && needed && filled == window) return end;
  }
  return begin;
}

std::string Writer::content_of(const std::vector<Part>& parts, std::size_t bar) {
  if (std::all_of(parts.begin(), parts.end(), [](const Part& p) { return p.sound == nullptr; })) {
    return "R";
  }
  std::string text;
  int at = bar == 0 ? unwritten_ : 0;
  for (std::size_t i = 0; i < parts.size();) {
    const std::size_t end = triplet_end(parts, i, at);
    const bool triplet = end > i;
    std::string group;
    do {
      const int ticks = parts[i].ticks;
      group = join(std::move(group), part_text(parts[i], triplet ? ticks * 3 / 2 : ticks, bar));
      at += ticks;
      ++i;
    } while (i < end);
    text = join(std::move(text), triplet ? "{3 " + group + '}' : group);
  }
  return text;
}

void Writer::end_line() {
  if (!line_.empty()) text_ += line_ + '\n';
  line_.clear();
}

void Writer::put(const std::string& words) {
  if (!line_.empty() && line_.size() + words.size() + 1 > options_.line_width) {
    const bool continues = line_.back() == '|';
    end_line();
    if (continues) line_ = "|";
  }
  line_ = join(std::move(line_), words);
}

void Writer::write_voice(const VoiceLine& voice, bool is_first) {
  velocity_ = notation::kUsualVelocity;
  std::size_t next = 0;
  if (is_first) put(bar_words(0));
  line_ = join(std::move(line_), "|");
  for (std::size_t bar = 0; bar < score_.bars.size(); ++bar) {
    if (!is_first && next == voice.size()) break;
    const std::string words = is_first && bar > 0 ? bar_words(bar) : "";
    put(join(words, content_of(parts_of(voice, next, bar), bar)) + " |");
  }
  end_line();
}

std::string Writer::run() {
  if (!options_.title.empty()) {
    std::string title = options_.title;
    std::replace_if(
        title.begin(), title.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    text_ = "title: " + title + '\n';
  }
  if (score_.tracks.empty()) {
    text_ += "track none\n";
    write_voice({}, true);
    return std::move(text_);
  }
  // One voice of the piano needs no name.
  std::vector<VoiceLine> voices = split_voices(score_.tracks.front().notes);
  const bool plain = score_.tracks.size() == 1 && voices.size() == 1 &&
                     score_.tracks[0].program == 0 && !score_.tracks[0].is_drum;
  for (std::size_t t = 0; t < score_.tracks.size(); ++t) {
    const GridTrack& track = score_.tracks[t];
    drums_ = track.is_drum;
    if (t > 0) voices = split_voices(track.notes);
    if (!plain) text_ += fmt::format("track {}\n", instrument_name({track.program, track.is_drum}));
    if (t == 0 && voices.empty()) voices.emplace_back();
    for (std::size_t v = 0; v < voices.size(); ++v) {
      if (v > 0) text_ += "voice\n";
      write_voice(voices[v], t == 0 && v == 0);
    }
  }
  return std::move(text_);
}

}  // namespace

Result<std::string> write_notation(const GridScore& score, const NotationOptions& options) {
  HEMIOLA_CHECK(validate(score));
  return Writer(score, options).run();
}

}  // namespace hemiola
