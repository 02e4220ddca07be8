#include "score/from_midi.h"

#include <algorithm>
#include <array>
#include <limits>

#include "score/midi_text.h"

namespace hemiola {
namespace {

using midi::Event;
using midi::EventKind;

constexpr std::size_t kChannels = 16;
constexpr std::size_t kPitches = 128;
constexpr std::uint8_t kDrumChannel = 9;
constexpr std::uint8_t kSustain = 64, kAllSoundOff = 120, kResetControllers = 121,
                       kAllNotesOff = 123;

bool is_note_on(const Event& event) { return event.kind == EventKind::kNoteOn && event.data2 > 0; }
bool is_note_off(const Event& event) {
  return event.kind == EventKind::kNoteOff ||
         (event.kind == EventKind::kNoteOn && event.data2 == 0);
}

// Something that holds from a tick on, and the chunk that says so.
template <class T>
struct Dated {
  Tick at{};
  std::size_t chunk = 0;
  T value{};
};

template <class T>
void sort_by_time(std::vector<Dated<T>>& items) {
  std::stable_sort(items.begin(), items.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
}

// By time, one for each tick: the last that the first of the chunks says there.
template <class T>
void settle(std::vector<Dated<T>>& items) {
  sort_by_time(items);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (kept > 0 && items[kept - 1].at == items[i].at) {
      if (items[kept - 1].chunk == items[i].chunk) items[kept - 1] = items[i];
    } else {
      items[kept++] = items[i];
    }
  }
  items.resize(kept);
}

// The value in force at a tick, asked for in rising order.
class Timeline {
 public:
  explicit Timeline(const std::vector<Dated<std::uint8_t>>* items = nullptr) : items_(items) {}

  std::uint8_t at(Tick tick) {
    if (items_ == nullptr) return 0;
    while (next_ < items_->size() && (*items_)[next_].at <= tick) ++next_;
    return next_ == 0 ? 0 : (*items_)[next_ - 1].value;
  }

 private:
  const std::vector<Dated<std::uint8_t>>* items_;
  std::size_t next_ = 0;
};

using Programs = std::array<std::vector<Dated<std::uint8_t>>, kChannels>;

// By onset already; those of one onset by pitch.
void sort_chords(std::vector<Note>& notes) {
  for (auto begin = notes.begin(); begin != notes.end();) {
    auto end = begin + 1;
    while (end != notes.end() && end->onset == begin->onset) ++end;
    const auto higher = [](const Note& x, const Note& y) { return x.pitch < y.pitch; };
    if (end - begin > 32) {
      std::stable_sort(begin, end, higher);
    } else {  // by insertion: no memory
      for (auto i = begin + 1; i < end; ++i)
        std::rotate(std::upper_bound(begin, i, *i, higher), i, i + 1);
    }
    begin = end;
  }
}

class Importer {
 public:
  Importer(const midi::File& file, const FromMidiOptions& options, FromMidiReport& report)
      : file_(file), options_(options), report_(report) {}

  Result<Score> run();

 private:
  Status set_division();
  void place_chunks();
  void read_controls(std::size_t chunk);
  void read_meta(std::size_t chunk, const Event& event, Tick at);
  void read_notes(std::size_t chunk);
  void hold_by_pedal();
  void name_tracks();
  void choose_lyrics();
  void write_conductor();

