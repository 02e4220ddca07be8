#include "beats/standardise.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "beats/alignment.h"
#include "beats/bar_phase.h"
#include "beats/bar_plan.h"
#include "beats/nominal_tempo.h"
#include "beats/snap.h"
#include "beats/tracker.h"

namespace hemiola {
namespace {

constexpr std::array<std::string_view, kLossKinds> kLossNames = {
    "doubled notes", "trimmed notes",  "lengthened notes", "shortened notes",
    "merged tracks", "doubled tracks", "empty bars",       "partial bars",
    "rounded bars",  "split bars",     "tempo changes",    "extreme tempos",
    "lyrics"};

constexpr std::size_t kManyTracks = 256;

int instrument_of(const GridTrack& track) {
  return track.is_drum ? 128 : static_cast<int>(track.program);
}

class Standardiser {
 public:
  Standardiser(const Score& score, const StandardiseOptions& options)
      : score_(score), options_(options) {}

  Result<Standardised> run();

 private:
  StandardiseReport& report() { return result_.report; }
  Result<Extent> measure() const;
  Result<BarPlan> plan(const Extent& extent);
  void snap(BarPlan& plan);
  void cover_onsets(BarPlan& plan);
  void drop_doubled_tracks();
  void fold_tracks();
  Status merge_tracks();
  void trim();
  void set_keys();
  void set_tempos();

