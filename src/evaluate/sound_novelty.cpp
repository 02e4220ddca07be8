#include "evaluate/sound_novelty.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <mutex>

#include "audiolm/semantic_units.h"
#include "base/hash.h"
#include "evaluate/matrix.h"
#include "model/safetensors.h"

namespace hemiola::evaluate {

using audiolm::kSemanticHop;

namespace {

constexpr std::string_view kFormat = "hemiola-sound-index-1";
constexpr float kLevel = 0.1F;   // root of the mean square that every sound is brought to
constexpr float kQuiet = 0.01F;  // windows below this are silence
constexpr double kHeldOutShare = 0.005;
constexpr std::size_t kFewestNumbers = 100'000;  // rows for the principal axes, at most

float level_of(std::span<const float> sound) {
  double sum = 0;
  for (const float value : sound) {
    if (std::isfinite(value)) sum += static_cast<double>(value) * static_cast<double>(value);
  }
  return sound.empty() ? 0 : static_cast<float>(std::sqrt(sum / static_cast<double>(sound.size())));
}

// How loud a copy is played is no novelty.
std::vector<float> levelled(std::span<const float> sound) {
  const float level = level_of(sound);
  std::vector<float> result(sound.begin(), sound.end());
  for (float& value : result) value *= level > 0 ? kLevel / level : 1;
  return result;
}

std::string hash_of_codes(const audiolm::Codec& codec, std::span<const float> sound) {
  const auto codes = codec.encode(sound);
  const auto width = static_cast<std::size_t>(codec.shape().quantizers);
  const auto kept = std::min(width, static_cast<std::size_t>(SoundIndex::kHashed));
  Bytes bytes;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (i % width >= kept) continue;
    bytes.push_back(static_cast<std::uint8_t>(codes[i] & 0xff));
    bytes.push_back(static_cast<std::uint8_t>(codes[i] >> 8));
  }
  return to_hex(sha256(bytes));
}

}  // namespace

void SoundIndex::keep(std::span<const float> window) {
  constexpr float kMost = 127;
  float largest = 0;
  for (const float number : window) largest = std::max(largest, std::abs(number));
  const float scale = largest / kMost;
  for (const float number : window) {
    windows_.push_back(static_cast<std::int8_t>(scale > 0 ? std::lround(number / scale) : 0));
  }
  scales_.push_back(scale);
}

Status SoundIndex::make_search() {
  std::vector<float> numbers(windows_.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(windows_[i]) * scales_[i / kNumbers];
  }
  HEMIOLA_TRY(auto linear, engine::Linear::create("sound index", int{kNumbers},
                                                  static_cast<int>(scales_.size()), numbers, {}));
  search_.clear();
  search_.push_back(std::move(linear));
  return {};
}

SoundIndex::Described SoundIndex::describe(std::span<const float> features,
                                           std::span<const float> sound, std::size_t hop) const {
  const std::size_t width = mean_.size(), frames = features.size() / width;
  Described result;
  if (frames < kWindow) return result;
  // Sums of all frames before each, on each axis.
  std::vector<double> sums((frames + 1) * kAxes);
  for (std::size_t t = 0; t < frames; ++t) {
    for (std::size_t axis = 0; axis < kAxes; ++axis) {
      float value = 0;
      for (std::size_t d = 0; d < width; ++d) {
        value += (features[t * width + d] - mean_[d]) * axes_[axis * width + d];
      }
      sums[(t + 1) * kAxes + axis] = sums[t * kAxes + axis] + static_cast<double>(value);
    }
  }
  const std::size_t last_begin = frames - kWindow;
  for (std::size_t i = 0; i <= (last_begin + hop - 1) / hop; ++i) {
    const std::size_t begin = std::min(i * hop, last_begin);
    const std::size_t first = begin * kSemanticHop;
    const std::size_t last = std::min(sound.size(), (begin + kWindow) * kSemanticHop);
    if (level_of(sound.subspan(first, last - first)) < kQuiet) continue;
    std::array<double, kNumbers> numbers;
    double square = 0;
    for (std::size_t k = 0; k < kNumbers; ++k) {
      const std::size_t from = begin + k / kAxes * kPart, axis = k % kAxes;
      numbers[k] = sums[(from + kPart) * kAxes + axis] - sums[from * kAxes + axis];
      square += numbers[k] * numbers[k];
    }
    const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
    for (const double number : numbers)
      result.numbers.push_back(static_cast<float>(number * scale));
    result.frames.push_back(begin);
  }
  return result;
}

