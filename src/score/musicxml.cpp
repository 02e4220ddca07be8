#include "score/musicxml.h"

#include <algorithm>
#include <array>
#include <set>

#include "score/instruments.h"
#include "score/musicxml_values.h"
#include "score/voices.h"

namespace hemiola {
namespace {

using musicxml::escaped;
using musicxml::spell;
using musicxml::Spelling;
using musicxml::Value;

constexpr int kMiddleC = 60;
constexpr int kLastKeyboard = 7;  // General MIDI programs 0 to 7

struct Staff {
  std::vector<VoiceLine> voices;
  bool bass_clef = false;
};

struct PartSource {
  std::string name;
  int program = 0;
  bool is_drum = false;
  std::vector<Staff> staves;  // one, or two for a grand staff
  std::set<int> keys;         // struck on a drum
};

double mean_pitch(const std::vector<GridNote>& notes) {
  double sum = 0;
  for (const GridNote& note : notes) sum += note.pitch;
  return notes.empty() ? kMiddleC : sum / static_cast<double>(notes.size());
}

Staff staff_of(const std::vector<GridNote>& notes) {
  return {split_voices(notes), mean_pitch(notes) < kMiddleC - 3};
}

// What a bar of one voice holds.
struct Piece {
  int ticks = 0;
  const Sound* sound = nullptr;                                     // null: silence
  bool from_before = false;                                         // tied to what stands before
  bool goes_on = false;                                             // tied to what follows
  bool in_group = false, group_begins = false, group_ends = false;  // a whole triplet
};

class XmlWriter {
 public:
  XmlWriter(const GridScore& score, const MusicXmlOptions& options);
  std::string run();

 private:
  void gather_parts();
  void extend_bars();
  void write_part_list();
  void write_part(const PartSource& part, std::size_t index);
  void write_measure(const PartSource& part, std::size_t index, std::size_t bar,
                     std::vector<std::vector<std::size_t>>& next);
  void write_attributes(const PartSource& part, std::size_t bar);
  void write_clefs(const PartSource& part);
  void write_tempo(std::size_t bar);
  void write_harmony(std::size_t bar);
  void write_harmony(const Chord& chord, int offset, const std::optional<Key>& key);
  std::vector<Piece> pieces_of(const VoiceLine& voice, std::size_t& next, std::size_t bar) const;
  void group_triplets(std::vector<Piece>& pieces, int at) const;
  void write_piece(const PartSource& part, const Piece& piece, std::size_t part_index,
                   std::size_t bar, int voice, std::size_t staff);
  void write_note(const PartSource& part, const Piece& piece, const Value& value, bool tie_stop,
                  bool tie_start, std::size_t part_index, std::size_t bar, int voice,
                  std::size_t staff);
  int bar_begin(std::size_t bar) const {
    return starts_[bar].count() + (bar == 0 ? unwritten_ : 0);
  }

  template <class... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }

