// Random grid scores for property tests: valid, and with every field in use. Not music.
#pragma once

#include <algorithm>
#include <array>
#include <set>

#include "base/rng.h"
#include "score/grid_score.h"

namespace hemiola {

struct RandomScoreOptions {
  int max_bars = 12;
  int max_tracks = 5;
  // Only what a MIDI file can say and standardising finds again: onsets and ends on one straight
  // or triplet grid for each cell, one tempo, no chords, no silence at the end, an upbeat that
  // shows.
  bool plain = false;
};

namespace random_score_detail {

inline Metre metre(Rng& rng) {
  static constexpr std::array<Metre, 12> kUsual = {{{4, 4},
                                                    {3, 4},
                                                    {2, 4},
                                                    {6, 8},
                                                    {2, 2},
                                                    {3, 8},
                                                    {9, 8},
                                                    {12, 8},
                                                    {5, 8},
                                                    {7, 8},
                                                    {5, 4},
                                                    {3, 2}}};
  if (rng.chance(0.85)) return kUsual[rng.below(kUsual.size())];
  for (;;) {
    const Metre odd{rng.between(1, kMaxMetreNumerator), 1 << rng.between(0, 5)};
    if (bar_length(odd) <= kMaxBarLength) return odd;
  }
}

inline std::optional<Chord> chord(Rng& rng) {
  if (rng.chance(0.6)) return std::nullopt;
  return Chord{static_cast<std::uint8_t>(rng.below(12)),
               static_cast<ChordQuality>(rng.below(kChordQualities))};
}

// Places on straight or triplet grids, one grid a cell; free places where not plain.
inline std::vector<int> places(Rng& rng, const GridScore& score, bool plain) {
  std::vector<int> result;
  int bar = 0;
  for (const GridBar& b : score.bars) {
    const int length = bar_length(b.metre).count(), cell = cell_length(b.metre).count();
    for (int at = 0; at < length; at += cell) {
      const int step = cell == 24 && rng.chance(0.2) ? 8 : 6;
      for (int p = at; p < std::min(length, at + cell); p += plain ? step : rng.between(1, 12)) {
        result.push_back(bar + p);
      }
    }
    bar += length;
  }
  result.push_back(bar);
  return result;
}

}  // namespace random_score_detail

inline GridScore random_grid_score(Rng& rng, const RandomScoreOptions& options = {}) {
  namespace detail = random_score_detail;
  GridScore score;
  GridBar bar;
  bar.metre = detail::metre(rng);
  bar.tempo_class = static_cast<std::uint8_t>(rng.below(kTempos.size()));
  const int bars = rng.between(options.plain ? 2 : 1, options.max_bars);
  for (int i = 0; i < bars; ++i) {
    if (rng.chance(0.15)) bar.metre = detail::metre(rng);
    if (rng.chance(0.15) || (options.plain && i == 0)) {
      bar.key = Key{rng.between(-7, 7), rng.chance(0.5)};
    }
    if (!options.plain) {
      if (rng.chance(0.1)) bar.tempo_class = static_cast<std::uint8_t>(rng.below(kTempos.size()));
      if (rng.chance(0.05)) bar.key.reset();
      bar.chord = detail::chord(rng);
      bar.chord_at_middle =
          cell_count(bar.metre) % 2 == 0 ? detail::chord(rng) : std::optional<Chord>();
    }
    score.bars.push_back(bar);
  }
  score.has_upbeat = rng.chance(0.3);
  if (options.plain && score.has_upbeat) {
    if (cell_count(score.bars[0].metre) < 2) score.bars[0].metre = {4, 4};
    score.bars[1].metre = score.bars[0].metre;
  } else if (options.plain && bar_length(score.bars[0].metre) < bar_length(score.bars[1].metre)) {
    score.bars[0].metre = score.bars[1].metre;  // else it would read as an upbeat
  }

  const std::vector<int> places = detail::places(rng, score, options.plain);
  const std::vector<GridTick> starts = score.bar_starts();
  // An upbeat's first cell is silent; so is tick 0 where nothing else is asked for.
  const int first_cell = cell_length(score.bars[0].metre).count();
  const int earliest = !score.has_upbeat ? 0 : options.plain ? first_cell : 1;
  const int tracks = rng.between(options.plain ? 1 : 0, options.max_tracks);
  for (int t = 0; t < tracks; ++t) {
    GridTrack track;
    track.is_drum = rng.chance(0.15);
    track.program = track.is_drum ? std::uint8_t{0} : static_cast<std::uint8_t>(rng.below(128));
    std::array<int, 128> free{};  // from when on a pitch may sound again
    const double density = rng.uniform();
    const int low = rng.between(0, 100);
    for (std::size_t p = 0; p + 1 < places.size(); ++p) {
      // In a plain score the first and the last bar are never empty.
      const bool must = options.plain && t == 0 &&
                        ((places[p] >= earliest && places[p] < earliest + first_cell &&
                          (p == 0 || places[p - 1] < earliest)) ||
                         p + 2 == places.size());
      if (places[p] < earliest || !(must || rng.chance(density))) continue;
      std::set<int, std::greater<>> pitches;
      for (int n = rng.between(1, 4); n > 0; --n) pitches.insert(rng.between(low, low + 27));
      for (int pitch = low; must && pitch < low + 28; ++pitch) {
        if (free[static_cast<std::size_t>(pitch)] > places[p]) continue;
        pitches.insert(pitch);
        break;
      }
      for (const int pitch : pitches) {
        const auto key = static_cast<std::size_t>(pitch);
        if (free[key] > places[p]) continue;
        const std::size_t last =
            std::min(places.size() - 1, p + rng.below(rng.chance(0.1) ? 90 : 6) + 1);
        int duration = places[last] - places[p];
        if (!options.plain && rng.chance(0.2)) duration = rng.between(1, kMaxDuration.count());
        duration = std::min(duration, kMaxDuration.count());
        free[key] = places[p] + duration;
        track.notes.push_back({GridTick(places[p]), GridTick(duration),
                               static_cast<std::uint8_t>(pitch),
                               static_cast<std::uint8_t>(rng.below(kVelocityClasses))});
      }
    }
    if (options.plain && track.notes.empty()) continue;
    score.tracks.push_back(std::move(track));
  }
  return score;
}

}  // namespace hemiola
