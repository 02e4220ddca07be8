#include "beats/tracker_search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace hemiola::tracker {
namespace {

constexpr float kNever = -1e30f;

// Beat lengths are counted in bins, evenly spaced in their logarithm.
constexpr double kShortest = 0.13;  // seconds
constexpr int kBinsPerOctave = 20;
constexpr int kBins = 92;  // up to 3.15 s
constexpr double kLongest = 3.15;

// Places in a bar: two beats, three, four.
constexpr std::size_t kPlaces = 9;
constexpr std::size_t kWidth = 12;  // padded to whole vectors
constexpr std::array<std::size_t, 4> kMetreBegin = {0, 2, 5, 9};
constexpr std::array<std::uint8_t, kPlaces> kMetreOf = {0, 0, 1, 1, 1, 2, 2, 2, 2};
constexpr std::array<std::uint8_t, kPlaces> kNext = {1, 0, 3, 4, 2, 6, 7, 8, 5};
constexpr std::array<std::uint8_t, kPlaces> kPrevious = {1, 0, 4, 2, 3, 8, 5, 6, 7};
constexpr std::array<Level, kPlaces> kLevelOf = {kDownbeat, kBeat, kDownbeat, kBeat, kBeat,
                                                 kDownbeat, kBeat, kMiddle,   kBeat};

constexpr std::size_t kMostWithin = 20;  // chords between two beats
constexpr std::size_t kMostBeats = 8;    // from one struck beat to the next
constexpr double kEdgeSeconds = 2.5;     // the first beat comes within these, and so does the last

constexpr std::size_t kHistory = 64;  // chords that are looked back upon; a power of two
static_assert(2 * kMostWithin + 2 <= kHistory);

using Row = std::array<float, kWidth>;  // a score for each place
using Grid = std::array<Row, kBins>;    // for each beat length

int bin_of(double seconds) {
  const int bin = static_cast<int>(kBinsPerOctave * std::log2(seconds / kShortest));
  return std::clamp(bin, 0, kBins - 1);
}
double middle_of(double bin) { return kShortest * std::exp2((bin + 0.5) / kBinsPerOctave); }

// What a chord at some phase of a beat is worth under each pattern, and at which level it stands.
constexpr std::size_t kPhases = 96;
constexpr int kBinsPerTable = 8;
constexpr std::size_t kTables = (kBins + kBinsPerTable - 1) / kBinsPerTable;
constexpr std::size_t kPadded = 8;

struct Cell {
  std::array<float, kPadded> score;
  std::array<std::uint8_t, kPadded> level;
};

struct Expected {
  double phase;
  Level level;
  double share;  // of beats with this pattern that have a chord here
};

const std::array<std::vector<Expected>, kPatterns>& expectations() {
  constexpr double kOneThird = 1.0 / 3, kTwoThirds = 2.0 / 3, kOneSixth = 1.0 / 6;
  static const std::array<std::vector<Expected>, kPatterns> table = {{
      {{0.5, kHalf, 0.02}},
      {{0.5, kHalf, 0.85}, {0.25, kQuarter, 0.02}, {0.75, kQuarter, 0.06}},
      {{0.5, kHalf, 0.8}, {0.25, kQuarter, 0.75}, {0.75, kQuarter, 0.8}},
      {{0.5, kHalf, 0.7},
       {0.25, kQuarter, 0.6},
       {0.75, kQuarter, 0.6},
       {0.125, kFiner, 0.5},
       {0.375, kFiner, 0.5},
       {0.625, kFiner, 0.5},
       {0.875, kFiner, 0.55}},
      {{kOneThird, kThird, 0.7}, {kTwoThirds, kThird, 0.85}},
      {{kOneThird, kThird, 0.75},
       {kTwoThirds, kThird, 0.8},
       {kOneSixth, kSixth, 0.5},
       {0.5, kHalf, 0.55},
       {1 - kOneSixth, kSixth, 0.55}},
      {{0.75, kQuarter, 0.85}, {0.5, kHalf, 0.1}},
  }};
  return table;
}

struct Tables {
  explicit Tables(const Settings& settings) : cells(kTables * kPhases) {
    constexpr double kUnit = 0.1;  // seconds that densities are measured against
    const auto& patterns = expectations();
    for (std::size_t p = 0; p < kPadded; ++p) {
      base[p] = p < kPatterns ? std::log(settings.patterns[p]) : -1e9;
      if (p >= kPatterns) continue;
      for (const Expected& e : patterns[p]) base[p] += std::log(1 - e.share);
    }
    for (std::size_t table = 0; table < kTables; ++table) {
      const double length = middle_of(kBinsPerTable * static_cast<double>(table) + 3.5);
      const double blur = std::hypot(settings.blur_seconds, settings.blur_beats * length);
      for (std::size_t phase = 0; phase < kPhases; ++phase) {
        Cell& cell = cells[table * kPhases + phase];
        for (std::size_t p = 0; p < kPadded; ++p) {
          double best = std::log(settings.stray);
          cell.level[p] = kOrnament;
          if (p < kPatterns) {
            for (const Expected& e : patterns[p]) {
              const double off =
                  ((static_cast<double>(phase) + 0.5) / kPhases - e.phase) * length / blur;
              const double score = std::log(e.share / (1 - e.share)) - 0.5 * off * off -
                                   std::log(blur * 2.5066 / kUnit);
              if (score > best) best = score, cell.level[p] = e.level;
            }
          }
          cell.score[p] = static_cast<float>(best);
        }
      }
    }
  }

