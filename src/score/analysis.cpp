#include "score/analysis.h"

#include <algorithm>
#include <cmath>

namespace hemiola {
namespace {

using PitchClasses = std::array<double, 12>;

// --- Keys ---

// How often each degree above the tonic sounds, by duration; counted in 5,300 pieces that end on
// the tonic of a key they state.
constexpr PitchClasses kMajorShares = {.204, .011, .112, .016, .136, .092,
                                       .021, .209, .019, .086, .016, .079};
constexpr PitchClasses kMinorShares = {.202, .017, .093, .135, .021, .099,
                                       .018, .203, .075, .023, .067, .046};
constexpr double kFinalBass = 0.04;   // for the key whose tonic is the last bass note
constexpr double kPlainMode = 0.015;  // lead from which on a stated mode is corrected
constexpr int kLongest = 48;          // a longer note counts for no more

std::array<double, 24> key_likelihoods(const PitchClasses& shares, int final_bass) {
  std::array<double, 24> result{};  // by tonic; then minor
  for (std::size_t tonic = 0; tonic < 12; ++tonic) {
    for (std::size_t degree = 0; degree < 12; ++degree) {
      const double share = shares[(tonic + degree) % 12];
      result[tonic] += share * std::log(kMajorShares[degree]);
      result[12 + tonic] += share * std::log(kMinorShares[degree]);
    }
  }
  if (final_bass >= 0) {
    result[static_cast<std::size_t>(final_bass)] += kFinalBass;
    result[static_cast<std::size_t>(final_bass) + 12] += kFinalBass;
  }
  return result;
}

// The usual spelling: F# major, Eb minor, and otherwise six accidentals at most.
Key key_of(std::size_t index) {
  const bool minor = index >= 12;
  const int major_tonic = static_cast<int>(minor ? index - 12 + 3 : index) % 12;
  int fifths = major_tonic * 7 % 12;
  if (fifths > 6 || (fifths == 6 && minor)) fifths -= 12;
  return {fifths, minor};
}

KeyEstimate best_key(const PitchClasses& weights, int final_bass) {
  double total = 0;
  for (const double weight : weights) total += weight;
  if (total <= 0) return {};
  PitchClasses shares = weights;
  for (double& share : shares) share /= total;
  const std::array<double, 24> likelihoods = key_likelihoods(shares, final_bass);
  const auto best = static_cast<std::size_t>(
      std::max_element(likelihoods.begin(), likelihoods.end()) - likelihoods.begin());
  const std::size_t relative = best < 12 ? 12 + (best + 9) % 12 : (best - 12 + 3) % 12;
  double next = -1e9;
  for (std::size_t i = 0; i < 24; ++i) {
    if (i != best && i != relative) next = std::max(next, likelihoods[i]);
  }
  return {key_of(best), likelihoods[best] - next, likelihoods[best] - likelihoods[relative]};
}

// The pitch classes that begin in the bars chosen, by duration, and the last bass note.
struct Tonality {
  PitchClasses weights{};
  int final_bass = -1;
};

Tonality collect(const GridScore& score, const std::vector<GridTick>& starts,
                 const std::vector<bool>& chosen) {
  Tonality result;
  GridTick last(-1);
  for (const GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    std::size_t bar = 0;
    for (const GridNote& note : track.notes) {
      while (note.onset >= starts[bar + 1]) ++bar;
      if (!chosen[bar]) continue;
      result.weights[note.pitch % 12] += std::min(kLongest, note.duration.count());
      last = std::max(last, note.onset);
    }
  }
  int lowest = 128;
  for (const GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    // What sounds with the last onset; no note lasts longer than kMaxDuration.
    auto note = std::lower_bound(track.notes.begin(), track.notes.end(), last - kMaxDuration,
                                 [](const GridNote& n, GridTick t) { return n.onset < t; });
    for (; note != track.notes.end() && note->onset <= last; ++note) {
      if (note->onset + note->duration > last) lowest = std::min<int>(lowest, note->pitch);
    }
  }
  if (lowest < 128) result.final_bass = lowest % 12;
  return result;
}

// --- Chords ---

struct Shape {
  ChordQuality quality;
  std::array<int, 4> tones;  // above the root; -1: none
  double price;              // rarer shapes need more evidence
};
constexpr std::array<Shape, kChordQualities> kShapes = {{
    {ChordQuality::kMajor, {0, 4, 7, -1}, 0.0},
    {ChordQuality::kMinor, {0, 3, 7, -1}, 0.0},
    {ChordQuality::kDiminished, {0, 3, 6, -1}, 0.05},
    {ChordQuality::kAugmented, {0, 4, 8, -1}, 0.08},
    {ChordQuality::kSuspended, {0, 5, 7, -1}, 0.08},
    {ChordQuality::kMajor7, {0, 4, 7, 11}, 0.10},
    {ChordQuality::kMinor7, {0, 3, 7, 10}, 0.08},
    {ChordQuality::kDominant7, {0, 4, 7, 10}, 0.06},
    {ChordQuality::kHalfDiminished, {0, 3, 6, 10}, 0.10},
    {ChordQuality::kDiminished7, {0, 3, 6, 9}, 0.08},
    {ChordQuality::kMinorMajor7, {0, 3, 7, 11}, 0.16},
    {ChordQuality::kSixth, {0, 4, 7, 9}, 0.14},
    {ChordQuality::kPower, {0, 7, -1, -1}, 0.12},
}};
constexpr std::size_t kChords = 12 * kChordQualities;
constexpr double kMissingTone = 0.11;  // for each tone of the shape that hardly sounds
constexpr double kRootInBass = 0.16;
constexpr double kChange = 0.14;  // price of another chord than before
constexpr double kLeast = 0.25;   // below this, no chord

struct Window {
  std::size_t bar = 0;
  bool middle = false;
  GridTick begin{}, end{};
  PitchClasses weights{};
  PitchClasses bass{};  // of the lowest notes
};

std::vector<Window> half_bars(const GridScore& score, const std::vector<GridTick>& starts) {
  std::vector<Window> windows;
  for (std::size_t i = 0; i < score.bars.size(); ++i) {
    const Metre metre = score.bars[i].metre;
    const GridTick begin = starts[i], end = starts[i + 1];
    if (cell_count(metre) % 2 == 0) {
      const GridTick middle = begin + cell_length(metre) * (cell_count(metre) / 2);
      windows.push_back({i, false, begin, middle, {}, {}});
      windows.push_back({i, true, middle, end, {}, {}});
    } else {
      windows.push_back({i, false, begin, end, {}, {}});
    }
  }
  return windows;
}

void fill_windows(const GridScore& score, std::vector<Window>& windows) {
  // Lower notes say more about the root: by an octave, twice as much.
  std::array<double, 128> depth{};
  for (std::size_t pitch = 0; pitch < depth.size(); ++pitch) {
    depth[pitch] = std::exp2((60.0 - static_cast<double>(pitch)) / 12.0);
  }
  for (const GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    std::size_t first = 0;
    for (const GridNote& note : track.notes) {
      while (first + 1 < windows.size() && windows[first].end <= note.onset) ++first;
      const GridTick end = note.onset + note.duration;
      for (std::size_t w = first; w < windows.size() && windows[w].begin < end; ++w) {
        Window& window = windows[w];
        const GridTick from = std::max(note.onset, window.begin);
        const GridTick until = std::min(end, window.end);
        double weight = (until - from).count();
        // What begins with the window is of the chord; what only hangs over may not be.
        if (note.onset == window.begin) weight *= 1.3;
        if (note.onset < window.begin) weight *= 0.8;
        window.weights[note.pitch % 12] += weight;
        window.bass[note.pitch % 12] += weight * depth[note.pitch];
      }
    }
  }
}

// How well each chord explains a window: at most about 1.
std::array<double, kChords> chord_scores(const Window& window) {
  std::array<double, kChords> scores{};
  double total = 0, bass_total = 0;
  for (std::size_t c = 0; c < 12; ++c) {
    total += window.weights[c];
    bass_total += window.bass[c];
  }
  // Two octaves, so that nothing is taken modulo twelve below.
  std::array<double, 24> share{};
  for (std::size_t c = 0; c < 24; ++c) {
    const double value = window.weights[c % 12] / total;
    share[c] = value < 0.04 ? value - kMissingTone : value;
  }
  for (std::size_t root = 0; root < 12; ++root) {
    const double bass = kRootInBass * window.bass[root] / bass_total;
    for (std::size_t s = 0; s < kShapes.size(); ++s) {
      double score = bass - kShapes[s].price;
      for (const int tone : kShapes[s].tones) {
        if (tone >= 0) score += share[root + static_cast<std::size_t>(tone)];
      }
      scores[root * kShapes.size() + s] = score;
    }
  }
  return scores;
}

bool is_silent(const Window& window) {
  return std::all_of(window.weights.begin(), window.weights.end(), [](double w) { return w <= 0; });
}

// The best path through the windows, where keeping a chord is free and changing it is not. The last
// state is "no chord".
std::vector<std::size_t> best_chords(const std::vector<Window>& windows) {
  constexpr std::size_t kStates = kChords + 1;
  std::vector<std::array<std::uint8_t, kStates>> from(windows.size());
  std::array<double, kStates> value{};
  for (std::size_t w = 0; w < windows.size(); ++w) {
    std::array<double, kStates> score{};
    if (is_silent(windows[w])) {
      score.fill(-1);
      score[kChords] = 0;
    } else {
      const auto chords = chord_scores(windows[w]);
      std::copy(chords.begin(), chords.end(), score.begin());
      score[kChords] = kLeast;
    }
    const auto best =
        static_cast<std::size_t>(std::max_element(value.begin(), value.end()) - value.begin());
    for (std::size_t s = 0; s < kStates; ++s) {
      const bool stay = w == 0 || value[s] >= value[best] - kChange;
      from[w][s] = static_cast<std::uint8_t>(stay ? s : best);
    }
    const double change = value[best] - kChange;
    for (std::size_t s = 0; s < kStates; ++s) value[s] = std::max(value[s], change) + score[s];
  }
  std::vector<std::size_t> path(windows.size());
  auto state =
      static_cast<std::size_t>(std::max_element(value.begin(), value.end()) - value.begin());
  for (std::size_t w = windows.size(); w-- > 0;) {
    path[w] = state;
    state = from[w][state];
  }
  return path;
}

std::optional<Chord> chord_of(std::size_t state) {
  if (state >= kChords) return std::nullopt;
  return Chord{static_cast<std::uint8_t>(state / kShapes.size()),
               kShapes[state % kShapes.size()].quality};
}

// --- Figures ---

template <class Take>
TrackFigures measure(const GridScore& score, Take&& take) {
  TrackFigures figures;
  const std::vector<GridTick> starts = score.bar_starts();
  std::vector<bool> plays(score.bars.size());
  std::vector<std::pair<GridTick, int>> edges;
  double pitches = 0, durations = 0, velocities = 0;
  figures.lowest = 128;
  figures.highest = -1;
  for (std::size_t t = 0; t < score.tracks.size(); ++t) {
    if (!take(t)) continue;
    std::size_t bar = 0;
    for (const GridNote& note : score.tracks[t].notes) {
      while (note.onset >= starts[bar + 1]) ++bar;
      plays[bar] = true;
      ++figures.notes;
      figures.lowest = std::min<int>(figures.lowest, note.pitch);
      figures.highest = std::max<int>(figures.highest, note.pitch);
      pitches += note.pitch;
      durations += note.duration.count();
      velocities += note.velocity_class;
      edges.emplace_back(note.onset, 1);
      edges.emplace_back(note.onset + note.duration, -1);
    }
  }
  if (figures.notes == 0) return {};
  const auto notes = static_cast<double>(figures.notes);
  figures.mean_pitch = pitches / notes;
  figures.mean_duration = durations / notes / kGridQuarter.count();
  figures.mean_velocity_class = velocities / notes;
  figures.notes_per_bar = notes / static_cast<double>(std::count(plays.begin(), plays.end(), true));
  std::sort(edges.begin(), edges.end());  // ends before beginnings
  int sounding = 0;
  std::int64_t time = 0, note_time = 0;
  GridTick at{}, end = starts.back();
  for (const auto& [tick, step] : edges) {
    if (sounding > 0) {
      time += (tick - at).count();
      note_time += std::int64_t{sounding} * (tick - at).count();
    }
    at = tick;
    sounding += step;
    figures.max_polyphony = std::max(figures.max_polyphony, sounding);
    end = std::max(end, tick);
  }
  figures.mean_polyphony = static_cast<double>(note_time) / static_cast<double>(time);
  figures.sounding_share = static_cast<double>(time) / end.count();
  return figures;
}

}  // namespace

KeyEstimate estimate_key(const GridScore& score, std::size_t begin_bar, std::size_t end_bar) {
  std::vector<bool> chosen(score.bars.size());
  for (std::size_t i = begin_bar; i < std::min(end_bar, chosen.size()); ++i) chosen[i] = true;
  const Tonality tonality = collect(score, score.bar_starts(), chosen);
  return best_key(tonality.weights, tonality.final_bass);
}

KeyEstimate estimate_key(const GridScore& score) {
  return estimate_key(score, 0, score.bars.size());
}

void complete_keys(GridScore& score, bool correct_mode) {
  const std::vector<GridTick> starts = score.bar_starts();
  std::vector<bool> chosen(score.bars.size());
  bool any = false;
  for (std::size_t i = 0; i < chosen.size(); ++i) any |= chosen[i] = !score.bars[i].key.has_value();
  if (any) {
    const Tonality tonality = collect(score, starts, chosen);
    if (tonality.final_bass >= 0) {
      const Key key = best_key(tonality.weights, tonality.final_bass).key;
      for (GridBar& bar : score.bars) {
        if (!bar.key) bar.key = key;
      }
    }
  }
  if (!correct_mode) return;
  for (std::size_t begin = 0; begin < score.bars.size();) {
    std::size_t end = begin;
    while (end < score.bars.size() && score.bars[end].key == score.bars[begin].key) ++end;
    if (score.bars[begin].key) {
      std::fill(chosen.begin(), chosen.end(), false);
      std::fill(chosen.begin() + static_cast<std::ptrdiff_t>(begin),
                chosen.begin() + static_cast<std::ptrdiff_t>(end), true);
      const Tonality tonality = collect(score, starts, chosen);
      const KeyEstimate estimate = best_key(tonality.weights, tonality.final_bass);
      const Key stated = *score.bars[begin].key;
      if ((estimate.key.fifths - stated.fifths) % 12 == 0 && estimate.key.minor != stated.minor &&
          estimate.lead_over_mode > kPlainMode) {
        for (std::size_t i = begin; i < end; ++i) score.bars[i].key->minor = estimate.key.minor;
      }
    }
    begin = end;
  }
}

void complete_chords(GridScore& score) {
  if (score.bars.empty()) return;
  std::vector<Window> windows = half_bars(score, score.bar_starts());
  fill_windows(score, windows);
  const std::vector<std::size_t> path = best_chords(windows);
  for (std::size_t w = 0; w < windows.size(); ++w) {
    GridBar& bar = score.bars[windows[w].bar];
    const std::optional<Chord> chord = chord_of(path[w]);
    if (!windows[w].middle) {
      if (!bar.chord) bar.chord = chord;
    } else if (!bar.chord_at_middle && chord != bar.chord) {
      bar.chord_at_middle = chord;
    }
  }
}

void clear_chords(GridScore& score) {
  for (GridBar& bar : score.bars) {
    bar.chord.reset();
    bar.chord_at_middle.reset();
  }
}

TrackFigures measure_track(const GridScore& score, std::size_t track) {
  return measure(score, [&](std::size_t t) { return t == track; });
}

TrackFigures measure_pitched(const GridScore& score) {
  return measure(score, [&](std::size_t t) { return !score.tracks[t].is_drum; });
}

}  // namespace hemiola
