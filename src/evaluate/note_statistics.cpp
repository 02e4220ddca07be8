#include "evaluate/note_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "score/analysis.h"

namespace hemiola::evaluate {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double real(std::size_t n) { return static_cast<double>(n); }

struct PlacedNote {
  int begin, end, pitch;  // grid ticks
};

struct Notes {
  std::vector<PlacedNote> pitched, all;
  int length = 0;  // to the last end
};

Notes collect(const GridScore& score) {
  Notes notes;
  for (const GridTrack& track : score.tracks) {
    for (const GridNote& note : track.notes) {
      const PlacedNote placed{note.onset.count(), note.onset.count() + note.duration.count(),
                              note.pitch};
      notes.all.push_back(placed);
      if (!track.is_drum) notes.pitched.push_back(placed);
      notes.length = std::max(notes.length, placed.end);
    }
  }
  return notes;
}

template <class Counts>
double entropy(const Counts& counts) {
  double total = 0, bits = 0;
  for (const auto& count : counts) total += count;
  for (const auto& count : counts) {
    if (count > 0) bits -= count / total * std::log2(count / total);
  }
  return bits;
}

double scale_consistency(const std::array<double, 12>& classes) {
  static constexpr std::array<int, 7> kMajor = {0, 2, 4, 5, 7, 9, 11};
  // A minor scale holds the same notes as the major one three semitones above.
  double best = 0;
  for (int root = 0; root < 12; ++root) {
    double inside = 0;
    for (const int step : kMajor) inside += classes[static_cast<std::size_t>((root + step) % 12)];
    best = std::max(best, inside);
  }
  return best / std::accumulate(classes.begin(), classes.end(), 0.0);
}

struct Polyphony {
  double mean = kNan, rate = kNan;
};

Polyphony measure_polyphony(const Notes& notes) {
  if (notes.pitched.empty()) return {};
  const auto steps = static_cast<std::size_t>(notes.length);
  std::vector<int> sounding(steps);
  std::array<std::vector<const PlacedNote*>, 128> by_pitch;
  for (const PlacedNote& note : notes.pitched) {
    by_pitch[static_cast<std::size_t>(note.pitch)].push_back(&note);
  }
  // A pitch that two tracks play at once counts once.
  for (auto& row : by_pitch) {
    std::sort(row.begin(), row.end(), [](auto* a, auto* b) { return a->begin < b->begin; });
    int filled = 0;
    for (const PlacedNote* note : row) {
      for (int t = std::max(note->begin, filled); t < note->end; ++t) {
        ++sounding[static_cast<std::size_t>(t)];
      }
      filled = std::max(filled, note->end);
    }
  }
  double sum = 0;
  std::size_t any = 0, many = 0;
  for (const int count : sounding) {
    sum += count;
    any += count > 0;
    many += count > 2;
  }
  return {sum / real(any), real(many) / real(steps)};
}

// Stretches of time that begin at `starts`, the last of which holds the piece's end. One that a
// note's end only touches counts as filled, as muspy has it.
double empty_rate(const Notes& notes, const std::vector<int>& starts) {
  std::vector<bool> filled(starts.size());
  const auto index = [&](int tick) {
    return std::upper_bound(starts.begin(), starts.end(), tick) - starts.begin() - 1;
  };
  for (const PlacedNote& note : notes.all) {
    for (auto i = index(note.begin); i <= index(note.end); ++i) {
      filled[static_cast<std::size_t>(i)] = true;
    }
  }
  return 1 - real(static_cast<std::size_t>(std::count(filled.begin(), filled.end(), true))) /
                 real(starts.size());
}

// Where bars begin, up to the one that holds the piece's end, which may be one more than there are.
std::vector<int> starts_of_bars(const GridScore& score, int length) {
  std::vector<int> starts;
  for (const GridTick start : score.bar_starts()) {
    if (start.count() <= length) starts.push_back(start.count());
  }
  const int bar = bar_length(score.bars.back().metre).count();
  while (starts.back() + bar <= length) starts.push_back(starts.back() + bar);
  return starts;
}

std::vector<int> starts_of_beats(int length) {
  std::vector<int> starts;
  for (int start = 0; start <= length; start += kGridQuarter.count()) starts.push_back(start);
  return starts;
}

double groove_consistency(const Notes& notes, const std::vector<int>& starts, int last_length) {
  std::vector<std::set<int>> onsets(starts.size());
  for (const PlacedNote& note : notes.all) {
    const auto bar =
        std::upper_bound(starts.begin(), starts.end(), note.begin) - starts.begin() - 1;
    onsets[static_cast<std::size_t>(bar)].insert(note.begin -
                                                 starts[static_cast<std::size_t>(bar)]);
  }
  double different = 0, positions = 0;
  for (std::size_t bar = 0; bar + 1 < starts.size(); ++bar) {
    const int length = starts[bar + 1] - starts[bar];
    const int next = bar + 2 < starts.size() ? starts[bar + 2] - starts[bar + 1] : last_length;
    if (length != next) continue;  // another metre: nothing to compare
    std::vector<int> both;
    std::set_symmetric_difference(onsets[bar].begin(), onsets[bar].end(), onsets[bar + 1].begin(),
                                  onsets[bar + 1].end(), std::back_inserter(both));
    different += real(both.size());
    positions += length;
  }
  return positions > 0 ? 1 - different / positions : kNan;
}

struct Repetition {
  double similarity = kNan, repeated = kNan;
};

Repetition measure_repetition(const Notes& notes, const std::vector<int>& starts) {
  std::vector<std::vector<int>> bars(starts.size());
  for (const PlacedNote& note : notes.pitched) {
    const auto bar = static_cast<std::size_t>(
        std::upper_bound(starts.begin(), starts.end(), note.begin) - starts.begin() - 1);
    bars[bar].push_back((note.begin - starts[bar]) * 128 + note.pitch);
  }
  std::erase_if(bars, [](const auto& bar) { return bar.empty(); });
  if (bars.size() < 2) return {};
  for (auto& bar : bars) {
    std::sort(bar.begin(), bar.end());
    bar.erase(std::unique(bar.begin(), bar.end()), bar.end());
  }
  double sum = 0;
  std::size_t repeated = 0;
  for (std::size_t i = 1; i < bars.size(); ++i) {
    double best = 0;
    for (std::size_t k = 0; k < i; ++k) {
      std::vector<int> both;
      std::set_intersection(bars[i].begin(), bars[i].end(), bars[k].begin(), bars[k].end(),
                            std::back_inserter(both));
      best =
          std::max(best, real(both.size()) / real(bars[i].size() + bars[k].size() - both.size()));
    }
    sum += best;
    repeated += best == 1;
  }
  return {sum / real(bars.size() - 1), real(repeated) / real(bars.size() - 1)};
}

}  // namespace