  const GridScore& score_;
  const MusicXmlOptions& options_;
  std::vector<GridBar> bars_;
  std::vector<GridTick> starts_;
  int unwritten_ = 0;
  std::vector<PartSource> parts_;
  std::string out_;
};

XmlWriter::XmlWriter(const GridScore& score, const MusicXmlOptions& options)
    : score_(score), options_(options), bars_(score.bars) {
  unwritten_ = score.unwritten_rest().count();
  extend_bars();
  gather_parts();
}

void XmlWriter::extend_bars() {
  GridTick end{};
  for (const GridTrack& track : score_.tracks) {
    for (const GridNote& note : track.notes) end = std::max(end, note.onset + note.duration);
  }
  GridScore bars;
  bars.bars = std::move(bars_);
  starts_ = bars.bar_starts();
  bars_ = std::move(bars.bars);
  while (starts_.back() < end) {
    GridBar more = bars_.back();
    more.chord.reset();
    more.chord_at_middle.reset();
    bars_.push_back(more);
    starts_.push_back(starts_.back() + bar_length(more.metre));
  }
}

void XmlWriter::gather_parts() {
  for (std::size_t t = 0; t < score_.tracks.size(); ++t) {
    const GridTrack& track = score_.tracks[t];
    PartSource part;
    part.program = track.program;
    part.is_drum = track.is_drum;
    part.name = t < options_.part_names.size()
                    ? options_.part_names[t]
                    : std::string(instrument_name({track.program, track.is_drum}));
    const bool keyboard = !track.is_drum && track.program <= kLastKeyboard;
    const GridTrack* after = t + 1 < score_.tracks.size() ? &score_.tracks[t + 1] : nullptr;
    if (keyboard && after != nullptr && !after->is_drum && after->program == track.program &&
        !track.notes.empty() && !after->notes.empty() &&
        mean_pitch(track.notes) > mean_pitch(after->notes)) {
      part.staves = {staff_of(track.notes), staff_of(after->notes)};
      ++t;  // the second hand
    } else if (keyboard) {
      std::vector<GridNote> high, low;
      for (const GridNote& note : track.notes)
        (note.pitch >= kMiddleC ? high : low).push_back(note);
      part.staves = {{split_voices(high), false}, {split_voices(low), true}};
    } else {
      part.staves = {staff_of(track.notes)};
    }
    if (track.is_drum) {
      for (const GridNote& note : track.notes) part.keys.insert(note.pitch);
    }
    parts_.push_back(std::move(part));
  }
  // A score-partwise document has one part at least.
  if (parts_.empty()) parts_.push_back({"Silence", 0, false, {Staff()}, {}});
}

void XmlWriter::write_part_list() {
  put("  <part-list>");
  int melodic = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const PartSource& part = parts_[i];
    const int channel = part.is_drum ? 10 : melodic % 15 < 9 ? melodic % 15 + 1 : melodic % 15 + 2;
    if (!part.is_drum) ++melodic;
    put("    <score-part id=\"P{}\">", i + 1);
    put("      <part-name>{}</part-name>", escaped(part.name));
    const auto each_instrument = [&](auto&& write) {
      if (part.keys.empty()) return write(fmt::format("P{}-I1", i + 1), -1);
      for (const int key : part.keys) write(fmt::format("P{}-K{}", i + 1, key), key);
    };
    each_instrument([&](const std::string& id, int key) {
      put("      <score-instrument id=\"{}\">", id);
      put("        <instrument-name>{}</instrument-name>",
          key < 0 ? escaped(part.name) : fmt::format("Key {}", key));
      put("      </score-instrument>");
    });
    each_instrument([&](const std::string& id, int key) {
      put("      <midi-instrument id=\"{}\">", id);
      put("        <midi-channel>{}</midi-channel>", channel);
      put("        <midi-program>{}</midi-program>", part.program + 1);
      if (key >= 0) put("        <midi-unpitched>{}</midi-unpitched>", key + 1);
      put("      </midi-instrument>");
    });
    put("    </score-part>");
  }
  put("  </part-list>");
}

void XmlWriter::write_clefs(const PartSource& part) {
  for (std::size_t s = 0; s < part.staves.size(); ++s) {
    const std::string number = part.staves.size() > 1 ? fmt::format(" number=\"{}\"", s + 1) : "";
    put("        <clef{}>", number);
    if (part.is_drum) {
      put("          <sign>percussion</sign>");
    } else {
      const bool bass = part.staves[s].bass_clef;
      put("          <sign>{}</sign>", bass ? 'F' : 'G');
      put("          <line>{}</line>", bass ? 4 : 2);
    }
    put("        </clef>");
  }
}

