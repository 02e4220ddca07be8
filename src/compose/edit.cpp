#include "compose/edit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "compose/controls.h"
#include "compose/splice.h"
#include "score/analysis.h"
#include "score/instruments.h"

namespace hemiola {
namespace {

using midi::Event;
using midi::EventKind;
namespace meta = midi::meta;

constexpr int kDrumChannel = 9;

bool is_meta(const Event& event, std::uint8_t type) {
  return event.kind == EventKind::kMeta && event.data1 == type;
}

void set_payload(midi::File& file, Event& event, std::span<const std::uint8_t> bytes) {
  event.payload_begin = static_cast<std::uint32_t>(file.payload.size());
  event.payload_size = static_cast<std::uint32_t>(bytes.size());
  file.payload.insert(file.payload.end(), bytes.begin(), bytes.end());
}

Event new_meta(midi::File& file, std::uint8_t type, std::span<const std::uint8_t> bytes) {
  Event event;
  event.kind = EventKind::kMeta;
  event.data1 = type;
  set_payload(file, event, bytes);
  return event;
}

void insert_first(midi::Track& track, const Event& event) {
  track.events.insert(track.events.begin(), event);
}

void scale_tempos(midi::File& file, double factor) {
  const auto payload = [](double micros) {
    const auto value =
        static_cast<std::uint32_t>(std::clamp(std::llround(micros), 1LL, 0xffffffLL));
    return std::array{static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8),
                      static_cast<std::uint8_t>(value)};
  };
  bool at_start = false;
  for (midi::Track& track : file.tracks) {
    for (Event& event : track.events) {
      if (!is_meta(event, meta::kTempo) || event.payload_size != 3) continue;
      const auto bytes = file.payload_of(event);
      const double micros = bytes[0] * 65536.0 + bytes[1] * 256.0 + bytes[2];
      if (micros <= 0) continue;
      set_payload(file, event, payload(micros * factor));
      at_start = at_start || event.at == Tick(0);
    }
  }
  if (!at_start) {
    insert_first(file.tracks.front(), new_meta(file, meta::kTempo, payload(500000 * factor)));
  }
}

void state_key(midi::File& file, const Key& key) {
  for (midi::Track& track : file.tracks) {
    std::erase_if(track.events, [](const Event& e) { return is_meta(e, meta::kKeySignature); });
  }
  const std::array payload = {static_cast<std::uint8_t>(static_cast<std::int8_t>(key.fifths)),
                              static_cast<std::uint8_t>(key.minor ? 1 : 0)};
  insert_first(file.tracks.front(), new_meta(file, meta::kKeySignature, payload));
}

Status transpose(midi::File& file, int semitones) {
  for (midi::Track& track : file.tracks) {
    for (Event& event : track.events) {
      const bool keyed = event.kind == EventKind::kNoteOn || event.kind == EventKind::kNoteOff ||
                         event.kind == EventKind::kPolyPressure;
      if (!keyed || event.channel == kDrumChannel) continue;
      const int pitch = event.data1 + semitones;
      if (pitch < 0 || pitch > 127) {
        return fail("transposed by {} semitones, a note would leave the range of MIDI", semitones);
      }
      event.data1 = static_cast<std::uint8_t>(pitch);
    }
  }
  return {};
}

void name_chunk(midi::File& file, std::size_t chunk, std::string_view name) {
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(name.data()), name.size());
  for (Event& event : file.tracks[chunk].events) {
    if (!is_meta(event, meta::kTrackName)) continue;
    set_payload(file, event, bytes);
    return;
  }
  insert_first(file.tracks[chunk], new_meta(file, meta::kTrackName, bytes));
}

void change_program(midi::File& file, std::size_t chunk, int channel, int from, int to) {
  bool said = false;
  for (Event& event : file.tracks[chunk].events) {
    if (event.kind != EventKind::kProgram || event.channel != channel) continue;
    if (event.data1 != from) continue;
    event.data1 = static_cast<std::uint8_t>(to);
    said = true;
  }
  if (said) return;
  Event event;
  event.kind = EventKind::kProgram;
  event.channel = static_cast<std::uint8_t>(channel);
  event.data1 = static_cast<std::uint8_t>(to);
  insert_first(file.tracks[chunk], event);
}