  const Cell& at(int bin, double phase) const {
    const auto column = static_cast<std::size_t>(
        std::clamp(static_cast<int>(phase * kPhases), 0, static_cast<int>(kPhases) - 1));
    return cells[static_cast<std::size_t>(bin / kBinsPerTable) * kPhases + column];
  }

  std::array<double, kPadded> base{};
  std::vector<Cell> cells;
};

// From the chord `from`, `beats` beats earlier, to the chord that holds this edge.
struct Edge {
  std::int32_t from = 0;
  std::int16_t beats = 0;
  std::int16_t bin = 0;
  std::array<float, kPlaces> score{};  // of the best beats up to and with this one

  float best() const { return *std::max_element(score.begin(), score.end()); }
};

class Search {
 public:
  Search(std::span<const double> onsets, std::span<const Evidence> evidence,
         const Settings& settings)
      : onsets_(onsets), evidence_(evidence), settings_(settings), tables_(settings) {
    for (int bin = 0; bin < kBins; ++bin) {
      const double off = std::log2(middle_of(bin) / settings.tempo_centre) / settings.tempo_spread;
      tempo_[static_cast<std::size_t>(bin)] =
          static_cast<float>(-0.5 * settings.tempo_weight * off * off);
    }
    for (std::size_t place = 0; place < kPlaces; ++place) {
      const double share = settings.struck[kLevelOf[place]];
      struck_[place] = static_cast<float>(std::log(share));
      silent_[place] = static_cast<float>(std::log(1 - share));
      const std::size_t metre = kMetreOf[place];
      start_[place] = static_cast<float>(
          std::log(settings.metres[metre] /
                   static_cast<double>(kMetreBegin[metre + 1] - kMetreBegin[metre])));
    }
    // One step more of the tempo change costs this much more, until the line is reached.
    const double curve = settings.change_spread * kBinsPerOctave;
    const double slope = settings.change_slope / kBinsPerOctave;
    for (int step = 1;; ++step) {
      const double more = (2 * step - 1) / (2 * curve * curve);
      if (more >= slope || step > 20) break;
      steps_.push_back(static_cast<float>(more));
    }
    slope_ = static_cast<float>(slope);
  }