  const Score& score_;
  const StandardiseOptions& options_;
  Alignment alignment_;
  Standardised result_;
};

Result<Extent> Standardiser::measure() const {
  if (score_.ticks_per_quarter < 1) {
    return fail("{} ticks to the quarter, expected 1 at least", score_.ticks_per_quarter);
  }
  // A note that was never ended is no reason for a thousand bars.
  const Tick longest(std::int64_t{score_.ticks_per_quarter} * kMaxDuration.count() / 24);
  std::optional<Extent> extent;
  for (const Track& track : score_.tracks) {
    for (const Note& note : track.notes) {
      if (!extent) extent = Extent{note.onset, note.onset, note.onset + Tick(1)};
      extent->first_onset = std::min(extent->first_onset, note.onset);
      extent->last_onset = std::max(extent->last_onset, note.onset);
      extent->end = std::max(extent->end, note.onset + std::min(note.duration, longest));
    }
  }
  if (!extent) return fail("no notes: nothing to standardise");
  return *extent;
}

Result<BarPlan> Standardiser::plan(const Extent& extent) {
  alignment_ = measure_alignment(score_);
  report().on_grid = std::max({alignment_.exact, alignment_.gathered, 0.0});
  report().performed = options_.beats != nullptr || options_.timing == Timing::kPerformed ||
                       (options_.timing == Timing::kAuto && !alignment_.is_aligned());
  if (!report().performed) {
    std::vector<MetreChange> metres = score_.metres;
    if (metres.empty()) {
      metres.push_back({Tick(0), estimate_metre(score_)});
      report().metre_source = MetreSource::kEstimated;
    }
    if (options_.find_upbeats && !score_.bar_lines_known) {
      metres = with_true_bar_lines(score_, std::move(metres), report().moved_bar_lines);
    }
    return plan_aligned_bars(metres, score_.ticks_per_quarter, extent, options_.max_bars);
  }
  report().metre_source = MetreSource::kBeats;
  if (options_.beats != nullptr) {
    report().beat_confidence = options_.beats->confidence;
    return plan_performed_bars(*options_.beats, score_, extent, options_.max_bars);
  }
  HEMIOLA_TRY(const BeatTrack beats, track_beats(score_));
  report().beat_confidence = beats.confidence;
  return plan_performed_bars(beats, score_, extent, options_.max_bars);
}

void Standardiser::snap(BarPlan& plan) {
  SnapStyle style;
  style.performed = report().performed;
  if (report().performed) {
    style.spread = 1.4;
  } else {
    // Written music is exact; what was played to a click is not.
    style.spread = alignment_.exact > 0.5 ? 0.35 : std::clamp(alignment_.spread, 0.35, 1.2);
  }
  SnapCounts counts;
  result_.grid.tracks = snap_tracks(score_, plan, style, counts);
  const auto notes = static_cast<double>(std::max<std::size_t>(1, score_.note_count()));
  report().mean_snap = counts.snap_sum / notes;
  report().max_snap = counts.snap_max;
  report().count(Loss::kDoubledNote) = counts.doubled;
  report().count(Loss::kTrimmedNote) = counts.trimmed;
  report().count(Loss::kLengthenedNote) = counts.lengthened;
  report().count(Loss::kShortenedNote) = counts.shortened;
  for (std::size_t i = 0; i < score_.tracks.size(); ++i) result_.sources.push_back({i});
}

// A note may have been snapped to the end of the last bar: one more begins there.
void Standardiser::cover_onsets(BarPlan& plan) {
  GridTick end{};
  for (const Metre metre : plan.metres) end += bar_length(metre);
  GridTick last{};
  for (const GridTrack& track : result_.grid.tracks) {
    if (!track.notes.empty()) last = std::max(last, track.notes.back().onset);
  }
  while (end <= last) {
    plan.metres.push_back(plan.metres.back());
    end += bar_length(plan.metres.back());
  }
}

// Two tracks that have nine notes of ten in common are one, whatever their instruments.
void Standardiser::drop_doubled_tracks() {
  const auto shared = [](const std::vector<GridNote>& a, const std::vector<GridNote>& b) {
    std::size_t count = 0;
    auto i = a.begin();
    auto j = b.begin();
    while (i != a.end() && j != b.end()) {
      if (i->onset == j->onset && i->pitch == j->pitch) {
        ++count, ++i, ++j;
      } else if (i->onset < j->onset || (i->onset == j->onset && i->pitch > j->pitch)) {
        ++i;
      } else {
        ++j;
      }
    }
    return count;
  };
  auto& tracks = result_.grid.tracks;
  if (tracks.size() > kManyTracks) return;
  for (std::size_t i = 0; i < tracks.size(); ++i) {
    for (std::size_t j = i + 1; j < tracks.size();) {
      const auto& a = tracks[i].notes;
      const auto& b = tracks[j].notes;
      const bool alike = tracks[i].is_drum == tracks[j].is_drum && b.size() * 10 >= a.size() * 9 &&
                         a.size() * 10 >= b.size() * 9 &&
                         shared(a, b) * 10 >= std::max(a.size(), b.size()) * 9;
      if (!alike) {
        ++j;
        continue;
      }
      auto& sources = result_.sources;
      sources[i].insert(sources[i].end(), sources[j].begin(), sources[j].end());
      sources.erase(sources.begin() + static_cast<std::ptrdiff_t>(j));
      tracks.erase(tracks.begin() + static_cast<std::ptrdiff_t>(j));
      ++report().count(Loss::kDoubledTrack);
    }
  }
}

// The notes of several tracks as one: in order; what doubles or overlaps is mended.
std::vector<GridNote> merged(std::vector<GridNote> notes, StandardiseReport& report) {
  std::stable_sort(notes.begin(), notes.end(), [](const GridNote& x, const GridNote& y) {
    return x.onset != y.onset ? x.onset < y.onset : x.pitch > y.pitch;
  });
  std::array<std::int32_t, 128> last;
  last.fill(-1);
  std::size_t kept = 0;
  for (const GridNote note : notes) {
    if (const std::int32_t index = last[note.pitch]; index >= 0) {
      GridNote& before = notes[static_cast<std::size_t>(index)];
      if (before.onset == note.onset) {
        before.duration = std::max(before.duration, note.duration);
        before.velocity_class = std::max(before.velocity_class, note.velocity_class);
        ++report.count(Loss::kDoubledNote);
        continue;
      }
      if (before.onset + before.duration > note.onset) {
        before.duration = note.onset - before.onset;
        ++report.count(Loss::kTrimmedNote);
      }
    }
    last[note.pitch] = static_cast<std::int32_t>(kept);
    notes[kept++] = note;
  }
  notes.resize(kept);
  return notes;
}

// One track for each instrument.
void Standardiser::fold_tracks() {
  std::map<int, std::size_t> place;
  std::vector<GridTrack> tracks;
  std::vector<std::vector<std::size_t>> sources;
  for (std::size_t i = 0; i < result_.grid.tracks.size(); ++i) {
    GridTrack& from = result_.grid.tracks[i];
    const auto [entry, fresh] = place.try_emplace(instrument_of(from), tracks.size());
    if (fresh) {
      tracks.push_back(std::move(from));
      sources.push_back(std::move(result_.sources[i]));
      continue;
    }
    auto& notes = tracks[entry->second].notes;
    notes.insert(notes.end(), from.notes.begin(), from.notes.end());
    auto& into = sources[entry->second];
    into.insert(into.end(), result_.sources[i].begin(), result_.sources[i].end());
    ++report().count(Loss::kMergedTrack);
  }
  for (GridTrack& track : tracks) track.notes = merged(std::move(track.notes), report());
  result_.grid.tracks = std::move(tracks);
  result_.sources = std::move(sources);
}

// While there are too many tracks, the two smallest of one instrument become one.
Status Standardiser::merge_tracks() {
  auto& tracks = result_.grid.tracks;
  std::array<std::size_t, 129> of_instrument{};
  for (const GridTrack& track : tracks) {
    ++of_instrument[static_cast<std::size_t>(instrument_of(track))];
  }
  const auto unlike = static_cast<std::size_t>(
      std::count_if(of_instrument.begin(), of_instrument.end(), [](auto n) { return n > 0; }));
  if (unlike > static_cast<std::size_t>(kMaxTracks)) {
    return fail("{} different instruments, at most {} tracks can be said", unlike, kMaxTracks);
  }
  if (tracks.size() > kManyTracks) fold_tracks();
  while (tracks.size() > static_cast<std::size_t>(kMaxTracks)) {
    // The smallest track that has a fellow, and its smallest fellow.
    std::optional<std::size_t> small, fellow;
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      const bool alone = of_instrument[static_cast<std::size_t>(instrument_of(tracks[i]))] < 2;
      if (!alone && (!small || tracks[i].notes.size() < tracks[*small].notes.size())) small = i;
    }
    for (std::size_t i = 0; i < tracks.size(); ++i) {
      if (i == *small || instrument_of(tracks[i]) != instrument_of(tracks[*small])) continue;
      if (!fellow || tracks[i].notes.size() < tracks[*fellow].notes.size()) fellow = i;
    }
    const std::size_t keep = std::min(*small, *fellow), drop = std::max(*small, *fellow);
    --of_instrument[static_cast<std::size_t>(instrument_of(tracks[drop]))];
    std::vector<GridNote> notes = std::move(tracks[keep].notes);
    notes.insert(notes.end(), tracks[drop].notes.begin(), tracks[drop].notes.end());
    tracks[keep].notes = merged(std::move(notes), report());
    auto& sources = result_.sources;
    sources[keep].insert(sources[keep].end(), sources[drop].begin(), sources[drop].end());
    std::sort(sources[keep].begin(), sources[keep].end());
    tracks.erase(tracks.begin() + static_cast<std::ptrdiff_t>(drop));
    sources.erase(sources.begin() + static_cast<std::ptrdiff_t>(drop));
    ++report().count(Loss::kMergedTrack);
  }
  return {};
}

// For data: no empty bars at the ends, and an upbeat is an upbeat even if rests were written.
void Standardiser::trim() {
  GridScore& grid = result_.grid;
  const std::vector<GridTick> starts = grid.bar_starts();
  GridTick first = starts.back(), end{};
  for (const GridTrack& track : grid.tracks) {
    if (track.notes.empty()) continue;
    first = std::min(first, track.notes.front().onset);
    for (const GridNote& note : track.notes) end = std::max(end, note.onset + note.duration);
  }
  std::size_t begin_bar = 0, end_bar = grid.bars.size();
  while (begin_bar + 1 < grid.bars.size() && starts[begin_bar + 1] <= first) ++begin_bar;
  while (end_bar > begin_bar + 1 && starts[end_bar - 1] >= end) --end_bar;
  report().count(Loss::kEmptyBar) = grid.bars.size() - (end_bar - begin_bar);
  grid.bars.erase(grid.bars.begin() + static_cast<std::ptrdiff_t>(end_bar), grid.bars.end());
  if (begin_bar > 0) {
    grid.has_upbeat = false;
    grid.bars.erase(grid.bars.begin(), grid.bars.begin() + static_cast<std::ptrdiff_t>(begin_bar));
    const GridTick origin = starts[begin_bar];
    for (GridTrack& track : grid.tracks) {
      for (GridNote& note : track.notes) note.onset -= origin;
    }
    result_.map = result_.map.shifted(origin);
    first -= origin;
  }
  const Metre metre = grid.bars[0].metre;
  if (grid.bars.size() > 1 && first * 2 >= bar_length(metre)) {
    grid.has_upbeat = true;
  }
}

void Standardiser::set_keys() {
  if (score_.keys.empty()) return;
  GridScore& grid = result_.grid;
  const std::vector<GridTick> starts = grid.bar_starts();
  std::size_t next = 0;
  std::optional<Key> key;
  for (std::size_t i = 0; i < grid.bars.size(); ++i) {
    // A change up to an eighth after the bar line is meant for it.
    for (; next < score_.keys.size(); ++next) {
      const double at = result_.map.exact_grid_at(score_.keys[next].at);
      if (at > starts[i].count() + 12.0 && !(i == 0 && score_.keys[next].at.count() <= 0)) break;
      key = score_.keys[next].key;
    }
    grid.bars[i].key = key;
  }
}

void Standardiser::set_tempos() {
  GridScore& grid = result_.grid;
  const TempoMap tempo(score_);
  const std::vector<GridTick> starts = grid.bar_starts();
  std::vector<TimedBar> bars;
  bars.reserve(grid.bars.size());
  Seconds from = tempo.seconds_at(result_.map.source_at(starts[0]));
  for (std::size_t i = 0; i < grid.bars.size(); ++i) {
    const Seconds until = tempo.seconds_at(result_.map.source_at(starts[i + 1]));
    bars.push_back({starts[i + 1] - starts[i], Seconds(std::max(1e-6, (until - from).count()))});
    from = until;
  }
  const std::vector<double> tempos = nominal_tempos(bars, report().performed);
  std::size_t changes = 0;
  for (std::size_t i = 0; i < tempos.size(); ++i) {
    grid.bars[i].tempo_class = static_cast<std::uint8_t>(nearest_tempo_class(tempos[i]));
    if (i > 0 && tempos[i] == tempos[i - 1]) continue;
    ++changes;
    if (tempos[i] < kTempos.front() * 0.95 || tempos[i] > kTempos.back() * 1.05) {
      ++report().count(Loss::kExtremeTempo);
    }
  }
  report().count(Loss::kTempoChange) =
      score_.tempos.size() > changes ? score_.tempos.size() - changes : 0;
}

Result<Standardised> Standardiser::run() {
  HEMIOLA_TRY(const Extent extent, measure());
  HEMIOLA_TRY(BarPlan bars, plan(extent));
  snap(bars);
  cover_onsets(bars);
  report().count(Loss::kPartialBar) = bars.partial_bars;
  report().count(Loss::kRoundedBar) = bars.rounded_bars;
  report().count(Loss::kSplitBar) = bars.split_bars;
  report().count(Loss::kLyric) = score_.lyrics.size();
  result_.map = std::move(bars.map);
  GridScore& grid = result_.grid;
  grid.has_upbeat = bars.has_upbeat;
  grid.bars.resize(bars.metres.size());
  for (std::size_t i = 0; i < bars.metres.size(); ++i) grid.bars[i].metre = bars.metres[i];

  if (options_.for_data) drop_doubled_tracks();
  HEMIOLA_CHECK(merge_tracks());
  if (options_.for_data) trim();
  set_keys();
  set_tempos();
  if (auto status = validate(grid); !status) {
    return fail(std::move(status.error()).within("standardised wrongly"));
  }
  return std::move(result_);
}

}  // namespace

std::string_view loss_name(Loss loss) { return kLossNames[static_cast<std::size_t>(loss)]; }

std::string StandardiseReport::summary() const {
  std::string text = fmt::format("{}; onsets moved by {:.2f} grid ticks on average, {:.1f} at most",
                                 performed ? "performed" : "score-aligned", mean_snap, max_snap);
  if (metre_source == MetreSource::kEstimated) text += "; metre estimated";
  if (moved_bar_lines) text += "; bar lines moved by an upbeat";
  for (std::size_t i = 0; i < kLossKinds; ++i) {
    if (losses[i] > 0) text += fmt::format("; {} {}", losses[i], kLossNames[i]);
  }
  return text;
}

Result<Standardised> standardise(const Score& score, const StandardiseOptions& options) {
  return Standardiser(score, options).run();
}

}  // namespace hemiola
