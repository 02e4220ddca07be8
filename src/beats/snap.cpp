#include "beats/snap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace hemiola {
namespace {

constexpr std::size_t kGrids = 6;
struct Grid {
  int step;
  double price;        // of one onset: the logarithm of the number of places in a quarter
  double entry_price;  // of choosing it at all
};
// Halves, quarters and eighths of a quarter; thirds, sixths and twelfths.
constexpr std::array<Grid, kGrids> kGridTable = {{{12, 0.69, 0.0},
                                                  {6, 1.39, 0.1},
                                                  {3, 2.08, 0.5},
                                                  {8, 1.10, 1.0},
                                                  {4, 1.79, 1.5},
                                                  {2, 2.48, 2.0}}};
constexpr std::size_t kThirtySeconds = 2, kTwelfths = 5;
constexpr bool is_triplet(std::size_t grid) { return grid >= 3; }

using Costs = std::array<float, kGrids>;

// The place on the grid that is nearest to `at`, both counted from the start of a cell of `length`
// ticks; the cell's end is a place too.
int nearest_place(double at, int step, int length) {
  const int place = std::min(length, step * static_cast<int>(at / step + 0.5));
  return length - at < std::abs(at - place) ? length : place;
}

// Where the cells lie.
class Cells {
 public:
  explicit Cells(const std::vector<Metre>& metres) {
    GridTick bar{};
    for (const Metre metre : metres) {
      const GridTick cell = cell_length(metre), length = bar_length(metre);
      for (GridTick at{}; at < length; at += cell) starts_.push_back((bar + at).count());
      bar += length;
    }
    starts_.push_back(bar.count());
    // Beyond the last bar: quarters, as many as the longest note has.
    for (int i = 1; i <= 65; ++i) starts_.push_back(bar.count() + 24 * i);
  }

  std::size_t count() const { return starts_.size() - 1; }
  int start(std::size_t cell) const { return starts_[cell]; }
  int length(std::size_t cell) const { return starts_[cell + 1] - starts_[cell]; }
  // The cell that holds a place, searched from a near one on.
  std::size_t find(double at, std::size_t from) const {
    while (from > 0 && starts_[from] > at) --from;
    while (from + 2 < starts_.size() && starts_[from + 1] <= at) ++from;
    return from;
  }

 private:
  std::vector<int> starts_;
};

// The notes of one track that begin in one cell.
struct Run {
  std::size_t cell = 0;
  std::size_t begin = 0, end = 0;  // notes
  Costs squares{};                 // of the errors of its distinct onsets, for each grid
  int onsets = 0;
  std::size_t grid = 0;  // as chosen
};

struct Onset {
  double at = 0;  // exact, in grid ticks
  double end = 0;
};

class Snapper {
 public:
  Snapper(const Score& score, const BarPlan& plan, const SnapStyle& style, SnapCounts& counts)
      : score_(score), plan_(plan), style_(style), counts_(counts), cells_(plan.metres) {}

  std::vector<GridTrack> run();

 private:
  void place(std::size_t track);
  void choose_grids();
  std::size_t cheapest(const Costs& squares, int onsets) const;
  void snap_onsets(std::size_t track);
  int end_of(std::size_t track, const Run& run, std::size_t note) const;
  GridTrack finish(std::size_t track);

  const Score& score_;
  const BarPlan& plan_;
  const SnapStyle& style_;
  SnapCounts& counts_;
  Cells cells_;
  std::vector<std::vector<Onset>> exact_;  // by track, by note
  std::vector<std::vector<Run>> runs_;     // by track
  std::vector<std::int8_t> joint_;         // by cell: the grid of all tracks; -1 without onsets
  std::vector<int> snapped_;               // of the track at hand, by note
  std::vector<std::int32_t> earlier_;      // the note of the same pitch before, or -1
  std::vector<int> next_;                  // the next later snapped onset, by note
};

void Snapper::place(std::size_t track) {
  const std::vector<Note>& notes = score_.tracks[track].notes;
  std::vector<Onset>& exact = exact_[track];
  std::vector<Run>& runs = runs_[track];
  exact.resize(notes.size());
  TimeMap::Cursor onsets(plan_.map), ends(plan_.map);
  std::size_t cell = 0;
  Tick before(std::numeric_limits<std::int64_t>::min());
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const bool fresh = notes[i].onset != before;
    if (fresh) {
      exact[i].at = std::max(0.0, onsets.exact_grid_at(notes[i].onset));
      cell = cells_.find(exact[i].at, cell);
      before = notes[i].onset;
      if (runs.empty() || runs.back().cell != cell) runs.push_back({cell, i, i, {}, 0, 0});
      Run& run = runs.back();
      const double at = exact[i].at - cells_.start(cell);
      const int length = cells_.length(cell);
      for (std::size_t g = 0; g < kGrids; ++g) {
        const double error = at - nearest_place(at, kGridTable[g].step, length);
        run.squares[g] += static_cast<float>(error * error);
      }
      ++run.onsets;
    } else {
      exact[i].at = exact[i - 1].at;
    }
    exact[i].end = ends.exact_grid_at(notes[i].onset + notes[i].duration);
    runs.back().end = i + 1;
  }
}

