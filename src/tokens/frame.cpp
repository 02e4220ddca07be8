#include "tokens/frame.h"

#include <algorithm>
#include <functional>

namespace hemiola::tokens {

Frame canonical(Frame frame) {
  if (frame.counts_bars) {
    frame.bars_after = std::min(frame.bars_after, kMaxBarsLeft);
  } else {
    frame.bars_after = ends_piece(frame.form) ? 0 : 1;
  }
  if (std::ranges::all_of(frame.controls,
                          [](const TrackControls& c) { return c == TrackControls{}; })) {
    frame.controls.clear();
  }
  return frame;
}

namespace {

Status check_controls(const TrackControls& controls, const GridTrack& track) {
  if (controls.density && (*controls.density < 1 || *controls.density > kDensityClasses)) {
    return fail("density {}: expected 1 to {}", *controls.density, kDensityClasses);
  }
  if (controls.polyphony && (*controls.polyphony < 1 || *controls.polyphony > kMaxPolyphonyWord)) {
    return fail("polyphony {}: expected 1 to {}", *controls.polyphony, kMaxPolyphonyWord);
  }
  if (controls.range) {
    if (track.is_drum) return fail("a pitch range on a drum track");
    if (controls.range->low > controls.range->high || controls.range->high > 127) {
      return fail("pitch range {} to {}: expected a rising one inside 0 to 127",
                  controls.range->low, controls.range->high);
    }
  }
  return {};
}

}  // namespace

Status check(const Frame& frame, const GridScore& score) {
  if (frame.bars_after < 0 || (frame.bars_after == 0) != ends_piece(frame.form)) {
    return fail("{} bars after a window that {} its piece", frame.bars_after,
                ends_piece(frame.form) ? "ends" : "does not end");
  }
  if (score.has_upbeat && !starts_piece(frame.form)) {
    return fail("an upbeat in a window that does not start its piece");
  }
  for (std::size_t i = 0; i < frame.styles.size(); ++i) {
    if (frame.styles[i] < 1 || frame.styles[i] > kStyles ||
        (i > 0 && frame.styles[i] <= frame.styles[i - 1])) {
      return fail("style {}: expected 1 to {}, rising", frame.styles[i], kStyles);
    }
  }
  if (!frame.controls.empty() && frame.controls.size() != score.tracks.size()) {
    return fail("controls for {} tracks, but the score has {}", frame.controls.size(),
                score.tracks.size());
  }
  for (std::size_t i = 0; i < frame.controls.size(); ++i) {
    if (auto status = check_controls(frame.controls[i], score.tracks[i]); !status) {
      return fail("track {}: {}", i + 1, status.error().message);
    }
  }
  for (std::size_t i = 0; i < frame.holes.size(); ++i) {
    const Hole hole = frame.holes[i];
    const auto bars = static_cast<int>(score.bars.size());
    const auto tracks = static_cast<int>(score.tracks.size());
    if (hole.bar < 0 || hole.bar >= bars || hole.track < 0 || hole.track >= tracks) {
      return fail("a hole at bar index {}, track index {}: the score has {} bars and {} tracks",
                  hole.bar, hole.track, bars, tracks);
    }
    if (i > 0 && hole <= frame.holes[i - 1]) {
      return fail("holes out of order at bar index {}, track index {}", hole.bar, hole.track);
    }
  }
  return {};
}

GridScore window(const GridScore& piece, int first, int count) {
  const auto starts = piece.bar_starts();
  const GridTick from = starts[static_cast<std::size_t>(first)];
  const GridTick to = starts[static_cast<std::size_t>(first + count)];
  GridScore result;
  result.has_upbeat = piece.has_upbeat && first == 0;
  result.bars.assign(piece.bars.begin() + first, piece.bars.begin() + first + count);
  result.tracks.reserve(piece.tracks.size());
  for (const GridTrack& track : piece.tracks) {
    const auto at = [&](GridTick tick) {
      return std::partition_point(track.notes.begin(), track.notes.end(),
                                  [&](const GridNote& note) { return note.onset < tick; });
    };
    GridTrack& copy = result.tracks.emplace_back(GridTrack{track.program, track.is_drum, {}});
    copy.notes.assign(at(from), at(to));
    for (GridNote& note : copy.notes) note.onset -= from;
  }
  return result;
}

Frame window_frame(const GridScore& piece, int first, int count) {
  Frame frame;
  frame.bars_after = static_cast<int>(piece.bars.size()) - first - count;
  frame.form = form_of(first == 0, frame.bars_after == 0);
  return frame;
}

std::vector<HeldNote> notes_into(const GridScore& piece, int first) {
  const GridTick from = piece.bar_starts()[static_cast<std::size_t>(first)];
  std::vector<HeldNote> held;
  for (std::size_t track = 0; track < piece.tracks.size(); ++track) {
    for (const GridNote& note : piece.tracks[track].notes) {
      if (note.onset >= from) break;
      const GridTick until = note.onset + note.duration - from;
      if (until.count() > 0) held.push_back({static_cast<int>(track), note.pitch, until});
    }
  }
  return held;
}

int max_polyphony(const GridTrack& track) {
  std::vector<GridTick> ends;  // of the notes that sound; a min-heap
  std::size_t most = 0;
  for (const GridNote& note : track.notes) {
    while (!ends.empty() && ends.front() <= note.onset) {
      std::ranges::pop_heap(ends, std::greater<>());
      ends.pop_back();
    }
    ends.push_back(note.onset + note.duration);
    std::ranges::push_heap(ends, std::greater<>());
    most = std::max(most, ends.size());
  }
  return static_cast<int>(most);
}

TrackControls measure_controls(const GridScore& score, int track) {
  const GridTrack& music = score.tracks[static_cast<std::size_t>(track)];
  TrackControls controls;
  controls.density = 1;
  if (music.notes.empty()) return controls;
  GridTick length{};
  for (const GridBar& bar : score.bars) length += bar_length(bar.metre);
  const double density =
      static_cast<double>(music.notes.size()) * kGridQuarter.count() / length.count();
  controls.density = 1 + static_cast<int>(std::ranges::upper_bound(kDensityBounds, density) -
                                          kDensityBounds.begin());
  controls.polyphony = std::min(max_polyphony(music), kMaxPolyphonyWord);
  if (!music.is_drum) {
    PitchRange range{127, 0};
    for (const GridNote& note : music.notes) {
      range.low = std::min(range.low, note.pitch);
      range.high = std::max(range.high, note.pitch);
    }
    controls.range = range;
  }
  return controls;
}

}  // namespace hemiola::tokens
