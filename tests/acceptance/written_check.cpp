#include "tests/acceptance/written_check.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <set>
#include <tuple>

#include "midi/reader.h"
#include "score/analysis.h"

namespace hemiola::acceptance {
namespace {

using midi::Event;
using midi::EventKind;

constexpr int kDrums = 9;

bool begins_note(const Event& event) { return event.kind == EventKind::kNoteOn && event.data2 > 0; }
bool ends_note(const Event& event) {
  return event.kind == EventKind::kNoteOff ||
         (event.kind == EventKind::kNoteOn && event.data2 == 0);
}
bool is_meta(const Event& event, std::uint8_t type) {
  return event.kind == EventKind::kMeta && event.data1 == type;
}

struct Played {
  int chunk = 0, channel = 0, pitch = 0;
  Tick on{}, off{};

  auto operator<=>(const Played&) const = default;
};

// Notes of a chunk: each end closes the oldest open note of its channel and key.
std::vector<Played> pair_notes(std::span<const Event> events, int chunk, std::size_t& unpaired) {
  std::vector<Played> notes;
  std::map<std::pair<int, int>, std::deque<std::size_t>> open;
  for (const Event& event : events) {
    auto& waiting = open[{event.channel, event.data1}];
    if (begins_note(event)) {
      waiting.push_back(notes.size());
      notes.push_back({chunk, event.channel, event.data1, event.at, Tick(-1)});
    } else if (ends_note(event) && !waiting.empty()) {
      notes[waiting.front()].off = event.at;
      waiting.pop_front();
    }
  }
  unpaired += static_cast<std::size_t>(
      std::erase_if(notes, [](const Played& note) { return note.off < Tick(0); }));
  return notes;
}

enum class Fate { kStays, kMayGo, kGoes };

class Check {
 public:
  Check(const GenerateRequest& request, const Bytes& bytes) : request_(request), bytes_(bytes) {}

  Findings run() {
    midi::ReadOptions strict;
    strict.strict = true;
    auto file = midi::read(bytes_, strict);
    if (!file) return wrong("does not read: {}", file.error().message), findings_;
    file_ = *std::move(file);
    if (request_.prompt == nullptr) {
      plan_from_nothing();
    } else if (request_.infill) {
      plan_infill();
    } else {
      plan_going_on();
    }
    if (!findings_.wrong.empty()) return findings_;
    compare_with_prompt();
    findings_.new_notes = added_.size();
    findings_.bars = static_cast<int>(bars_.size()) - 1;
    if (added_.empty()) wrong("no new notes");
    check_places();
    check_controls();
    check_instruments();
    check_bars_alike();
    return findings_;
  }

 private:
  template <class... Args>
  void wrong(fmt::format_string<Args...> format, Args&&... args) {
    if (findings_.wrong.size() < 8) {
      findings_.wrong.push_back(fmt::format(format, std::forward<Args>(args)...));
    }
  }

  std::optional<Metre> metre_at(const midi::File& file, Tick at) const {
    std::optional<Metre> metre;
    Tick latest(-1);
    for (const midi::Track& track : file.tracks) {
      for (const Event& event : track.events) {
        if (!is_meta(event, midi::meta::kTimeSignature) || event.at > at || event.at < latest) {
          continue;
        }
        const auto bytes = file.payload_of(event);
        metre = Metre{bytes[0], 1 << bytes[1]};
        latest = event.at;
      }
    }
    return metre;
  }
  std::optional<Key> key_at(const midi::File& file, Tick at) const {
    std::optional<Key> key;
    Tick latest(-1);
    for (const midi::Track& track : file.tracks) {
      for (const Event& event : track.events) {
        if (!is_meta(event, midi::meta::kKeySignature) || event.at > at || event.at < latest) {
          continue;
        }
        const auto bytes = file.payload_of(event);
        key = Key{static_cast<std::int8_t>(bytes[0]), bytes[1] != 0};
        latest = event.at;
      }
    }
    return key;
  }
  double tempo_at(const midi::File& file, Tick at) const {
    double tempo = 120;
    Tick latest(-1);
    for (const midi::Track& track : file.tracks) {
      for (const Event& event : track.events) {
        if (!is_meta(event, midi::meta::kTempo) || event.at > at || event.at < latest) continue;
        const auto bytes = file.payload_of(event);
        tempo = 6e7 / (bytes[0] << 16 | bytes[1] << 8 | bytes[2]);
        latest = event.at;
      }
    }
    return tempo;
  }

