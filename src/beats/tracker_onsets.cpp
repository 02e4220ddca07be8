#include "beats/tracker_onsets.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace hemiola::tracker {
namespace {

constexpr double kChordGap = 0.030;   // seconds from one note of a chord to the next, at most
constexpr double kChordSpan = 0.070;  // from the first to the last
constexpr double kAround = 3;         // seconds on either side that local means are taken over
constexpr double kFarthest = 4;       // seconds that gaps are searched
constexpr std::ptrdiff_t kFarthestChords = 48;
constexpr int kBassBelow = 52;  // lower pitches weigh more in the harmony

double log_length(double seconds) { return std::log(std::min(seconds, 4.0) + 0.05); }
double log_gap(double seconds) { return std::log(seconds + 0.02); }

struct Neighbourhood {
  std::span<const Chord> chords;

  // The mean of a value over all chords within kAround seconds, for each chord.
  template <class Value>
  std::vector<double> local_mean(Value value) const {
    const std::size_t n = chords.size();
    std::vector<double> sums(n + 1, 0), means(n);
    for (std::size_t i = 0; i < n; ++i) sums[i + 1] = sums[i] + value(i);
    std::size_t low = 0, high = 0;
    for (std::size_t i = 0; i < n; ++i) {
      while (chords[i].at - chords[low].at > kAround) ++low;
      while (high < n && chords[high].at - chords[i].at <= kAround) ++high;
      means[i] = (sums[high] - sums[low]) / static_cast<double>(high - low);
    }
    return means;
  }

  // For each chord, the log of the time to the nearest one in a direction (1 or -1) that is at
  // least as strong in some way.
  template <class AsStrong>
  std::vector<double> gap(int direction, AsStrong as_strong) const {
    const auto n = static_cast<std::ptrdiff_t>(chords.size());
    std::vector<double> gaps(chords.size());
    for (std::ptrdiff_t i = 0; i < n; ++i) {
      const Chord& here = chords[static_cast<std::size_t>(i)];
      double nearest = kFarthest;
      for (std::ptrdiff_t steps = 1; steps <= kFarthestChords; ++steps) {
        const std::ptrdiff_t j = i + direction * steps;
        if (j < 0 || j >= n) break;
        const Chord& there = chords[static_cast<std::size_t>(j)];
        const double distance = std::abs(there.at - here.at);
        if (distance > kFarthest) break;
        if (as_strong(there, here)) {
          nearest = distance;
          break;
        }
      }
      gaps[static_cast<std::size_t>(i)] = log_gap(nearest);
    }
    return gaps;
  }
};

using Chroma = std::array<double, 12>;

Chroma chroma_of(std::span<const Note> notes, const Chord& chord) {
  Chroma chroma{};
  for (const Note& note : notes.subspan(chord.first_note, static_cast<std::size_t>(chord.size))) {
    if (note.is_drum) continue;
    chroma[static_cast<std::size_t>(note.pitch % 12)] +=
        std::min(1.2, 0.15 + note.duration) * (note.pitch < kBassBelow ? 1.6 : 1.0);
  }
  return chroma;
}

// For each chord: one minus the likeness of the pitch classes before it and from it on, each
// fading away within `fade` seconds.
std::vector<double> harmonic_change(std::span<const Chord> chords, std::span<const Chroma> chroma,
                                    double fade) {
  const std::size_t n = chords.size();
  std::vector<Chroma> before(n);
  Chroma sum{};
  for (std::size_t i = 0; i < n; ++i) {
    const double kept = i > 0 ? std::exp(-(chords[i].at - chords[i - 1].at) / fade) : 0;
    for (double& value : sum) value *= kept;
    before[i] = sum;
    for (std::size_t k = 0; k < 12; ++k) sum[k] += chroma[i][k];
  }
  std::vector<double> change(n);
  sum = {};
  for (std::size_t i = n; i-- > 0;) {
    const double kept = i + 1 < n ? std::exp(-(chords[i + 1].at - chords[i].at) / fade) : 0;
    double product = 0, after_square = 1e-9, before_square = 1e-9;
    for (std::size_t k = 0; k < 12; ++k) {
      sum[k] = sum[k] * kept + chroma[i][k];
      product += sum[k] * before[i][k];
      after_square += sum[k] * sum[k];
      before_square += before[i][k] * before[i][k];
    }
    change[i] = 1 - product / std::sqrt(after_square * before_square);
  }
  return change;
}

}  // namespace

std::vector<Chord> find_chords(std::span<const Note> notes) {
  std::vector<Chord> chords;
  for (std::size_t i = 0; i < notes.size();) {
    Chord chord;
    chord.first_note = i;
    double onsets = 0, velocities = 0;
    const double first = notes[i].onset;
    double last = first;
    for (; i < notes.size(); ++i) {
      const Note& note = notes[i];
      if (note.onset - last > kChordGap || note.onset - first > kChordSpan) break;
      last = note.onset;
      ++chord.size;
      onsets += note.onset;
      velocities += note.velocity;
      chord.loudest = std::max(chord.loudest, note.velocity);
      chord.longest = std::max(chord.longest, note.duration);
      if (note.pitch < chord.lowest) chord.lowest = note.pitch, chord.bass_length = note.duration;
      if (note.pitch >= chord.highest) chord.highest = note.pitch, chord.top_length = note.duration;
    }
    chord.at = onsets / chord.size;
    chord.mean_velocity = velocities / chord.size;
    chords.push_back(chord);
  }
  return chords;
}