void XmlWriter::write_attributes(const PartSource& part, std::size_t bar) {
  const GridBar* before = bar > 0 ? &bars_[bar - 1] : nullptr;
  const bool key = before == nullptr || before->key != bars_[bar].key;
  const bool time = before == nullptr || before->metre != bars_[bar].metre;
  if (!key && !time) return;
  put("      <attributes>");
  if (before == nullptr) put("        <divisions>{}</divisions>", kGridQuarter.count());
  if (key && !part.is_drum) {
    const Key said = bars_[bar].key.value_or(Key());
    put("        <key>");
    put("          <fifths>{}</fifths>", said.fifths);
    if (bars_[bar].key) put("          <mode>{}</mode>", said.minor ? "minor" : "major");
    put("        </key>");
  }
  if (time) {
    put("        <time>");
    put("          <beats>{}</beats>", bars_[bar].metre.numerator);
    put("          <beat-type>{}</beat-type>", bars_[bar].metre.denominator);
    put("        </time>");
  }
  if (before == nullptr) {
    if (part.staves.size() > 1) put("        <staves>{}</staves>", part.staves.size());
    write_clefs(part);
  }
  put("      </attributes>");
}

void XmlWriter::write_tempo(std::size_t bar) {
  if (bar > 0 && bars_[bar - 1].tempo_class == bars_[bar].tempo_class) return;
  const int tempo = kTempos[bars_[bar].tempo_class];
  put("      <direction placement=\"above\">");
  put("        <direction-type>");
  put("          <metronome>");
  put("            <beat-unit>quarter</beat-unit>");
  put("            <per-minute>{}</per-minute>", tempo);
  put("          </metronome>");
  put("        </direction-type>");
  put("        <sound tempo=\"{}\"/>", tempo);
  put("      </direction>");
}

void XmlWriter::write_harmony(const Chord& chord, int offset, const std::optional<Key>& key) {
  // In the order of ChordQuality.
  static constexpr std::array<std::string_view, kChordQualities> kKinds = {
      "major",         "minor",         "diminished", "augmented",       "suspended-fourth",
      "major-seventh", "minor-seventh", "dominant",   "half-diminished", "diminished-seventh",
      "major-minor",   "major-sixth",   "power"};
  const Spelling root = spell(kMiddleC + chord.root, key);
  put("      <harmony>");
  put("        <root>");
  put("          <root-step>{}</root-step>", root.step);
  if (root.alter != 0) put("          <root-alter>{}</root-alter>", root.alter);
  put("        </root>");
  put("        <kind>{}</kind>", kKinds[static_cast<std::size_t>(chord.quality)]);
  if (offset > 0) put("        <offset>{}</offset>", offset);
  put("      </harmony>");
}

void XmlWriter::write_harmony(std::size_t bar) {
  const GridBar& said = bars_[bar];
  const int length = starts_[bar + 1].count() - bar_begin(bar);
  if (said.chord) write_harmony(*said.chord, 0, said.key);
  if (said.chord_at_middle) {
    const int middle = bar_length(said.metre).count() / 2 - (bar == 0 ? unwritten_ : 0);
    if (middle >= 0 && middle < length) write_harmony(*said.chord_at_middle, middle, said.key);
  }
}

std::vector<Piece> XmlWriter::pieces_of(const VoiceLine& voice, std::size_t& next,
                                        std::size_t bar) const {
  std::vector<Piece> pieces;
  const int start = starts_[bar].count(), end = starts_[bar + 1].count();
  const int cell = cell_length(bars_[bar].metre).count();
  int at = bar_begin(bar);
  const auto rest_until = [&](int until) {
    while (at < until) {
      const int stop = std::min(until, start + ((at - start) / cell + 1) * cell);
      pieces.push_back({stop - at, nullptr, false, false, false, false, false});
      at = stop;
    }
  };
  for (; next < voice.size() && voice[next].onset.count() < end; ++next) {
    const Sound& sound = voice[next];
    rest_until(sound.onset.count());
    const int stop = std::min(sound.end().count(), end);
    pieces.push_back({stop - at, &sound, at > sound.onset.count(), sound.end().count() > end, false,
                      false, false});
    at = stop;
    if (sound.end().count() > end) break;  // the next bar has more of it
  }
  rest_until(end);
  group_triplets(pieces, bar_begin(bar) - start);
  return pieces;
}