  const midi::File& file_;
  const FromMidiOptions& options_;
  FromMidiReport& report_;
  Score score_;
  bool smpte_ = false;
  std::vector<Tick> chunk_starts_;  // all 0 but in format 2
  std::vector<std::string> chunk_names_;
  std::vector<std::string> instrument_names_;
  std::vector<Dated<std::int32_t>> tempos_;
  std::vector<Dated<Metre>> metres_;
  std::vector<Dated<Key>> keys_;
  std::vector<Dated<std::string>> lyrics_;
  std::vector<Dated<std::string>> texts_;
  Programs programs_;                                         // of all chunks together
  std::array<std::vector<Dated<bool>>, kChannels> pedals_{};  // pressed or lifted
};

Status Importer::set_division() {
  const midi::Division& division = file_.division;
  if (!division.is_smpte()) {
    if (division.ticks_per_quarter == 0) {
      return fail("the header's division is 0: no ticks to the quarter note");
    }
    score_.ticks_per_quarter = division.ticks_per_quarter;
    return {};
  }
  if (division.ticks_per_frame == 0) {
    return fail("the header's division is SMPTE with 0 ticks a frame");
  }
  smpte_ = true;
  const bool drop = division.smpte_frames == 29;  // 30000/1001 frames a second
  const int per_second = (drop ? 30 : division.smpte_frames) * division.ticks_per_frame;
  const int divisor = per_second % 2 == 0 ? 2 : 1;
  score_.ticks_per_quarter = per_second / divisor;
  tempos_.push_back({Tick(0), 0, (drop ? 1'001'000 : 1'000'000) / divisor});
  return {};
}

// In format 2 each chunk is a pattern of its own: one after the other, each from a new bar on.
void Importer::place_chunks() {
  chunk_starts_.assign(file_.tracks.size(), Tick{});
  if (file_.format != 2) return;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < file_.tracks.size(); ++i) {
    chunk_starts_[i] = Tick(start);
    const auto& events = file_.tracks[i].events;
    if (events.empty()) continue;
    std::int64_t bar = 4LL * score_.ticks_per_quarter;
    std::int64_t bar_start = 0;
    for (const Event& event : events) {
      if (event.kind != EventKind::kMeta || event.data1 != midi::meta::kTimeSignature) continue;
      const auto bytes = file_.payload_of(event);
      if (bytes.size() < 2 || bytes[0] == 0 || bytes[1] > 5) continue;
      bar = std::max<std::int64_t>(1, (4LL * score_.ticks_per_quarter * bytes[0]) >> bytes[1]);
      bar_start = event.at.count();
    }
    const std::int64_t length = events.back().at.count() - bar_start;
    start += bar_start + (length + bar - 1) / bar * bar;
  }
}

void Importer::read_meta(std::size_t chunk, const Event& event, Tick at) {
  const auto bytes = file_.payload_of(event);
  switch (event.data1) {
    case midi::meta::kTempo: {
      if (smpte_) break;
      const std::int32_t value =
          bytes.size() < 3 ? 0 : (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];
      if (value > 0) {
        tempos_.push_back({at, chunk, value});
      } else {
        ++report_.bad_tempos;
      }
      break;
    }
    case midi::meta::kTimeSignature: {
      int numerator = bytes.size() < 2 ? 0 : bytes[0];
      int power = bytes.size() < 2 ? 0 : bytes[1];
      for (; power > 5 && numerator > 0 && numerator % 2 == 0; --power) numerator /= 2;
      if (numerator > 0 && power <= 5) {
        metres_.push_back({at, chunk, {numerator, 1 << power}});
      } else {
        ++report_.bad_metres;
      }
      break;
    }
    case midi::meta::kKeySignature: {
      const int fifths = bytes.size() < 2 ? 99 : static_cast<std::int8_t>(bytes[0]);
      if (fifths >= -7 && fifths <= 7 && bytes[1] <= 1) {
        keys_.push_back({at, chunk, {fifths, bytes[1] == 1}});
      } else {
        ++report_.bad_keys;
      }
      break;
    }
    case midi::meta::kTrackName:
      if (chunk_names_[chunk].empty()) chunk_names_[chunk] = trimmed(text_of(bytes));
      break;
    case midi::meta::kInstrumentName:
      if (instrument_names_[chunk].empty()) instrument_names_[chunk] = trimmed(text_of(bytes));
      break;
    case midi::meta::kLyric:
      lyrics_.push_back({at, chunk, text_of(bytes)});
      break;
    case midi::meta::kText:
      texts_.push_back({at, chunk, text_of(bytes)});
      break;
    case kSequencerSpecific:
      score_.bar_lines_known =
          score_.bar_lines_known ||
          std::equal(bytes.begin(), bytes.end(), kBarLinesMark.begin(), kBarLinesMark.end());
      break;
    default:
      break;
  }
}

// Everything that bears on other chunks too.
void Importer::read_controls(std::size_t chunk) {
  for (const Event& event : file_.tracks[chunk].events) {
    const Tick at = chunk_starts_[chunk] + event.at;
    if (event.kind == EventKind::kMeta) {
      read_meta(chunk, event, at);
    } else if (event.kind == EventKind::kProgram) {
      programs_[event.channel].push_back({at, chunk, event.data1});
    } else if (event.kind == EventKind::kController && options_.pedal) {
      if (event.data1 == kSustain) {
        pedals_[event.channel].push_back({at, chunk, event.data2 >= 64});
      } else if (event.data1 == kResetControllers) {
        pedals_[event.channel].push_back({at, chunk, false});
      }
    }
  }
}

void Importer::read_notes(std::size_t chunk) {
  struct Open {
    std::size_t track = 0;  // into score_.tracks
    std::size_t note = 0;   // into its notes
    std::int32_t next = -1;
  };
  struct Queue {
    std::int32_t first = -1, last = -1;
  };
  const auto& events = file_.tracks[chunk].events;
  if (std::none_of(events.begin(), events.end(), is_note_on)) {
    report_.unmatched_note_offs +=
        static_cast<std::size_t>(std::count_if(events.begin(), events.end(), is_note_off));
    return;
  }

  // A chunk's own programs go before those that other chunks set on its channels.
  Programs own;
  for (const Event& event : events) {
    if (event.kind == EventKind::kProgram) {
      own[event.channel].push_back({chunk_starts_[chunk] + event.at, chunk, event.data1});
    }
  }
  std::array<Timeline, kChannels> programs;
  for (std::size_t c = 0; c < kChannels; ++c) {
    programs[c] = Timeline(own[c].empty() && file_.format != 2 ? &programs_[c] : &own[c]);
  }

  const std::size_t first_track = score_.tracks.size();
  std::array<std::array<std::int32_t, kPitches>, kChannels> track_of;
  for (auto& row : track_of) row.fill(-1);
  std::vector<Queue> queues(kChannels * kPitches);
  std::vector<Open> open;
  std::int32_t free_open = -1;                    // a list of spent entries
  std::array<std::size_t, kChannels> sounding{};  // open notes

  const auto close = [&](Queue& queue, Tick at) {
    Open& entry = open[static_cast<std::size_t>(queue.first)];
    --sounding[static_cast<std::size_t>(score_.tracks[entry.track].channel)];
    Note& note = score_.tracks[entry.track].notes[entry.note];
    note.duration = at - note.onset;
    if (note.duration.count() <= 0) {
      note.duration = Tick(1);
      ++report_.zero_length_notes;
    }
    const std::int32_t spent = queue.first;
    queue.first = entry.next;
    if (queue.first < 0) queue.last = -1;
    entry.next = free_open;
    free_open = spent;
  };

  for (const Event& event : events) {
    const Tick at = chunk_starts_[chunk] + event.at;
    if (is_note_on(event)) {
      const bool drum = event.channel == kDrumChannel;
      const std::uint8_t program = drum ? 0 : programs[event.channel].at(at) & 127;
      std::int32_t& index = track_of[event.channel][program];
      if (index < 0) {
        index = static_cast<std::int32_t>(score_.tracks.size());
        Track& track = score_.tracks.emplace_back();
        track.program = program;
        track.is_drum = drum;
        track.channel = event.channel;
        track.source_track = static_cast<int>(chunk);
      }
      Track& track = score_.tracks[static_cast<std::size_t>(index)];
      track.notes.push_back({at, Tick{}, event.data1, event.data2});
      std::int32_t entry = free_open;
      if (entry >= 0) {
        free_open = open[static_cast<std::size_t>(entry)].next;
      } else {
        entry = static_cast<std::int32_t>(open.size());
        open.emplace_back();
      }
      open[static_cast<std::size_t>(entry)] = {static_cast<std::size_t>(index),
                                               track.notes.size() - 1, -1};
      Queue& queue = queues[event.channel * kPitches + event.data1];
      if (queue.last >= 0) {
        open[static_cast<std::size_t>(queue.last)].next = entry;
      } else {
        queue.first = entry;
      }
      queue.last = entry;
      ++sounding[event.channel];
    } else if (is_note_off(event)) {
      Queue& queue = queues[event.channel * kPitches + event.data1];
      if (queue.first >= 0) {
        close(queue, at);
      } else {
        ++report_.unmatched_note_offs;
      }
    } else if (event.kind == EventKind::kController &&
               (event.data1 == kAllSoundOff || event.data1 >= kAllNotesOff)) {
      for (std::size_t p = 0; p < kPitches && sounding[event.channel] > 0; ++p) {
        Queue& queue = queues[event.channel * kPitches + p];
        while (queue.first >= 0) close(queue, at);
      }
    }
  }
  const Tick end = chunk_starts_[chunk] + events.back().at;
  for (Queue& queue : queues) {
    for (; queue.first >= 0; ++report_.unmatched_note_ons) {
      const Open& entry = open[static_cast<std::size_t>(queue.first)];
      const Tick onset = score_.tracks[entry.track].notes[entry.note].onset;
      close(queue, std::min(end, onset + Tick(4 * score_.ticks_per_quarter)));
    }
  }
  std::stable_sort(score_.tracks.begin() + static_cast<std::ptrdiff_t>(first_track),
                   score_.tracks.end(),
                   [](const Track& a, const Track& b) { return a.channel < b.channel; });
}

void Importer::hold_by_pedal() {
  struct Held {
    Tick from{}, until{};
  };
  const Tick end = score_.end();
  std::array<std::vector<Held>, kChannels> held;
  for (std::size_t c = 0; c < kChannels; ++c) {
    sort_by_time(pedals_[c]);
    bool down = false;
    for (const Dated<bool>& pedal : pedals_[c]) {
      if (pedal.value == down) continue;
      down = pedal.value;
      if (down) {
        held[c].push_back({pedal.at, std::max(pedal.at, end)});
      } else {
        held[c].back().until = pedal.at;
      }
    }
  }
  for (Track& track : score_.tracks) {
    if (track.is_drum) continue;
    const auto& pedal = held[static_cast<std::size_t>(track.channel)];
    if (pedal.empty()) continue;
    std::array<Tick, kPitches> next_onset;
    next_onset.fill(Tick(std::numeric_limits<std::int64_t>::max()));
    for (std::size_t i = track.notes.size(); i-- > 0;) {
      Note& note = track.notes[i];
      const Tick off = note.onset + note.duration;
      auto after = std::lower_bound(pedal.begin(), pedal.end(), off,
                                    [](const Held& h, Tick t) { return h.from < t; });
      if (after != pedal.begin() && (after - 1)->until > off) {
        const Tick limit = std::max(off, next_onset[note.pitch]);
        note.duration = std::min((after - 1)->until, limit) - note.onset;
      }
      next_onset[note.pitch] = note.onset;
    }
  }
}

void Importer::name_tracks() {
  if (!chunk_names_.empty()) {
    const bool names_the_piece = file_.format == 0 || score_.tracks.front().source_track != 0;
    if (names_the_piece) score_.title = chunk_names_.front();
  }
  if (file_.format == 0) return;
  for (Track& track : score_.tracks) {
    const auto chunk = static_cast<std::size_t>(track.source_track);
    track.name = chunk_names_[chunk].empty() ? instrument_names_[chunk] : chunk_names_[chunk];
  }
}

// Karaoke files of the older kind have their words as plain text, after lines that begin with "@".
void Importer::choose_lyrics() {
  const auto is_mark = [](const std::string& text) { return !text.empty() && text[0] == '@'; };
  if (lyrics_.empty() && std::any_of(texts_.begin(), texts_.end(), [&](const auto& text) {
        return text.value.starts_with("@K") || text.value.starts_with("@L") ||
               text.value.starts_with("@T");
      })) {
    for (auto& text : texts_) {
      if (!is_mark(text.value)) lyrics_.push_back(std::move(text));
    }
  }
  sort_by_time(lyrics_);
  for (auto& lyric : lyrics_) {
    if (!lyric.value.empty()) score_.lyrics.push_back({lyric.at, std::move(lyric.value)});
  }
}

void Importer::write_conductor() {
  settle(tempos_);
  settle(metres_);
  settle(keys_);
  for (const auto& tempo : tempos_) {
    if (score_.tempos.empty() || score_.tempos.back().microseconds_per_quarter != tempo.value) {
      score_.tempos.push_back({tempo.at, tempo.value});
    }
  }
  // A metre that is stated again is kept: it may begin a new count of bars.
  for (const auto& metre : metres_) score_.metres.push_back({metre.at, metre.value});
  for (const auto& key : keys_) {
    if (score_.keys.empty() || score_.keys.back().key != key.value) {
      score_.keys.push_back({key.at, key.value});
    }
  }
}

Result<Score> Importer::run() {
  HEMIOLA_CHECK(set_division());
  place_chunks();
  chunk_names_.resize(file_.tracks.size());
  instrument_names_.resize(file_.tracks.size());
  for (std::size_t i = 0; i < file_.tracks.size(); ++i) read_controls(i);
  for (auto& programs : programs_) sort_by_time(programs);
  for (std::size_t i = 0; i < file_.tracks.size(); ++i) read_notes(i);
  if (score_.tracks.empty()) {
    return fail("no notes in it ({} tracks): nothing to read as music", file_.tracks.size());
  }
  for (Track& track : score_.tracks) sort_chords(track.notes);
  if (options_.pedal) hold_by_pedal();
  name_tracks();
  choose_lyrics();
  write_conductor();
  return std::move(score_);
}

}  // namespace

Result<Score> score_from_midi(const midi::File& file, const FromMidiOptions& options,
                              FromMidiReport* report) {
  FromMidiReport unused;
  return Importer(file, options, report != nullptr ? *report : unused).run();
}

}  // namespace hemiola
