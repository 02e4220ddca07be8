#include "score/score.h"

#include <algorithm>
#include <cmath>

namespace hemiola {
namespace {

constexpr std::int32_t kDefaultTempo = 500000;  // microseconds per quarter: 120 to the minute

}  // namespace

Tick Score::end() const {
  Tick last{};
  for (const Track& track : tracks) {
    for (const Note& note : track.notes) last = std::max(last, note.onset + note.duration);
  }
  return last;
}

std::size_t Score::note_count() const {
  std::size_t count = 0;
  for (const Track& track : tracks) count += track.notes.size();
  return count;
}

Seconds Score::seconds_at(Tick tick) const { return TempoMap(*this).seconds_at(tick); }

Tick Score::tick_at(Seconds seconds) const { return TempoMap(*this).tick_at(seconds); }

TempoMap::TempoMap(const Score& score) {
  const double per_tick = 1e-6 / score.ticks_per_quarter;
  segments_.push_back({Tick{}, Seconds{}, kDefaultTempo * per_tick});
  __int128 elapsed = 0;  // microseconds times ticks per quarter, since tick 0: exact
  std::int64_t tempo = kDefaultTempo;
  for (const TempoChange& change : score.tempos) {
    const Tick at = std::max(change.at, segments_.back().at);
    elapsed += static_cast<__int128>((at - segments_.back().at).count()) * tempo;
    tempo = change.microseconds_per_quarter;
    const Segment segment{at, Seconds(static_cast<double>(elapsed) * per_tick),
                          static_cast<double>(tempo) * per_tick};
    if (at == segments_.back().at) {
      segments_.back() = segment;
    } else {
      segments_.push_back(segment);
    }
  }
}

Seconds TempoMap::seconds_at(Tick tick) const {
  auto after = std::upper_bound(segments_.begin() + 1, segments_.end(), tick,
                                [](Tick t, const Segment& s) { return t < s.at; });
  const Segment& segment = *(after - 1);
  return segment.start +
         Seconds(static_cast<double>((tick - segment.at).count()) * segment.seconds_per_tick);
}

Tick TempoMap::tick_at(Seconds seconds) const {
  auto after =
      std::upper_bound(segments_.begin() + 1, segments_.end(), seconds,
                       [](Seconds s, const Segment& segment) { return s < segment.start; });
  const Segment& segment = *(after - 1);
  const double ticks = (seconds - segment.start).count() / segment.seconds_per_tick;
  constexpr double kFar = 9e15;  // still exact in a double, far inside 64 bits
  return segment.at + Tick(std::llround(std::clamp(ticks, -kFar, kFar)));
}

}  // namespace hemiola
