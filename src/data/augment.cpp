#include "data/augment.h"

#include <algorithm>
#include <array>
#include <limits>

namespace hemiola::data {
namespace {

Key transposed(Key key, int semitones) {
  // A semitone up is seven fifths up.
  int fifths = ((key.fifths + 7 * semitones) % 12 + 12) % 12;
  const bool prefers_flats = key.fifths < 0;
  if (fifths > 6 || (fifths == 6 && prefers_flats)) fifths -= 12;
  return {.fifths = fifths, .minor = key.minor};
}

}  // namespace

std::pair<int, int> transposition_range(const GridScore& score, int low, int high) {
  for (const GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    for (const GridNote& note : track.notes) {
      low = std::max(low, -int{note.pitch});
      high = std::min(high, 127 - note.pitch);
    }
  }
  return {low, high};
}

void transpose(GridScore& score, int semitones) {
  if (semitones == 0) return;
  for (GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    for (GridNote& note : track.notes) {
      note.pitch = static_cast<std::uint8_t>(note.pitch + semitones);
    }
  }
  const auto move = [&](std::optional<Chord>& chord) {
    if (chord) chord->root = static_cast<std::uint8_t>(((chord->root + semitones) % 12 + 12) % 12);
  };
  for (GridBar& bar : score.bars) {
    if (bar.key) bar.key = transposed(*bar.key, semitones);
    move(bar.chord);
    move(bar.chord_at_middle);
  }
}

void shift_velocity(GridScore& score, int classes) {
  for (GridTrack& track : score.tracks) {
    for (GridNote& note : track.notes) {
      note.velocity_class = static_cast<std::uint8_t>(
          std::clamp(note.velocity_class + classes, 0, kVelocityClasses - 1));
    }
  }
}

void shift_tempo(GridScore& score, int classes) {
  for (GridBar& bar : score.bars) {
    bar.tempo_class = static_cast<std::uint8_t>(
        std::clamp(bar.tempo_class + classes, 0, static_cast<int>(kTempos.size()) - 1));
  }
}

GridScore flattened(const GridScore& score) {
  GridScore flat;
  flat.has_upbeat = score.has_upbeat;
  flat.bars = score.bars;
  GridTrack piano;
  for (const GridTrack& track : score.tracks) {
    if (!track.is_drum) {
      piano.notes.insert(piano.notes.end(), track.notes.begin(), track.notes.end());
    }
  }
  auto& notes = piano.notes;
  // Of doubled notes the longest stays.
  std::sort(notes.begin(), notes.end(), [](const GridNote& a, const GridNote& b) {
    if (a.onset != b.onset) return a.onset < b.onset;
    if (a.pitch != b.pitch) return a.pitch > b.pitch;
    if (a.duration != b.duration) return a.duration > b.duration;
    return a.velocity_class > b.velocity_class;
  });
  notes.erase(std::unique(notes.begin(), notes.end(),
                          [](const GridNote& a, const GridNote& b) {
                            return a.onset == b.onset && a.pitch == b.pitch;
                          }),
              notes.end());
  std::array<GridTick, 128> next_onset;
  next_onset.fill(GridTick(std::numeric_limits<std::int32_t>::max()));
  for (auto note = notes.rbegin(); note != notes.rend(); ++note) {
    note->duration = std::min(note->duration, next_onset[note->pitch] - note->onset);
    next_onset[note->pitch] = note->onset;
  }
  flat.tracks.push_back(std::move(piano));
  return flat;
}

}  // namespace hemiola::data