  // Bars of a piece of its own, by its time signatures.
  void plan_from_nothing() {
    const int quarter = file_.division.ticks_per_quarter;
    if (quarter % 24 != 0) return wrong("division {} is not on the grid", quarter);
    step_ = quarter / 24.0;
    Tick at(0);
    for (int bar = 0; bar <= request_.bars; ++bar) {
      bars_.push_back(at);
      const auto metre = metre_at(file_, at);
      if (!metre) return wrong("no time signature");
      metres_.push_back(*metre);
      keys_.push_back(key_at(file_, at));
      at += Tick(4LL * quarter * metre->numerator / metre->denominator);
    }
    metres_.pop_back();
  }

  void plan_prompt_keys(int first, int end) {
    GridScore keyed = prompt().grid();
    complete_keys(keyed, false);
    const auto last = static_cast<int>(keyed.bars.size()) - 1;
    for (int bar = first; bar < end; ++bar) {
      // Bars that are added go on with what the last of the prompt has.
      const int here = request_.infill ? bar : std::min(first - 1, last);
      const GridBar& from = keyed.bars[static_cast<std::size_t>(here)];
      keys_.push_back(request_.controls.key ? request_.controls.key : from.key);
      metres_.push_back(request_.controls.metre.value_or(from.metre));
    }
  }

  int index_of(int number) const { return number - (prompt().grid().has_upbeat ? 0 : 1); }
  const data::Source& prompt() const { return *request_.prompt; }
  bool performed() const { return prompt().standard.report.performed; }
  const TimeMap& map() const { return prompt().standard.map; }
  GridTick bar_start(int index) const {
    return prompt().grid().bar_starts()[static_cast<std::size_t>(index)];
  }
  // A performer is early at times: what is played up to an eighth of a quarter before a bar line
  // may belong to either side.
  Tick doubtful_from(GridTick line) const {
    const Tick at = map().source_at(line);
    return performed() ? at - (at - map().source_at(line - GridTick(3))) : at;
  }

  void plan_going_on() {
    const auto all = static_cast<int>(prompt().grid().bars.size());
    const int first = request_.from_bar ? index_of(*request_.from_bar) : all;
    plan_prompt_keys(first, first + request_.bars);
    const GridTick from = bar_start(first);
    const Tick start = map().source_at(from);
    // The length of a quarter where the music goes on.
    double quarter = prompt().score.ticks_per_quarter;
    if (performed()) {
      std::vector<Tick> lengths;
      for (int i = 0; i < 16 && from - GridTick(24 * (i + 1)) >= GridTick(0); ++i) {
        lengths.push_back(map().source_at(from - GridTick(24 * i)) -
                          map().source_at(from - GridTick(24 * (i + 1))));
      }
      std::sort(lengths.begin(), lengths.end());
      quarter = static_cast<double>(lengths[lengths.size() / 2].count());
      if (request_.controls.tempo) {
        const double seconds =
            (prompt().score.seconds_at(start + Tick(1000)) - prompt().score.seconds_at(start))
                .count() /
            1000;
        quarter = 60 / *request_.controls.tempo / seconds;
      }
    }
    step_ = quarter / 24;
    double at = static_cast<double>(start.count());
    for (int bar = 0; bar <= request_.bars; ++bar) {
      bars_.push_back(Tick(std::llround(at)));
      if (bar == request_.bars) break;
      at += bar_length(metres_[static_cast<std::size_t>(bar)]).count() * step_;
    }
    cuts_ = first < all;
    first_cut_ = doubtful_from(from);
    sure_cut_ = start;
  }

