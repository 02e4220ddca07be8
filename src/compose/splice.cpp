#include "compose/splice.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>

namespace hemiola {
namespace {

using midi::Event;
using midi::EventKind;

constexpr int kDrumChannel = 9;
constexpr std::uint8_t kVolume = 7, kExpression = 11, kSustain = 64, kSostenuto = 66, kSoft = 67;

// At one tick: ends of new notes, the file's own events, what prepares new notes, their starts.
enum Rank { kNewOff, kOwn, kPrepare, kNewOn };

struct Placed {
  Event event;
  Rank rank = kOwn;
  int program = -1;  // of a new note-on: what it must sound with
};

bool is_channel_event(const Event& event) { return event.kind < EventKind::kSysEx; }
bool is_note_on(const Event& event) { return event.kind == EventKind::kNoteOn && event.data2 > 0; }
bool is_note_off(const Event& event) {
  return event.kind == EventKind::kNoteOff ||
         (event.kind == EventKind::kNoteOn && event.data2 == 0);
}
bool is_end_of_track(const Event& event) {
  return event.kind == EventKind::kMeta && event.data1 == midi::meta::kEndOfTrack;
}

Event channel_event(Tick at, EventKind kind, int channel, int data1, int data2) {
  Event event;
  event.at = at;
  event.kind = kind;
  event.channel = static_cast<std::uint8_t>(channel);
  event.data1 = static_cast<std::uint8_t>(data1);
  event.data2 = static_cast<std::uint8_t>(data2);
  return event;
}

// The controllers of the file that new music must not inherit, as they stand at a tick.
struct Stage {
  std::array<int, 128> value;
  int highest_volume = -1, highest_expression = -1;
  int bend = 8192;

  Stage() { value.fill(-1); }

  void follow(const Event& event) {
    if (event.kind == EventKind::kController && event.data1 < 128) {
      value[event.data1] = event.data2;
      if (event.data1 == kVolume) highest_volume = std::max<int>(highest_volume, event.data2);
      if (event.data1 == kExpression) {
        highest_expression = std::max<int>(highest_expression, event.data2);
      }
    } else if (event.kind == EventKind::kPitchBend) {
      bend = event.data1 + 128 * event.data2;
    }
  }

