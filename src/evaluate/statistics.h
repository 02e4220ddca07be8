// Measures over a set of pieces: means with bootstrap intervals, and, beside a reference set, how
// much the two sets' values overlap.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "evaluate/fad.h"
#include "evaluate/note_statistics.h"
#include "evaluate/temporal.h"

namespace hemiola::evaluate {

struct Estimate {
  double mean = 0;
  double low = 0, high = 0;  // 95 %, by resampling the pieces
  std::size_t pieces = 0;    // that say something
};

// NaNs are left out; nothing where none is left. The same for the same seed.
std::optional<Estimate> bootstrap_mean(std::span<const double> values, std::uint64_t seed);

// The area under both of two densities, each estimated with Gaussian kernels of Scott's width, as
// Yang and Lerch 2020 compare distances within and between sets. Two values at least in each.
double overlapped_area(std::span<const double> a, std::span<const double> b);

struct PieceStatistics {
  std::optional<NoteStatistics> notes;  // of notes, not of sound
  std::optional<TemporalConsistency> time;
};

struct StatisticsOptions {
  int threads = 0;  // 0: one for each processor
  std::uint64_t seed = 0;
  // Music is rendered first and its time measured on the sound, notes are not counted: so that
  // music made as notes, music made as sound and recordings go the very same way. Not for data
  // sets.
  bool as_sound = false;
  std::function<bool(std::size_t, std::size_t)> progress{};
};

struct MeasuredSet {
  std::vector<PieceStatistics> pieces;
  std::vector<Skipped> skipped;
};

// A data set's accepted pieces, or the music and sound files of a folder.
Result<MeasuredSet> measure_set(const Path& path, const StatisticsOptions& options = {});

// {"pieces", "metrics": {NAME: {"mean","low","high"}}, "skipped"}; with a reference each metric has
// the reference's figures and the overlap too, and two metrics more say how much the histograms
// of each piece share with the reference's.
Json report_statistics(const MeasuredSet& set, const MeasuredSet* reference, std::uint64_t seed);

}  // namespace hemiola::evaluate
