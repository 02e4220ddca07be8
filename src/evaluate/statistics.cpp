#include "evaluate/statistics.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <numbers>
#include <numeric>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/source.h"
#include "engine/thread_pool.h"
#include "score/to_midi.h"

namespace hemiola::evaluate {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> finite(std::span<const double> values) {
  std::vector<double> result;
  for (const double value : values) {
    if (std::isfinite(value)) result.push_back(value);
  }
  return result;
}

// Gaussian kernels of Scott's width: the standard deviation times n^(-1/5).
class Density {
 public:
  explicit Density(std::span<const double> values) : values_(values) {
    const double n = static_cast<double>(values.size());
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
    double sum = 0;
    for (const double value : values) sum += (value - mean) * (value - mean);
    width_ = std::sqrt(sum / (n - 1)) * std::pow(n, -0.2);
  }

  double width() const { return width_; }
  double at(double x) const {
    double sum = 0;
    for (const double value : values_) {
      const double z = (x - value) / width_;
      sum += std::exp(-0.5 * z * z);
    }
    return sum / (static_cast<double>(values_.size()) * width_ * std::sqrt(2 * std::numbers::pi));
  }

 private:
  std::span<const double> values_;
  double width_ = 0;
};

bool is_any_name(const Path& path) { return is_sound_name(path) || is_music_name(path); }

std::vector<PlayedNote> played_notes(const Score& score) {
  const TempoMap map(score);
  std::vector<PlayedNote> notes;
  for (const Track& track : score.tracks) {
    for (const Note& note : track.notes) {
      const Seconds begin = map.seconds_at(note.onset);
      notes.push_back({.onset = begin,
                       .duration = map.seconds_at(note.onset + note.duration) - begin,
                       .pitch = note.pitch,
                       .velocity = note.velocity,
                       .is_drum = track.is_drum});
    }
  }
  return notes;
}

template <class T>
std::optional<T> value_of(Result<T> result) {
  if (!result) return std::nullopt;
  return *std::move(result);
}

Result<PieceStatistics> measure_notes_and_time(const GridScore& grid, const Score& score) {
  PieceStatistics piece;
  HEMIOLA_TRY(piece.notes, measure_notes(grid));
  // A piece may be too short to have beats; its notes count all the same.
  piece.time = value_of(measure_consistency(played_notes(score)));
  return piece;
}

Result<PieceStatistics> measure_file(const Path& path, bool as_sound) {
  if (as_sound || is_sound_name(path)) {
    HEMIOLA_TRY(const std::vector<float> sound, load_sound(path));
    PieceStatistics piece;
    HEMIOLA_TRY(piece.time, measure_consistency(find_onsets(sound)));
    return piece;
  }
  HEMIOLA_TRY(const data::Source source, data::read_source(path));
  return measure_notes_and_time(source.grid(), source.score);
}

// measure(i) for all pieces, on several threads; what fails is named by name(i).
template <class Measure, class Name>
Result<MeasuredSet> measure_all(std::size_t count, const StatisticsOptions& options,
                                Measure measure, Name name) {
  std::vector<Result<PieceStatistics>> results(count, PieceStatistics());
  std::mutex mutex;
  std::size_t done = 0;
  std::atomic<bool> stop{false};
  engine::ThreadPool pool(options.threads > 0 ? options.threads
                                              : engine::ThreadPool::usable_processors());
  constexpr std::size_t kAtOnce = 1 << 14;  // the pool takes a limited number of tasks
  for (std::size_t begin = 0; begin < count; begin += kAtOnce) {
    pool.run(static_cast<int>(std::min(kAtOnce, count - begin)), [&](int index, int) {
      if (stop) return;
      const std::size_t i = begin + static_cast<std::size_t>(index);
      results[i] = measure(i);
      const std::lock_guard lock(mutex);
      if (options.progress && options.progress(++done, count)) stop = true;
    });
  }
  if (stop) return fail("stopped");
  MeasuredSet set;
  for (std::size_t i = 0; i < count; ++i) {
    if (results[i]) {
      set.pieces.push_back(*results[i]);
    } else {
      set.skipped.push_back({name(i), results[i].error().message});
    }
  }
  if (set.pieces.empty()) {
    return fail("none of {} pieces could be measured; the first: {}: {}", count,
                set.skipped.empty() ? "" : set.skipped[0].path,
                set.skipped.empty() ? "there is none" : set.skipped[0].reason);
  }
  return set;
}

struct Column {
  std::string name;
  std::vector<double> values;  // of each piece; NaN where it does not say
};

std::vector<Column> columns_of(const MeasuredSet& set) {
  std::vector<Column> columns;
  for (std::size_t k = 0; k < kNoteMeasures.size(); ++k) {
    Column& column = columns.emplace_back(Column{std::string(kNoteMeasures[k]), {}});
    for (const auto& piece : set.pieces) {
      column.values.push_back(piece.notes ? piece.notes->values[k] : kNan);
    }
  }
  const auto add_time = [&](const char* name, double TemporalConsistency::*member) {
    Column& column = columns.emplace_back(Column{name, {}});
    for (const auto& piece : set.pieces) {
      column.values.push_back(piece.time ? (*piece.time).*member : kNan);
    }
  };
  add_time("beat_variation", &TemporalConsistency::beat_variation);
  add_time("beat_jitter", &TemporalConsistency::beat_jitter);
  add_time("on_grid", &TemporalConsistency::on_grid);
  return columns;
}

// How much each piece's histogram shares with the reference's mean. A piece of the reference itself
// (`own`) is compared with the others.
template <class Histogram>
std::vector<double> histogram_overlaps(const MeasuredSet& set, const MeasuredSet& reference,
                                       Histogram NoteStatistics::*member, bool own) {
  Histogram sum{};
  double count = 0;
  for (const auto& piece : reference.pieces) {
    if (!piece.notes) continue;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += ((*piece.notes).*member)[i];
    ++count;
  }
  std::vector<double> result;
  for (const auto& piece : set.pieces) {
    if (!piece.notes || count - own < 1) continue;
    const Histogram& mine = (*piece.notes).*member;
    Histogram mean = sum;
    for (std::size_t i = 0; i < mean.size(); ++i) {
      mean[i] = (mean[i] - (own ? mine[i] : 0)) / (count - own);
    }
    result.push_back(overlap(mine, mean));
  }
  return result;
}

Json estimate_json(const Estimate& estimate) {
  return {{"mean", estimate.mean},
          {"low", estimate.low},
          {"high", estimate.high},
          {"pieces", estimate.pieces}};
}

}  // namespace

