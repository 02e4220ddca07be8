// What a training run cost and how its loss went, read from the metrics.csv that it leaves.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::compare {

struct TrainingLog {
  struct Point {
    double step = 0;
    std::optional<double> loss, held_out;
  };
  std::vector<Point> points;
  // Of the last row that says it.
  std::optional<double> tokens, epochs, seconds, processor_seconds, held_out_loss, bits_per_note;
};

// A header of names, then numbers; fields may be empty. "step" must be there; of the others those
// that are known are taken: tokens, epochs, seconds, processor_seconds, loss, held_out_loss,
// bits_per_note.
Result<TrainingLog> parse_training_log(std::string_view csv, std::string_view where);

// DIR/metrics.csv as the report has it, with about 300 points of the curve, each the mean of its
// stretch: {"tokens", ..., "curve": [[step, loss], ...], "held_out": [[step, loss], ...]}.
Result<Json> read_training(const Path& run);

}  // namespace hemiola::compare