// Gathers what the edits come to, then makes it in one go.
class Editor {
 public:
  explicit Editor(const data::Source& source);

  Status apply(const Edit& edit);
  Result<Edited> finish();

 private:
  struct Slot {
    EditNote note;
    std::vector<NoteOfFile> originals;  // empty: new
  };
  struct Voiced {
    bool is_drum = false;
    bool removed = false;
    Voice voice;
    std::map<NotePlace, Slot> notes;
    std::optional<int> program;        // changed to
    std::optional<std::string> title;  // changed to
  };

  Result<Voiced*> track(int number);
  Status add(Voiced& track, const EditNote& note);
  Status remove(Voiced& track, NotePlace place);
  void cut(const Slot& slot);
  double first_tempo() const;

  const data::Source& source_;
  std::vector<Voiced> tracks_;
  std::vector<NoteName> cut_;
  std::optional<double> tempo_;
  std::optional<Key> key_;
  int semitones_ = 0;
};

Editor::Editor(const data::Source& source) : source_(source) {
  const NotesOfFile originals = notes_of_file(source);
  const GridScore& grid = source.grid();
  for (std::size_t t = 0; t < grid.tracks.size(); ++t) {
    Voiced track;
    track.is_drum = grid.tracks[t].is_drum;
    const Track& first = source.score.tracks[source.standard.sources[t].front()];
    track.voice.chunk = first.source_track;
    track.voice.channel = first.channel;
    track.voice.program = grid.tracks[t].program;
    track.voice.is_drum = track.is_drum;
    for (std::size_t n = 0; n < grid.tracks[t].notes.size(); ++n) {
      const GridNote& note = grid.tracks[t].notes[n];
      Slot slot;
      slot.note = {note.onset, note.duration, note.pitch,
                   static_cast<std::uint8_t>(velocity_of_class(note.velocity_class))};
      slot.originals = originals[t][n];
      track.notes.emplace(NotePlace{note.onset, note.pitch}, std::move(slot));
    }
    tracks_.push_back(std::move(track));
  }
}

Result<Editor::Voiced*> Editor::track(int number) {
  if (number < 1 || static_cast<std::size_t>(number) > tracks_.size() ||
      tracks_[static_cast<std::size_t>(number) - 1].removed) {
    return fail("track {} is not there; there are {}", number, tracks_.size());
  }
  return &tracks_[static_cast<std::size_t>(number) - 1];
}

void Editor::cut(const Slot& slot) {
  for (const NoteOfFile& original : slot.originals) {
    const Track& track = source_.score.tracks[original.track];
    const Note& note = track.notes[original.note];
    cut_.push_back({track.source_track, track.channel, note.onset, note.pitch});
  }
}

Status Editor::remove(Voiced& track, NotePlace place) {
  const auto found = track.notes.find(place);
  if (found == track.notes.end()) {
    return fail("no note of pitch {} begins at tick {}", place.pitch, place.onset.count());
  }
  cut(found->second);
  track.notes.erase(found);
  return {};
}

Status Editor::add(Voiced& track, const EditNote& note) {
  if (source_.standard.map.source_at(note.onset) < Tick(0)) {
    return fail("tick {} is before the piece begins", note.onset.count());
  }
  const NotePlace place{note.onset, note.pitch};
  if (track.notes.contains(place)) {
    HEMIOLA_CHECK(remove(track, place));
  }
  track.notes.emplace(place, Slot{note, {}});
  return {};
}

