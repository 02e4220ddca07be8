#include "evaluate/temporal.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "evaluate/spectrogram.h"

namespace hemiola::evaluate {
namespace {

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation_of(std::span<const double> values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

constexpr double kNear = 1.0 / 24;  // of a beat

// How many of these places in a beat, 0 to 1, are near one of its `parts`.
std::size_t near_count(std::span<const double> places, int parts) {
  std::size_t count = 0;
  for (const double place : places) {
    const double scaled = place * parts;
    count += std::abs(scaled - std::round(scaled)) <= kNear * parts;
  }
  return count;
}

}  // namespace

Result<TemporalConsistency> measure_consistency(const BeatTrack& track,
                                                std::span<const Seconds> onsets) {
  constexpr std::size_t kFewest = 4;
  const auto& beats = track.beats;
  if (beats.size() < kFewest) return fail("only {} beats; {} are needed", beats.size(), kFewest);
  TemporalConsistency result;
  result.beats = beats.size();
  std::vector<double> intervals, ratios;
  for (std::size_t i = 1; i < beats.size(); ++i) {
    intervals.push_back((beats[i].at - beats[i - 1].at).count());
    if (i > 1) ratios.push_back(std::log2(intervals[i - 1] / intervals[i - 2]));
  }
  result.beat_variation = deviation_of(intervals) / mean_of(intervals);
  result.beat_jitter = deviation_of(ratios);

  // Chance is that of the division chosen, so each beat is judged against its own.
  double near = 0, expected = 0;
  auto onset = std::lower_bound(onsets.begin(), onsets.end(), beats.front().at);
  for (std::size_t i = 0; i + 1 < beats.size(); ++i) {
    std::vector<double> places;
    for (; onset != onsets.end() && *onset < beats[i + 1].at; ++onset) {
      places.push_back((*onset - beats[i].at).count() / intervals[i]);
    }
    if (places.empty()) continue;
    const std::size_t quarters = near_count(places, 4), thirds = near_count(places, 3);
    const bool triplets = thirds > quarters;
    near += static_cast<double>(triplets ? thirds : quarters);
    expected += static_cast<double>(places.size()) * 2 * kNear * (triplets ? 3 : 4);
    result.onsets += places.size();
  }
  if (result.onsets == 0) return fail("no onset between the beats");
  result.on_grid = (near - expected) / (static_cast<double>(result.onsets) - expected);
  return result;
}

Result<TemporalConsistency> measure_consistency(std::span<const PlayedNote> notes) {
  HEMIOLA_TRY(const BeatTrack track, track_beats(notes));
  std::vector<Seconds> onsets;
  for (const PlayedNote& note : notes) onsets.push_back(note.onset);
  std::sort(onsets.begin(), onsets.end());
  return measure_consistency(track, onsets);
}

std::vector<PlayedNote> find_onsets(std::span<const float> sound) {
  constexpr std::size_t kBack = 2;                  // frames that are compared: 20 ms
  constexpr std::size_t kAround = 10, kBefore = 3;  // frames of the mean and of the peak
  constexpr float kFloor = 0.01f;                   // below it bands count as silent
  const std::vector<float> mel = log_mel_64(sound, kFloor);
  const std::size_t frames = mel.size() / kLogMelBands;
  std::vector<double> flux(frames);
  for (std::size_t t = kBack; t < frames; ++t) {
    for (std::size_t band = 0; band < kLogMelBands; ++band) {
      const double rise = mel[t * kLogMelBands + band] - mel[(t - kBack) * kLogMelBands + band];
      flux[t] += std::max(0.0, rise);
    }
  }
  if (frames == 0) return {};
  const double overall = mean_of(flux);
  std::vector<PlayedNote> notes;
  double strongest = 0;
  std::vector<double> strengths;
  for (std::size_t t = 0; t < frames; ++t) {
    const std::size_t first = t - std::min(t, kAround), last = std::min(frames, t + kAround + 1);
    const double around = mean_of(std::span(flux).subspan(first, last - first));
    const std::size_t before = t - std::min(t, kBefore), after = std::min(frames, t + kBefore + 1);
    const double peak = *std::max_element(flux.begin() + static_cast<std::ptrdiff_t>(before),
                                          flux.begin() + static_cast<std::ptrdiff_t>(after));
    if (flux[t] < peak || flux[t] < 1.3 * around + 0.3 * overall || flux[t] <= 0) continue;
    const Seconds at(static_cast<double>(t * kLogMelHop + kLogMelWindow / 2) / 16000);
    if (!notes.empty() && at - notes.back().onset < Seconds(0.03)) continue;
    notes.push_back({.onset = at, .duration = Seconds(0.1)});
    strengths.push_back(flux[t]);
    strongest = std::max(strongest, flux[t]);
  }
  for (std::size_t i = 0; i < notes.size(); ++i) {
    notes[i].velocity =
        static_cast<std::uint8_t>(std::clamp(127 * strengths[i] / strongest, 1., 127.));
    if (i + 1 < notes.size()) notes[i].duration = notes[i + 1].onset - notes[i].onset;
  }
  return notes;
}

}  // namespace hemiola::evaluate