// Marks pieces that fill an eighth, a quarter or a half as triplets, each with one value.
void XmlWriter::group_triplets(std::vector<Piece>& pieces, int at) const {
  for (std::size_t i = 0; i < pieces.size();) {
    std::size_t end = i;
    for (const int window : {24, 48, 12}) {
      if (at % std::min(window, 24) != 0) continue;
      int filled = 0;
      bool needed = false, possible = true;
      std::size_t j = i;
      for (; j < pieces.size() && filled < window && possible; ++j) {
        possible = musicxml::triplet_value(pieces[j].ticks).has_value();
        needed = needed || pieces[j].ticks % 3 != 0;
        filled += pieces[j].ticks;
      }
      if (possible && needed && filled == window && j - i > 1) {
        end = j;
        break;
      }
    }
    if (end > i) {
      pieces[i].group_begins = pieces[end - 1].group_ends = true;
      for (; i < end; ++i) {
        pieces[i].in_group = true;
        at += pieces[i].ticks;
      }
    } else {
      at += pieces[i++].ticks;
    }
  }
}

void XmlWriter::write_note(const PartSource& part, const Piece& piece, const Value& value,
                           bool tie_stop, bool tie_start, std::size_t part_index, std::size_t bar,
                           int voice, std::size_t staff) {
  const std::size_t count = piece.sound != nullptr ? piece.sound->pitches.size() : 1;
  for (std::size_t n = 0; n < count; ++n) {
    std::string dynamics;
    if (piece.sound != nullptr) {
      // In percent of a forte, which is a velocity of 90.
      const int velocity = velocity_of_class(piece.sound->pitches[n].velocity_class);
      dynamics = fmt::format(" dynamics=\"{:.2f}\"", velocity * 100.0 / 90);
    }
    put("      <note{}>", dynamics);
    if (n > 0) put("        <chord/>");
    if (piece.sound == nullptr) {
      put("        <rest/>");
    } else {
      const int pitch = piece.sound->pitches[n].pitch;
      const Spelling said =
          part.is_drum ? spell(64 + pitch % 12, std::nullopt) : spell(pitch, bars_[bar].key);
      if (part.is_drum) {
        put("        <unpitched>");
        put("          <display-step>{}</display-step>", said.step);
        put("          <display-octave>{}</display-octave>", said.octave);
        put("        </unpitched>");
      } else {
        put("        <pitch>");
        put("          <step>{}</step>", said.step);
        if (said.alter != 0) put("          <alter>{}</alter>", said.alter);
        put("          <octave>{}</octave>", said.octave);
        put("        </pitch>");
      }
    }
    put("        <duration>{}</duration>", value.ticks);
    if (tie_stop) put("        <tie type=\"stop\"/>");
    if (tie_start) put("        <tie type=\"start\"/>");
    if (part.is_drum && piece.sound != nullptr) {
      put("        <instrument id=\"P{}-K{}\"/>", part_index + 1, piece.sound->pitches[n].pitch);
    }
    put("        <voice>{}</voice>", voice);
    put("        <type>{}</type>", value.type);
    for (int dot = 0; dot < value.dots; ++dot) put("        <dot/>");
    if (value.triplet) {
      put("        <time-modification>");
      put("          <actual-notes>3</actual-notes>");
      put("          <normal-notes>2</normal-notes>");
      put("        </time-modification>");
    }
    if (part.staves.size() > 1) put("        <staff>{}</staff>", staff + 1);
    const bool tuplet = n == 0 && (piece.group_begins || piece.group_ends);
    if (tie_stop || tie_start || tuplet) {
      put("        <notations>");
      if (tie_stop) put("          <tied type=\"stop\"/>");
      if (tie_start) put("          <tied type=\"start\"/>");
      if (tuplet) {
        put("          <tuplet type=\"{}\" number=\"1\"/>", piece.group_begins ? "start" : "stop");
      }
      put("        </notations>");
    }
    put("      </note>");
  }
}

