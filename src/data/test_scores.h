// Scores for the tests of this folder: random ones over the whole range of what is valid, and small
// pieces that sound like something.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "base/rng.h"
#include "score/grid_score.h"

namespace hemiola::data {

inline Metre random_metre(Rng& rng) {
  for (;;) {
    const Metre metre{.numerator = rng.between(1, kMaxMetreNumerator),
                      .denominator = 1 << rng.between(0, 5)};
    if (bar_length(metre) <= kMaxBarLength) return metre;
  }
}

// Anything valid.
inline GridScore random_score(Rng& rng) {
  GridScore score;
  GridBar bar;
  for (int i = rng.between(1, 20); i > 0; --i) {
    if (rng.chance(0.2)) bar.metre = random_metre(rng);
    if (rng.chance(0.2)) bar.key = Key{.fifths = rng.between(-7, 7), .minor = rng.chance(0.5)};
    if (rng.chance(0.1)) bar.key.reset();
    if (rng.chance(0.2)) bar.tempo_class = static_cast<std::uint8_t>(rng.below(kTempos.size()));
    const auto chord = [&]() -> std::optional<Chord> {
      if (rng.chance(0.5)) return std::nullopt;
      return Chord{.root = static_cast<std::uint8_t>(rng.below(12)),
                   .quality = static_cast<ChordQuality>(rng.below(kChordQualities))};
    };
    if (rng.chance(0.3)) bar.chord = chord();
    bar.chord_at_middle.reset();
    if (cell_count(bar.metre) % 2 == 0 && rng.chance(0.3)) bar.chord_at_middle = chord();
    score.bars.push_back(bar);
  }
  const int end = score.bar_starts().back().count();
  for (int t = rng.between(0, 4); t > 0; --t) {
    GridTrack track;
    track.is_drum = rng.chance(0.2);
    if (!track.is_drum) track.program = static_cast<std::uint8_t>(rng.below(128));
    for (int n = rng.between(0, 60); n > 0; --n) {
      track.notes.push_back({.onset = GridTick(rng.between(0, end - 1)),
                             .duration = GridTick(rng.between(1, kMaxDuration.count())),
                             .pitch = static_cast<std::uint8_t>(rng.below(128)),
                             .velocity_class = static_cast<std::uint8_t>(rng.below(16))});
    }
    auto& notes = track.notes;
    std::sort(notes.begin(), notes.end(), [](const GridNote& a, const GridNote& b) {
      return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
    });
    notes.erase(std::unique(notes.begin(), notes.end(),
                            [](const GridNote& a, const GridNote& b) {
                              return a.onset == b.onset && a.pitch == b.pitch;
                            }),
                notes.end());
    std::array<GridTick, 128> next_onset;
    next_onset.fill(GridTick(INT32_MAX));
    for (auto note = notes.rbegin(); note != notes.rend(); ++note) {
      note->duration = std::min(note->duration, next_onset[note->pitch] - note->onset);
      next_onset[note->pitch] = note->onset;
    }
    score.tracks.push_back(std::move(track));
  }
  return score;
}

// A melody over chords, `bars` of 4/4 in a major key, that is the same for the same seed.
inline GridScore tune(std::uint64_t seed, int bars = 16) {
  Rng rng(seed);
  constexpr std::array<int, 7> kScale = {0, 2, 4, 5, 7, 9, 11};
  GridScore score;
  score.bars.assign(static_cast<std::size_t>(bars), GridBar{.key = Key{}});
  GridTrack melody{.program = 73}, chords{.program = 0};
  int degree = rng.between(4, 10);
  for (int at = 0; at < bars * 96;) {
    const int length = std::array{12, 12, 24, 24, 48}[rng.below(5)];
    degree = std::clamp(degree + rng.between(-3, 3), 0, 14);
    const int pitch = 60 + 12 * (degree / 7) + kScale[static_cast<std::size_t>(degree % 7)];
    melody.notes.push_back({.onset = GridTick(at),
                            .duration = GridTick(std::min(length, bars * 96 - at)),
                            .pitch = static_cast<std::uint8_t>(pitch)});
    at += length;
  }
  for (int bar = 0; bar < bars; ++bar) {
    const auto root = rng.below(7);
    for (const std::size_t third : {4u, 2u, 0u}) {
      const std::size_t tone = root + third;
      chords.notes.push_back(
          {.onset = GridTick(bar * 96),
           .duration = GridTick(96),
           .pitch = static_cast<std::uint8_t>(36 + 12 * (tone / 7) +
                                              static_cast<std::size_t>(kScale[tone % 7]))});
    }
  }
  score.tracks = {melody, chords};
  return score;
}

inline GridScore transposed(GridScore score, int semitones) {
  for (GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    for (GridNote& note : track.notes) {
      note.pitch = static_cast<std::uint8_t>(note.pitch + semitones);
    }
  }
  return score;
}

}  // namespace hemiola::data
