#include "score/to_midi.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <set>
#include <tuple>

#include "score/instruments.h"
#include "score/midi_text.h"

namespace hemiola {
namespace {

using midi::Event;
using midi::EventKind;

constexpr int kChannels = 16;
constexpr int kDrumChannel = 9;
constexpr std::uint8_t kOffVelocity = 64;  // what the standard says where none was measured

// --- Channels ---

// The melodic channels in order: 0 to 8, 10 to 15.
constexpr int melodic_channel(int index) { return index < kDrumChannel ? index : index + 1; }
constexpr int kMelodicChannels = kChannels - 1;

void assign_channels(std::vector<Track>& tracks) {
  std::vector<Track*> melodic;
  for (Track& track : tracks) {
    if (track.is_drum) {
      track.channel = kDrumChannel;
    } else {
      melodic.push_back(&track);
    }
  }
  std::array<int, 128> channel_of;  // of a program: the one its tracks share
  channel_of.fill(-1);
  std::set<int> programs;
  for (const Track* track : melodic) programs.insert(track->program);
  // Channels that are over when each instrument has one.
  int spare = std::max(0, kMelodicChannels - static_cast<int>(programs.size()));
  int used = 0;
  for (Track* track : melodic) {
    int& shared = channel_of[static_cast<std::size_t>(track->program)];
    if (shared < 0) {
      shared = melodic_channel(used++ % kMelodicChannels);
      track->channel = shared;
    } else if (spare > 0) {
      --spare;
      track->channel = melodic_channel(used++ % kMelodicChannels);
    } else {
      track->channel = shared;
    }
  }
}

// As the tracks say, but channel 10 for drums alone.
std::vector<int> settled_channels(const Score& score) {
  std::vector<int> channels;
  std::array<int, kChannels> uses{};
  for (const Track& track : score.tracks) {
    int channel = std::clamp(track.channel, 0, kChannels - 1);
    if (track.is_drum) channel = kDrumChannel;
    if (track.is_drum || channel != kDrumChannel) ++uses[static_cast<std::size_t>(channel)];
    channels.push_back(channel);
  }
  for (std::size_t i = 0; i < channels.size(); ++i) {
    if (channels[i] != kDrumChannel || score.tracks[i].is_drum) continue;
    int best = 0;
    for (int m = 0; m < kMelodicChannels; ++m) {
      const int channel = melodic_channel(m);
      if (uses[static_cast<std::size_t>(channel)] < uses[static_cast<std::size_t>(best)]) {
        best = channel;
      }
    }
    ++uses[static_cast<std::size_t>(best)];
    channels[i] = best;
  }
  return channels;
}

// --- Events ---

class ChunkWriter {
 public:
  explicit ChunkWriter(midi::File& file) : file_(file) {}

  void meta(Tick at, std::uint8_t type, std::span<const std::uint8_t> bytes) {
    Event event{at,
                EventKind::kMeta,
                0,
                type,
                0,
                static_cast<std::uint32_t>(file_.payload.size()),
                static_cast<std::uint32_t>(bytes.size())};
    file_.payload.insert(file_.payload.end(), bytes.begin(), bytes.end());
    events_.push_back(event);
  }
  void text(Tick at, std::uint8_t type, std::string_view text) {
    meta(at, type, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  void channel(Tick at, EventKind kind, int channel, int data1, int data2) {
    events_.push_back({at, kind, static_cast<std::uint8_t>(channel),
                       static_cast<std::uint8_t>(data1), static_cast<std::uint8_t>(data2), 0, 0});
  }
  // Puts the events in order (those of one tick: ends of notes, then what sets something, then
  // beginnings of notes) and adds the end of track, at `end` at the earliest.
  void finish(Tick end = {}) {
    std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return std::pair(a.at, rank(a)) < std::pair(b.at, rank(b));
    });
    if (!events_.empty()) end = std::max(end, events_.back().at);
    meta(end, midi::meta::kEndOfTrack, {});
    file_.tracks.push_back({std::move(events_)});
  }

