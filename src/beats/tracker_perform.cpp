#include "beats/tracker_perform.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include "beats/tracker_written.h"

namespace hemiola::tracker {
namespace {

constexpr std::size_t kFewestNotes = 80;
constexpr std::size_t kFewestBeats = 8;

struct Written {
  double tick, end;
  int pitch, velocity;
  bool is_drum;
};

struct Style {
  double rubato, stress, lead, jitter, spread, legato, ornaments, arpeggios, staccato;
};

class Performer {
 public:
  Performer(const Score& score, const PerformOptions& options, Rng& rng)
      : score_(score), options_(options), rng_(rng) {}

  Result<Performance> run();

 private:
  double normal() {
    const double u = 1 - rng_.uniform(), v = rng_.uniform();
    return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
  }
  double between(double low, double high) { return low + (high - low) * rng_.uniform(); }

  void draw_style();
  void collect();
  double invented_tempo();
  Status draw_tempo();
  double seconds_at(double tick) const;
  std::size_t beat_at(double tick) const;
  Level level_at(double tick, std::size_t beat) const;
  void play(std::size_t begin, std::size_t end);
  void add(double onset, double duration, int pitch, double velocity, bool is_drum, Level level);

  const Score& score_;
  const PerformOptions& options_;
  Rng& rng_;
  Style style_{};
  std::vector<Written> written_;
  std::vector<WrittenBeat> beats_;
  std::vector<double> times_;  // of the beats, and of one more
  double loudness_ = 0, louder_ = 0;
  struct Played {
    Note note;
    Level level;
  };
  std::vector<Played> played_;
};

void Performer::draw_style() {
  const double loose = 1 / options_.steadiness;
  style_.rubato = loose * std::abs(0.8 + 0.5 * normal());
  style_.stress = std::abs(0.6 + 0.5 * normal());
  style_.lead = loose * std::abs(0.010 + 0.008 * normal());
  style_.jitter = loose * std::abs(0.010 + 0.005 * normal());
  style_.spread = loose * std::abs(0.007 + 0.003 * normal());
  style_.legato = between(0.75, 1.05);
  style_.ornaments = loose * 0.12 * std::pow(rng_.uniform(), 3);
  style_.arpeggios = loose * 0.1 * std::pow(rng_.uniform(), 4);
  style_.staccato = 0.25 * rng_.uniform();
  louder_ = 8 * normal();
}

void Performer::collect() {
  for (const Track& track : score_.tracks) {
    for (const hemiola::Note& note : track.notes) {
      const auto at = static_cast<double>(note.onset.count());
      written_.push_back({at, at + static_cast<double>(note.duration.count()), note.pitch,
                          note.velocity, track.is_drum});
    }
  }
  std::sort(written_.begin(), written_.end(), [](const Written& a, const Written& b) {
    return std::tie(a.tick, a.pitch, a.end, a.velocity, a.is_drum) <
           std::tie(b.tick, b.pitch, b.end, b.velocity, b.is_drum);
  });
  // Two hands on one key are one note.
  written_.erase(std::unique(written_.begin(), written_.end(),
                             [](const Written& a, const Written& b) {
                               return a.tick == b.tick && a.pitch == b.pitch &&
                                      a.is_drum == b.is_drum;
                             }),
                 written_.end());
}

// Seconds a tick so that the music moves at a likely pace.
double Performer::invented_tempo() {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < written_.size(); ++i) {
    if (written_[i].tick > written_[i - 1].tick) {
      gaps.push_back(written_[i].tick - written_[i - 1].tick);
    }
  }
  double quarters = 1;
  if (!gaps.empty()) {
    const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() / 2);
    std::nth_element(gaps.begin(), middle, gaps.end());
    quarters = *middle / score_.ticks_per_quarter;
  }
  const double pace = 0.2 * std::exp2(0.45 * normal());
  return std::clamp(pace / quarters, 0.21, 1.5) / score_.ticks_per_quarter;
}