  Found run() {
    const std::size_t n = onsets_.size();
    begin_.reserve(n + 1);
    for (std::size_t i = 0; i < n; ++i) {
      begin_.push_back(edges_.size());
      add_edges(i);
      prune(begin_[i]);
      Grid& grid = grids_[i % kHistory];
      for (Row& row : grid) row.fill(kNever);
      float best = kNever;
      for (std::size_t e = begin_[i]; e < edges_.size(); ++e) {
        Row& row = grid[static_cast<std::size_t>(edges_[e].bin)];
        for (std::size_t p = 0; p < kPlaces; ++p) {
          row[p] = std::max(row[p], edges_[e].score[p]);
          best = std::max(best, edges_[e].score[p]);
        }
      }
      if (const float start = start_score(i); start > kNever) {
        for (std::size_t bin = 0; bin < kBins; ++bin) {
          for (std::size_t p = 0; p < kPlaces; ++p) {
            grid[bin][p] = std::max(grid[bin][p], start + start_at(i, p) + tempo_[bin]);
            best = std::max(best, grid[bin][p]);
          }
        }
      }
      best_.push_back(best);
      blur(grid);
    }
    begin_.push_back(edges_.size());
    return walk_back();
  }

 private:
  float start_at(std::size_t chord, std::size_t place) const {
    return start_[place] + struck_[place] + weighted(chord, kLevelOf[place]);
  }
  float weighted(std::size_t chord, Level level) const {
    return static_cast<float>(settings_.evidence) * evidence_[chord][level];
  }

  // What came before a chord when the beats begin with it; kNever where they cannot.
  float start_score(std::size_t i) const {
    if (onsets_[i] - onsets_[0] > kEdgeSeconds) return kNever;
    return -static_cast<float>(settings_.skipped * static_cast<double>(i));
  }

  void add_edges(std::size_t i) {
    for (std::size_t j = i; j-- > 0;) {
      const double gap = onsets_[i] - onsets_[j];
      const std::size_t within = i - j - 1;
      const std::size_t most = within == 0 ? kMostBeats : within <= 3 ? 4 : within <= 8 ? 2 : 1;
      if (within > kMostWithin || gap >= kLongest * static_cast<double>(most)) break;
      if (best_[j] <= kNever) continue;
      for (std::size_t beats = 1; beats <= most; ++beats) {
        const double length = gap / static_cast<double>(beats);
        if (length < kShortest) break;
        if (length < kLongest) add_edge(i, j, beats, length);
      }
    }
  }

  // Drops the edges that no best path will need.
  void prune(std::size_t begin) {
    constexpr float kMargin = 30;
    float best = kNever;
    for (std::size_t e = begin; e < edges_.size(); ++e) best = std::max(best, edges_[e].best());
    const auto first = edges_.begin() + static_cast<std::ptrdiff_t>(begin);
    edges_.erase(std::remove_if(first, edges_.end(),
                                [&](const Edge& edge) { return edge.best() < best - kMargin; }),
                 edges_.end());
  }

  void add_edge(std::size_t i, std::size_t j, std::size_t beats, double length) {
    const int bin = bin_of(length);
    const float common = fill(i, j, beats, length, bin) +
                         static_cast<float>(beats) * tempo_[static_cast<std::size_t>(bin)] +
                         static_cast<float>(settings_.beat_bonus);
    const Row& before = grids_[j % kHistory][static_cast<std::size_t>(bin)];
    Edge edge;
    edge.from = static_cast<std::int32_t>(j);
    edge.beats = static_cast<std::int16_t>(beats);
    edge.bin = static_cast<std::int16_t>(bin);
    for (std::size_t first = 0; first < kPlaces; ++first) {
      std::size_t place = first;
      float score = before[first] + common;
      for (std::size_t b = 1; b < beats; ++b) score += silent_[place = kNext[place]];
      place = kNext[place];
      edge.score[place] = score + struck_[place] + weighted(i, kLevelOf[place]);
    }
    edges_.push_back(edge);
  }