 private:
  static int rank(const Event& event) {
    if (event.kind == EventKind::kNoteOff) return 0;
    return event.kind == EventKind::kNoteOn ? 2 : 1;
  }

  midi::File& file_;
  std::vector<Event> events_;
};

void write_conductor(midi::File& file, const Score& score, Tick end) {
  ChunkWriter chunk(file);
  if (!score.title.empty()) chunk.text(Tick(0), midi::meta::kTrackName, score.title);
  if (score.bar_lines_known) chunk.meta(Tick(0), kSequencerSpecific, kBarLinesMark);
  for (const MetreChange& change : score.metres) {
    const Metre metre = change.metre;
    const auto denominator = static_cast<unsigned>(std::max(1, metre.denominator));
    const auto power = static_cast<std::uint8_t>(std::bit_width(denominator) - 1);
    // MIDI clocks (24 to the quarter) between two clicks of a metronome.
    const auto clocks = static_cast<std::uint8_t>(cell_length(metre).count());
    const std::array<std::uint8_t, 4> bytes = {static_cast<std::uint8_t>(metre.numerator), power,
                                               clocks, 8};
    chunk.meta(change.at, midi::meta::kTimeSignature, bytes);
  }
  for (const KeyChange& change : score.keys) {
    const std::array<std::uint8_t, 2> bytes = {static_cast<std::uint8_t>(change.key.fifths),
                                               static_cast<std::uint8_t>(change.key.minor)};
    chunk.meta(change.at, midi::meta::kKeySignature, bytes);
  }
  for (const TempoChange& change : score.tempos) {
    const std::int32_t tempo = std::clamp(change.microseconds_per_quarter, 1, 0xffffff);
    const std::array<std::uint8_t, 3> bytes = {static_cast<std::uint8_t>(tempo >> 16),
                                               static_cast<std::uint8_t>(tempo >> 8),
                                               static_cast<std::uint8_t>(tempo)};
    chunk.meta(change.at, midi::meta::kTempo, bytes);
  }
  for (const Lyric& lyric : score.lyrics) chunk.text(lyric.at, midi::meta::kLyric, lyric.text);
  chunk.finish(end);
}

// The ticks at which each track has to set its channel's program.
std::vector<std::vector<Tick>> program_changes(const Score& score,
                                               const std::vector<int>& channels) {
  std::vector<std::vector<Tick>> changes(score.tracks.size());
  for (int channel = 0; channel < kChannels; ++channel) {
    if (channel == kDrumChannel) continue;
    std::vector<std::pair<Tick, std::size_t>> onsets;  // with the track
    std::set<int> programs;
    for (std::size_t i = 0; i < score.tracks.size(); ++i) {
      if (channels[i] == channel) programs.insert(score.tracks[i].program);
    }
    for (std::size_t i = 0; i < score.tracks.size(); ++i) {
      if (channels[i] != channel) continue;
      if (programs.size() == 1) {
        changes[i].push_back(Tick(0));
        continue;
      }
      for (const Note& note : score.tracks[i].notes) onsets.emplace_back(note.onset, i);
    }
    std::sort(onsets.begin(), onsets.end());
    int program = -1;
    for (const auto& [at, i] : onsets) {
      // A track begins by saying its own, so that it can be read by itself.
      if (score.tracks[i].program != program || changes[i].empty()) changes[i].push_back(at);
      program = score.tracks[i].program;
    }
  }
  return changes;
}

midi::File write_file(const Score& score, Tick end) {
  midi::File file;
  file.format = 1;
  file.division.ticks_per_quarter = static_cast<std::uint16_t>(score.ticks_per_quarter);
  write_conductor(file, score, end);
  const std::vector<int> channels = settled_channels(score);
  const auto programs = program_changes(score, channels);
  for (std::size_t i = 0; i < score.tracks.size(); ++i) {
    const Track& track = score.tracks[i];
    ChunkWriter chunk(file);
    if (!track.name.empty()) chunk.text(Tick(0), midi::meta::kTrackName, track.name);
    for (const Tick at : programs[i]) {
      chunk.channel(at, EventKind::kProgram, channels[i], track.program, 0);
    }
    for (const Note& note : track.notes) {
      chunk.channel(note.onset, EventKind::kNoteOn, channels[i], note.pitch, note.velocity);
      chunk.channel(note.onset + note.duration, EventKind::kNoteOff, channels[i], note.pitch,
                    kOffVelocity);
    }
    chunk.finish();
  }
  return file;
}

Status check(const FromGridOptions& options) {
  const int division = options.ticks_per_quarter;
  if (division < 24 || division > 32767 || division % 24 != 0) {
    return fail("ticks_per_quarter is {}: expected a multiple of 24 from 24 to 32760", division);
  }
  // What the three bytes of a tempo event can say.
  if (options.quarters_per_minute &&
      !(*options.quarters_per_minute >= 3.6 && *options.quarters_per_minute <= 1e6)) {
    return fail("a tempo of {} quarters a minute: expected 3.6 to 1000000",
                *options.quarters_per_minute);
  }
  return {};
}

}  // namespace

Result<Score> score_from_grid(const GridScore& grid, const FromGridOptions& options) {
  HEMIOLA_CHECK(check(options));
  HEMIOLA_CHECK(validate(grid));
  Score score;
  score.ticks_per_quarter = options.ticks_per_quarter;
  score.title = options.title;
  score.bar_lines_known = true;
  const GridTick rest = grid.unwritten_rest();
  const std::int64_t scale = options.ticks_per_quarter / kGridQuarter.count();
  const auto tick = [&](GridTick at) { return Tick(std::max(0, (at - rest).count()) * scale); };

  const std::vector<GridTick> starts = grid.bar_starts();
  for (std::size_t i = 0; i < grid.bars.size(); ++i) {
    const GridBar& bar = grid.bars[i];
    const Tick at = tick(starts[i]);
    Metre metre = bar.metre;
    if (i == 0 && rest.count() > 0) {
      metre = metre_of_length(bar_length(metre) - rest, metre.denominator).value_or(metre);
    }
    if (score.metres.empty() || score.metres.back().metre != metre) {
      score.metres.push_back({at, metre});
    }
    if (bar.key && (score.keys.empty() || score.keys.back().key != *bar.key)) {
      score.keys.push_back({at, *bar.key});
    }
    const double tempo = options.quarters_per_minute.value_or(kTempos[bar.tempo_class]);
    const auto microseconds = static_cast<std::int32_t>(std::lround(6e7 / tempo));
    if (score.tempos.empty() || score.tempos.back().microseconds_per_quarter != microseconds) {
      score.tempos.push_back({at, microseconds});
    }
  }

  for (std::size_t i = 0; i < grid.tracks.size(); ++i) {
    const GridTrack& from = grid.tracks[i];
    Track& track = score.tracks.emplace_back();
    track.program = from.program;
    track.is_drum = from.is_drum;
    track.source_track = static_cast<int>(i) + 1;
    track.name = i < options.track_names.size()
                     ? options.track_names[i]
                     : std::string(instrument_name({from.program, from.is_drum}));
    track.notes.reserve(from.notes.size());
    for (const GridNote& note : from.notes) {
      track.notes.push_back({tick(note.onset), Tick(note.duration.count() * scale), note.pitch,
                             static_cast<std::uint8_t>(velocity_of_class(note.velocity_class))});
    }
    std::sort(track.notes.begin(), track.notes.end(), [](const Note& a, const Note& b) {
      return std::tie(a.onset, a.pitch) < std::tie(b.onset, b.pitch);
    });
  }
  assign_channels(score.tracks);
  return score;
}

midi::File midi_from_score(const Score& score) { return write_file(score, score.end()); }

Result<midi::File> midi_from_grid(const GridScore& grid, const FromGridOptions& options) {
  HEMIOLA_TRY(const Score score, score_from_grid(grid, options));
  const std::int64_t scale = options.ticks_per_quarter / kGridQuarter.count();
  const GridTick end = grid.bar_starts().back() - grid.unwritten_rest();
  return write_file(score, std::max(score.end(), Tick(end.count() * scale)));
}

}  // namespace hemiola