double overlap(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::min(a[i], b[i]);
  return sum;
}

Result<NoteStatistics> measure_notes(const GridScore& score) {
  const Notes notes = collect(score);
  if (notes.all.empty()) return fail("no notes");
  NoteStatistics result;
  std::array<double, 12> classes{};
  std::array<double, 128> pitches{};
  std::map<int, double> lengths;
  double total_length = 0;
  for (const PlacedNote& note : notes.pitched) {
    ++classes[static_cast<std::size_t>(note.pitch % 12)];
    ++pitches[static_cast<std::size_t>(note.pitch)];
    const int length = note.end - note.begin;
    ++lengths[length];
    total_length += length;
    const auto bin = static_cast<std::size_t>(std::lround(std::log2(length)));
    ++result.lengths[std::min(bin, kLengthBins - 1)];
  }
  const std::vector<int> bars = starts_of_bars(score, notes.length);
  const Polyphony polyphony = measure_polyphony(notes);
  const Repetition repetition = measure_repetition(notes, bars);
  const bool pitched = !notes.pitched.empty();
  const auto used = [](double count) { return count > 0; };
  const auto lowest = std::find_if(pitches.begin(), pitches.end(), used);
  const auto highest = std::find_if(pitches.rbegin(), pitches.rend(), used);
  std::vector<double> length_counts;
  for (const auto& [length, count] : lengths) length_counts.push_back(count);
  result.values = {
      pitched ? real(static_cast<std::size_t>(std::count_if(pitches.begin(), pitches.end(), used)))
              : kNan,
      pitched ? real(static_cast<std::size_t>(highest.base() - lowest - 1)) : kNan,
      pitched ? entropy(classes) : kNan,
      pitched ? scale_consistency(classes) : kNan,
      polyphony.mean,
      polyphony.rate,
      empty_rate(notes, starts_of_beats(notes.length)),
      empty_rate(notes, bars),
      groove_consistency(notes, bars, bar_length(score.bars.back().metre).count()),
      real(notes.all.size()) * kGridQuarter.count() / notes.length,
      pitched ? total_length / real(notes.pitched.size()) / kGridQuarter.count() : kNan,
      pitched ? entropy(length_counts) : kNan,
      repetition.similarity,
      repetition.repeated};

  const int tonic = pitched ? estimate_key(score).key.tonic() : 0;
  const double count = std::max(1.0, real(notes.pitched.size()));
  for (std::size_t i = 0; i < 12; ++i) {
    result.pitch_classes[i] = classes[(i + static_cast<std::size_t>(tonic)) % 12] / count;
  }
  for (double& share : result.lengths) share /= count;
  return result;
}

}  // namespace hemiola::evaluate