Status Editor::apply(const Edit& edit) {
  using Kind = Edit::Kind;
  if (edit.kind == Kind::kTempo) {
    if (source_.file.division.is_smpte()) {
      return fail("this file counts time in film frames, not beats; its tempo cannot be changed");
    }
    tempo_ = edit.tempo;
    return {};
  }
  if (edit.kind == Kind::kKey) {
    const Key old = key_                              ? *key_
                    : source_.grid().bars.front().key ? *source_.grid().bars.front().key
                                                      : estimate_key(source_.grid()).key;
    if (edit.transpose) {
      semitones_ += (edit.key.tonic() - old.tonic() + 18) % 12 - 6;
    }
    key_ = edit.key;
    return {};
  }
  if (edit.kind == Kind::kAddTrack) {
    if (tracks_.size() == kMaxTracks) return fail("{} tracks are the most", kMaxTracks);
    Voiced track;
    track.is_drum = edit.is_drum;
    std::vector<Voice> taken;
    for (const Voiced& other : tracks_) taken.push_back(other.voice);
    const int program = edit.is_drum ? 0 : edit.program;
    track.voice.channel = choose_channel(source_.file, taken, program, edit.is_drum);
    track.voice.program = program;
    track.voice.is_drum = edit.is_drum;
    track.voice.name =
        !edit.name.empty() ? edit.name : std::string(instrument_name({program, edit.is_drum}));
    tracks_.push_back(std::move(track));
    return {};
  }
  HEMIOLA_TRY(Voiced* const track, this->track(edit.track));
  switch (edit.kind) {
    case Kind::kAdd:
      for (const EditNote& note : edit.notes) HEMIOLA_CHECK(add(*track, note));
      return {};
    case Kind::kRemove:
      for (const NotePlace& place : edit.places) HEMIOLA_CHECK(remove(*track, place));
      return {};
    case Kind::kChange:
      // All are taken out first, so that notes can change places.
      for (const NotePlace& place : edit.places) HEMIOLA_CHECK(remove(*track, place));
      for (const EditNote& note : edit.notes) HEMIOLA_CHECK(add(*track, note));
      return {};
    case Kind::kRemoveTrack:
      for (const auto& [place, slot] : track->notes) cut(slot);
      track->notes.clear();
      track->removed = true;
      return {};
    case Kind::kInstrument:
      if (track->is_drum) return fail("drums have no other instrument");
      track->program = track->voice.program = edit.program;
      return {};
    default:
      track->title = edit.name;
      if (track->voice.chunk < 0) track->voice.name = edit.name;
      return {};
  }
}

double Editor::first_tempo() const {
  const TempoMap tempos(source_.score);
  const auto starts = source_.grid().bar_starts();
  const TimeMap& map = source_.standard.map;
  const double seconds =
      (tempos.seconds_at(map.source_at(starts[1])) - tempos.seconds_at(map.source_at(starts[0])))
          .count();
  return seconds > 0 ? 60.0 * starts[1].count() / kGridQuarter.count() / seconds : 120;
}

Result<Edited> Editor::finish() {
  SpliceRequest request;
  request.cut_notes = std::move(cut_);
  std::size_t left = 0;
  for (const Voiced& track : tracks_) {
    left += track.notes.size();
    // A track that is gone, or new and without a note, is not written.
    if (track.notes.empty()) continue;
    const int voice = static_cast<int>(request.voices.size());
    request.voices.push_back(track.voice);
    for (const auto& [place, slot] : track.notes) {
      if (!slot.originals.empty()) continue;
      const Tick onset = source_.standard.map.source_at(slot.note.onset);
      const Tick end = source_.standard.map.source_at(slot.note.onset + slot.note.duration);
      request.notes.push_back(
          {onset, std::max(end - onset, Tick(1)), slot.note.pitch, slot.note.velocity, voice});
    }
  }
  if (left == 0) return fail("no note would be left; delete the piece instead");
  Edited edited{splice(source_.file, request).file, 1};
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    const Voiced& track = tracks_[t];
    if (t >= source_.standard.sources.size() || track.removed) continue;
    for (std::size_t s : source_.standard.sources[t]) {
      const Track& old = source_.score.tracks[s];
      const auto chunk = static_cast<std::size_t>(old.source_track);
      if (track.title) name_chunk(edited.file, chunk, *track.title);
      if (track.program) {
        change_program(edited.file, chunk, old.channel, old.program, *track.program);
      }
    }
  }
  if (tempo_) {
    edited.time_scale = first_tempo() / *tempo_;
    scale_tempos(edited.file, edited.time_scale);
  }
  if (semitones_ != 0) HEMIOLA_CHECK(transpose(edited.file, semitones_));
  if (key_) state_key(edited.file, *key_);
  return edited;
}