std::vector<SoundIndex::Near> SoundIndex::nearest(const Described& described) const {
  constexpr std::size_t kAtOnce = 32;
  std::vector<Near> result(described.frames.size());
  std::vector<float> cosines(kAtOnce * places_.size());
  for (std::size_t begin = 0; begin < result.size(); begin += kAtOnce) {
    const std::size_t rows = std::min(kAtOnce, result.size() - begin);
    search_[0].apply(described.numbers.data() + begin * kNumbers, static_cast<int>(rows),
                     cosines.data(), search_[0].out());
    for (std::size_t row = 0; row < rows; ++row) {
      const auto first = cosines.begin() + static_cast<std::ptrdiff_t>(row * places_.size());
      const auto best =
          std::max_element(first, first + static_cast<std::ptrdiff_t>(places_.size()));
      result[begin + row] = {static_cast<std::size_t>(best - first),
                             1 - static_cast<double>(*best)};
    }
  }
  return result;
}

Result<SoundIndex> SoundIndex::build(const audiolm::SoundSet& sounds,
                                     const audiolm::SemanticEncoder& encoder,
                                     const audiolm::Codec* codec,
                                     const SoundIndexOptions& options) {
  const auto train = sounds.of_split("train"), held_out = sounds.of_split("validation");
  const auto width = static_cast<std::size_t>(encoder.dimensions());
  if (width < kAxes)
    return fail("sound index: an encoder of {} dimensions; {} are needed", width, kAxes);
  SoundIndex index;
  index.semantic_ = encoder.sha256();
  if (codec != nullptr) index.codec_ = codec->sha256();

  // Features are kept as means of parts that begin at each part: enough for the windows here.
  std::vector<std::vector<float>> parts(train.size());
  std::vector<std::string> codes(train.size());
  std::size_t done = 0;
  const std::size_t total = train.size() + held_out.size();
  const auto stop = [&] { return options.progress && options.progress(done++, total); };
  const auto features_of = [&](const std::vector<float>& sound) {
    return encoder.features(levelled(sound));
  };
  HEMIOLA_CHECK(
      audiolm::for_each_piece(train.size(), options.threads, stop, [&](std::size_t i, int) {
        const std::vector<float> sound = sounds.sound(train[i]);
        parts[i] = features_of(sound);
        if (codec != nullptr) codes[i] = hash_of_codes(*codec, sound);
      }));
  std::size_t frames = 0;
  for (const auto& part : parts) frames += part.size() / width;
  const std::size_t step = 1 + frames / kFewestNumbers;
  Matrix rows(0, width);
  for (const auto& part : parts) {
    for (std::size_t t = 0; t * width < part.size(); t += step) {
      for (std::size_t d = 0; d < width; ++d) {
        rows.values.push_back(static_cast<double>(part[t * width + d]));
      }
      ++rows.rows;
    }
  }
  if (rows.rows <= width) return fail("sound index: only {} frames to learn from", rows.rows);
  std::vector<double> mean(width);
  for (std::size_t i = 0; i < rows.values.size(); ++i) {
    mean[i % width] += rows.values[i] / static_cast<double>(rows.rows);
  }
  for (std::size_t i = 0; i < rows.values.size(); ++i) rows.values[i] -= mean[i % width];
  const Matrix axes = principal_axes(triangular_root(std::move(rows)), kAxes);
  index.mean_.assign(mean.begin(), mean.end());
  index.axes_.assign(axes.values.begin(), axes.values.end());

  for (std::size_t i = 0; i < train.size(); ++i) {
    index.pieces_.push_back({sounds.piece(train[i]).name, codes[i]});
    const Described described = index.describe(parts[i], levelled(sounds.sound(train[i])), kWindow);
    for (const std::size_t frame : described.frames) {
      index.places_.push_back({static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(frame)});
    }
    for (std::size_t at = 0; at < described.numbers.size(); at += kNumbers) {
      index.keep(std::span(described.numbers).subspan(at, kNumbers));
    }
    parts[i] = {};
  }
  if (index.places_.empty()) return fail("sound index: no training piece has a window of sound");
  HEMIOLA_CHECK(index.make_search());

  std::vector<double> distances;
  std::mutex mutex;
  HEMIOLA_CHECK(
      audiolm::for_each_piece(held_out.size(), options.threads, stop, [&](std::size_t i, int) {
        const std::vector<float> sound = sounds.sound(held_out[i]);
        const auto near = index.nearest(index.describe(features_of(sound), levelled(sound), kPart));
        const std::lock_guard lock(mutex);
        for (const Near& each : near) distances.push_back(each.distance);
      }));
  if (distances.empty()) return fail("sound index: no held-out piece has a window of sound");
  const auto at = distances.begin() + static_cast<std::ptrdiff_t>(
                                          kHeldOutShare * static_cast<double>(distances.size()));
  std::nth_element(distances.begin(), at, distances.end());
  index.threshold_ = *at;
  return index;
}

