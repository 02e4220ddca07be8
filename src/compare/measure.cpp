#include "compare/measure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "data/novelty.h"
#include "data/source.h"
#include "model/safetensors.h"

namespace hemiola::compare {
namespace {

using evaluate::SetOfSounds;

constexpr const char* kReference = "reference";

// What anyone would agree on beforehand. A codec's round trip is real music, a little worn.
const std::array<Pair, 7> kPairs = {{{"real", "shuffled"},
                                     {"real", "ngram"},
                                     {"real", "random"},
                                     {"shuffled", "random"},
                                     {"ngram", "random"},
                                     {"real", "codec"},
                                     {"codec", "random"}}};
// Shuffled bars and n-grams keep time by construction.
const std::array<Pair, 3> kTimePairs = {
    {{"real", "random"}, {"shuffled", "random"}, {"ngram", "random"}}};

evaluate::Interval interval_of(const Json& row) {
  return {row["low"].get<double>(), row["high"].get<double>()};
}

Json estimate_json(std::span<const double> values, std::uint64_t seed) {
  const auto estimate = evaluate::bootstrap_mean(values, seed);
  if (!estimate) return {};
  return {{"mean", estimate->mean},
          {"low", estimate->low},
          {"high", estimate->high},
          {"pieces", estimate->pieces}};
}

std::optional<SetOfSounds> read_cache(const Path& path, const std::string& key) {
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return std::nullopt;
  const auto file = SafetensorsFile::open(path);
  if (!file) return std::nullopt;
  const auto about = file->view().metadata().find("about");
  const TensorView* frames = file->view().find("frames");
  const TensorView* clips = file->view().find("clips");
  if (about == file->view().metadata().end() || frames == nullptr || clips == nullptr ||
      frames->shape.size() != 2 || frames->dtype != Dtype::kF32 || clips->dtype != Dtype::kI64) {
    return std::nullopt;
  }
  const auto json = parse_json(about->second, path.string());
  if (!json || !json->is_object() || json->value("key", std::string()) != key) return std::nullopt;
  SetOfSounds set;
  set.frames.frames = evaluate::Matrix(static_cast<std::size_t>(frames->shape[0]),
                                       static_cast<std::size_t>(frames->shape[1]));
  std::vector<float> values(frames->elements());
  read_floats(*frames, 0, values);
  std::copy(values.begin(), values.end(), set.frames.frames.values.begin());
  for (std::size_t i = 0; i < clips->elements(); ++i) {
    std::int64_t at = 0;
    std::memcpy(&at, clips->bytes.data() + 8 * i, 8);
    set.frames.clips.push_back(static_cast<std::size_t>(at));
  }
  for (const auto& path_text : (*json)["paths"]) set.paths.push_back(path_text);
  for (const auto& row : (*json)["skipped"]) set.skipped.push_back({row["path"], row["reason"]});
  return set;
}

Status write_cache(const Path& path, const std::string& key, const SetOfSounds& set,
                   std::span<const float> values) {
  std::vector<std::int64_t> clips;
  for (const std::size_t at : set.frames.clips) clips.push_back(static_cast<std::int64_t>(at));
  const std::array<TensorView, 2> tensors = {
      view_of("frames",
              {static_cast<std::int64_t>(set.frames.frames.rows),
               static_cast<std::int64_t>(set.frames.frames.columns)},
              values),
      TensorView{"clips",
                 Dtype::kI64,
                 {static_cast<std::int64_t>(clips.size())},
                 {reinterpret_cast<const std::uint8_t*>(clips.data()), 8 * clips.size()}}};
  Json about = {{"key", key}, {"paths", set.paths}};
  about["skipped"] = evaluate::to_json(set.skipped);
  return write_safetensors(path, tensors, {{"about", json_text(about)}});
}

Result<Json> measure_sets(const std::vector<NamedSet>& sets,
                          const evaluate::StatisticsOptions& options, bool notes) {
  std::map<std::string, evaluate::MeasuredSet> measured;
  std::error_code code;
  for (const NamedSet& set : sets) {
    const Path folder = notes ? set.files.notes() : set.files.sound();
    if (!std::filesystem::exists(folder, code)) continue;
    auto result = evaluate::measure_set(folder, options);
    if (!result) return fail(std::move(result.error()).within(set.name));
    measured.emplace(set.name, *std::move(result));
  }
  Json json = Json::object();
  for (const NamedSet& set : sets) {
    const auto found = measured.find(set.name);
    if (found == measured.end()) continue;
    json["sets"][set.name] =
        evaluate::report_statistics(found->second, &measured.at(kReference), options.seed);
  }
  return json;
}

evaluate::Matrix mean_embeddings(const SetOfSounds& set) {
  evaluate::Matrix means(set.frames.clip_count(), set.frames.frames.columns);
  for (std::size_t clip = 0; clip < means.rows; ++clip) {
    const auto mean = means.row(clip);
    for (std::size_t i = set.frames.clips[clip]; i < set.frames.clips[clip + 1]; ++i) {
      const auto frame = set.frames.frames.row(i);
      for (std::size_t k = 0; k < mean.size(); ++k) mean[k] += frame[k];
    }
    double sum = 0;
    for (const double value : mean) sum += value * value;
    for (double& value : mean) value /= std::sqrt(std::max(sum, 1e-300));
  }
  return means;
}

}  // namespace

Result<SetOfSounds> embed_set(const PieceSet& set, const evaluate::Embedding& embedding,
                              const Path& cache, const std::string& key,
                              const evaluate::FadOptions& options) {
  if (auto kept = read_cache(cache, key)) return *std::move(kept);
  HEMIOLA_TRY(const auto files, evaluate::list_files(set.sound(), evaluate::is_sound_name));
  HEMIOLA_TRY(SetOfSounds sounds, evaluate::embed_files(files, embedding, options));
  // Rounded as they are kept, so that a run that goes on gives the same digits.
  std::vector<float> values;
  for (double& value : sounds.frames.frames.values) {
    values.push_back(static_cast<float>(value));
    value = values.back();
  }
  HEMIOLA_CHECK(write_cache(cache, key, sounds, values));
  return sounds;
}

Json measure_distances(const std::map<std::string, SetOfSounds>& sets,
                       const evaluate::FadOptions& options) {
  const SetOfSounds& reference = sets.at(kReference);
  Json json = Json::object();
  std::map<std::string, Figure> fad, fad_infinity, kad;
  for (const auto& [name, set] : sets) {
    const evaluate::FadReport report = evaluate::measure_fad(reference, set, options);
    json["dimensions"] = report.dimensions;
    json["sets"][name] = evaluate::to_json(report);
    json["sets"][name].erase("embedding");
    fad[name] = {report.fad, std::nullopt};
    if (report.fad_infinity) {
      fad_infinity[name] = {report.fad_infinity->value, report.fad_infinity->interval};
    }
    kad[name] = {report.kad.value, report.kad.interval};
  }
  json["orders"] = {{"fad", judge_order(fad, kPairs)},
                    {"fad_inf", judge_order(fad_infinity, kPairs)},
                    {"kad", judge_order(kad, kPairs)}};
  return json;
}

Result<Json> measure_note_sets(const std::vector<NamedSet>& sets,
                               const evaluate::StatisticsOptions& options) {
  HEMIOLA_TRY(Json json, measure_sets(sets, options, true));
  // Time is measured on sound, for all sets alike.
  for (auto& [name, report] : json["sets"].items()) {
    for (const char* metric : {"beat_variation", "beat_jitter", "on_grid"}) {
      report["metrics"].erase(metric);
    }
  }
  Json orders = Json::object();  // apart: what is added to an ordered object moves the rest
  for (const auto& [metric, unused] : json["sets"][kReference]["metrics"].items()) {
    std::map<std::string, Figure> figures;
    for (const auto& [name, report] : json["sets"].items()) {
      if (!report["metrics"].contains(metric)) continue;
      const Json& row = report["metrics"][metric];
      if (row.contains("overlap")) {
        figures[name] = {1 - row["overlap"].get<double>(), std::nullopt};
      } else {  // it is itself an overlap
        const evaluate::Interval interval = interval_of(row);
        figures[name] = {1 - row["mean"].get<double>(),
                         evaluate::Interval{1 - interval.high, 1 - interval.low}};
      }
    }
    orders[metric] = judge_order(figures, kPairs);
  }
  json["orders"] = std::move(orders);
  return json;
}

Result<Json> measure_time_sets(const std::vector<NamedSet>& sets,
                               const evaluate::StatisticsOptions& options) {
  HEMIOLA_TRY(Json json, measure_sets(sets, options, false));
  Json orders = Json::object();
  for (const char* metric : {"beat_variation", "beat_jitter", "on_grid"}) {
    const double sign = std::string_view(metric) == "on_grid" ? -1 : 1;  // more is steadier
    std::map<std::string, Figure> figures;
    for (const auto& [name, report] : json["sets"].items()) {
      if (!report["metrics"].contains(metric)) continue;
      const Json& row = report["metrics"][metric];
      const evaluate::Interval at = interval_of(row);
      figures[name] = {sign * row["mean"].get<double>(),
                       sign > 0 ? at : evaluate::Interval{-at.high, -at.low}};
    }
    orders[metric] = judge_order(figures, kTimePairs);
  }
  json["orders"] = std::move(orders);
  return json;
}

Result<Json> measure_note_novelty(const std::vector<NamedSet>& sets, const data::Dataset& training,
                                  std::uint64_t seed) {
  Json json = Json::object();
  std::error_code code;
  for (const NamedSet& set : sets) {
    if (!std::filesystem::exists(set.files.notes(), code)) continue;
    HEMIOLA_TRY(const auto files, evaluate::list_files(set.files.notes(), evaluate::is_music_name));
    double copies = 0;
    std::vector<double> runs, shares, bars;
    for (const Path& file : files) {
      HEMIOLA_TRY(const data::Source source, data::read_source(file));
      const data::Novelty novelty = data::novelty(source.grid(), training);
      copies += novelty.is_copy();
      runs.push_back(novelty.longest_run.notes);
      shares.push_back(static_cast<double>(novelty.longest_run.notes) /
                       std::max<std::uint32_t>(1, novelty.notes));
      bars.push_back(novelty.copied_bars);
    }
    json[set.name] = {{"copies", copies / static_cast<double>(files.size())},
                      {"longest_run", estimate_json(runs, seed)},
                      {"longest_run_share", estimate_json(shares, seed)},
                      {"copied_bars", estimate_json(bars, seed)}};
  }
  return json;
}

Json measure_sound_novelty(const std::map<std::string, SetOfSounds>& sets,
                           const SetOfSounds& training, std::uint64_t seed) {
  const evaluate::Matrix known = mean_embeddings(training);
  std::map<std::string, std::vector<double>> distances;
  for (const auto& [name, set] : sets) {
    const evaluate::Matrix likeness = times_transposed(mean_embeddings(set), known);
    for (std::size_t i = 0; i < likeness.rows; ++i) {
      const auto row = likeness.row(i);
      distances[name].push_back(1 - *std::max_element(row.begin(), row.end()));
    }
  }
  std::vector<double> usual = distances.at("real");
  std::sort(usual.begin(), usual.end());
  const double near = usual[usual.size() / 20];
  Json json = Json::object();
  for (const auto& [name, values] : distances) {
    json[name] = estimate_json(values, seed);
    const auto count =
        std::count_if(values.begin(), values.end(), [&](double value) { return value < near; });
    json[name]["near"] = static_cast<double>(count) / static_cast<double>(values.size());
  }
  return json;
}

}  // namespace hemiola::compare