Status Performer::draw_tempo() {
  const std::size_t n = beats_.size();
  const TempoMap tempo(score_);
  const double scale = std::exp2(0.12 * normal());
  const double invented = options_.invent_tempo ? invented_tempo() : 0;
  std::vector<double> lengths(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Tick from(std::llround(beats_[i].tick));
    const Tick to(std::llround(beats_[i].tick + beats_[i].length));
    const double stated = (tempo.seconds_at(to) - tempo.seconds_at(from)).count();
    lengths[i] = options_.invent_tempo ? invented * beats_[i].length : stated * scale;
  }
  std::vector<double> sorted = lengths;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n / 2),
                   sorted.end());
  if (const double usual = sorted[n / 2]; usual < 0.15 || usual > 2.6) {
    return fail("beats of {:.2f} s", usual);
  }

  std::vector<double> slower(n, 0);  // log
  double drift = 0;
  for (double& value : slower) value = drift = 0.85 * drift + 0.035 * style_.rubato * normal();
  for (std::size_t i = 0; i < n;) {  // phrases
    const auto bars = static_cast<std::size_t>(std::array{2, 4, 4, 8}[rng_.below(4)]);
    const std::size_t length = bars * static_cast<std::size_t>(beats_[i].beats_in_bar);
    const double depth = std::abs(0.10 + 0.08 * normal()) * style_.rubato;
    for (std::size_t k = 0; k < length && i + k < n; ++k) {
      const double u = static_cast<double>(k) / static_cast<double>(length);
      slower[i + k] += depth * (4 * std::max(0.0, u - 0.6) - 0.5 * std::sin(3.14159265 * u) +
                                (u < 0.15 ? 0.5 * (1 - u / 0.15) : 0));
    }
    i += length;
  }
  for (double& value : slower) {
    value += 0.03 * style_.rubato * normal();
    if (rng_.chance(0.02 * std::min(style_.rubato, 2.0))) value += 0.7 * rng_.uniform();
  }
  const auto closing = std::min(n, static_cast<std::size_t>(2 * beats_.back().beats_in_bar));
  for (std::size_t k = 1; k < closing; ++k) {
    const double u = static_cast<double>(k) / static_cast<double>(closing - 1);
    slower[n - closing + k] += std::pow(0.7 * std::min(style_.rubato, 1.5) * u, 1.5);
  }
  times_ = {between(0.3, 2)};
  for (std::size_t i = 0; i < n; ++i) {
    double length = lengths[i] * std::exp(slower[i]);
    // A bar that is cut short ends before its last beat is over.
    if (i + 1 < n) {
      length *= std::min(1.0, (beats_[i + 1].tick - beats_[i].tick) / beats_[i].length);
    }
    times_.push_back(times_.back() + length);
  }
  return {};
}

std::size_t Performer::beat_at(double tick) const {
  const auto after = std::upper_bound(beats_.begin(), beats_.end(), tick,
                                      [](double t, const WrittenBeat& b) { return t < b.tick; });
  return after == beats_.begin() ? 0 : static_cast<std::size_t>(after - beats_.begin() - 1);
}

double Performer::seconds_at(double tick) const {
  const std::size_t i = beat_at(tick);
  const double length =
      i + 1 < beats_.size() ? beats_[i + 1].tick - beats_[i].tick : beats_[i].length;
  return times_[i] + (times_[i + 1] - times_[i]) * (tick - beats_[i].tick) / length;
}

Level Performer::level_at(double tick, std::size_t beat) const {
  const WrittenBeat& b = beats_[beat];
  const double part = (tick - b.tick) / b.length;
  const auto place = static_cast<int>(std::lround((part - std::floor(part)) * 48));
  switch (place) {
    case 0:
      if (std::abs(part) > 0.5) return kBeat;
      return b.place == 0 ? kDownbeat : b.beats_in_bar == 4 && b.place == 2 ? kMiddle : kBeat;
    case 48:
      return kBeat;
    case 24:
      return kHalf;
    case 16:
    case 32:
      return kThird;
    case 12:
    case 36:
      return kQuarter;
    case 8:
    case 40:
      return kSixth;
    default:
      return kFiner;
  }
}

void Performer::add(double onset, double duration, int pitch, double velocity, bool is_drum,
                    Level level) {
  played_.push_back({{onset, std::max(0.04, duration), std::clamp(pitch, 0, 127),
                      std::clamp(static_cast<int>(velocity), 8, 127), is_drum},
                     level});
}

