#include "bench/sampling/figures.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "score/analysis.h"

namespace hemiola::bench {
namespace {

// 2 to the entropy: how many different values there are, as if they were equally frequent.
template <class Key>
double different(const std::map<Key, double>& counts) {
  double total = 0, bits = 0;
  for (const auto& [key, count] : counts) total += count;
  for (const auto& [key, count] : counts) bits -= count / total * std::log2(count / total);
  return std::exp2(bits);
}

bool in_key(int pitch, const Key& key) {
  static constexpr std::array<bool, 12> kMajor = {true,  false, true,  false, true,  true,
                                                  false, true,  false, true,  false, true};
  const int above = (pitch - key.tonic() + 120) % 12;
  if (!key.minor) return kMajor[static_cast<std::size_t>(above)];
  return kMajor[static_cast<std::size_t>((above + 9) % 12)] || above == 11;
}

}  // namespace

Figures figures_of(const GridScore& score) {
  std::vector<GridNote> notes;
  for (const GridTrack& track : score.tracks) {
    if (!track.is_drum) notes.insert(notes.end(), track.notes.begin(), track.notes.end());
  }
  std::sort(notes.begin(), notes.end(), [](const GridNote& a, const GridNote& b) {
    return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
  });
  Figures figures{};
  if (notes.empty()) return figures;
  const auto starts = score.bar_starts();
  const double quarters = starts.back().count() / 24.0;
  const auto count = static_cast<double>(notes.size());

  std::vector<int> sounding(static_cast<std::size_t>(starts.back().count()) + 1, 0);
  std::map<int, double> durations, positions, classes;
  double pitches = 0, lengths = 0, off_beat = 0, inside = 0;
  int lowest = 127, highest = 0;
  const Key key = estimate_key(score).key;
  std::vector<std::set<std::pair<int, int>>> bars(score.bars.size());
  std::vector<std::set<int>> rhythms(score.bars.size());
  std::size_t bar = 0;
  for (const GridNote& note : notes) {
    while (bar + 1 < score.bars.size() && note.onset >= starts[bar + 1]) ++bar;
    const int in_bar = (note.onset - starts[bar]).count();
    const int in_cell = in_bar % cell_length(score.bars[bar].metre).count();
    bars[bar].insert({in_bar, note.pitch});
    rhythms[bar].insert(in_bar);
    ++durations[note.duration.count()];
    ++positions[in_cell];
    ++classes[note.pitch % 12];
    pitches += note.pitch;
    lengths += note.duration.count() / 24.0;
    off_beat += in_cell != 0 ? 1 : 0;
    inside += in_key(note.pitch, key) ? 1 : 0;
    lowest = std::min<int>(lowest, note.pitch);
    highest = std::max<int>(highest, note.pitch);
    const int end = std::min((note.onset + note.duration).count(), starts.back().count());
    for (int tick = note.onset.count(); tick < end; ++tick)
      ++sounding[static_cast<std::size_t>(tick)];
  }
  sounding.pop_back();
  double at_once = 0, silent = 0;
  for (const int now : sounding) at_once += now, silent += now == 0 ? 1 : 0;
  const auto ticks = static_cast<double>(sounding.size());

  double seen = 0, again = 0, rhythm_seen = 0;
  std::set<std::set<std::pair<int, int>>> known;
  std::set<std::set<int>> known_rhythms;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    again += i > 0 && bars[i] == bars[i - 1] ? 1 : 0;
    seen += known.insert(bars[i]).second ? 0 : 1;
    rhythm_seen += known_rhythms.insert(rhythms[i]).second ? 0 : 1;
  }
  double steps = 0, moves = 0;
  int top = -1;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (i > 0 && notes[i].onset == notes[i - 1].onset) continue;
    if (top >= 0 && notes[i].pitch != top) {
      ++moves;
      steps += std::abs(notes[i].pitch - top) <= 2 ? 1 : 0;
    }
    top = notes[i].pitch;
  }
  // The lowest of what is heard at the very end.
  GridTick last_end(0);
  for (const GridNote& note : notes) last_end = std::max(last_end, note.onset + note.duration);
  int bass = 128;
  for (const GridNote& note : notes) {
    if (note.onset + note.duration >= last_end - GridTick(12))
      bass = std::min<int>(bass, note.pitch);
  }
  const auto all_bars = static_cast<double>(bars.size());
  return {count / quarters,
          silent < ticks ? at_once / (ticks - silent) : 0,
          silent / ticks,
          pitches / count,
          static_cast<double>(highest - lowest),
          lengths / count,
          different(durations),
          off_beat / count,
          different(positions),
          inside / count,
          different(classes),
          seen / all_bars,
          again / all_bars,
          rhythm_seen / all_bars,
          moves > 0 ? steps / moves : 0,
          bass % 12 == key.tonic() ? 1.0 : 0.0};
}

double mean(std::span<const Figures> pieces, std::size_t figure) {
  double sum = 0;
  for (const Figures& piece : pieces) sum += piece[figure];
  return sum / static_cast<double>(pieces.size());
}

double distance(std::span<const Figures> pieces, std::span<const Figures> reference,
                std::size_t figure) {
  const auto sorted = [&](std::span<const Figures> set) {
    std::vector<double> values;
    for (const Figures& each : set) values.push_back(each[figure]);
    std::sort(values.begin(), values.end());
    return values;
  };
  const std::vector<double> a = sorted(pieces), b = sorted(reference);
  const double average = mean(reference, figure);
  double variance = 0;
  for (const double value : b) variance += (value - average) * (value - average);
  const double deviation = std::sqrt(variance / static_cast<double>(b.size()));
  std::vector<double> all = a;
  all.insert(all.end(), b.begin(), b.end());
  std::sort(all.begin(), all.end());
  double area = 0;
  std::size_t i = 0, j = 0;
  for (std::size_t k = 0; k + 1 < all.size(); ++k) {
    while (i < a.size() && a[i] <= all[k]) ++i;
    while (j < b.size() && b[j] <= all[k]) ++j;
    const double gap = static_cast<double>(i) / static_cast<double>(a.size()) -
                       static_cast<double>(j) / static_cast<double>(b.size());
    area += std::abs(gap) * (all[k + 1] - all[k]);
  }
  return deviation > 0 ? area / deviation : 0;
}

double mean_distance(std::span<const Figures> pieces, std::span<const Figures> reference) {
  double sum = 0;
  for (std::size_t figure = 0; figure < kFigureNames.size(); ++figure) {
    sum += distance(pieces, reference, figure);
  }
  return sum / static_cast<double>(kFigureNames.size());
}

}  // namespace hemiola::bench