  // How well the patterns explain the chords between two struck beats; counts the patterns' shares
  // where asked to.
  float fill(std::size_t i, std::size_t j, std::size_t beats, double length, int bin,
             std::array<double, kPatterns>* shares = nullptr) const {
    double total = 0;
    std::size_t at = j + 1;
    for (std::size_t b = 0; b < beats; ++b) {
      const double begin = onsets_[j] + static_cast<double>(b) * length;
      std::array<float, kPadded> score;
      for (std::size_t p = 0; p < kPadded; ++p) score[p] = static_cast<float>(tables_.base[p]);
      for (; at < i && (b + 1 == beats || onsets_[at] < begin + length); ++at) {
        const Cell& cell = tables_.at(bin, (onsets_[at] - begin) / length);
        for (std::size_t p = 0; p < kPadded; ++p) {
          score[p] +=
              cell.score[p] + static_cast<float>(settings_.evidence) * evidence_[at][cell.level[p]];
        }
      }
      const float best = *std::max_element(score.begin(), score.end());
      float sum = 0;
      for (std::size_t p = 0; p < kPatterns; ++p) {
        if (score[p] > best - 8) sum += std::exp(score[p] - best);
      }
      total += best + std::log(sum);
      for (std::size_t p = 0; shares != nullptr && p < kPatterns; ++p) {
        (*shares)[p] += std::exp(score[p] - best) / sum;
      }
    }
    return static_cast<float>(settings_.pattern * total);
  }

  // Lets the tempo and the place in the bar change, at their costs.
  void blur(Grid& grid) const {
    Row highest;
    highest.fill(kNever);
    for (const Row& row : grid) {
      for (std::size_t p = 0; p < kWidth; ++p) highest[p] = std::max(highest[p], row[p]);
    }
    Grid other;
    for (float cost : steps_) {
      for (std::size_t bin = 0; bin < kBins; ++bin) {
        const Row& below = grid[bin > 0 ? bin - 1 : bin];
        const Row& above = grid[bin + 1 < kBins ? bin + 1 : bin];
        for (std::size_t p = 0; p < kWidth; ++p) {
          other[bin][p] = std::max(grid[bin][p], std::max(below[p], above[p]) - cost);
        }
      }
      grid = other;
    }
    for (std::size_t bin = 1; bin < kBins; ++bin) {
      for (std::size_t p = 0; p < kWidth; ++p) {
        grid[bin][p] = std::max(grid[bin][p], grid[bin - 1][p] - slope_);
      }
    }
    for (std::size_t bin = kBins - 1; bin-- > 0;) {
      for (std::size_t p = 0; p < kWidth; ++p) {
        grid[bin][p] = std::max(grid[bin][p], grid[bin + 1][p] - slope_);
      }
    }
    const auto most = static_cast<float>(settings_.change_most);
    const auto slip = static_cast<float>(settings_.slip);
    const auto switched = static_cast<float>(settings_.switched);
    for (Row& row : grid) {
      std::array<float, 3> best = {kNever, kNever, kNever};
      for (std::size_t p = 0; p < kPlaces; ++p) {
        row[p] = std::max(row[p], highest[p] - most);
        best[kMetreOf[p]] = std::max(best[kMetreOf[p]], row[p]);
      }
      const float any = std::max({best[0], best[1], best[2]}) - switched;
      for (std::size_t p = 0; p < kPlaces; ++p) {
        row[p] = std::max({row[p], best[kMetreOf[p]] - slip, any});
      }
    }
  }

  // The cost of going from an edge's bin and place to those that the next edge leaves from.
  float cost(int bin, std::size_t place, int next_bin, std::size_t next_place) const {
    const auto steps = static_cast<std::size_t>(std::abs(bin - next_bin));
    float tempo = 0;
    for (std::size_t s = 0; s < std::min(steps, steps_.size()); ++s) tempo += steps_[s];
    if (steps > steps_.size()) tempo += slope_ * static_cast<float>(steps - steps_.size());
    tempo = std::min(tempo, static_cast<float>(settings_.change_most));
    if (place == next_place) return tempo;
    const auto switched = static_cast<float>(settings_.switched);
    if (kMetreOf[place] != kMetreOf[next_place]) return tempo + switched;
    return tempo + std::min(static_cast<float>(settings_.slip), switched);
  }