// Readers of JSON; each message begins with the edit's number.
Result<int> number_in(const Json& json, std::string_view name, int low, int high) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number_integer() || found->get<double>() < low ||
      found->get<double>() > high) {
    return fail("{}: expected a whole number from {} to {}", name, low, high);
  }
  return found->get<int>();
}

constexpr int kLastTick = 1 << 28;

Result<int> value_in(const Json& json, int low, int high, std::string_view what) {
  if (!json.is_number_integer() || json.get<double>() < low || json.get<double>() > high) {
    return fail("{}: expected a whole number from {} to {}", what, low, high);
  }
  return json.get<int>();
}

Result<EditNote> note_from(const Json& json) {
  if (!json.is_array() || json.size() != 4) {
    return fail("a note: expected [onset, duration, pitch, velocity]");
  }
  HEMIOLA_TRY(const int onset, value_in(json[0], 0, kLastTick, "onset"));
  HEMIOLA_TRY(const int duration, value_in(json[1], 1, kMaxDuration.count(), "duration"));
  HEMIOLA_TRY(const int pitch, value_in(json[2], 0, 127, "pitch"));
  HEMIOLA_TRY(const int velocity, value_in(json[3], 1, 127, "velocity"));
  return EditNote{GridTick(onset), GridTick(duration), static_cast<std::uint8_t>(pitch),
                  static_cast<std::uint8_t>(velocity)};
}

Result<NotePlace> place_from(const Json& json) {
  if (!json.is_array() || json.size() != 2) return fail("a place: expected [onset, pitch]");
  HEMIOLA_TRY(const int onset, value_in(json[0], 0, kLastTick, "onset"));
  HEMIOLA_TRY(const int pitch, value_in(json[1], 0, 127, "pitch"));
  return NotePlace{GridTick(onset), static_cast<std::uint8_t>(pitch)};
}

Result<std::string> text_in(const Json& json, std::string_view name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string()) return fail("{}: expected a text", name);
  return found->get<std::string>();
}

Status read_notes(const Json& json, Edit& edit) {
  const auto notes = json.find("notes");
  if (notes == json.end() || !notes->is_array()) return fail("notes: expected a list");
  for (const Json& item : *notes) {
    if (edit.kind == Edit::Kind::kRemove) {
      HEMIOLA_TRY(edit.places.emplace_back(), place_from(item));
    } else if (edit.kind == Edit::Kind::kAdd) {
      HEMIOLA_TRY(edit.notes.emplace_back(), note_from(item));
    } else {
      if (!item.is_object() || !item.contains("at") || !item.contains("to")) {
        return fail("notes: expected {{\"at\": [onset, pitch], \"to\": [onset, ...]}}");
      }
      HEMIOLA_TRY(edit.places.emplace_back(), place_from(item["at"]));
      HEMIOLA_TRY(edit.notes.emplace_back(), note_from(item["to"]));
    }
  }
  return {};
}

