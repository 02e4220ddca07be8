#include "beats/bar_plan.h"

#include <algorithm>
#include <cmath>

#include "score/grid_score.h"

namespace hemiola {
namespace {

using Anchor = TimeMap::Anchor;

// The most units of the denominator that one bar can hold.
int most_units(int denominator) {
  return std::min(kMaxMetreNumerator, kMaxBarLength.count() * denominator / 96);
}

// A metre as metres that can be said: itself, or equal parts where there are any, or what is left.
std::vector<Metre> sayable(Metre metre) {
  const int most = most_units(metre.denominator);
  if (metre.numerator <= most) return {metre};
  for (int part = most; part >= 2; --part) {
    if (metre.numerator % part == 0) {
      return std::vector<Metre>(static_cast<std::size_t>(metre.numerator / part),
                                {part, metre.denominator});
    }
  }
  std::vector<Metre> parts;
  for (int rest = metre.numerator; rest > 0; rest -= most) {
    parts.push_back({std::min(rest, most), metre.denominator});
  }
  return parts;
}

// The bar that comes nearest to so many grid ticks, from a thirty-second on: a sixteenth or more
// where bars of thirty-seconds would be too many to count.
Metre nearest_bar(double length, int denominator) {
  for (int unit = 3; unit <= 24; unit *= 2) {
    const GridTick rounded(unit * static_cast<int>(std::lround(length / unit)));
    if (const auto metre = metre_of_length(rounded, denominator)) return *metre;
  }
  return {kMaxMetreNumerator, 4};
}

class AlignedPlanner {
 public:
  AlignedPlanner(int ticks_per_quarter, const Extent& extent, std::size_t max_bars)
      : ticks_per_quarter_(ticks_per_quarter), extent_(extent), max_bars_(max_bars) {}

  Result<BarPlan> run(std::vector<MetreChange> metres);

 private:
  Status add_segment(Tick from, Tick until, Metre metre, bool last);
  Status add_bars(Metre metre, std::int64_t count);
  void add_anchor(Tick source) {
    if (anchors_.empty() || source > anchors_.back().source) anchors_.push_back({source, grid_});
  }
  void find_upbeat();