  void plan_infill() {
    const int first = index_of(request_.infill->first), last = index_of(request_.infill->last);
    plan_prompt_keys(first, last + 1);
    for (int bar = first; bar <= last + 1; ++bar) bars_.push_back(map().source_at(bar_start(bar)));
    first_cut_ = doubtful_from(bar_start(first));
    sure_cut_ = bars_.front();
    const Tick sure_end = doubtful_from(bar_start(last + 1));
    std::vector<int> tracks = request_.tracks;
    if (tracks.empty() && request_.controls.instruments.empty()) {
      for (std::size_t i = 1; i <= prompt().grid().tracks.size(); ++i) {
        tracks.push_back(static_cast<int>(i));
      }
    }
    for (const int number : tracks) {
      for (const std::size_t source :
           prompt().standard.sources[static_cast<std::size_t>(number - 1)]) {
        const Track& track = prompt().score.tracks[source];
        for (const Note& note : track.notes) {
          if (note.onset < first_cut_ || note.onset >= bars_.back()) continue;
          const bool sure = note.onset >= sure_cut_ && note.onset < sure_end;
          cut_notes_[{track.source_track, track.channel, note.pitch, note.onset}] =
              sure ? Fate::kGoes : Fate::kMayGo;
        }
      }
    }
  }

  // Of an event that does not end a note.
  Fate fate(const Event& event, int chunk) const {
    if (is_meta(event, midi::meta::kEndOfTrack)) return Fate::kGoes;
    if (request_.infill) {
      const auto found = cut_notes_.find({chunk, event.channel, event.data1, event.at});
      return begins_note(event) && found != cut_notes_.end() ? found->second : Fate::kStays;
    }
    if (!cuts_ || event.at < first_cut_) return Fate::kStays;
    return event.at < sure_cut_ ? Fate::kMayGo : Fate::kGoes;
  }