// The notes that are written for one moment.
void Performer::play(std::size_t begin, std::size_t end) {
  static constexpr std::array<double, kLevels> kStress = {5, 3, 2.5, -1, -1.5, -2.5, -2.5, -3, 0};
  const double tick = written_[begin].tick;
  const std::size_t beat = beat_at(tick);
  const Level level = level_at(tick, beat);
  loudness_ = 0.97 * loudness_ + 2 * normal();
  const double loose = level > kBeat ? 0.012 * std::min(style_.rubato, 1.5) : 0.0;
  const double moment =
      seconds_at(tick) + normal() * (style_.jitter + loose * (times_[beat + 1] - times_[beat]));
  const std::size_t count = end - begin;
  const bool arpeggio = count >= 3 && rng_.chance(style_.arpeggios);
  const bool cut = rng_.chance(style_.staccato);
  for (std::size_t i = begin; i < end; ++i) {
    const Written& note = written_[i];
    const bool top = i + 1 == end && !note.is_drum;
    double onset = moment + style_.spread * normal();
    if (top && count > 1) onset -= style_.lead;
    if (arpeggio) onset += 0.03 * static_cast<double>(i - begin);
    const double written = seconds_at(note.end) - seconds_at(tick);
    const double duration = written * style_.legato * std::exp(0.1 * normal()) * (cut ? 0.5 : 1.0);
    const double velocity = 60 + 0.6 * (note.velocity - 74) + loudness_ + louder_ + (top ? 9 : 0) +
                            (i == begin ? 2 : 0) + style_.stress * kStress[level] + 5 * normal();
    if (top && rng_.chance(style_.ornaments)) {
      if (duration > 0.5 && rng_.chance(0.4)) {  // a trill
        const double step = between(0.07, 0.11);
        const int above = 1 + static_cast<int>(rng_.below(2));
        for (int k = 0; k * step < 0.9 * duration; ++k) {
          add(onset + k * step, 0.9 * step, note.pitch + (k % 2) * above, velocity - 5, false,
              k > 0 ? kOrnament : level);
        }
        continue;
      }
      const int beside = std::array{-1, 1, 2}[rng_.below(3)];
      add(onset - between(0.05, 0.12), 0.07, note.pitch + beside, velocity - 8, false, kOrnament);
    }
    add(onset, note.is_drum ? 0.1 : duration, note.pitch, velocity, note.is_drum, level);
  }
}

Result<Performance> Performer::run() {
  collect();
  if (written_.size() < kFewestNotes) return fail("{} notes", written_.size());
  HEMIOLA_TRY(beats_, written_beats(score_));
  if (beats_.size() < kFewestBeats) return fail("{} beats", beats_.size());
  draw_style();
  HEMIOLA_CHECK(draw_tempo());
  const double until = seconds_at(written_.front().tick) + options_.most_seconds;
  for (std::size_t i = 0; i < written_.size();) {
    std::size_t end = i + 1;
    while (end < written_.size() && written_[end].tick == written_[i].tick) ++end;
    if (seconds_at(written_[i].tick) > until) break;
    play(i, end);
    i = end;
  }
  std::stable_sort(played_.begin(), played_.end(),
                   [](const Played& a, const Played& b) { return a.note.onset < b.note.onset; });
  Performance result;
  for (const Played& played : played_) {
    result.notes.push_back(played.note);
    result.levels.push_back(played.level);
  }
  const double first = result.notes.front().onset, last = result.notes.back().onset;
  for (std::size_t i = 0; i < beats_.size(); ++i) {
    if (times_[i] < first - 0.07 || times_[i] > last + 0.05) continue;
    result.beats.push_back({times_[i], beats_[i].place == 0});
  }
  if (result.beats.size() < kFewestBeats) return fail("{} beats", result.beats.size());
  return result;
}

}  // namespace

Result<Performance> perform(const Score& score, const PerformOptions& options, Rng& rng) {
  return Performer(score, options, rng).run();
}

}  // namespace hemiola::tracker