Result<Edit> edit_from(const Json& json) {
  using Kind = Edit::Kind;
  constexpr std::array<std::pair<std::string_view, Kind>, 9> kNames = {
      {{"add", Kind::kAdd},
       {"remove", Kind::kRemove},
       {"change", Kind::kChange},
       {"add_track", Kind::kAddTrack},
       {"remove_track", Kind::kRemoveTrack},
       {"instrument", Kind::kInstrument},
       {"rename_track", Kind::kRenameTrack},
       {"tempo", Kind::kTempo},
       {"key", Kind::kKey}}};
  if (!json.is_object()) return fail("expected an object");
  HEMIOLA_TRY(const std::string op, text_in(json, "op"));
  const auto named = std::find_if(kNames.begin(), kNames.end(),
                                  [&](const auto& entry) { return entry.first == op; });
  if (named == kNames.end()) return fail("op '{}' is not known", op);
  Edit edit;
  edit.kind = named->second;
  if (edit.kind == Kind::kTempo) {
    const auto tempo = json.find("tempo");
    if (tempo == json.end() || !tempo->is_number() || tempo->get<double>() < 10 ||
        tempo->get<double>() > 400) {
      return fail("tempo: expected a number from 10 to 400");
    }
    edit.tempo = tempo->get<double>();
    return edit;
  }
  if (edit.kind == Kind::kKey) {
    HEMIOLA_TRY(const std::string key, text_in(json, "key"));
    HEMIOLA_TRY(edit.key, parse_key(key));
    edit.transpose = json.value("transpose", Json(false)) == Json(true);
    return edit;
  }
  if (edit.kind == Kind::kAddTrack) {
    HEMIOLA_TRY(edit.program, number_in(json, "program", 0, 127));
    edit.is_drum = json.value("is_drum", Json(false)) == Json(true);
    if (json.contains("name")) {
      HEMIOLA_TRY(edit.name, text_in(json, "name"));
    }
    return edit;
  }
  HEMIOLA_TRY(edit.track, number_in(json, "track", 1, kMaxTracks));
  if (edit.kind == Kind::kInstrument) {
    HEMIOLA_TRY(edit.program, number_in(json, "program", 0, 127));
  } else if (edit.kind == Kind::kRenameTrack) {
    HEMIOLA_TRY(edit.name, text_in(json, "name"));
  } else if (edit.kind != Kind::kRemoveTrack) {
    HEMIOLA_CHECK(read_notes(json, edit));
  }
  return edit;
}

}  // namespace

NotesOfFile notes_of_file(const data::Source& source) {
  const GridScore& grid = source.grid();
  NotesOfFile result(grid.tracks.size());
  for (std::size_t t = 0; t < grid.tracks.size(); ++t) {
    const auto& notes = grid.tracks[t].notes;
    result[t].resize(notes.size());
    std::array<std::vector<std::size_t>, 128> of_pitch;
    for (std::size_t n = 0; n < notes.size(); ++n) of_pitch[notes[n].pitch].push_back(n);
    for (std::size_t s : source.standard.sources[t]) {
      TimeMap::Cursor cursor(source.standard.map);
      const auto& own = source.score.tracks[s].notes;
      for (std::size_t i = 0; i < own.size(); ++i) {
        const auto& candidates = of_pitch[own[i].pitch & 127];
        if (candidates.empty()) continue;
        const double at = cursor.exact_grid_at(own[i].onset);
        const auto distance = [&](std::size_t n) { return std::abs(notes[n].onset.count() - at); };
        auto after = std::lower_bound(
            candidates.begin(), candidates.end(), at,
            [&](std::size_t n, double value) { return notes[n].onset.count() < value; });
        if (after == candidates.end()) --after;
        if (after != candidates.begin() && distance(*(after - 1)) <= distance(*after)) --after;
        result[t][*after].push_back({s, i});
      }
    }
  }
  return result;
}

Result<std::vector<Edit>> edits_from_json(const Json& json) {
  if (!json.is_array()) return fail("edits: expected a list");
  std::vector<Edit> edits;
  for (const Json& item : json) {
    auto edit = edit_from(item);
    if (!edit) {
      return fail(std::move(edit.error()).within(fmt::format("edit {}", edits.size() + 1)));
    }
    edits.push_back(std::move(*edit));
  }
  return edits;
}

Result<Edited> edit_piece(const data::Source& source, std::span<const Edit> edits) {
  Editor editor(source);
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (auto status = editor.apply(edits[i]); !status) {
      return fail(std::move(status.error()).within(fmt::format("edit {}", i + 1)));
    }
  }
  return editor.finish();
}

}  // namespace hemiola
