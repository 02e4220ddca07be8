#include "compare/training_log.h"

#include <charconv>
#include <cmath>

namespace hemiola::compare {
namespace {

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<TrainingLog> parse_training_log(std::string_view csv, std::string_view where) {
  TrainingLog log;
  std::vector<std::string_view> names;
  for (std::size_t line = 1; !csv.empty(); ++line) {
    const std::size_t end = std::min(csv.find('\n'), csv.size());
    std::string_view row = csv.substr(0, end);
    csv.remove_prefix(std::min(end + 1, csv.size()));
    if (row.ends_with('\r')) row.remove_suffix(1);
    if (row.empty()) continue;
    const auto fields = split(row);
    if (names.empty()) {
      names = fields;
      continue;
    }
    if (fields.size() != names.size()) {
      return fail("{}, line {}: expected {} fields, got {}", where, line, names.size(),
                  fields.size());
    }
    std::optional<double> step;
    TrainingLog::Point point;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      double value = 0;
      const auto [last, code] =
          std::from_chars(fields[i].data(), fields[i].data() + fields[i].size(), value);
      if (fields[i].empty() || code != std::errc() || last != fields[i].data() + fields[i].size() ||
          !std::isfinite(value)) {
        continue;
      }
      if (names[i] == "step") step = value;
      if (names[i] == "loss") point.loss = value;
      if (names[i] == "held_out_loss") log.held_out_loss = point.held_out = value;
      if (names[i] == "tokens") log.tokens = value;
      if (names[i] == "epochs") log.epochs = value;
      if (names[i] == "seconds") log.seconds = value;
      if (names[i] == "processor_seconds") log.processor_seconds = value;
      if (names[i] == "bits_per_note") log.bits_per_note = value;
    }
    if (!step) return fail("{}, line {}: says no step", where, line);
    point.step = *step;
    log.points.push_back(point);
  }
  if (log.points.empty()) return fail("{}: holds no row of figures", where);
  return log;
}

Result<Json> read_training(const Path& run) {
  constexpr std::size_t kPoints = 300;
  const Path path = run / "metrics.csv";
  HEMIOLA_TRY(const std::string text, read_text(path));
  HEMIOLA_TRY(const TrainingLog log, parse_training_log(text, path.string()));
  Json json = Json::object();
  json["steps"] = log.points.back().step;
  const auto add = [&](const char* name, const std::optional<double>& value) {
    if (value) json[name] = *value;
  };
  add("tokens", log.tokens);
  add("epochs", log.epochs);
  add("seconds", log.seconds);
  add("processor_seconds", log.processor_seconds);
  add("held_out_loss", log.held_out_loss);
  add("bits_per_note", log.bits_per_note);
  Json curve = Json::array(), held_out = Json::array();
  const std::size_t stride = (log.points.size() + kPoints - 1) / kPoints;
  for (std::size_t i = 0; i < log.points.size(); i += stride) {
    double sum = 0, count = 0;
    for (std::size_t k = i; k < std::min(i + stride, log.points.size()); ++k) {
      if (!log.points[k].loss) continue;
      sum += *log.points[k].loss;
      ++count;
    }
    if (count > 0) curve.push_back({log.points[i].step, sum / count});
  }
  for (const auto& point : log.points) {
    if (point.held_out) held_out.push_back({point.step, *point.held_out});
  }
  json["curve"] = std::move(curve);
  json["held_out"] = std::move(held_out);
  return json;
}

}  // namespace hemiola::compare