std::optional<Estimate> bootstrap_mean(std::span<const double> values, std::uint64_t seed) {
  constexpr std::size_t kResamples = 2000;
  const std::vector<double> kept = finite(values);
  if (kept.empty()) return std::nullopt;
  const double n = static_cast<double>(kept.size());
  Rng rng(seed);
  std::vector<double> means(kResamples);
  for (double& mean : means) {
    for (std::size_t i = 0; i < kept.size(); ++i) mean += kept[rng.below(kept.size())];
    mean /= n;
  }
  std::sort(means.begin(), means.end());
  return Estimate{std::accumulate(kept.begin(), kept.end(), 0.0) / n, means[kResamples / 40],
                  means[kResamples - 1 - kResamples / 40], kept.size()};
}

double overlapped_area(std::span<const double> a, std::span<const double> b) {
  const Density first(a), second(b);
  // Sets without any spread are points: the same one, or not.
  if (first.width() == 0 || second.width() == 0) {
    return first.width() == second.width() && a[0] == b[0] ? 1 : 0;
  }
  const auto [low_a, high_a] = std::minmax_element(a.begin(), a.end());
  const auto [low_b, high_b] = std::minmax_element(b.begin(), b.end());
  const double margin = 5 * std::max(first.width(), second.width());
  const double low = std::min(*low_a, *low_b) - margin, high = std::max(*high_a, *high_b) + margin;
  constexpr int kSteps = 2000;
  const double step = (high - low) / kSteps;
  double sum = 0;
  for (int i = 0; i < kSteps; ++i) {
    const double x = low + (i + 0.5) * step;
    sum += std::min(first.at(x), second.at(x));
  }
  return sum * step;
}

Result<MeasuredSet> measure_set(const Path& path, const StatisticsOptions& options) {
  std::error_code code;
  if (std::filesystem::exists(path / data::kCatalogName, code)) {
    if (options.as_sound) {
      return fail(
          "{}: a data set holds no files that could be rendered; write them with `hemiola "
          "dataset export`",
          path.string());
    }
    HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(path));
    std::vector<std::size_t> accepted;
    for (std::size_t i = 0; i < dataset.entries().size(); ++i) {
      if (dataset.entries()[i].outcome == data::Outcome::kAccepted) accepted.push_back(i);
    }
    return measure_all(
        accepted.size(), options,
        [&](std::size_t i) -> Result<PieceStatistics> {
          HEMIOLA_TRY(const GridScore grid, dataset.score(accepted[i]));
          HEMIOLA_TRY(const Score score, score_from_grid(grid));
          return measure_notes_and_time(grid, score);
        },
        [&](std::size_t i) { return dataset.entries()[accepted[i]].path; });
  }
  HEMIOLA_TRY(const std::vector<Path> files, list_files(path, is_any_name));
  return measure_all(
      files.size(), options,
      [&](std::size_t i) { return measure_file(files[i], options.as_sound); },
      [&](std::size_t i) { return files[i].string(); });
}

Json report_statistics(const MeasuredSet& set, const MeasuredSet* reference, std::uint64_t seed) {
  Json metrics = Json::object();
  const auto add_reference = [&](Json& row, std::span<const double> values) {
    if (const auto other = bootstrap_mean(values, seed)) row["reference"] = estimate_json(*other);
  };
  std::vector<Column> others;
  if (reference != nullptr) others = columns_of(*reference);
  const std::vector<Column> columns = columns_of(set);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const auto estimate = bootstrap_mean(columns[k].values, seed);
    if (!estimate) continue;
    Json row = estimate_json(*estimate);
    if (reference != nullptr) {
      add_reference(row, others[k].values);
      const auto mine = finite(columns[k].values), theirs = finite(others[k].values);
      if (mine.size() > 1 && theirs.size() > 1) row["overlap"] = overlapped_area(mine, theirs);
    }
    metrics[columns[k].name] = row;
  }
  if (reference != nullptr) {
    const auto add_histogram = [&](const char* name, auto member) {
      const auto estimate =
          bootstrap_mean(histogram_overlaps(set, *reference, member, false), seed);
      if (!estimate) return;
      metrics[name] = estimate_json(*estimate);
      add_reference(metrics[name], histogram_overlaps(*reference, *reference, member, true));
    };
    add_histogram("pitch_class_overlap", &NoteStatistics::pitch_classes);
    add_histogram("length_overlap", &NoteStatistics::lengths);
  }
  Json json = {{"pieces", set.pieces.size()}, {"metrics", metrics}};
  json["skipped"] = to_json(set.skipped);
  if (reference != nullptr) {
    json["reference_pieces"] = reference->pieces.size();
    json["reference_skipped"] = to_json(reference->skipped);
  }
  return json;
}

}  // namespace hemiola::evaluate