void XmlWriter::write_piece(const PartSource& part, const Piece& piece, std::size_t part_index,
                            std::size_t bar, int voice, std::size_t staff) {
  const std::vector<Value> values = piece.in_group
                                        ? std::vector<Value>{*musicxml::triplet_value(piece.ticks)}
                                        : musicxml::values_of(piece.ticks);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool sounds = piece.sound != nullptr;
    const bool stop = sounds && (i > 0 || piece.from_before);
    const bool start = sounds && (i + 1 < values.size() || piece.goes_on);
    write_note(part, piece, values[i], stop, start, part_index, bar, voice, staff);
  }
}

void XmlWriter::write_measure(const PartSource& part, std::size_t index, std::size_t bar,
                              std::vector<std::vector<std::size_t>>& next) {
  const bool upbeat = bar == 0 && score_.has_upbeat;
  put("    <measure number=\"{}\"{}>", bar + (score_.has_upbeat ? 0 : 1),
      upbeat && unwritten_ > 0 ? " implicit=\"yes\"" : "");
  write_attributes(part, bar);
  if (index == 0) {
    write_tempo(bar);
    write_harmony(bar);
  }
  const int length = starts_[bar + 1].count() - bar_begin(bar);
  int voice_number = 0;
  bool first = true;
  for (std::size_t s = 0; s < part.staves.size(); ++s) {
    const std::vector<VoiceLine>& voices = part.staves[s].voices;
    for (std::size_t v = 0; v < std::max<std::size_t>(1, voices.size()); ++v) {
      ++voice_number;
      std::size_t none = 0;
      const std::vector<Piece> pieces = v < voices.size() ? pieces_of(voices[v], next[s][v], bar)
                                                          : pieces_of(VoiceLine(), none, bar);
      const bool silent = std::none_of(pieces.begin(), pieces.end(),
                                       [](const Piece& p) { return p.sound != nullptr; });
      if (silent && v > 0) continue;  // a staff has one voice in each bar; more where they sound
      if (!first) {
        put("      <backup>");
        put("        <duration>{}</duration>", length);
        put("      </backup>");
      }
      first = false;
      if (silent && length == bar_length(bars_[bar].metre).count()) {
        put("      <note>");
        put("        <rest measure=\"yes\"/>");
        put("        <duration>{}</duration>", length);
        put("        <voice>{}</voice>", voice_number);
        if (part.staves.size() > 1) put("        <staff>{}</staff>", s + 1);
        put("      </note>");
        continue;
      }
      for (const Piece& piece : pieces) write_piece(part, piece, index, bar, voice_number, s);
    }
  }
  if (bar + 1 == bars_.size()) {
    put("      <barline location=\"right\">");
    put("        <bar-style>light-heavy</bar-style>");
    put("      </barline>");
  }
  put("    </measure>");
}

void XmlWriter::write_part(const PartSource& part, std::size_t index) {
  put("  <part id=\"P{}\">", index + 1);
  std::vector<std::vector<std::size_t>> next;
  for (const Staff& staff : part.staves) next.emplace_back(staff.voices.size());
  for (std::size_t bar = 0; bar < bars_.size(); ++bar) write_measure(part, index, bar, next);
  put("  </part>");
}

std::string XmlWriter::run() {
  put("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
  put("<!DOCTYPE score-partwise PUBLIC \"-//Recordare//DTD MusicXML 4.0 Partwise//EN\" "
      "\"http://www.musicxml.org/dtds/partwise.dtd\">");
  put("<score-partwise version=\"4.0\">");
  if (!options_.title.empty()) {
    put("  <work>");
    put("    <work-title>{}</work-title>", escaped(options_.title));
    put("  </work>");
  }
  put("  <identification>");
  put("    <encoding>");
  put("      <software>Hemiola</software>");
  put("    </encoding>");
  put("  </identification>");
  write_part_list();
  for (std::size_t i = 0; i < parts_.size(); ++i) write_part(parts_[i], i);
  put("</score-partwise>");
  return std::move(out_);
}

}  // namespace

Result<std::string> write_musicxml(const GridScore& score, const MusicXmlOptions& options) {
  HEMIOLA_CHECK(validate(score));
  return XmlWriter(score, options).run();
}

}  // namespace hemiola
