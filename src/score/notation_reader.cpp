#include <algorithm>
#include <array>

#include "score/notation.h"
#include "score/notation_text.h"
#include "score/notation_words.h"

namespace hemiola {
namespace {

using notation::Element;
using notation::Parsed;
using notation::Pitch;
using notation::Place;
using notation::Voice;
using notation::VoiceBar;
using notation::Words;

std::string quarters(int ticks) {
  if (ticks % 24 == 0) return fmt::format("{}", ticks / 24);
  for (const int part : {2, 3, 4, 6, 8, 12}) {
    if (ticks * part % 24 != 0) continue;
    const int whole = ticks / 24, rest = ticks * part / 24 % part;
    return whole > 0 ? fmt::format("{} {}/{}", whole, rest, part)
                     : fmt::format("{}/{}", rest, part);
  }
  return fmt::format("{}/24", ticks);
}

class Reader {
 public:
  Reader(Parsed parsed, std::string_view name) : in_(std::move(parsed)), name_(name) {}

  Result<GridScore> run();

 private:
  Status set_bars();
  Status set_late_chords();
  Status find_upbeat();
  Status check_bars() const;
  Status read_voice(const Voice& voice);
  Result<int> pitch_of(const Pitch& pitch, std::size_t bar, Place place) const;
  int bar_ticks(std::size_t bar) const { return bar_length(score_.bars[bar].metre).count(); }
  tl::unexpected<Error> error(Place place, std::string_view what) const {
    return notation::fail_at(name_, place, what);
  }
  std::string bar_name(std::size_t bar) const {
    return fmt::format("bar {}", bar + (score_.has_upbeat ? 0 : 1));
  }