std::size_t Snapper::cheapest(const Costs& squares, int onsets) const {
  const double scale = 1 / (2 * style_.spread * style_.spread);
  std::size_t best = 0;
  double best_cost = std::numeric_limits<double>::infinity();
  for (std::size_t g = 0; g < kGrids; ++g) {
    const Grid& grid = kGridTable[g];
    const double cost = squares[g] * scale + onsets * grid.price + grid.entry_price;
    if (cost < best_cost) {
      best_cost = cost;
      best = g;
    }
  }
  return best;
}

void Snapper::choose_grids() {
  std::vector<Costs> squares(cells_.count());
  std::vector<int> onsets(cells_.count());
  for (const auto& runs : runs_) {
    for (const Run& run : runs) {
      for (std::size_t g = 0; g < kGrids; ++g) squares[run.cell][g] += run.squares[g];
      onsets[run.cell] += run.onsets;
    }
  }
  joint_.assign(cells_.count(), -1);
  for (std::size_t cell = 0; cell < joint_.size(); ++cell) {
    if (onsets[cell] > 0) {
      joint_[cell] = static_cast<std::int8_t>(cheapest(squares[cell], onsets[cell]));
    }
  }
  for (auto& runs : runs_) {
    for (Run& run : runs) {
      run.grid = static_cast<std::size_t>(joint_[run.cell]);
      if (style_.performed || run.squares[run.grid] < 0.1f * static_cast<float>(run.onsets))
        continue;
      // Written music may have triplets in one track against thirty-seconds in another.
      const std::size_t own = cheapest(run.squares, run.onsets);
      if (run.squares[own] < 0.25f * run.squares[run.grid]) run.grid = own;
    }
  }
}

void Snapper::snap_onsets(std::size_t track) {
  const std::vector<Note>& notes = score_.tracks[track].notes;
  const std::vector<Onset>& exact = exact_[track];
  snapped_.resize(notes.size());
  earlier_.resize(notes.size());
  std::array<std::int32_t, 128> last;
  last.fill(-1);
  for (std::size_t i = 0; i < notes.size(); ++i) {
    earlier_[i] = std::exchange(last[notes[i].pitch], static_cast<std::int32_t>(i));
  }
  const auto collides = [&](std::size_t i) {
    const auto before = static_cast<std::size_t>(earlier_[i]);
    return earlier_[i] >= 0 && snapped_[before] == snapped_[i] &&
           notes[before].onset != notes[i].onset;
  };
  for (Run& run : runs_[track]) {
    const int start = cells_.start(run.cell), length = cells_.length(run.cell);
    const auto snap = [&] {
      const int step = kGridTable[run.grid].step;
      for (std::size_t i = run.begin; i < run.end; ++i) {
        snapped_[i] = start + nearest_place(exact[i].at - start, step, length);
      }
    };
    snap();
    for (std::size_t i = run.begin; i < run.end; ++i) {
      if (!collides(i)) continue;
      // Two strokes of one key fell together: the finest grid may tell them apart.
      run.grid = run.squares[kTwelfths] < run.squares[kThirtySeconds] ? kTwelfths : kThirtySeconds;
      snap();
      break;
    }
    for (std::size_t i = run.begin; i < run.end; ++i) {
      const double error = std::abs(exact[i].at - snapped_[i]);
      counts_.snap_sum += error;
      counts_.snap_max = std::max(counts_.snap_max, error);
    }
  }
  next_.resize(notes.size());
  int next = std::numeric_limits<int>::max(), current = next;
  for (std::size_t i = notes.size(); i-- > 0;) {
    if (snapped_[i] != current) next = current;
    current = snapped_[i];
    next_[i] = next;
  }
}