  bool equal(const Event& theirs, const Event& ours) const {
    if (theirs.at != ours.at || theirs.kind != ours.kind || theirs.channel != ours.channel ||
        theirs.data1 != ours.data1 || theirs.data2 != ours.data2) {
      return false;
    }
    const auto a = prompt().file.payload_of(theirs), b = file_.payload_of(ours);
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

  // Every event that is to stay stands in its chunk, in order; what stands between them is new.
  void compare_with_prompt() {
    std::size_t unpaired = 0;
    const std::size_t old_chunks = request_.prompt == nullptr ? 0 : prompt().file.tracks.size();
    if (file_.tracks.size() < old_chunks) return wrong("a chunk of the prompt is missing");
    if (old_chunks > 0 && !(file_.division == prompt().file.division)) {
      return wrong("the division is another");
    }
    for (std::size_t c = 0; c < file_.tracks.size(); ++c) {
      const auto& events = file_.tracks[c].events;
      const auto chunk = static_cast<int>(c);
      std::vector<Event> added;
      std::size_t at = 0;
      const auto take_until = [&](std::size_t end) {
        for (; at < end; ++at) {
          if (!is_meta(events[at], midi::meta::kEndOfTrack)) added.push_back(events[at]);
        }
      };
      if (c < old_chunks) {
        const auto& old = prompt().file.tracks[c].events;
        std::map<std::pair<int, int>, std::deque<Fate>> open;
        for (const Event& event : old) {
          Fate what = fate(event, chunk);
          if (begins_note(event)) {
            open[{event.channel, event.data1}].push_back(what);
          } else if (ends_note(event)) {
            if (auto& notes = open[{event.channel, event.data1}]; !notes.empty()) {
              what = notes.front();
              notes.pop_front();
            }
          }
          if (what == Fate::kGoes) continue;
          std::size_t place = at;
          while (place < events.size() && events[place].at <= event.at &&
                 !equal(event, events[place])) {
            ++place;
          }
          const bool found = place < events.size() && equal(event, events[place]);
          if (!found && what == Fate::kMayGo) continue;
          if (!found) {
            wrong("chunk {}: an event of the prompt at tick {} is gone or moved", c,
                  event.at.count());
            break;
          }
          take_until(place);
          ++at;
        }
      }
      take_until(events.size());
      sort_added(added, chunk, c < old_chunks);
      const auto notes = pair_notes(added, chunk, unpaired);
      added_.insert(added_.end(), notes.begin(), notes.end());
      if (c < old_chunks) check_durations(c);
      if (events.empty() || !is_meta(events.back(), midi::meta::kEndOfTrack)) {
        wrong("chunk {} has no end of track", c);
      }
    }
    if (unpaired > 0) wrong("{} new notes do not end", unpaired);
  }

  // Beside notes only what prepares them may be new, and none of it before them.
  void sort_added(const std::vector<Event>& added, int chunk, bool of_prompt) {
    if (request_.prompt == nullptr) return;
    for (const Event& event : added) {
      const bool says_name = !of_prompt && event.at == Tick(0);
      const bool allowed =
          event.kind == EventKind::kNoteOn || event.kind == EventKind::kNoteOff ||
          event.kind == EventKind::kProgram || event.kind == EventKind::kPitchBend ||
          (event.kind == EventKind::kController &&
           std::set<int>{7, 11, 64, 66, 67}.contains(event.data1)) ||
          is_meta(event, midi::meta::kTempo) || is_meta(event, midi::meta::kTimeSignature) ||
          is_meta(event, midi::meta::kKeySignature) ||
          (says_name && is_meta(event, midi::meta::kTrackName));
      if (!allowed) {
        wrong("chunk {}: a new event of kind {} at {}", chunk, static_cast<int>(event.kind),
              event.at.count());
      }
      if (event.at < bars_.front() && !says_name) {
        wrong("chunk {}: a new event at {}, before the new bars at {}", chunk, event.at.count(),
              bars_.front().count());
      }
    }
  }

  // The prompt's notes last as long as they did.
  void check_durations(std::size_t chunk) {
    std::size_t ignored = 0;
    auto now = pair_notes(file_.tracks[chunk].events, static_cast<int>(chunk), ignored);
    std::sort(now.begin(), now.end());
    const auto& events = prompt().file.tracks[chunk].events;
    for (const Played& note : pair_notes(events, static_cast<int>(chunk), ignored)) {
      Event begin;
      begin.at = note.on;
      begin.kind = EventKind::kNoteOn;
      begin.channel = static_cast<std::uint8_t>(note.channel);
      begin.data1 = static_cast<std::uint8_t>(note.pitch);
      begin.data2 = 1;
      if (fate(begin, static_cast<int>(chunk)) != Fate::kStays) continue;
      if (!std::binary_search(now.begin(), now.end(), note)) {
        return wrong("chunk {}: the prompt's note {} at tick {} has another end", chunk, note.pitch,
                     note.on.count());
      }
    }
  }

  std::size_t bar_of(Tick at) const {
    const auto after = std::upper_bound(bars_.begin(), bars_.end(), at);
    return static_cast<std::size_t>(std::max<std::ptrdiff_t>(after - bars_.begin() - 1, 0));
  }

  bool on_grid(Tick at) const {
    if (request_.prompt != nullptr && (request_.infill || !performed())) {
      const double grid = map().exact_grid_at(at);
      const Tick back = map().source_at(GridTick(static_cast<int>(std::lround(grid))));
      return back == at;
    }
    const double steps = static_cast<double>((at - bars_.front()).count()) / step_;
    return std::abs(steps - std::round(steps)) * step_ <= 1;
  }

  void check_places() {
    for (const Played& note : added_) {
      if (note.on < bars_.front() || note.on >= bars_.back()) {
        wrong("a new note at tick {}, outside the new bars {} to {}", note.on.count(),
              bars_.front().count(), bars_.back().count());
      }
      if (!on_grid(note.on)) wrong("a new note off the grid at tick {}", note.on.count());
    }
    if (request_.infill) return;
    // It ends where it was asked to end, and not in silence.
    Tick end(0), last_off(0);
    for (const midi::Track& track : file_.tracks) {
      if (!track.events.empty()) end = std::max(end, track.events.back().at);
    }
    for (const Played& note : added_) last_off = std::max(last_off, note.off);
    if (end < bars_.back()) {
      wrong("the file ends at tick {}, the bars asked for at {}", end.count(),
            bars_.back().count());
    }
    findings_.silent_last_bar = last_off <= bars_[bars_.size() - 2];
    if (request_.prompt == nullptr && end > std::max(bars_.back(), last_off)) {
      wrong("the file goes on to tick {} after its last bar at {}", end.count(),
            bars_.back().count());
    }
  }

  static bool in_scale(int pitch, const Key& key) {
    static const std::set<int> kMajor = {0, 2, 4, 5, 7, 9, 11};
    const int above = (pitch - key.tonic() + 120) % 12;
    if (!key.minor) return kMajor.contains(above);
    return kMajor.contains((above + 9) % 12) || above == 11;
  }

  void check_controls() {
    const Controls& asked = request_.controls;
    for (const Played& note : added_) {
      if (note.channel == kDrums) continue;
      if (asked.range && (note.pitch < asked.range->low || note.pitch > asked.range->high)) {
        wrong("pitch {} is outside the range", note.pitch);
      }
      if (asked.in_scale) {
        const auto& key = keys_[std::min(bar_of(note.on), keys_.size() - 1)];
        if (!key) {
          wrong("notes of a scale are asked for, but no key is said");
        } else if (!in_scale(note.pitch, *key)) {
          wrong("pitch {} is not in the scale", note.pitch);
        }
      }
    }
    if (asked.max_polyphony) check_polyphony(*asked.max_polyphony);
    if (request_.infill || (request_.prompt != nullptr && performed())) return;
    for (std::size_t bar = 0; bar + 1 < bars_.size(); ++bar) {
      if (asked.metre && metre_at(file_, bars_[bar]) != *asked.metre) {
        wrong("new bar {} has another metre", bar + 1);
      }
      if (asked.key && key_at(file_, bars_[bar]) != *asked.key) {
        wrong("new bar {} has another key", bar + 1);
      }
      if (asked.tempo && std::abs(tempo_at(file_, bars_[bar]) - *asked.tempo) > 0.02) {
        wrong("new bar {} has tempo {}", bar + 1, tempo_at(file_, bars_[bar]));
      }
    }
  }

  // Of each track; where the prompt has several tracks in one place, they cannot be told apart
  // here.
  void check_polyphony(int most) {
    std::map<std::pair<int, int>, std::vector<Played>> voices;
    for (const Played& note : added_) voices[{note.chunk, note.channel}].push_back(note);
    std::map<std::pair<int, int>, std::set<std::size_t>> tracks_there;
    if (request_.prompt != nullptr) {
      for (std::size_t i = 0; i < prompt().standard.sources.size(); ++i) {
        for (const std::size_t source : prompt().standard.sources[i]) {
          const Track& track = prompt().score.tracks[source];
          tracks_there[{track.source_track, track.channel}].insert(i);
        }
      }
    }
    for (const auto& [voice, notes] : voices) {
      if (tracks_there[voice].size() > 1) continue;
      for (const Played& note : notes) {
        const auto now = std::count_if(notes.begin(), notes.end(), [&](const Played& other) {
          return other.on <= note.on && note.on < other.off;
        });
        if (now > most) {
          return wrong("{} notes at once at tick {}", now, note.on.count());
        }
      }
    }
  }

  // What a channel plays at a tick, by the chunk's own changes.
  int program_at(int chunk, int channel, Tick at) const {
    int program = 0;
    for (const Event& event : file_.tracks[static_cast<std::size_t>(chunk)].events) {
      if (event.at > at) break;
      if (event.kind == EventKind::kProgram && event.channel == channel) program = event.data1;
    }
    return program;
  }

  void check_instruments() {
    std::vector<Instrument> asked = request_.controls.instruments;
    if (asked.empty()) return;
    const std::size_t old_chunks = request_.prompt == nullptr ? 0 : prompt().file.tracks.size();
    const bool apart = request_.prompt == nullptr || prompt().file.format != 0;
    std::vector<Instrument> heard;  // a voice each, in the order of the chunks
    std::set<std::pair<int, int>> voices;
    for (const Played& note : added_) {
      if (apart && static_cast<std::size_t>(note.chunk) < old_chunks) continue;
      if (!voices.insert({note.chunk, note.channel}).second) continue;
      const bool drums = note.channel == kDrums;
      heard.push_back({drums ? 0 : program_at(note.chunk, note.channel, note.on), drums});
    }
    if (!apart) {
      for (const Instrument& instrument : asked) {
        if (std::find(heard.begin(), heard.end(), instrument) == heard.end()) {
          wrong("instrument {} does not play", instrument_name(instrument));
        }
      }
    } else if (heard != asked) {
      wrong("{} instruments play, not the {} that were asked for", heard.size(), asked.size());
    }
  }

  void check_bars_alike() {
    using Bar = std::set<std::tuple<long, int, int, int>>;
    std::vector<Bar> bars(bars_.size() - 1);
    for (const Played& note : added_) {
      const std::size_t bar = bar_of(note.on);
      if (bar >= bars.size()) continue;
      const auto grid =
          std::lround(static_cast<double>((note.on - bars_[bar]).count()) * 24 *
                      static_cast<double>(metres_[bar].numerator) * 4 / metres_[bar].denominator /
                      static_cast<double>((bars_[bar + 1] - bars_[bar]).count()));
      bars[bar].insert({grid, note.chunk, note.channel, note.pitch});
    }
    int now = 0;
    for (std::size_t bar = 0; bar < bars.size(); ++bar) {
      now = bar > 0 && bars[bar] == bars[bar - 1] ? now + 1 : 1;
      findings_.longest_repeat = std::max(findings_.longest_repeat, now);
    }
  }

  const GenerateRequest& request_;
  const Bytes& bytes_;
  midi::File file_;
  Findings findings_;

  std::vector<Tick> bars_;  // starts of the new bars, and the end of the last
  std::vector<Metre> metres_;
  std::vector<std::optional<Key>> keys_;
  double step_ = 20;  // of the grid, in ticks; where it is even
  bool cuts_ = false;
  Tick first_cut_{}, sure_cut_{};  // from where on events may go, and do
  std::map<std::tuple<int, int, int, Tick>, Fate> cut_notes_;  // by chunk, channel, pitch, onset
  std::vector<Played> added_;
};

}  // namespace

Findings check_written(const GenerateRequest& request, const Bytes& bytes) {
  return Check(request, bytes).run();
}

int longest_repeat(const GridScore& score, int first_bar, int bars) {
  using Bar = std::set<std::tuple<int, std::size_t, int>>;
  const auto starts = score.bar_starts();
  std::vector<Bar> all(static_cast<std::size_t>(bars));
  for (std::size_t t = 0; t < score.tracks.size(); ++t) {
    for (const GridNote& note : score.tracks[t].notes) {
      const auto bar = std::upper_bound(starts.begin(), starts.end(), note.onset) - starts.begin() -
                       1 - first_bar;
      if (bar < 0 || bar >= bars) continue;
      const auto b = static_cast<std::size_t>(bar);
      all[b].insert(
          {(note.onset - starts[b + static_cast<std::size_t>(first_bar)]).count(), t, note.pitch});
    }
  }
  int longest = 0, now = 0;
  for (std::size_t bar = 0; bar < all.size(); ++bar) {
    now = bar > 0 && all[bar] == all[bar - 1] ? now + 1 : 1;
    longest = std::max(longest, now);
  }
  return longest;
}

}  // namespace hemiola::acceptance
