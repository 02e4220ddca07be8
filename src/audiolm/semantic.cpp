#include "audiolm/semantic.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "base/hash.h"
#include "model/locate.h"

namespace hemiola::audiolm {
namespace {

constexpr std::string_view kFormat = "hemiola-semantic-1", kFormatOfRises = "hemiola-semantic-2";

Result<std::vector<float>> read_numbers(const SafetensorsView& view, std::string_view name,
                                        std::size_t count, std::string_view where) {
  const TensorView* tensor = view.find(name);
  if (tensor == nullptr || tensor->dtype != Dtype::kF32 || tensor->elements() != count) {
    return fail("{}: tensor \"{}\": expected {} numbers of type F32", where, name, count);
  }
  std::vector<float> values(count);
  read_floats(*tensor, 0, values);
  for (const float value : values) {
    if (!std::isfinite(value)) {
      return fail("{}: tensor \"{}\" holds numbers that are not finite", where, name);
    }
  }
  return values;
}

Result<Standardiser> read_standardiser(const SafetensorsView& view, const std::string& name,
                                       std::size_t count, std::string_view where) {
  Standardiser result;
  HEMIOLA_TRY(result.mean, read_numbers(view, name + ".mean", count, where));
  HEMIOLA_TRY(result.deviation, read_numbers(view, name + ".deviation", count, where));
  if (std::any_of(result.deviation.begin(), result.deviation.end(),
                  [](float value) { return !(value > 0); })) {
    return fail("{}: a deviation in \"{}.deviation\" is not positive", where, name);
  }
  return result;
}

}  // namespace

std::vector<float> UnitCentres::points(std::vector<float> raw_features,
                                       std::vector<float> beginnings) const {
  features.apply(raw_features);
  if (!has_rises()) return raw_features;
  rises.apply(beginnings);
  const std::size_t width = features.mean.size(), frames = raw_features.size() / width;
  std::vector<float> result;
  result.reserve(frames * (width + kRises));
  for (std::size_t i = 0; i < frames; ++i) {
    const auto part = [&](const std::vector<float>& from, std::size_t size) {
      const auto begin = from.begin() + static_cast<std::ptrdiff_t>(i * size);
      result.insert(result.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
    };
    part(raw_features, width);
    part(beginnings, kRises);
  }
  return result;
}

Result<Path> locate_semantic(const Path& given) {
  std::error_code code;
  std::vector<Path> places = model_places("audiolm");
  if (const char* set = std::getenv("HEMIOLA_AUDIOLM"); set != nullptr && *set != '\0') {
    places = {set};
  }
  if (!given.empty()) places = {given};
  std::string looked;
  for (const Path& place : places) {
    const Path file = std::filesystem::is_directory(place, code) ? place / kSemanticFile : place;
    if (std::filesystem::is_regular_file(file, code)) return file;
    looked += "\n  " + file.string();
  }
  return fail(
      "no semantic encoder found; name it or its folder, or set HEMIOLA_AUDIOLM. Looked in:{}",
      looked);
}

Result<SemanticEncoder> SemanticEncoder::load(const Path& path) {
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
  return read(file.bytes(), path.string());
}

Result<SemanticEncoder> SemanticEncoder::read(std::span<const std::uint8_t> bytes,
                                              std::string_view where) {
  HEMIOLA_TRY(const auto view, SafetensorsView::parse(bytes, where));
  const auto format = view.metadata().find("format"), config = view.metadata().find("config");
  if (format == view.metadata().end() || config == view.metadata().end() ||
      (format->second != kFormat && format->second != kFormatOfRises)) {
    return fail("{}: not a semantic encoder (expected format {} or {})", where, kFormat,
                kFormatOfRises);
  }
  HEMIOLA_TRY(const Json json, parse_json(config->second, where));
  HEMIOLA_TRY(const auto shape, semantic_network_shape(json, where));
  const auto units = json.find("units");
  if (units == json.end() || !units->is_number_integer() || units->get<std::int64_t>() < 1 ||
      units->get<std::int64_t>() > 32'767) {
    return fail("{}: field \"units\": expected a whole number from 1 to 32767", where);
  }
  WeightMap weights;
  for (const TensorView& tensor : view.tensors()) weights.emplace(tensor.name, tensor);
  HEMIOLA_TRY(auto network, SemanticNetwork::create(shape, weights, where));
  const auto width = static_cast<std::size_t>(shape.width);
  UnitCentres centres;
  HEMIOLA_TRY(centres.features, read_standardiser(view, "features", width, where));
  std::size_t dimensions = width;
  if (format->second == kFormatOfRises) {
    HEMIOLA_TRY(centres.rises, read_standardiser(view, "rises", kRises, where));
    dimensions += kRises;
  }
  HEMIOLA_TRY(centres.centres,
              read_numbers(view, "centres", units->get<std::size_t>() * dimensions, where));
  HEMIOLA_TRY(auto nearest, NearestCentre::create(centres.centres, static_cast<int>(dimensions)));
  SemanticEncoder encoder(std::move(network), std::move(centres), std::move(nearest));
  const auto digest = hemiola::sha256(bytes);
  encoder.sha256_ = to_hex(digest);
  return encoder;
}

std::vector<float> SemanticEncoder::features(std::span<const float> sound) const {
  std::vector<float> result = network_.run(sound);
  centres_.features.apply(result);
  return result;
}

std::vector<std::int16_t> SemanticEncoder::encode(std::span<const float> sound) const {
  const std::vector<float> mel = log_mel(sound, 0, semantic_frames(sound.size()));
  return nearest_.find(centres_.points(network_.run_windows(mel),
                                       centres_.has_rises() ? rises(mel) : std::vector<float>()));
}

Result<UnitClasses> SemanticEncoder::rise_classes(int classes,
                                                  std::span<const std::uint64_t> counts) const {
  if (!centres_.has_rises()) return fail("the semantic encoder's units know nothing of rises");
  const auto count = static_cast<std::size_t>(units());
  if (counts.size() != count) return fail("counts of {} units, expected {}", counts.size(), count);
  const auto occur = std::count_if(counts.begin(), counts.end(), [](auto n) { return n > 0; });
  const int most = std::min(static_cast<int>(occur), kMostClasses);
  if (classes < 2 || classes > most) {
    return fail("classes of units: expected 2 to {}, got {}", most, classes);
  }
  const auto rises_of = [&, stride = static_cast<std::size_t>(dimensions()) + kRises](auto unit) {
    return std::span(centres_.centres)
        .subspan(static_cast<std::size_t>(unit) * stride + static_cast<std::size_t>(dimensions()),
                 kRises);
  };
  // Each unit as often as it occurs, in all about so many.
  constexpr double kPoints = 100'000;
  const double total =
      static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
  std::vector<float> points, all;  // (points, kRises), (units, kRises)
  for (std::size_t unit = 0; unit < count; ++unit) {
    const std::span<const float> each = rises_of(unit);
    all.insert(all.end(), each.begin(), each.end());
    if (counts[unit] == 0) continue;
    const auto times = std::llround(kPoints * static_cast<double>(counts[unit]) / total);
    for (std::int64_t i = 0; i < std::max<std::int64_t>(1, times); ++i) {
      points.insert(points.end(), each.begin(), each.end());
    }
  }
  KMeansOptions options;
  options.clusters = classes;
  options.passes = 50;
  HEMIOLA_TRY(const std::vector<float> centres, fit_kmeans(points, kRises, options));
  HEMIOLA_TRY(const NearestCentre nearest, NearestCentre::create(centres, kRises));
  const std::vector<std::int16_t> found = nearest.find(all);
  // Numbered by how strong they are, without those that no unit is nearest to.
  std::vector<std::pair<float, std::int16_t>> order;
  for (int c = 0; c < classes; ++c) {
    const auto value = static_cast<std::int16_t>(c);
    if (std::find(found.begin(), found.end(), value) == found.end()) continue;
    const auto begin = centres.begin() + static_cast<std::ptrdiff_t>(c) * kRises;
    order.emplace_back(std::accumulate(begin, begin + kRises, 0.0f), value);
  }
  std::sort(order.begin(), order.end());
  UnitClasses result;
  for (const std::int16_t value : found) {
    const auto at = std::find_if(order.begin(), order.end(),
                                 [&](const auto& each) { return each.second == value; });
    result.push_back(static_cast<int>(at - order.begin()));
  }
  return result;
}

Status write_semantic(const Path& path, const SemanticNetworkShape& shape, const WeightMap& weights,
                      const UnitCentres& centres, const Metadata& about) {
  const auto width = static_cast<std::int64_t>(shape.width);
  const std::int64_t dimensions = width + (centres.has_rises() ? kRises : 0);
  const auto units = static_cast<std::int64_t>(centres.centres.size()) / dimensions;
  std::vector<TensorView> tensors;
  for (const auto& [name, tensor_shape] : semantic_network_tensors(shape)) {
    const auto found = weights.find(name);
    if (found == weights.end() || found->second.shape != tensor_shape) {
      return fail("{}: no tensor \"{}\" of shape {} to write", path.string(), name,
                  shown(tensor_shape));
    }
    tensors.push_back(found->second);
    tensors.back().name = name;
  }
  tensors.push_back(view_of("features.mean", {width}, centres.features.mean));
  tensors.push_back(view_of("features.deviation", {width}, centres.features.deviation));
  if (centres.has_rises()) {
    tensors.push_back(view_of("rises.mean", {kRises}, centres.rises.mean));
    tensors.push_back(view_of("rises.deviation", {kRises}, centres.rises.deviation));
  }
  tensors.push_back(view_of("centres", {units, dimensions}, centres.centres));
  Json config = to_json(shape);
  config["units"] = units;
  Metadata metadata = about;
  metadata["format"] = std::string(centres.has_rises() ? kFormatOfRises : kFormat);
  metadata["config"] = json_text(config);
  return write_safetensors(path, tensors, metadata);
}

}  // namespace hemiola::audiolm
