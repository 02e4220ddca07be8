// What a run has measured so far: metrics.csv, one row for each logged step, and the curve drawn
// from it. On resume the rows after the checkpoint's step are dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::nn {

struct MetricsRow {
  std::int64_t step = 0;
  std::int64_t tokens = 0;  // with a target, since the start
  double epochs = 0;
  double seconds = 0;
  double processor_seconds = 0;
  double rate = 0;
  double loss = 0;       // nats a token
  double grad_norm = 0;  // of the step
  double tokens_per_second = 0;
  std::optional<double> held_out_loss;  // nats a token
  std::optional<double> bits_per_note;
  std::optional<double> bits_per_beat;
};

class Metrics {
 public:
  // Reads what stands in `folder` up to and including `last_step`; nothing if there is nothing.
  static Result<Metrics> open(const Path& folder, std::int64_t last_step);

  void add(const MetricsRow& row) { rows_.push_back(row); }
  const std::vector<MetricsRow>& rows() const { return rows_; }
  // metrics.csv and loss.svg.
  Status write(const std::string& title) const;

 private:
  explicit Metrics(Path folder) : folder_(std::move(folder)) {}

  Path folder_;
  std::vector<MetricsRow> rows_;
};

std::string metrics_csv(const std::vector<MetricsRow>& rows);
std::string loss_curve_svg(const std::vector<MetricsRow>& rows, const std::string& title);

}  // namespace hemiola::nn