Status SoundIndex::write(const Path& path) const {
  Json config = {{"threshold", threshold_},
                 {"semantic", semantic_},
                 {"codec", codec_},
                 {"pieces", Json::array()}};
  for (const Piece& piece : pieces_) config["pieces"].push_back({piece.name, piece.codes});
  const auto count = static_cast<std::int64_t>(places_.size());
  const auto width = static_cast<std::int64_t>(mean_.size());
  const auto bytes_of = [](const auto& values) {
    return std::span(reinterpret_cast<const std::uint8_t*>(values.data()),
                     values.size() * sizeof(values[0]));
  };
  const std::vector<TensorView> tensors = {
      view_of("mean", {width}, mean_),
      view_of("axes", {std::int64_t{kAxes}, width}, axes_),
      {"windows", Dtype::kI8, {count, std::int64_t{kNumbers}}, bytes_of(windows_)},
      view_of("scales", {count}, scales_),
      {"places", Dtype::kI32, {count, 2}, bytes_of(places_)}};
  return write_safetensors(path, tensors,
                           {{"format", std::string(kFormat)}, {"config", json_text(config)}});
}

Result<SoundIndex> SoundIndex::load(const Path& path) {
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
  return parse(file.bytes(), path.string());
}

Result<SoundIndex> SoundIndex::parse(std::span<const std::uint8_t> bytes, std::string_view where) {
  HEMIOLA_TRY(const auto view, SafetensorsView::parse(bytes, where));
  const auto format = view.metadata().find("format"), config = view.metadata().find("config");
  if (format == view.metadata().end() || format->second != kFormat ||
      config == view.metadata().end()) {
    return fail("{}: not an index of sounds (expected format {})", where, kFormat);
  }
  HEMIOLA_TRY(const Json json, parse_json(config->second, where));
  SoundIndex index;
  try {
    index.threshold_ = json.at("threshold").get<double>();
    index.semantic_ = json.at("semantic").get<std::string>();
    index.codec_ = json.at("codec").get<std::string>();
    for (const Json& piece : json.at("pieces")) {
      index.pieces_.push_back({piece.at(0).get<std::string>(), piece.at(1).get<std::string>()});
    }
  } catch (const Json::exception& error) {
    return fail("{}: its description is damaged: {}", where, error.what());
  }
  const TensorView* mean = view.find("mean");
  const TensorView* axes = view.find("axes");
  const TensorView* windows = view.find("windows");
  const TensorView* places = view.find("places");
  const TensorView* scales = view.find("scales");  // none where the windows are bf16, as they were
  const auto is = [](const TensorView* tensor, Dtype dtype, const Shape& shape) {
    return tensor != nullptr && tensor->dtype == dtype && tensor->shape == shape;
  };
  constexpr std::int64_t kMostWindows = 1 << 24, kMostDimensions = 1 << 16;
  if (mean == nullptr || mean->dtype != Dtype::kF32 || mean->shape.size() != 1 ||
      mean->shape[0] < 1 || mean->shape[0] > kMostDimensions || windows == nullptr ||
      windows->shape.empty() || windows->shape[0] < 1 || windows->shape[0] > kMostWindows ||
      !is(axes, Dtype::kF32, {std::int64_t{kAxes}, mean->shape[0]}) ||
      (!is(windows, Dtype::kBf16, {windows->shape[0], std::int64_t{kNumbers}}) &&
       !(is(windows, Dtype::kI8, {windows->shape[0], std::int64_t{kNumbers}}) &&
         is(scales, Dtype::kF32, {windows->shape[0]}))) ||
      !is(places, Dtype::kI32, {windows->shape[0], 2})) {
    return fail("{}: its tensors (mean, axes, windows, scales, places) are not those of an index",
                where);
  }
  const auto numbers = [](const TensorView& tensor) {
    std::vector<float> values(tensor.elements());
    read_floats(tensor, 0, values);
    return values;
  };
  index.mean_ = numbers(*mean);
  index.axes_ = numbers(*axes);
  std::vector<float> halves;
  if (windows->dtype == Dtype::kI8) {
    const auto* first = reinterpret_cast<const std::int8_t*>(windows->bytes.data());
    index.windows_.assign(first, first + windows->bytes.size());
    index.scales_ = numbers(*scales);
  } else {
    halves = numbers(*windows);
  }
  for (const auto* values : {&index.mean_, &index.axes_, &index.scales_, &halves}) {
    for (const float value : *values) {
      if (!std::isfinite(value)) return fail("{}: holds numbers that are not finite", where);
    }
  }
  for (std::size_t at = 0; at < halves.size(); at += kNumbers) {
    index.keep(std::span(halves).subspan(at, kNumbers));
  }
  index.places_.resize(static_cast<std::size_t>(windows->shape[0]));
  std::memcpy(index.places_.data(), places->bytes.data(), places->bytes.size());
  for (const Place& place : index.places_) {
    if (place.piece >= index.pieces_.size()) {
      return fail("{}: a window of piece {}, where there are {}", where, place.piece,
                  index.pieces_.size());
    }
  }
  HEMIOLA_CHECK(index.make_search());
  return index;
}

