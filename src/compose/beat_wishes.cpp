#include "compose/beat_wishes.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "score/grid_score.h"

namespace hemiola {
namespace {

using Beat = BeatTrack::Beat;

constexpr double kOffBeat = 0.25;      // of a beat: farther off than this is not the same beat
constexpr double kLongestLead = 3600;  // seconds before the first beat that beats are drawn on
constexpr std::size_t kMostBeats = 1'000'000;

Status check(const BeatWishes& wishes) {
  if (wishes.tempo && !(*wishes.tempo >= 20 && *wishes.tempo <= 400)) {
    return fail("tempo: expected 20 to 400 beats a minute, got {}", *wishes.tempo);
  }
  if (wishes.steady && !wishes.tempo) return fail("a steady beat needs its tempo");
  if (wishes.metre) {
    const Metre metre = *wishes.metre;
    if (metre.numerator < 1 || metre.denominator < 1 ||
        bar_length(metre) % cell_length(metre) != GridTick(0)) {
      return fail("metre {}/{}: expected whole beats in a bar, such as 3/4, 4/4 or 6/8",
                  metre.numerator, metre.denominator);
    }
  }
  if (wishes.first_downbeat &&
      !(wishes.first_downbeat->count() >= 0 && wishes.first_downbeat->count() <= kLongestLead)) {
    return fail("first downbeat: expected 0 to {} s, got {}", kLongestLead,
                wishes.first_downbeat->count());
  }
  return {};
}

// Time at a place counted in beats, drawn on beyond both ends at the pace there.
double time_at(const std::vector<Beat>& beats, double place) {
  const auto last = static_cast<double>(beats.size() - 2);
  const auto i = static_cast<std::size_t>(std::clamp(std::floor(place), 0.0, last));
  const double from = beats[i].at.count(), to = beats[i + 1].at.count();
  return from + (place - static_cast<double>(i)) * (to - from);
}

double place_at(const std::vector<Beat>& beats, double time) {
  const auto after =
      std::upper_bound(beats.begin(), beats.end(), time,
                       [](double value, const Beat& beat) { return value < beat.at.count(); });
  const auto last = static_cast<std::ptrdiff_t>(beats.size()) - 2;
  const auto i =
      static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(after - beats.begin() - 1, 0, last));
  const double from = beats[i].at.count(), to = beats[i + 1].at.count();
  return static_cast<double>(i) + (time - from) / (to - from);
}

// Evenly spaced beats over the tracked ones, as near to them as they can be.
std::vector<Beat> steady_beats(const std::vector<Beat>& tracked, double period) {
  std::complex<double> mean = 0;
  for (const Beat& beat : tracked) {
    mean += std::polar(1.0, 2 * std::numbers::pi * beat.at.count() / period);
  }
  const double phase = std::arg(mean) / (2 * std::numbers::pi) * period;
  const double first = std::round((tracked.front().at.count() - phase) / period);
  const double last = std::max(std::round((tracked.back().at.count() - phase) / period), first + 1);
  std::vector<Beat> beats;
  for (double k = first; k <= last && beats.size() < kMostBeats; ++k) {
    beats.push_back({Seconds(phase + k * period), false});
  }
  return beats;
}

// Which of `length` beats the bars begin on, by how many downbeats fall there.
std::size_t usual_downbeat(const std::vector<Beat>& tracked, const std::vector<Beat>& beats,
                           std::size_t length) {
  std::vector<std::size_t> votes(length);
  const auto n = static_cast<std::int64_t>(length);
  for (const Beat& beat : tracked) {
    if (!beat.downbeat) continue;
    const auto place = static_cast<std::int64_t>(std::llround(place_at(beats, beat.at.count())));
    ++votes[static_cast<std::size_t>((place % n + n) % n)];
  }
  return static_cast<std::size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
}

// Makes a bar begin at `wish`; returns the beat that it is.
std::size_t lead_by(double wish, std::vector<Beat>& beats) {
  // Beats before the first one, until the wish is among them.
  const double pace = (beats[1].at - beats[0].at).count();
  std::vector<Beat> lead;
  for (double at = beats[0].at.count(); at > wish + pace / 2 && lead.size() < kMostBeats;) {
    at -= pace;
    lead.push_back({Seconds(at), false});
  }
  std::reverse(lead.begin(), lead.end());
  beats.insert(beats.begin(), lead.begin(), lead.end());
  const double place = place_at(beats, wish);
  double whole = std::round(place);
  if (const double off = place - whole; std::abs(off) > kOffBeat) {
    std::vector<Beat> moved;
    for (std::size_t i = 0; i < beats.size(); ++i) {
      moved.push_back({Seconds(time_at(beats, static_cast<double>(i) + off)), false});
    }
    beats = std::move(moved);
  }
  // After the last beat there is no music to be barred, but the count is right still.
  return static_cast<std::size_t>(std::max(whole, 0.0));
}

}  // namespace

Result<BeatTrack> wished_beats(std::span<const PlayedNote> notes, const BeatWishes& wishes) {
  HEMIOLA_CHECK(check(wishes));
  TrackOptions options;
  options.beats_per_minute = wishes.tempo;
  if (wishes.metre) {
    const int beats = cell_count(*wishes.metre);
    if (beats >= 2 && beats <= 4) options.beats_per_bar = beats;
  }
  HEMIOLA_TRY(BeatTrack track, track_beats(notes, options));
  const Metre found = track.metre;
  if (wishes.metre) track.metre = *wishes.metre;
  if (!wishes.steady && !wishes.first_downbeat && cell_count(found) == cell_count(track.metre)) {
    return track;
  }
  const std::vector<Beat> tracked = track.beats;
  if (wishes.steady) {
    track.beats = steady_beats(tracked, 60 / *wishes.tempo);
    track.confidence = 1;
  }
  const auto length = static_cast<std::size_t>(cell_count(track.metre));
  const std::size_t downbeat = wishes.first_downbeat
                                   ? lead_by(wishes.first_downbeat->count(), track.beats)
                                   : usual_downbeat(tracked, track.beats, length);
  for (std::size_t i = 0; i < track.beats.size(); ++i) {
    track.beats[i].downbeat = i % length == downbeat % length;
  }
  return track;
}

}  // namespace hemiola
