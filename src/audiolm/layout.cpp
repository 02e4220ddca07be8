#include "audiolm/layout.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/json.h"

namespace hemiola::audiolm {
namespace {

constexpr std::string_view kNames[] = {"rhythm", "semantic", "coarse", "fine"};
constexpr int kVersion = 1;
constexpr int kLongestWindow = 3000;  // units, 2 minutes

std::vector<std::uint64_t> range_mask(int vocabulary, int begin, int end) {
  std::vector<std::uint64_t> mask(static_cast<std::size_t>(vocabulary + 63) / 64, 0);
  for (int id = begin; id < end; ++id) {
    mask[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (id % 64);
  }
  return mask;
}

}  // namespace

std::string_view name(Stage stage) { return kNames[static_cast<std::size_t>(stage)]; }

Result<Stage> stage_named(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<Stage>(i);
  }
  return fail("stage \"{}\": expected rhythm, semantic, coarse or fine", name);
}

Status check(const TokenShape& shape) {
  const auto bad = [](std::string_view what, int value, int low, int high) {
    return fail("{}: expected {} to {}, got {}", what, low, high, value);
  };
  if (shape.units < 1 || shape.units > 32767) return bad("semantic units", shape.units, 1, 32767);
  if (shape.codebook < 1 || shape.codebook > 32767) {
    return bad("codes of a quantizer", shape.codebook, 1, 32767);
  }
  if (shape.quantizers < 2 || shape.quantizers > 32) {
    return bad("quantizers", shape.quantizers, 2, 32);
  }
  if (shape.coarse < 1 || shape.coarse >= shape.quantizers) {
    return bad("coarse quantizers", shape.coarse, 1, shape.quantizers - 1);
  }
  return {};
}

Status check(const UnitClasses& classes, const TokenShape& shape) {
  if (classes.empty()) return {};
  if (classes.size() != static_cast<std::size_t>(shape.units)) {
    return fail("classes of units: expected one for each of {} units, got {}", shape.units,
                classes.size());
  }
  const auto [lowest, highest] = std::minmax_element(classes.begin(), classes.end());
  if (*lowest < 0 || *highest >= kMostClasses) {
    return fail("classes of units: expected 0 to {}, got {}", kMostClasses - 1,
                *lowest < 0 ? *lowest : *highest);
  }
  std::vector<bool> seen(static_cast<std::size_t>(*highest) + 1);
  for (const int each : classes) seen[static_cast<std::size_t>(each)] = true;
  const auto empty = std::find(seen.begin(), seen.end(), false);
  if (empty != seen.end()) {
    return fail("classes of units: no unit is of class {}", empty - seen.begin());
  }
  return {};
}

Layout::Layout(Stage stage, const TokenShape& shape, int window, UnitClasses classes)
    : stage_(stage), shape_(shape), window_(window), classes_(std::move(classes)) {
  assert(check(shape).has_value() && check(classes_, shape).has_value() && window >= 1);
  assert(classes_.empty() ? stage != Stage::kRhythm
                          : stage == Stage::kRhythm || stage == Stage::kSemantic);
  const int count = classes_.empty() ? 0 : *std::max_element(classes_.begin(), classes_.end()) + 1;
  switch (stage) {
    case Stage::kRhythm:
      vocabulary_ = count + 1;
      masks_.push_back(range_mask(vocabulary_, 0, count));
      break;
    case Stage::kSemantic:
      vocabulary_ = shape.units + 1 + count;
      if (classes_.empty()) {
        masks_.push_back(range_mask(vocabulary_, 0, shape.units));
        break;
      }
      masks_.resize(static_cast<std::size_t>(count), range_mask(vocabulary_, 0, 0));
      for (std::size_t value = 0; value < classes_.size(); ++value) {
        auto& mask = masks_[static_cast<std::size_t>(classes_[value])];
        mask[value / 64] |= std::uint64_t{1} << (value % 64);
      }
      break;
    case Stage::kCoarse:
      vocabulary_ = shape.units + 1 + shape.coarse * shape.codebook;
      for (int q = 0; q < shape.coarse; ++q) {
        masks_.push_back(range_mask(vocabulary_, code(q, 0), code(q, 0) + shape.codebook));
      }
      break;
    case Stage::kFine:
      vocabulary_ = shape.quantizers * shape.codebook + 1;
      for (int q = shape.coarse; q < shape.quantizers; ++q) {
        masks_.push_back(range_mask(vocabulary_, code(q, 0), code(q, 0) + shape.codebook));
      }
      break;
  }
}

int Layout::targets_per_unit() const {
  switch (stage_) {
    case Stage::kRhythm:
    case Stage::kSemantic:
      return 1;
    case Stage::kCoarse:
      return kFramesPerUnit * shape_.coarse;
    case Stage::kFine:
      return kFramesPerUnit * shape_.fine();
  }
  return 1;
}

int Layout::before_per_unit() const {
  switch (stage_) {
    case Stage::kRhythm:
      return 0;
    case Stage::kSemantic:
      return classes_.empty() ? 0 : 1;
    case Stage::kCoarse:
      return 1;
    case Stage::kFine:
      return kFramesPerUnit * shape_.coarse;
  }
  return 0;
}

bool Layout::conditioned() const { return before_per_unit() > 0; }

int Layout::length() const { return 1 + window_ * (before_per_unit() + targets_per_unit()); }

std::int32_t Layout::mark() const {
  switch (stage_) {
    case Stage::kRhythm:
      return vocabulary_ - 1;
    case Stage::kSemantic:
    case Stage::kCoarse:
      return shape_.units;
    case Stage::kFine:
      return shape_.quantizers * shape_.codebook;
  }
  return 0;
}

std::int32_t Layout::unit(int value) const {
  assert((stage_ == Stage::kSemantic || stage_ == Stage::kCoarse) && value >= 0 &&
         value < shape_.units);
  return value;
}

std::int32_t Layout::class_id(int value) const {
  assert(!classes_.empty() && value >= 0);
  return (stage_ == Stage::kRhythm ? 0 : shape_.units + 1) + value;
}

std::int32_t Layout::class_of(int unit) const {
  assert(unit >= 0 && unit < shape_.units);
  return class_id(classes_[static_cast<std::size_t>(unit)]);
}

std::int32_t Layout::code(int quantizer, int value) const {
  assert((stage_ == Stage::kCoarse || stage_ == Stage::kFine) && value >= 0 &&
         value < shape_.codebook);
  const int first = stage_ == Stage::kCoarse ? shape_.units + 1 : 0;
  return first + quantizer * shape_.codebook + value;
}

int Layout::value_of(std::int32_t id) const {
  switch (stage_) {
    case Stage::kRhythm:
    case Stage::kSemantic:
      return id;
    case Stage::kCoarse:
      return (id - shape_.units - 1) % shape_.codebook;
    case Stage::kFine:
      return id % shape_.codebook;
  }
  return id;
}

int Layout::quantizer_at(int index) const {
  switch (stage_) {
    case Stage::kRhythm:
    case Stage::kSemantic:
      return 0;
    case Stage::kCoarse:
      return index % shape_.coarse;
    case Stage::kFine:
      return shape_.coarse + index % shape_.fine();
  }
  return 0;
}

std::span<const std::uint64_t> Layout::allowed(int index, int of) const {
  if (stage_ == Stage::kSemantic && !classes_.empty()) index = of;
  return masks_[static_cast<std::size_t>(index) % masks_.size()];
}

std::vector<std::int32_t> Layout::prefix(std::span<const std::int16_t> units,
                                         std::span<const std::int16_t> codes) const {
  std::vector<std::int32_t> ids;
  if (!conditioned()) return ids;
  if (stage_ == Stage::kSemantic) {
    for (const std::int16_t value : units) ids.push_back(class_of(value));
  } else if (stage_ == Stage::kCoarse) {
    for (const std::int16_t value : units) ids.push_back(unit(value));
  } else {
    const auto frame = static_cast<std::size_t>(shape_.quantizers);
    for (std::size_t at = 0; at + frame <= codes.size(); at += frame) {
      for (int q = 0; q < shape_.coarse; ++q) {
        ids.push_back(code(q, codes[at + static_cast<std::size_t>(q)]));
      }
    }
  }
  ids.push_back(mark());
  return ids;
}

std::vector<std::int32_t> Layout::targets(std::span<const std::int16_t> units,
                                          std::span<const std::int16_t> codes) const {
  std::vector<std::int32_t> ids;
  if (stage_ == Stage::kRhythm || stage_ == Stage::kSemantic) {
    for (const std::int16_t value : units) {
      ids.push_back(stage_ == Stage::kRhythm ? class_of(value) : unit(value));
    }
    return ids;
  }
  const int begin = stage_ == Stage::kCoarse ? 0 : shape_.coarse;
  const int end = stage_ == Stage::kCoarse ? shape_.coarse : shape_.quantizers;
  const auto frame = static_cast<std::size_t>(shape_.quantizers);
  for (std::size_t at = 0; at + frame <= codes.size(); at += frame) {
    for (int q = begin; q < end; ++q) {
      ids.push_back(code(q, codes[at + static_cast<std::size_t>(q)]));
    }
  }
  return ids;
}

Window Layout::window_of(std::span<const std::int16_t> units, std::span<const std::int16_t> codes,
                         bool from_start) const {
  Window window;
  window.ids = prefix(units, codes);
  if (!conditioned() && from_start) window.ids.push_back(mark());
  window.first = std::max(1, static_cast<int>(window.ids.size()));
  const std::vector<std::int32_t> rest = targets(units, codes);
  window.ids.insert(window.ids.end(), rest.begin(), rest.end());
  return window;
}

OwnedWeights Layout::fresh_weights(const ModelConfig& config, std::uint64_t seed) const {
  OwnedWeights weights = OwnedWeights::random(config, seed);
  const auto width = static_cast<std::size_t>(config.width);
  const auto head = static_cast<std::size_t>(config.head_width());
  // Pairs of sine and cosine of the moment, wavelengths from two units to four windows; after them
  // whether the place conditions.
  constexpr float kSize = 0.06f;
  const std::size_t pairs = (head - 1) / 2;
  const int before = window_ * before_per_unit();
  std::vector<float>& positions = weights.values("wpe.weight");  // (context, width)
  for (int at = 0; at < config.context; ++at) {
    // What conditions stands for its own moment, the rest for that of the id that follows it.
    const bool conditions = at < before;
    const double moment = conditions ? static_cast<double>(at) / before_per_unit()
                                     : static_cast<double>(at - before) / targets_per_unit();
    float* row = positions.data() + static_cast<std::size_t>(at) * width;
    for (std::size_t i = 0; i < pairs; ++i) {
      const double share =
          static_cast<double>(i) / static_cast<double>(std::max<std::size_t>(1, pairs - 1));
      const double wavelength = 2 * std::pow(2.0 * window_, share);
      const double angle = 2 * std::numbers::pi * moment / wavelength;
      row[2 * i] = kSize * static_cast<float>(std::sin(angle));
      row[2 * i + 1] = kSize * static_cast<float>(std::cos(angle));
    }
    if (before > 0) row[2 * pairs] = conditions ? kSize : -kSize;
  }
  if (before == 0) return weights;
  // Head 0 of the first layer: query and key are those numbers as they are, the query's last a
  // constant, so that it looks at what conditions the moment.
  std::vector<float>& qkv = weights.values("h.0.attn.c_attn.weight");  // (width, 3 * width)
  std::vector<float>& bias = weights.values("h.0.attn.c_attn.bias");
  for (std::size_t in = 0; in < width; ++in) {
    for (std::size_t out = 0; out < head; ++out) {
      const float same = in == out && in <= 2 * pairs ? 1.0f : 0.0f;
      qkv[in * 3 * width + out] = in == 2 * pairs ? 0.0f : same;
      qkv[in * 3 * width + width + out] = same;
    }
  }
  bias[2 * pairs] = 8.0f;
  return weights;
}

std::string to_text(const Layout& layout, std::string_view codec_sha256,
                    std::string_view semantic_sha256) {
  const TokenShape& shape = layout.shape();
  Json json = {
      {"hemiola_audiolm", kVersion},
      {"stage", name(layout.stage())},
      {"units", shape.units},
      {"quantizers", shape.quantizers},
      {"codebook", shape.codebook},
      {"coarse", shape.coarse},
      {"window", layout.window()},
      {"codec_sha256",
       layout.stage() == Stage::kRhythm || layout.stage() == Stage::kSemantic ? "" : codec_sha256},
      {"semantic_sha256", layout.stage() == Stage::kFine ? "" : semantic_sha256}};
  if (!layout.classes().empty()) json["classes"] = layout.classes();
  return json_text(json, 2) + "\n";
}

Result<LayoutText> parse_layout(std::string_view text, std::string_view where) {
  HEMIOLA_TRY(const Json json, parse_json(text, where));
  try {
    if (json.at("hemiola_audiolm").get<int>() != kVersion) {
      return fail("{}: written by another version of the program", where);
    }
    HEMIOLA_TRY(const Stage stage, stage_named(json.at("stage").get<std::string>()));
    TokenShape shape;
    json.at("units").get_to(shape.units);
    json.at("quantizers").get_to(shape.quantizers);
    json.at("codebook").get_to(shape.codebook);
    json.at("coarse").get_to(shape.coarse);
    const int window = json.at("window").get<int>();
    if (const Status status = check(shape); !status) {
      return fail("{}: {}", where, status.error().message);
    }
    if (window < 1 || window > kLongestWindow) {
      return fail("{}: window: expected 1 to {} units, got {}", where, kLongestWindow, window);
    }
    UnitClasses classes;
    if (const auto given = json.find("classes"); given != json.end()) {
      if (stage == Stage::kCoarse || stage == Stage::kFine) {
        return fail("{}: classes: the {} stage has none", where, name(stage));
      }
      given->get_to(classes);
    }
    if (const Status status = check(classes, shape); !status) {
      return fail("{}: {}", where, status.error().message);
    }
    if (stage == Stage::kRhythm && classes.empty()) {
      return fail("{}: a rhythm stage without classes", where);
    }
    return LayoutText{Layout(stage, shape, window, std::move(classes)),
                      json.at("codec_sha256").get<std::string>(),
                      json.at("semantic_sha256").get<std::string>()};
  } catch (const Json::exception& error) {
    return fail("{}: not a stage of AudioLM: {}", where, error.what());
  }
}

}  // namespace hemiola::audiolm