std::vector<Features> chord_features(std::span<const Note> notes, std::span<const Chord> chords) {
  const std::size_t n = chords.size();
  const Neighbourhood around{chords};
  const auto log_size = [&](std::size_t i) {
    return std::log(static_cast<double>(chords[i].size));
  };
  std::vector<double> interval(n);  // to the next chord, log
  for (std::size_t i = 0; i < n; ++i) {
    interval[i] = log_gap(i + 1 < n ? std::min(chords[i + 1].at - chords[i].at, 3.0) : 1.0);
  }

  const auto pace = around.local_mean([&](std::size_t i) { return interval[i]; });
  const auto loudest = around.local_mean([&](std::size_t i) { return chords[i].loudest; });
  const auto velocity = around.local_mean([&](std::size_t i) { return chords[i].mean_velocity; });
  const auto size = around.local_mean(log_size);
  const auto lowest = around.local_mean([&](std::size_t i) { return chords[i].lowest; });
  const auto highest = around.local_mean([&](std::size_t i) { return chords[i].highest; });
  const auto longest =
      around.local_mean([&](std::size_t i) { return log_length(chords[i].longest); });
  const auto bass =
      around.local_mean([&](std::size_t i) { return log_length(chords[i].bass_length); });
  const auto top =
      around.local_mean([&](std::size_t i) { return log_length(chords[i].top_length); });

  std::vector<Chroma> chroma(n);
  for (std::size_t i = 0; i < n; ++i) chroma[i] = chroma_of(notes, chords[i]);
  std::array<std::vector<double>, 3> change, usual_change;
  for (std::size_t k = 0; k < 3; ++k) {
    change[k] = harmonic_change(chords, chroma, std::array{0.35, 0.9, 2.2}[k]);
    usual_change[k] = around.local_mean([&](std::size_t i) { return change[k][i]; });
  }

  const auto as_low = [](const Chord& a, const Chord& b) { return a.lowest <= b.lowest + 1; };
  const auto as_high = [](const Chord& a, const Chord& b) { return a.highest >= b.highest - 1; };
  const auto as_loud = [](const Chord& a, const Chord& b) { return a.loudest >= b.loudest - 1; };
  const auto as_full = [](const Chord& a, const Chord& b) { return a.size >= b.size; };
  const auto as_long = [](const Chord& a, const Chord& b) { return a.longest >= b.longest * 0.85; };
  const std::array<std::vector<double>, 10> gaps = {
      around.gap(1, as_low),   around.gap(-1, as_low),  around.gap(1, as_high),
      around.gap(-1, as_high), around.gap(1, as_loud),  around.gap(-1, as_loud),
      around.gap(1, as_full),  around.gap(-1, as_full), around.gap(1, as_long),
      around.gap(-1, as_long)};

  std::vector<Features> all(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Chord& chord = chords[i];
    const Chord* before = i > 0 ? &chords[i - 1] : nullptr;
    const Chord* after = i + 1 < n ? &chords[i + 1] : nullptr;
    std::size_t k = 0;
    const auto put = [&](double value) {
      all[i][k++] = static_cast<float>(std::clamp(value, -4.0, 4.0));
    };
    put(log_size(i) - size[i]);
    put((chord.loudest - loudest[i]) / 12);
    put((chord.mean_velocity - velocity[i]) / 12);
    put((chord.lowest - lowest[i]) / 12);
    put((chord.highest - highest[i]) / 12);
    put(log_length(chord.longest) - longest[i]);
    put(log_length(chord.bass_length) - bass[i]);
    put(log_length(chord.top_length) - top[i]);
    const double to_next = interval[i] - pace[i];
    const double from_last = before ? interval[i - 1] - pace[i] : 0;
    put(to_next);
    put(from_last);
    put(to_next - from_last);
    for (const auto& gap : gaps) put(gap[i] - pace[i]);
    for (std::size_t s = 0; s < 3; ++s) put(3 * (change[s][i] - usual_change[s][i]));
    double peak = 0;  // of the neighbours
    if (before) peak = std::max(peak, change[1][i - 1]);
    if (after) peak = std::max(peak, change[1][i + 1]);
    put(3 * (change[1][i] - peak));
    put(before && before->lowest == chord.lowest ? 1 : 0);
    put(before && before->highest == chord.highest ? 1 : 0);
    put(before ? std::min(2.0, std::abs(chord.highest - before->highest) / 12.0) : 0);
    put(before ? std::clamp((chord.lowest - before->lowest) / 12.0, -3.0, 3.0) : 0);
    put(after ? std::clamp((after->lowest - chord.lowest) / 12.0, -3.0, 3.0) : 0);
    put(pace[i] + 1.6);
    put(chord.size == 1 ? 1 : 0);
  }
  return all;
}

}  // namespace hemiola::tracker