  int ticks_per_quarter_;
  const Extent& extent_;
  std::size_t max_bars_;
  BarPlan plan_;
  std::vector<Anchor> anchors_;
  GridTick grid_{};
  Tick pending_{};  // where the next bar begins: before its metre's place by less than a 1/64
  bool first_is_alone_ = false;  // the first change of metre or count comes after one bar
};

Status AlignedPlanner::add_bars(Metre metre, std::int64_t count) {
  const std::vector<Metre> parts = sayable(metre);
  const auto bars = static_cast<std::int64_t>(parts.size()) * count;
  if (count > 1'000'000 || plan_.metres.size() + static_cast<std::size_t>(bars) > max_bars_) {
    return fail("more than {} bars", max_bars_);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    plan_.metres.insert(plan_.metres.end(), parts.begin(), parts.end());
    for (const Metre part : parts) grid_ += bar_length(part);
  }
  if (parts.size() > 1) plan_.split_bars += static_cast<std::size_t>(count);
  return {};
}

Status AlignedPlanner::add_segment(Tick from, Tick until, Metre metre, bool last) {
  // In 1/denominator of a tick, so that nothing is rounded: bars of `bar`, `length` in all.
  const std::int64_t bar = 4LL * ticks_per_quarter_ * metre.numerator;
  const __int128 length = static_cast<__int128>((until - from).count()) * metre.denominator;
  const auto whole = static_cast<std::int64_t>(length / bar);
  const double rest = static_cast<double>(static_cast<std::int64_t>(length % bar)) /
                      (metre.denominator * static_cast<double>(ticks_per_quarter_)) * 24;
  const auto bar_at = [&](std::int64_t index) {
    const __int128 ticks = static_cast<__int128>(index) * bar + metre.denominator / 2;
    return from + Tick(static_cast<std::int64_t>(ticks / metre.denominator));
  };
  add_anchor(from);
  if (last) {
    // To the end of the last note, but a bar that a note only just reaches is no bar.
    const bool begun = rest > 1.5 || bar_at(whole) <= extent_.last_onset;
    const std::int64_t count = std::max<std::int64_t>(1, whole + (begun ? 1 : 0));
    HEMIOLA_CHECK(add_bars(metre, count));
    add_anchor(bar_at(count));
    return {};
  }
  const double full = 96.0 * metre.numerator / metre.denominator;
  pending_ = until;
  if (rest < 1.5) {
    if (whole == 0) {  // too short for a bar: goes to the next
      pending_ = from;
      return {};
    }
    HEMIOLA_CHECK(add_bars(metre, whole - 1));
    add_anchor(bar_at(whole - 1));  // the last bar alone bears the rest
    HEMIOLA_CHECK(add_bars(metre, 1));
  } else if (rest > full - 1.5) {
    HEMIOLA_CHECK(add_bars(metre, whole));
    add_anchor(bar_at(whole));
    HEMIOLA_CHECK(add_bars(metre, 1));
  } else {
    HEMIOLA_CHECK(add_bars(metre, whole));
    add_anchor(bar_at(whole));
    const Metre partial = nearest_bar(rest, metre.denominator);
    if (std::abs(bar_length(partial).count() - rest) > 0.02) ++plan_.rounded_bars;
    ++plan_.partial_bars;
    HEMIOLA_CHECK(add_bars(partial, 1));
  }
  return {};
}

void AlignedPlanner::find_upbeat() {
  if (!first_is_alone_ || plan_.metres.size() < 2) return;
  const GridTick first = bar_length(plan_.metres[0]);
  const GridTick usual = bar_length(plan_.metres[1]);
  if (first >= usual || anchors_.size() < 2 || extent_.first_onset >= anchors_[1].source) return;
  plan_.has_upbeat = true;
  plan_.metres[0] = plan_.metres[1];
  plan_.partial_bars -= std::min<std::size_t>(plan_.partial_bars, 1);
  for (Anchor& anchor : anchors_) anchor.grid += usual - first;
}

Result<BarPlan> AlignedPlanner::run(std::vector<MetreChange> metres) {
  // A metre that is first stated later on: it, or else 4/4, was in force before if that gives whole
  // bars. If neither does, what is over of its bars stands at the start.
  if (const Tick stated = metres.front().at; stated.count() > 0) {
    const Metre metre = metres.front().metre;
    const Tick bar(std::max(1, 4 * ticks_per_quarter_ * metre.numerator / metre.denominator));
    const Tick over = stated % bar;
    const bool common = over.count() > 0 && (stated % Tick(4 * ticks_per_quarter_)).count() == 0;
    if (!common && over.count() > 0 && over < stated) metres.insert(metres.begin(), {over, metre});
    metres.insert(metres.begin(), {Tick(0), common ? Metre{4, 4} : metre});
  }
  for (std::size_t i = 0; i < metres.size(); ++i) {
    const bool last = i + 1 == metres.size() || metres[i + 1].at > extent_.last_onset;
    const Tick until = last ? std::max(extent_.end, pending_ + Tick(1)) : metres[i + 1].at;
    if (until <= pending_ && !last) continue;
    const std::size_t before = plan_.metres.size();
    HEMIOLA_CHECK(add_segment(pending_, until, metres[i].metre, last));
    if (before == 0 && plan_.metres.size() == 1 && !last) first_is_alone_ = true;
    if (last) break;
  }
  find_upbeat();
  plan_.map = TimeMap(anchors_, ticks_per_quarter_);
  return std::move(plan_);
}

}  // namespace

Result<BarPlan> plan_aligned_bars(const std::vector<MetreChange>& metres, int ticks_per_quarter,
                                  const Extent& extent, std::size_t max_bars) {
  return AlignedPlanner(ticks_per_quarter, extent, max_bars).run(metres);
}

Result<BarPlan> plan_performed_bars(const BeatTrack& beats, const Score& score,
                                    const Extent& extent, std::size_t max_bars) {
  Metre metre = beats.metre;
  const int cell = cell_length(metre).count();
  if (bar_length(metre).count() % cell != 0) metre = {cell_count(metre), 4};
  const int per_bar = std::max(1, cell_count(metre));
  const std::size_t max_beats = max_bars * static_cast<std::size_t>(kMaxCells);

  struct Beat {
    Tick at{};
    bool downbeat = false;
  };
  std::vector<Beat> at;
  const TempoMap tempo(score);
  for (const BeatTrack::Beat& beat : beats.beats) {
    const Tick tick = tempo.tick_at(beat.at);
    if (at.empty() || tick > at.back().at) {
      at.push_back({tick, beat.downbeat});
    } else {
      at.back().downbeat = at.back().downbeat || beat.downbeat;
    }
  }
  if (at.size() < 2) return fail("a beat track of {} beats, expected two at least", at.size());

  // On at the pace of the first four beats, and of the last four, until all notes are covered.
  const auto pace = [&](std::size_t a, std::size_t b) {
    return std::max<std::int64_t>(
        1, ((at[b].at - at[a].at).count() + static_cast<std::int64_t>(b - a) / 2) /
               static_cast<std::int64_t>(b - a));
  };
  const std::size_t few = std::min<std::size_t>(4, at.size() - 1);
  const Tick opening(pace(0, few)), closing(pace(at.size() - 1 - few, at.size() - 1));
  // A note that comes a little before its beat (a sixth of one) belongs to it.
  const std::int64_t lead = (at.front().at - extent.first_onset).count();
  const std::int64_t before =
      lead * 6 > opening.count() ? (lead * 6 + 5 * opening.count()) / (6 * opening.count()) : 0;
  const std::int64_t tail = (extent.last_onset - at.back().at).count();
  const std::int64_t after = std::max<std::int64_t>(0, tail) / closing.count() + 1;
  if (before + after > static_cast<std::int64_t>(max_beats) || at.size() > max_beats) {
    return fail("more than {} bars", max_bars);
  }
  auto first_down = static_cast<std::int64_t>(
      std::find_if(at.begin(), at.end(), [](const Beat& b) { return b.downbeat; }) - at.begin());
  if (first_down == static_cast<std::int64_t>(at.size())) {  // none: count from the first beat
    first_down = 0;
    for (std::size_t i = 0; i < at.size(); i += static_cast<std::size_t>(per_bar)) {
      at[i].downbeat = true;
    }
  }
  std::vector<Beat> earlier(static_cast<std::size_t>(before));
  for (std::int64_t i = 0; i < before; ++i) {
    earlier[static_cast<std::size_t>(i)] = {at.front().at - opening * (before - i), false};
  }
  at.insert(at.begin(), earlier.begin(), earlier.end());

  BarPlan plan;
  std::vector<Anchor> anchors;
  GridTick grid{};
  const auto add_bar = [&](int count) {
    for (int rest = count; rest > 0;) {
      const int most = most_units(metre.denominator) * 96 / metre.denominator / cell;
      const int beats_here = std::min(rest, std::max(1, most));
      Metre own = metre;
      if (beats_here != per_bar) {
        own = metre_of_length(GridTick(beats_here * cell), cell == 24 ? 4 : metre.denominator)
                  .value_or(metre);
      }
      plan.metres.push_back(own);
      rest -= beats_here;
    }
  };
  // What stands before the first downbeat: whole bars, and an upbeat of what is over.
  const std::int64_t upbeat = first_down + before;
  const std::int64_t over = upbeat % per_bar;
  if (over > 0) {
    plan.has_upbeat = true;
    plan.metres.push_back(metre);
    grid = bar_length(metre) - GridTick(static_cast<int>(over) * cell);
  }
  for (std::int64_t i = 0; i < upbeat / per_bar; ++i) plan.metres.push_back(metre);
  int in_bar = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    anchors.push_back({at[i].at, grid});
    grid += GridTick(cell);
    if (static_cast<std::int64_t>(i) < upbeat) continue;
    if (at[i].downbeat && in_bar > 0) {
      add_bar(in_bar);
      in_bar = 0;
    }
    ++in_bar;
  }
  // The last beat lasts as long as those before it; bars of the usual metre follow.
  anchors.push_back({at.back().at + closing, grid});
  std::int64_t more = after - 1;
  const std::int64_t fill = std::max(0, per_bar - in_bar);
  add_bar(in_bar + static_cast<int>(fill));
  for (more -= fill; more > 0; more -= per_bar) plan.metres.push_back(metre);
  if (plan.metres.size() > max_bars) return fail("more than {} bars", max_bars);
  plan.map = TimeMap(anchors, score.ticks_per_quarter);
  return plan;
}

}  // namespace hemiola