  Found walk_back() const {
    Found found;
    const std::size_t n = onsets_.size();
    // The last beat.
    std::size_t chord = 0, edge = 0, place = 0;
    float best = kNever;
    for (std::size_t i = n; i-- > 0;) {
      if (onsets_[n - 1] - onsets_[i] > kEdgeSeconds && best > kNever) break;
      const auto skipped = static_cast<float>(settings_.skipped * static_cast<double>(n - 1 - i));
      for (std::size_t e = begin_[i]; e < begin_[i + 1]; ++e) {
        for (std::size_t p = 0; p < kPlaces; ++p) {
          if (edges_[e].score[p] - skipped > best) {
            best = edges_[e].score[p] - skipped;
            chord = i, edge = e, place = p;
          }
        }
      }
    }
    if (best <= kNever) return found;
    found.score = best;

    bool at_edge = true;
    while (true) {
      found.beats.push_back(beat(onsets_[chord], place, static_cast<int>(chord)));
      if (!at_edge) break;
      const Edge& here = edges_[edge];
      const auto from = static_cast<std::size_t>(here.from);
      const auto beats = static_cast<std::size_t>(here.beats);
      fill(chord, from, beats, (onsets_[chord] - onsets_[from]) / here.beats, here.bin,
           &found.patterns);
      std::size_t left = place;  // where the edge leaves from
      for (int b = here.beats - 1; b > 0; --b) {
        left = kPrevious[left];
        const double at = onsets_[from] + (onsets_[chord] - onsets_[from]) * b / here.beats;
        found.beats.push_back(beat(at, left, -1));
      }
      left = kPrevious[left];
      float highest = kNever;
      std::size_t best_edge = 0, best_place = left;
      bool best_is_edge = false;
      for (std::size_t e = begin_[from]; e < begin_[from + 1]; ++e) {
        for (std::size_t p = 0; p < kPlaces; ++p) {
          const float score = edges_[e].score[p] - cost(edges_[e].bin, p, here.bin, left);
          if (score > highest) highest = score, best_edge = e, best_place = p, best_is_edge = true;
        }
      }
      if (const float start = start_score(from); start > kNever) {
        for (std::size_t p = 0; p < kPlaces; ++p) {
          const float score = start + start_at(from, p) +
                              tempo_[static_cast<std::size_t>(here.bin)] -
                              cost(here.bin, p, here.bin, left);
          if (score > highest) highest = score, best_place = p, best_is_edge = false;
        }
      }
      chord = from, edge = best_edge, place = best_place, at_edge = best_is_edge;
    }
    std::reverse(found.beats.begin(), found.beats.end());
    return found;
  }

  FoundBeat beat(double at, std::size_t place, int chord) const {
    const std::size_t metre = kMetreOf[place];
    return {at, static_cast<int>(metre) + 2, static_cast<int>(place - kMetreBegin[metre]), chord};
  }

  std::span<const double> onsets_;
  std::span<const Evidence> evidence_;
  const Settings& settings_;
  Tables tables_;
  std::array<float, kBins> tempo_{};
  std::array<float, kPlaces> struck_{}, silent_{}, start_{};
  std::vector<float> steps_;
  float slope_ = 0;

  std::vector<Edge> edges_;
  std::vector<std::size_t> begin_;  // of each chord's edges
  std::vector<float> best_;         // of each chord
  std::vector<Grid> grids_ = std::vector<Grid>(kHistory);
};

}  // namespace

Found find_beats(std::span<const double> onsets, std::span<const Evidence> evidence,
                 const Settings& settings) {
  if (onsets.size() < 2) return {};
  return Search(onsets, evidence, settings).run();
}

}  // namespace hemiola::tracker
