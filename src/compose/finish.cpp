#include "compose/finish.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "score/instruments.h"

namespace hemiola {
namespace {

// In ticks: the median length of a quarter over the last sixteen before `from`.
std::optional<double> usual_quarter(const TimeMap& map, GridTick from) {
  std::vector<double> quarters;
  for (int i = 1; i <= 16; ++i) {
    const GridTick end = from - (i - 1) * kGridQuarter, begin = from - i * kGridQuarter;
    if (begin < GridTick(0)) break;
    quarters.push_back(static_cast<double>((map.source_at(end) - map.source_at(begin)).count()));
  }
  if (quarters.empty()) return std::nullopt;
  const auto middle = quarters.begin() + static_cast<long>(quarters.size() / 2);
  std::nth_element(quarters.begin(), middle, quarters.end());
  return *middle;
}

// In ticks of what the file's tempo map says at `at`.
double quarter_at_tempo(const Score& score, Tick at, double tempo) {
  constexpr int kProbe = 1000;
  const Seconds probe = score.seconds_at(at + Tick(kProbe)) - score.seconds_at(at);
  return 60 / tempo * kProbe / probe.count();
}

// Before this tick a note belongs to what stands before `from`: an onset that is played early by
// less than half a grid step belongs to the bar it leads into.
Tick cut_tick(const data::Source& prompt, const TimeMap& map, GridTick from) {
  const Tick at = map.source_at(from);
  if (!prompt.standard.report.performed) return at;
  const Tick before = map.source_at(from - GridTick(3));
  return at - (at - before) / 2;
}

std::vector<Voice> voices_of(const data::Source& prompt, const GridScore& whole) {
  std::vector<Voice> voices;
  for (std::size_t i = 0; i < whole.tracks.size(); ++i) {
    Voice voice;
    voice.program = whole.tracks[i].program;
    voice.is_drum = whole.tracks[i].is_drum;
    const auto& sources = prompt.standard.sources;
    if (i < sources.size() && !sources[i].empty()) {
      const Track& track = prompt.score.tracks[sources[i].front()];
      voice.chunk = track.source_track;
      voice.channel = track.channel;
    } else {
      voice.channel = choose_channel(prompt.file, voices, voice.program, voice.is_drum);
      voice.name = std::string(instrument_name({voice.program, voice.is_drum}));
    }
    voices.push_back(std::move(voice));
  }
  return voices;
}

std::vector<std::uint8_t> tempo_payload(double quarters_per_minute) {
  const auto micros = static_cast<std::uint32_t>(
      std::clamp(std::llround(6e7 / quarters_per_minute), 1LL, 0xffffffLL));
  return {static_cast<std::uint8_t>(micros >> 16), static_cast<std::uint8_t>(micros >> 8),
          static_cast<std::uint8_t>(micros)};
}

std::vector<std::uint8_t> metre_payload(Metre metre) {
  std::uint8_t power = 0;
  while ((1 << power) < metre.denominator) ++power;
  return {static_cast<std::uint8_t>(metre.numerator), power, 24, 8};
}

std::vector<std::uint8_t> key_payload(Key key) {
  return {static_cast<std::uint8_t>(static_cast<std::int8_t>(key.fifths)),
          static_cast<std::uint8_t>(key.minor ? 1 : 0)};
}

double tempo_at(const Score& score, Tick tick) {
  double tempo = 120;
  for (const TempoChange& change : score.tempos) {
    if (change.at <= tick) tempo = change.quarters_per_minute();
  }
  return tempo;
}

// Tempo, metre and key of the new bars, where they are not what is in force already. The metas of
// a performance say nothing about its music and are left alone.
std::vector<SpliceRequest::NewMeta> metas_of(const data::Source& prompt, const Addition& addition,
                                             const TimeMap& map,
                                             const std::vector<GridTick>& starts) {
  std::vector<SpliceRequest::NewMeta> metas;
  if (prompt.standard.report.performed || !addition.goes_on) return metas;
  const auto& bars = addition.whole->bars;
  const auto first = static_cast<std::size_t>(addition.first_bar);
  Metre metre = first > 0 ? bars[first - 1].metre : Metre{0, 4};
  std::optional<Key> key = first > 0 ? bars[first - 1].key : std::nullopt;
  double tempo = tempo_at(prompt.score, map.source_at(starts[first]));
  int tempo_class = -1;
  for (std::size_t bar = first; bar < static_cast<std::size_t>(addition.end_bar); ++bar) {
    const Tick at = map.source_at(starts[bar]);
    if (!(bars[bar].metre == metre)) {
      metre = bars[bar].metre;
      metas.push_back({at, midi::meta::kTimeSignature, metre_payload(metre)});
    }
    if (bars[bar].key && bars[bar].key != key) {
      key = bars[bar].key;
      metas.push_back({at, midi::meta::kKeySignature, key_payload(*key)});
    }
    if (bars[bar].tempo_class != tempo_class) {
      tempo_class = bars[bar].tempo_class;
      const double nominal = kTempos[static_cast<std::size_t>(tempo_class)];
      const double wanted = addition.tempo.value_or(nominal);
      // A nominal tempo stands for all that are nearer to it than to its neighbours.
      const bool same = addition.tempo ? std::abs(tempo - wanted) < 1e-3
                                       : nearest_tempo_class(tempo) == tempo_class;
      if (!same) {
        tempo = wanted;
        metas.push_back({at, midi::meta::kTempo, tempo_payload(wanted)});
      }
    }
  }
  return metas;
}

}  // namespace

// Not at the pace of its last, slowing beats.
TimeMap steady_map(const data::Source& prompt, GridTick from, std::optional<double> tempo) {
  const TimeMap& map = prompt.standard.map;
  if (!prompt.standard.report.performed) return map;
  std::vector<TimeMap::Anchor> anchors;
  for (const auto& anchor : map.anchors()) {
    if (anchor.grid < from) anchors.push_back(anchor);
  }
  anchors.push_back({map.source_at(from), from});
  const std::optional<double> quarter =
      tempo ? quarter_at_tempo(prompt.score, anchors.back().source, *tempo)
            : usual_quarter(map, from);
  if (!quarter) return map;
  // A long last line, so that rounding to ticks does not add up.
  constexpr int kQuarters = 1000;
  anchors.push_back({anchors.back().source + Tick(std::llround(*quarter * kQuarters)),
                     from + kQuarters * kGridQuarter});
  return TimeMap(anchors, prompt.score.ticks_per_quarter);
}

Result<Spliced> finish_prompt(const data::Source& prompt, const Addition& addition) {
  const std::vector<GridTick> starts = addition.whole->bar_starts();
  const GridTick from = starts[static_cast<std::size_t>(addition.first_bar)];
  const GridTick until = starts[static_cast<std::size_t>(addition.end_bar)];
  const TimeMap map =
      addition.goes_on ? steady_map(prompt, from, addition.tempo) : prompt.standard.map;

  SpliceRequest request;
  request.voices = voices_of(prompt, *addition.whole);
  request.next_place = [&](Tick at) {
    const GridTick near = map.grid_at(at);
    return map.source_at(map.source_at(near) < at ? near + GridTick(1) : near);
  };
  for (const AddedNote& added : addition.notes) {
    const Tick onset = map.source_at(added.note.onset);
    // The first bar of a performance, or an upbeat's, may begin before the file does.
    if (onset < Tick(0)) continue;
    const Tick end = map.source_at(added.note.onset + added.note.duration);
    request.notes.push_back({onset, std::max(end - onset, Tick(1)), added.note.pitch,
                             static_cast<std::uint8_t>(
                                 std::clamp(velocity_of_class(added.note.velocity_class), 1, 127)),
                             added.track});
  }
  if (addition.goes_on) {
    request.cut_from = cut_tick(prompt, map, from);
    request.reset_at = map.source_at(from);
    // After the whole file nothing is cut: what rings or fades on after its last bar stays.
    const bool at_end = from >= prompt.grid().bar_starts().back();
    if (at_end) request.cut_from.reset();
    request.end = map.source_at(until);
    request.metas = metas_of(prompt, addition, map, starts);
  } else {
    const Tick first = cut_tick(prompt, map, from), last = cut_tick(prompt, map, until);
    for (int track : addition.tracks) {
      const auto t = static_cast<std::size_t>(track);
      if (t >= prompt.standard.sources.size()) continue;
      for (std::size_t source : prompt.standard.sources[t]) {
        const Track& notes = prompt.score.tracks[source];
        for (const Note& note : notes.notes) {
          if (note.onset < first || note.onset >= last) continue;
          request.cut_notes.push_back({notes.source_track, notes.channel, note.onset, note.pitch});
        }
      }
    }
  }
  return splice(prompt.file, request);
}

}  // namespace hemiola