int Snapper::end_of(std::size_t track, const Run& run, std::size_t note) const {
  const double end = exact_[track][note].end;
  const double length = end - exact_[track][note].at;
  if (length > kMaxDuration.count()) return snapped_[note] + kMaxDuration.count() + 1;
  // What is shorter than the grid's steps keeps its length, as far as there is room.
  if (length < 2.5) {
    return std::min(next_[note], snapped_[note] + std::max(1, static_cast<int>(length + 0.5)));
  }
  const std::size_t cell = cells_.find(end, run.cell);
  const int start = cells_.start(cell);
  const double at = end - start;
  const int cell_ticks = cells_.length(cell);
  const int grid = cell == run.cell ? static_cast<int>(run.grid) : joint_[cell];
  const bool straight = grid >= 0 && !is_triplet(static_cast<std::size_t>(grid));
  const int thirty_second = nearest_place(at, 3, cell_ticks);
  const int twelfth = nearest_place(at, 2, cell_ticks);
  const bool on_twelfth = !style_.performed && std::abs(at - twelfth) < 0.06;
  // Exact as it is: nothing to guess.
  if (!style_.performed && std::abs(at - thirty_second) < 0.06) return start + thirty_second;
  if (on_twelfth && !straight) return start + twelfth;
  // A small gap before the next note is articulation.
  const double gap = next_[note] - end;
  const double reach =
      style_.performed ? std::clamp(0.35 * length, 2.0, 9.0) : std::clamp(0.2 * length, 1.5, 4.0);
  if (std::abs(gap) < reach) return next_[note];
  if (on_twelfth) return start + twelfth;
  if (cell_ticks - at < reach) return start + cell_ticks;  // or before a rest
  if (style_.performed && length > 15) {
    return start + nearest_place(at, straight || grid < 0 ? 6 : 4, cell_ticks);
  }
  return start + (straight || grid < 0 ? thirty_second : twelfth);
}

GridTrack Snapper::finish(std::size_t track) {
  const Track& from = score_.tracks[track];
  GridTrack result;
  result.is_drum = from.is_drum;
  result.program = from.is_drum ? std::uint8_t{0} : static_cast<std::uint8_t>(from.program & 127);
  std::vector<GridNote>& notes = result.notes;
  notes.reserve(from.notes.size());
  for (const Run& run : runs_[track]) {
    for (std::size_t i = run.begin; i < run.end; ++i) {
      const Note& note = from.notes[i];
      if (exact_[track][i].end - exact_[track][i].at < 0.5) ++counts_.lengthened;
      int duration = std::max(1, end_of(track, run, i) - snapped_[i]);
      if (duration > kMaxDuration.count()) {
        duration = kMaxDuration.count();
        ++counts_.shortened;
      }
      notes.push_back({GridTick(snapped_[i]), GridTick(duration), note.pitch,
                       static_cast<std::uint8_t>(velocity_class_of(note.velocity))});
    }
  }
  // Onsets rise already; within a chord from high to low, doubles side by side.
  for (auto begin = notes.begin(); begin != notes.end();) {
    auto end = begin + 1;
    while (end != notes.end() && end->onset == begin->onset) ++end;
    if (end - begin > 1) {
      std::sort(begin, end, [](const GridNote& a, const GridNote& b) {
        return a.pitch != b.pitch         ? a.pitch > b.pitch
               : a.duration != b.duration ? a.duration > b.duration
                                          : a.velocity_class > b.velocity_class;
      });
    }
    begin = end;
  }
  std::array<std::int32_t, 128> sounding;  // by pitch: the last note of it
  sounding.fill(-1);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const GridNote note = notes[i];
    std::int32_t& last = sounding[note.pitch];
    if (last >= 0) {
      GridNote& before = notes[static_cast<std::size_t>(last)];
      if (before.onset == note.onset) {
        before.velocity_class = std::max(before.velocity_class, note.velocity_class);
        ++counts_.doubled;
        continue;
      }
      if (before.onset + before.duration > note.onset) {
        before.duration = note.onset - before.onset;
        ++counts_.trimmed;
      }
    }
    last = static_cast<std::int32_t>(kept);
    notes[kept++] = note;
  }
  notes.resize(kept);
  return result;
}

std::vector<GridTrack> Snapper::run() {
  exact_.resize(score_.tracks.size());
  runs_.resize(score_.tracks.size());
  for (std::size_t i = 0; i < score_.tracks.size(); ++i) place(i);
  choose_grids();
  std::vector<GridTrack> tracks;
  tracks.reserve(score_.tracks.size());
  for (std::size_t i = 0; i < score_.tracks.size(); ++i) {
    snap_onsets(i);
    tracks.push_back(finish(i));
  }
  return tracks;
}

}  // namespace

std::vector<GridTrack> snap_tracks(const Score& score, const BarPlan& plan, const SnapStyle& style,
                                   SnapCounts& counts) {
  return Snapper(score, plan, style, counts).run();
}

}  // namespace hemiola