  Parsed in_;
  std::string_view name_;
  GridScore score_;
  std::vector<GridTick> starts_;
  int upbeat_ticks_ = 0;  // how much of an upbeat bar is written
};

// What is said at the bars, by any voice; two voices may say the same but nothing else.
Status Reader::set_bars() {
  std::size_t count = 0;
  for (const Voice& voice : in_.voices) count = std::max(count, voice.bars.size());
  if (count == 0) return error({1, 1}, "no notes and no bars: expected something like | 1 2 3 - |");
  std::stable_sort(in_.words.begin(), in_.words.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  GridBar bar;
  score_.bars.reserve(count);
  std::size_t next = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Words said;
    for (; next < in_.words.size() && in_.words[next].first == i; ++next) {
      const Words& words = in_.words[next].second;
      const auto take = [&](auto& into, const auto& from) {
        if (!from) return true;
        if (into && *into != *from) return false;
        into = from;
        return true;
      };
      if (!take(said.metre, words.metre) || !take(said.key, words.key) ||
          !take(said.tempo_class, words.tempo_class) || !take(said.chord, words.chord) ||
          !take(said.chord_at_middle, words.chord_at_middle)) {
        return error(words.place,
                     fmt::format("{} is said to be something else by another voice", bar_name(i)));
      }
      said.upbeat = said.upbeat || words.upbeat;
      said.place = words.place;
    }
    if (said.metre) bar.metre = *said.metre;
    if (said.key) bar.key = *said.key;
    if (said.tempo_class) bar.tempo_class = *said.tempo_class;
    bar.chord = said.chord;
    bar.chord_at_middle = said.chord_at_middle;
    if (bar.chord_at_middle && cell_count(bar.metre) % 2 != 0) {
      return error(said.place, fmt::format("a chord at the middle, but a bar of {}/{} has none",
                                           bar.metre.numerator, bar.metre.denominator));
    }
    if (i == 0) score_.has_upbeat = said.upbeat;
    score_.bars.push_back(bar);
  }
  return {};
}

Status Reader::set_late_chords() {
  for (const Parsed::LateChord& late : in_.late_chords) {
    if (late.bar >= score_.bars.size()) continue;
    GridBar& bar = score_.bars[late.bar];
    if (cell_count(bar.metre) % 2 != 0 || late.ticks * 2 != bar_ticks(late.bar)) {
      return error(late.place, "a chord stands at the start or at the middle of a bar");
    }
    if (bar.chord_at_middle && *bar.chord_at_middle != late.chord) {
      return error(late.place, "another chord was said for this place");
    }
    bar.chord_at_middle = late.chord;
  }
  return {};
}

// A first bar that is short in all voices, and not the last, is an upbeat.
Status Reader::find_upbeat() {
  const int full = bar_ticks(0);
  std::optional<int> written;
  const VoiceBar* first = nullptr;
  bool agree = true;
  for (const Voice& voice : in_.voices) {
    if (voice.bars.empty() || in_.elements[voice.bars[0].first].whole_bar) continue;
    if (!written) {
      written = voice.bars[0].ticks;
      first = &voice.bars[0];
    }
    agree = agree && *written == voice.bars[0].ticks;
  }
  upbeat_ticks_ = full;
  if (!written || *written >= full) return {};
  if (score_.bars.size() == 1 && !score_.has_upbeat) return {};  // all there is: cut short
  if (!agree) return error(first->place, "the voices have upbeats of unlike lengths");
  score_.has_upbeat = true;
  upbeat_ticks_ = *written;
  return {};
}

Status Reader::check_bars() const {
  for (const Voice& voice : in_.voices) {
    for (std::size_t i = 0; i < voice.bars.size(); ++i) {
      const VoiceBar& bar = voice.bars[i];
      const Element& last = in_.elements[bar.first + bar.count - 1];
      if (last.whole_bar) continue;
      const int full = i == 0 ? upbeat_ticks_ : bar_ticks(i);
      if (bar.ticks == full) continue;
      if (i + 1 == score_.bars.size()) {
        // The end may be short of a full bar, and the last note may sound beyond it.
        if (bar.ticks < full || (last.pitches > 0 && bar.ticks - last.ticks < full)) continue;
      }
      return error(bar.place, fmt::format("{} lasts {} quarters, expected {}", bar_name(i),
                                          quarters(bar.ticks), quarters(full)));
    }
  }
  return {};
}

Result<int> Reader::pitch_of(const Pitch& pitch, std::size_t bar, Place place) const {
  if (pitch.absolute) return pitch.number;
  const int key = notation::pitch_of_one(score_.bars[bar].key) +
                  notation::kScale[static_cast<std::size_t>(pitch.number - 1)] + pitch.alteration +
                  12 * pitch.octave;
  if (key < 0 || key > 127) return error(place, "this note is out of the range of MIDI");
  return key;
}

Status Reader::read_voice(const Voice& voice) {
  std::vector<GridNote>& notes = score_.tracks[voice.track].notes;
  struct Held {
    int pitch = 0;
    std::size_t note = 0;
  };
  std::vector<Held> held;  // by ties, from the element before
  Place tie_place;
  std::vector<Held> next;
  for (std::size_t b = 0; b < voice.bars.size(); ++b) {
    const VoiceBar& bar = voice.bars[b];
    GridTick at = starts_[b];
    if (b == 0) at += GridTick(bar_ticks(0) - upbeat_ticks_);
    for (std::size_t e = bar.first; e < bar.first + bar.count; ++e) {
      const Element& element = in_.elements[e];
      next.clear();
      bool joined = held.empty();
      for (std::uint32_t p = 0; p < element.pitches; ++p) {
        const Pitch& pitch = in_.pitches[element.first_pitch + p];
        HEMIOLA_TRY(const int key, pitch_of(pitch, b, element.place));
        const auto before =
            std::find_if(held.begin(), held.end(), [&](const Held& h) { return h.pitch == key; });
        std::size_t index = notes.size();
        if (before != held.end()) {
          index = before->note;
          notes[index].duration += GridTick(element.ticks);
          joined = true;
        } else {
          notes.push_back(
              {at, GridTick(element.ticks), static_cast<std::uint8_t>(key), pitch.velocity_class});
        }
        if (notes[index].duration > kMaxDuration) {
          return error(element.place, fmt::format("this note lasts more than {} quarters",
                                                  kMaxDuration / kGridQuarter));
        }
        next.push_back({key, index});
      }
      if (!joined) return error(tie_place, "this tie leads to no note of the same pitch");
      if (!element.tied) next.clear();
      std::swap(held, next);
      tie_place = element.place;
      at += GridTick(element.ticks);
    }
  }
  if (!held.empty()) return error(tie_place, "this tie leads nowhere");
  return {};
}

// In order, doubles joined, overlaps of one pitch cut.
void settle(std::vector<GridNote>& notes) {
  std::stable_sort(notes.begin(), notes.end(), [](const GridNote& a, const GridNote& b) {
    return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
  });
  std::array<std::int32_t, 128> last;
  last.fill(-1);
  std::size_t kept = 0;
  for (const GridNote note : notes) {
    if (const std::int32_t index = last[note.pitch]; index >= 0) {
      GridNote& before = notes[static_cast<std::size_t>(index)];
      if (before.onset == note.onset) {
        before.duration = std::max(before.duration, note.duration);
        before.velocity_class = std::max(before.velocity_class, note.velocity_class);
        continue;
      }
      before.duration = std::min(before.duration, note.onset - before.onset);
    }
    last[note.pitch] = static_cast<std::int32_t>(kept);
    notes[kept++] = note;
  }
  notes.resize(kept);
}

Result<GridScore> Reader::run() {
  HEMIOLA_CHECK(set_bars());
  HEMIOLA_CHECK(set_late_chords());
  HEMIOLA_CHECK(find_upbeat());
  HEMIOLA_CHECK(check_bars());
  starts_ = score_.bar_starts();
  for (const notation::TextTrack& track : in_.tracks) {
    score_.tracks.push_back({track.program, track.is_drum, {}});
  }
  for (const Voice& voice : in_.voices) {
    if (in_.no_tracks) {
      for (const VoiceBar& bar : voice.bars) {
        for (std::size_t e = bar.first; e < bar.first + bar.count; ++e) {
          if (in_.elements[e].pitches == 0) continue;
          return error(in_.elements[e].place, "a note under 'track none'");
        }
      }
      continue;
    }
    HEMIOLA_CHECK(read_voice(voice));
  }
  for (GridTrack& track : score_.tracks) settle(track.notes);
  if (auto status = validate(score_); !status) {
    return fail(std::move(status.error()).within(name_));
  }
  return std::move(score_);
}

}  // namespace

Result<GridScore> read_notation(std::string_view text, std::string_view name) {
  HEMIOLA_TRY(Parsed parsed, notation::parse(text, name));
  return Reader(std::move(parsed), name).run();
}

}  // namespace hemiola
