#include "score/grid_score.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace hemiola {
namespace {

constexpr std::int64_t kMaxTicks = std::numeric_limits<std::int32_t>::max() / 2;

Status check_metre(Metre metre) {
  const int d = metre.denominator;
  if (d < 1 || d > 32 || !std::has_single_bit(static_cast<unsigned>(d))) {
    return fail("the denominator must be 1, 2, 4, 8, 16 or 32");
  }
  if (metre.numerator < 1 || metre.numerator > kMaxMetreNumerator) {
    return fail("the numerator must be 1 to {}", kMaxMetreNumerator);
  }
  if (bar_length(metre) > kMaxBarLength) {
    return fail("the bar lasts {} grid ticks, at most {} can be said", bar_length(metre).count(),
                kMaxBarLength.count());
  }
  return {};
}

Status check_chord(const std::optional<Chord>& chord) {
  if (!chord) return {};
  if (chord->root > 11) return fail("chord root {}: expected 0 to 11", chord->root);
  if (static_cast<int>(chord->quality) >= kChordQualities) {
    return fail("chord quality {}: expected 0 to {}", static_cast<int>(chord->quality),
                kChordQualities - 1);
  }
  return {};
}

Status check_bar(const GridBar& bar) {
  if (auto status = check_metre(bar.metre); !status) {
    return fail("metre {}/{}: {}", bar.metre.numerator, bar.metre.denominator,
                status.error().message);
  }
  if (bar.key && (bar.key->fifths < -7 || bar.key->fifths > 7)) {
    return fail("key with {} fifths: expected -7 to 7", bar.key->fifths);
  }
  if (bar.tempo_class >= kTempos.size()) {
    return fail("tempo class {}: expected 0 to {}", bar.tempo_class, kTempos.size() - 1);
  }
  HEMIOLA_CHECK(check_chord(bar.chord));
  HEMIOLA_CHECK(check_chord(bar.chord_at_middle));
  if (bar.chord_at_middle && cell_count(bar.metre) % 2 != 0) {
    return fail("a chord at the middle, but {}/{} has {} cells and so no middle",
                bar.metre.numerator, bar.metre.denominator, cell_count(bar.metre));
  }
  return {};
}

Status check_note(const GridNote& note, std::int64_t end) {
  if (note.onset.count() < 0 || note.onset.count() >= end) {
    return fail("begins outside all bars, which last from 0 to {}", end);
  }
  if (note.duration.count() < 1 || note.duration > kMaxDuration) {
    return fail("lasts {} grid ticks, expected 1 to {}", note.duration.count(),
                kMaxDuration.count());
  }
  if (note.pitch > 127) return fail("expected a pitch of 0 to 127");
  if (note.velocity_class >= kVelocityClasses) {
    return fail("velocity class {}: expected 0 to {}", note.velocity_class, kVelocityClasses - 1);
  }
  return {};
}

Status check_track(const GridTrack& track, std::int64_t end) {
  if (track.program > 127) return fail("program {}: expected 0 to 127", track.program);
  if (track.is_drum && track.program != 0) {
    return fail("program {} on a drum track: expected 0", track.program);
  }
  std::array<std::int32_t, 128> sounding_until{};
  const GridNote* before = nullptr;
  for (const GridNote& note : track.notes) {
    const auto where = [&] {
      return fmt::format("pitch {} at {}", note.pitch, note.onset.count());
    };
    if (auto status = check_note(note, end); !status) {
      return fail(std::move(status.error()).within(where()));
    }
    if (before != nullptr && (note.onset < before->onset ||
                              (note.onset == before->onset && note.pitch >= before->pitch))) {
      return fail("{}: out of order after pitch {} at {} (by onset, then from high to low)",
                  where(), before->pitch, before->onset.count());
    }
    std::int32_t& until = sounding_until[note.pitch];
    if (note.onset.count() < until) {
      return fail("{}: overlaps a note of the same pitch that lasts until {}", where(), until);
    }
    until = note.onset.count() + note.duration.count();
    before = &note;
  }
  return {};
}

}  // namespace

int nearest_tempo_class(double quarters_per_minute) {
  const auto above = std::upper_bound(kTempos.begin(), kTempos.end(), quarters_per_minute,
                                      [](double q, int tempo) { return q < tempo; });
  if (above == kTempos.begin()) return 0;
  if (above == kTempos.end()) return static_cast<int>(kTempos.size()) - 1;
  // Nearest in proportion: the border between two marks is their geometric mean.
  const double low = *(above - 1), high = *above;
  const auto index = static_cast<int>(above - kTempos.begin());
  return quarters_per_minute * quarters_per_minute < low * high ? index - 1 : index;
}

std::optional<Metre> metre_of_length(GridTick length, int denominator) {
  for (int d = denominator; d <= 32; d *= 2) {
    const int numerator = length.count() * d / 96;
    if (numerator >= 1 && numerator <= kMaxMetreNumerator && numerator * 96 / d == length.count() &&
        numerator * 96 % d == 0) {
      return Metre{numerator, d};
    }
  }
  return std::nullopt;
}

std::size_t GridScore::note_count() const {
  std::size_t count = 0;
  for (const GridTrack& track : tracks) count += track.notes.size();
  return count;
}

std::vector<GridTick> GridScore::bar_starts() const {
  std::vector<GridTick> starts;
  starts.reserve(bars.size() + 1);
  GridTick at{};
  for (const GridBar& bar : bars) {
    starts.push_back(at);
    at += bar_length(bar.metre);
  }
  starts.push_back(at);
  return starts;
}

GridTick GridScore::unwritten_rest() const {
  if (!has_upbeat) return {};
  const GridTick end = bar_length(bars.front().metre);
  GridTick first = end;
  for (const GridTrack& track : tracks) {
    if (!track.notes.empty()) first = std::min(first, track.notes.front().onset);
  }
  if (first == end) return {};  // an upbeat bar of silence is written whole
  const Metre metre = bars.front().metre;
  const GridTick cell = cell_length(metre);
  for (const GridTick unit : {cell, GridTick(12), GridTick(6), GridTick(3)}) {
    const GridTick rest = unit * (first / unit);
    if (rest.count() > 0 && metre_of_length(end - rest, metre.denominator)) return rest;
  }
  return {};
}

Status validate(const GridScore& score) {
  if (score.bars.empty()) return fail("the score has no bars, expected one at least");
  std::int64_t end = 0;
  for (std::size_t i = 0; i < score.bars.size(); ++i) {
    if (auto status = check_bar(score.bars[i]); !status) {
      return fail("bar {}: {}", i + (score.has_upbeat ? 0 : 1), status.error().message);
    }
    end += bar_length(score.bars[i].metre).count();
    if (end > kMaxTicks) return fail("{} bars are longer than {} grid ticks", i + 1, kMaxTicks);
  }
  if (score.tracks.size() > kMaxTracks) {
    return fail("{} tracks, at most {} can be said", score.tracks.size(), kMaxTracks);
  }
  for (std::size_t i = 0; i < score.tracks.size(); ++i) {
    const GridTrack& track = score.tracks[i];
    if (auto status = check_track(track, end); !status) {
      return fail("track {}: {}", i + 1, status.error().message);
    }
    if (score.has_upbeat && !track.notes.empty() && track.notes.front().onset.count() == 0) {
      return fail("track {}: pitch {} at 0: an upbeat bar is silent at its start", i + 1,
                  track.notes.front().pitch);
    }
  }
  return {};
}

}  // namespace hemiola