namespace {

Status fits(const SoundIndex& index, const audiolm::SemanticEncoder& encoder) {
  if (encoder.sha256() == index.semantic_sha256()) return {};
  return fail(
      "novelty: the index was made with another semantic encoder ({}, this one is {}); make it "
      "anew",
      index.semantic_sha256(), encoder.sha256());
}

}  // namespace

class SoundComparison {
 public:
  static Result<SoundNovelty> compare(std::span<const float> sound, const SoundIndex& index,
                                      const audiolm::SemanticEncoder& encoder,
                                      const audiolm::Codec* codec) {
    HEMIOLA_CHECK(fits(index, encoder));
    if (static_cast<std::size_t>(encoder.dimensions()) != index.mean_.size()) {
      return fail("novelty: the index holds {} dimensions, the encoder has {}", index.mean_.size(),
                  encoder.dimensions());
    }
    SoundNovelty result;
    result.threshold = index.threshold_;
    if (codec != nullptr && codec->sha256() == index.codec_) {
      const std::string hash = hash_of_codes(*codec, sound);
      for (const auto& piece : index.pieces_) {
        if (piece.codes != hash) continue;
        result.exact_codes = true;
        result.exact_piece = piece.name;
        break;
      }
    }
    const std::vector<float> level = levelled(sound);
    const auto described = index.describe(encoder.features(level), level, 1);
    if (described.frames.empty()) {
      return fail("novelty: nothing to compare; {:.2f} s of sound that is not silent are needed",
                  static_cast<double>(SoundIndex::kWindow) * kSemanticHop / audiolm::kSemanticRate);
    }
    const auto near = index.nearest(described);
    result.windows = near.size();
    std::vector<char> heard(described.frames.back() + SoundIndex::kWindow), copied(heard.size());
    const auto at = [](std::size_t frame) {
      return Seconds(static_cast<double>(frame) * kSemanticHop / audiolm::kSemanticRate);
    };
    for (std::size_t i = 0; i < near.size(); ++i) {
      const auto begin = static_cast<std::ptrdiff_t>(described.frames[i]);
      const auto window = static_cast<std::ptrdiff_t>(SoundIndex::kWindow);
      std::fill_n(heard.begin() + begin, window, char{1});
      if (near[i].distance < index.threshold_) std::fill_n(copied.begin() + begin, window, char{1});
      if (i > 0 && near[i].distance >= result.nearest.distance) continue;
      const auto& place = index.places_[near[i].window];
      result.nearest = {index.pieces_[place.piece].name, at(place.frame), at(described.frames[i]),
                        std::max(0.0, near[i].distance)};
    }
    result.copied = static_cast<double>(std::count(copied.begin(), copied.end(), 1)) /
                    static_cast<double>(std::count(heard.begin(), heard.end(), 1));
    return result;
  }
};

Result<SoundNovelty> sound_novelty(std::span<const float> sound, const SoundIndex& index,
                                   const audiolm::SemanticEncoder& encoder,
                                   const audiolm::Codec* codec) {
  return SoundComparison::compare(sound, index, encoder, codec);
}

Result<std::optional<SoundIndex>> bundled_index(const Path& bundle,
                                                const audiolm::SemanticEncoder& encoder) {
  const Path path = bundle / audiolm::kBundleIndex;
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return std::optional<SoundIndex>();
  HEMIOLA_TRY(SoundIndex index, SoundIndex::load(path));
  if (const Status status = fits(index, encoder); !status) {
    return fail("{}: {}", path.string(), status.error().message);
  }
  return std::optional<SoundIndex>(std::move(index));
}

std::optional<SoundNovelty> novelty_of_made(std::span<const float> sound,
                                            const std::optional<SoundIndex>& index,
                                            const audiolm::Generator& generator) {
  if (!index) return std::nullopt;
  // The bundle's parts and its index fit each other, so only too little sound is left to fail.
  const auto novelty = sound_novelty(sound, *index, generator.encoder(), &generator.codec());
  return novelty ? std::optional(*novelty) : std::nullopt;
}

Json to_json(const SoundNovelty& novelty) {
  Json json = {{"copy", novelty.is_copy()},
               {"exact_codes", novelty.exact_codes},
               {"copied", novelty.copied},
               {"nearest",
                {{"piece", novelty.nearest.piece},
                 {"at", novelty.nearest.at.count()},
                 {"own_at", novelty.nearest.own.count()},
                 {"distance", novelty.nearest.distance}}},
               {"threshold", novelty.threshold},
               {"windows", novelty.windows}};
  if (novelty.exact_codes) json["exact_piece"] = novelty.exact_piece;
  return json;
}

}  // namespace hemiola::evaluate