  void clear(Tick at, int channel, std::vector<Placed>& out) const {
    const auto set = [&](std::uint8_t controller, int to) {
      out.push_back({channel_event(at, EventKind::kController, channel, controller, to), kPrepare});
    };
    for (std::uint8_t pedal : {kSustain, kSostenuto, kSoft}) {
      if (value[pedal] > 0) set(pedal, 0);
    }
    if (bend != 8192) {
      out.push_back({channel_event(at, EventKind::kPitchBend, channel, 0, 64), kPrepare});
    }
    if (highest_volume > 0 && 2 * value[kVolume] < highest_volume) set(kVolume, highest_volume);
    if (highest_expression > 0 && 2 * value[kExpression] < highest_expression)
      set(kExpression, highest_expression);
  }
};

// The kept events of one chunk, and until when its kept notes sound.
struct Kept {
  std::vector<Placed> events;
  std::map<std::pair<int, int>, std::vector<std::pair<Tick, Tick>>> sounding;  // by channel, pitch
};

Kept keep(const midi::Track& track, int chunk, const SpliceRequest& request,
          const std::set<NoteName>& cut) {
  Kept kept;
  struct Open {
    Tick onset;
    bool stays;
  };
  std::map<std::pair<int, int>, std::deque<Open>> open;
  for (const Event& event : track.events) {
    const bool late = request.cut_from && event.at >= *request.cut_from;
    bool stays = !late && !is_end_of_track(event);
    if (is_note_on(event)) {
      const NoteName name{chunk, event.channel, event.at, event.data1};
      stays = stays && !cut.contains(name);
      open[{event.channel, event.data1}].push_back({event.at, stays});
    } else if (is_note_off(event)) {
      const std::pair<int, int> key{event.channel, event.data1};
      if (auto& notes = open[key]; !notes.empty()) {
        stays = notes.front().stays;
        if (stays) kept.sounding[key].push_back({notes.front().onset, event.at});
        notes.pop_front();
      }
    }
    if (stays) kept.events.push_back({event, kOwn});
  }
  return kept;
}

// Each new note on the program it wants, and the file's own notes after it on theirs. Only where
// the channel's program in force differs are changes written.
void mend_programs(std::vector<Placed>& events) {
  std::array<int, 16> own, now;  // as the chunk's own events say; as it stands; -1: not said here
  own.fill(-1), now.fill(-1);
  std::vector<Placed> out;
  out.reserve(events.size());
  for (const Placed& placed : events) {
    const Event& event = placed.event;
    const auto channel = static_cast<std::size_t>(event.channel & 15);
    const auto change_to = [&](int program) {
      if (program < 0 || now[channel] == program) return;
      out.push_back({channel_event(event.at, EventKind::kProgram, event.channel, program, 0)});
      now[channel] = program;
    };
    if (event.kind == EventKind::kProgram) own[channel] = now[channel] = event.data1;
    if (is_note_on(event)) change_to(placed.rank == kNewOn ? placed.program : own[channel]);
    out.push_back(placed);
  }
  events = std::move(out);
}

// What kept notes of the same channel and pitch leave to a new one, in ticks: where they overlap,
// the end of one would be taken for that of the other. Empty where the end is not after the onset.
std::pair<Tick, Tick> free_part(const std::vector<Kept>& chunks, std::pair<int, int> channel_pitch,
                                const NewNote& note, const std::function<Tick(Tick)>& next_place) {
  std::vector<std::pair<Tick, Tick>> kept;
  for (const Kept& chunk : chunks) {
    const auto here = chunk.sounding.find(channel_pitch);
    if (here != chunk.sounding.end()) {
      kept.insert(kept.end(), here->second.begin(), here->second.end());
    }
  }
  std::sort(kept.begin(), kept.end());
  Tick onset = note.onset, end = note.onset + std::max(note.duration, Tick(1));
  for (const auto& [begin, stop] : kept) {
    if (begin <= onset && onset < stop) onset = next_place ? next_place(stop) : stop;
    if (begin > onset) end = std::min(end, begin);
  }
  return {onset, end};
}

}  // namespace

Spliced splice(const midi::File& source, const SpliceRequest& request) {
  Spliced result;
  midi::File& file = result.file;
  file.format = source.format;
  file.division = source.division;
  file.payload = source.payload;
  const std::set<NoteName> cut(request.cut_notes.begin(), request.cut_notes.end());

  std::vector<Kept> chunks;
  for (std::size_t chunk = 0; chunk < source.tracks.size(); ++chunk) {
    chunks.push_back(keep(source.tracks[chunk], static_cast<int>(chunk), request, cut));
  }
  const auto add_meta = [&](std::vector<Placed>& events, Tick at, std::uint8_t type,
                            std::span<const std::uint8_t> bytes, Rank rank) {
    Event event;
    event.at = at;
    event.kind = EventKind::kMeta;
    event.data1 = type;
    event.payload_begin = static_cast<std::uint32_t>(file.payload.size());
    event.payload_size = static_cast<std::uint32_t>(bytes.size());
    file.payload.insert(file.payload.end(), bytes.begin(), bytes.end());
    events.push_back({event, rank});
  };

  std::vector<std::size_t> chunk_of_voice;
  for (const Voice& voice : request.voices) {
    if (voice.chunk >= 0 && static_cast<std::size_t>(voice.chunk) < chunks.size()) {
      chunk_of_voice.push_back(static_cast<std::size_t>(voice.chunk));
    } else if (source.format == 0 && !chunks.empty()) {
      chunk_of_voice.push_back(0);
    } else {
      chunk_of_voice.push_back(chunks.size());
      auto& events = chunks.emplace_back().events;
      if (!voice.name.empty()) {
        const auto* text = reinterpret_cast<const std::uint8_t*>(voice.name.data());
        add_meta(events, Tick(0), midi::meta::kTrackName, {text, voice.name.size()}, kOwn);
      }
      if (!voice.is_drum) {
        events.push_back(
            {channel_event(Tick(0), EventKind::kProgram, voice.channel, voice.program, 0)});
      }
    }
  }
  if (chunks.empty()) chunks.emplace_back();
  for (const auto& meta : request.metas) {
    add_meta(chunks[0].events, meta.at, meta.type, meta.payload, kPrepare);
  }

  if (request.reset_at) {
    // What a channel does may be said in any chunk; it is undone where the new notes are.
    std::array<Stage, 16> stages;
    std::vector<Event> before;
    for (const Kept& chunk : chunks) {
      for (const Placed& placed : chunk.events) {
        if (is_channel_event(placed.event) && placed.event.at <= *request.reset_at) {
          before.push_back(placed.event);
        }
      }
    }
    std::stable_sort(before.begin(), before.end(),
                     [](const Event& a, const Event& b) { return a.at < b.at; });
    for (const Event& event : before) stages[event.channel & 15].follow(event);
    std::set<int> done;
    for (std::size_t v = 0; v < request.voices.size(); ++v) {
      const int channel = request.voices[v].channel;
      if (!done.insert(channel).second) continue;
      stages[static_cast<std::size_t>(channel & 15)].clear(*request.reset_at, channel,
                                                           chunks[chunk_of_voice[v]].events);
    }
  }

  for (const NewNote& note : request.notes) {
    const Voice& voice = request.voices[static_cast<std::size_t>(note.voice)];
    const auto [onset, end] =
        free_part(chunks, {voice.channel, note.pitch}, note, request.next_place);
    if (onset >= end) continue;
    ++result.notes;
    auto& events = chunks[chunk_of_voice[static_cast<std::size_t>(note.voice)]].events;
    Placed on{channel_event(onset, EventKind::kNoteOn, voice.channel, note.pitch, note.velocity),
              kNewOn, voice.is_drum ? -1 : voice.program};
    events.push_back(on);
    events.push_back(
        {channel_event(end, EventKind::kNoteOff, voice.channel, note.pitch, 0), kNewOff});
  }

  for (std::size_t chunk = 0; chunk < chunks.size(); ++chunk) {
    auto& events = chunks[chunk].events;
    std::stable_sort(events.begin(), events.end(), [](const Placed& a, const Placed& b) {
      return a.event.at != b.event.at ? a.event.at < b.event.at : a.rank < b.rank;
    });
    const bool new_notes = std::any_of(events.begin(), events.end(),
                                       [](const Placed& placed) { return placed.rank == kNewOn; });
    if (new_notes) mend_programs(events);
    midi::Track track;
    for (const Placed& placed : events) track.events.push_back(placed.event);
    Tick end = track.events.empty() ? Tick(0) : track.events.back().at;
    if (new_notes || source.tracks.empty()) end = std::max(end, request.end);
    if (chunk < source.tracks.size() && !request.cut_from && !source.tracks[chunk].events.empty()) {
      end = std::max(end, source.tracks[chunk].events.back().at);
    }
    Event stop;
    stop.at = end;
    stop.kind = EventKind::kMeta;
    stop.data1 = midi::meta::kEndOfTrack;
    track.events.push_back(stop);
    file.tracks.push_back(std::move(track));
  }
  return result;
}

int choose_channel(const midi::File& file, std::span<const Voice> taken, int program,
                   bool is_drum) {
  if (is_drum) return kDrumChannel;
  std::array<std::size_t, 16> notes{};
  std::array<std::set<int>, 16> programs;
  for (const midi::Track& track : file.tracks) {
    for (const Event& event : track.events) {
      if (is_note_on(event)) ++notes[event.channel & 15];
      if (event.kind == EventKind::kProgram) programs[event.channel & 15].insert(event.data1);
    }
  }
  for (const Voice& voice : taken) {
    const auto channel = static_cast<std::size_t>(voice.channel & 15);
    notes[channel] += 1;
    programs[channel].insert(voice.program);
  }
  int least = 0;
  for (int channel = 0; channel < 16; ++channel) {
    if (channel == kDrumChannel) continue;
    const auto c = static_cast<std::size_t>(channel);
    if (notes[c] == 0 && programs[c].empty()) return channel;
    if (notes[c] < notes[static_cast<std::size_t>(least)]) least = channel;
  }
  for (int channel = 0; channel < 16; ++channel) {
    const auto& used = programs[static_cast<std::size_t>(channel)];
    if (channel != kDrumChannel && used.size() == 1 && used.contains(program)) return channel;
  }
  return least;
}

}  // namespace hemiola
