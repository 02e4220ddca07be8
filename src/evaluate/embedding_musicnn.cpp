// musicnn: filters over frequency and over time, their maxima and means over three seconds, and a
// dense layer. Weights and order of layers are those of the PyTorch version that Won, Ferraro,
// Bogdanov and Serra trained ("Evaluation of CNN-based Automatic Music Tagging Models", 2020).
#include <algorithm>
#include <array>
#include <cmath>

#include "evaluate/embedding.h"
#include "evaluate/layers.h"
#include "evaluate/spectrogram.h"
#include "model/safetensors.h"

namespace hemiola::evaluate {
namespace {

constexpr std::size_t kPatch = 3 * kEmbeddingRate;  // samples
constexpr std::size_t kHop = 256;
constexpr std::size_t kFrames = kPatch / kHop + 1;
constexpr int kBands = 96;

class Weights {
 public:
  explicit Weights(const SafetensorsView& view) : view_(view) {}

  std::string missing;  // the first tensor that is not there, or of another shape

  std::vector<float> read(const std::string& name, const Shape& shape) {
    const TensorView* tensor = view_.find(name);
    std::vector<float> values(element_count(shape));
    if (tensor == nullptr || tensor->shape != shape || tensor->dtype != Dtype::kF32) {
      if (missing.empty()) missing = fmt::format("{} {}", name, shown(shape));
      return values;
    }
    read_floats(*tensor, 0, values);
    return values;
  }

  // Batch norm as y = x * factor + shift.
  struct Norm {
    std::vector<float> factor, shift;
  };
  Norm norm(const std::string& name, std::int64_t size) {
    Norm norm{read(name + ".weight", {size}), read(name + ".bias", {size})};
    const auto mean = read(name + ".running_mean", {size});
    const auto variance = read(name + ".running_var", {size});
    for (std::size_t i = 0; i < mean.size(); ++i) {
      norm.factor[i] /= std::sqrt(variance[i] + 1e-5f);
      norm.shift[i] -= mean[i] * norm.factor[i];
    }
    return norm;
  }

  // A convolution and its norm in one. Weights (out, channels, size) become (out, size, channels).
  Result<Linear> convolution(const std::string& name, int out, int channels, Shape size) {
    const auto area = static_cast<int>(element_count(size));
    Shape shape = {out, channels};
    shape.insert(shape.end(), size.begin(), size.end());
    const auto stored = read(name + ".conv.weight", shape);
    auto bias = read(name + ".conv.bias", {out});
    const Norm folded = norm(name + ".bn", out);
    std::vector<float> weights(stored.size());
    for (std::size_t o = 0; o < bias.size(); ++o) {
      const auto depth = static_cast<std::size_t>(channels),
                 places = static_cast<std::size_t>(area);
      for (std::size_t c = 0; c < depth; ++c) {
        for (std::size_t k = 0; k < places; ++k) {
          weights[(o * places + k) * depth + c] =
              stored[(o * depth + c) * places + k] * folded.factor[o];
        }
      }
      bias[o] = bias[o] * folded.factor[o] + folded.shift[o];
    }
    return Linear::create(name, area * channels, out, weights, bias);
  }

 private:
  const SafetensorsView& view_;
};

class Musicnn : public Embedding {
 public:
  static Result<std::unique_ptr<Embedding>> open(const Path& path) {
    HEMIOLA_TRY(const SafetensorsFile file, SafetensorsFile::open(path));
    Weights weights(file.view());
    auto network = std::make_unique<Musicnn>();
    network->window_ = weights.read("spec.spectrogram.window", {kFftSize});
    network->bands_ = weights.read("spec.mel_scale.fb", {kFftBins, kBands});
    const Weights::Norm level = weights.norm("spec_bn", 1);
    network->level_ = {level.factor[0], level.shift[0]};
    const auto add = [](std::vector<Linear>& layers, Result<Linear> layer) -> Status {
      if (!layer) return fail(layer.error());
      layers.push_back(std::move(*layer));
      return {};
    };
    for (std::size_t i = 0; i < kTall.size(); ++i) {
      HEMIOLA_CHECK(add(network->tall_, weights.convolution(fmt::format("layers.{}", i), 204, 1,
                                                            {kTall[i], kShort})));
    }
    for (std::size_t i = 0; i < kLong.size(); ++i) {
      HEMIOLA_CHECK(add(network->long_,
                        weights.convolution(fmt::format("layers.{}", i + 2), 51, 1, {kLong[i]})));
    }
    HEMIOLA_CHECK(add(network->middle_, weights.convolution("layer1", 64, 561, {kShort})));
    HEMIOLA_CHECK(add(network->middle_, weights.convolution("layer2", 64, 64, {kShort})));
    HEMIOLA_CHECK(add(network->middle_, weights.convolution("layer3", 64, 64, {kShort})));
    HEMIOLA_CHECK(add(network->dense_, Linear::create("dense1", 1506, 200,
                                                      weights.read("dense1.weight", {200, 1506}),
                                                      weights.read("dense1.bias", {200}))));
    if (!weights.missing.empty()) {
      return fail("{}: not musicnn's weights: no {}", path.string(), weights.missing);
    }
    return network;
  }

  std::string_view name() const override { return "musicnn"; }
  int dimensions() const override { return 200; }

  Result<Matrix> embed(std::span<const float> sound) const override {
    if (sound.size() < kPatch) return fail("shorter than three seconds");
    Matrix frames(sound.size() / kPatch, 200);
    for (std::size_t i = 0; i < frames.rows; ++i) {
      const std::vector<float> values = embed_patch(sound.subspan(i * kPatch, kPatch));
      std::copy(values.begin(), values.end(), frames.row(i).begin());
    }
    return frames;
  }

 private:
  static constexpr std::array<int, 2> kTall = {67, 38};       // bands
  static constexpr std::array<int, 3> kLong = {129, 65, 33};  // frames
  static constexpr int kShort = 7;                            // frames

  // Decibels of 96 bands, normalised; frames about multiples of the hop, the ends mirrored.
  FeatureMap spectrogram(std::span<const float> sound) const {
    FeatureMap map(kBands, kFrames, 1);
    std::array<float, kFftSize> frame;
    std::array<double, kFftBins> power;
    const auto last = static_cast<std::ptrdiff_t>(sound.size()) - 1;
    for (std::size_t t = 0; t < kFrames; ++t) {
      for (std::size_t i = 0; i < kFftSize; ++i) {
        auto from = static_cast<std::ptrdiff_t>(t * kHop + i) - kFftSize / 2;
        if (from < 0) from = -from;
        if (from > last) from = 2 * last - from;
        frame[i] = sound[static_cast<std::size_t>(from)] * window_[i];
      }
      power_spectrum(frame, power);
      std::array<double, kBands> mel{};
      for (std::size_t bin = 0; bin < power.size(); ++bin) {
        for (std::size_t band = 0; band < mel.size(); ++band) {
          mel[band] += power[bin] * bands_[bin * mel.size() + band];
        }
      }
      for (std::size_t band = 0; band < mel.size(); ++band) {
        const double decibel = 10 * std::log10(std::max(mel[band], 1e-10));
        *map.at(static_cast<int>(band), static_cast<int>(t)) =
            static_cast<float>(decibel) * level_[0] + level_[1];
      }
    }
    return map;
  }

  // Along time, with zeros about so that as many frames come out.
  static FeatureMap along_time(const FeatureMap& in, std::span<const Linear> layer, int size) {
    FeatureMap out = convolve(in, layer, place_window(in, {.width = size}, Padding::kSame));
    relu(out.values);
    return out;
  }

  std::vector<float> embed_patch(std::span<const float> sound) const {
    const FeatureMap map = spectrogram(sound);
    FeatureMap front(1, kFrames, 561);
    int filled = 0;
    const auto put = [&](const FeatureMap& from) {  // the maximum over the rows
      for (int t = 0; t < front.width; ++t) {
        for (int c = 0; c < from.channels; ++c) {
          float most = from.at(0, t)[c];
          for (int y = 1; y < from.height; ++y) most = std::max(most, from.at(y, t)[c]);
          front.at(0, t)[filled + c] = most;
        }
      }
      filled += from.channels;
    };
    for (std::size_t i = 0; i < kTall.size(); ++i) {
      Window window = place_window(map, {.height = kTall[i], .width = kShort}, Padding::kSame);
      window.top = 0;
      window.out_height = map.height - kTall[i] + 1;
      FeatureMap out = convolve(map, std::span(tall_).subspan(i, 1), window);
      relu(out.values);
      put(out);
    }
    FeatureMap mean(1, map.width, 1);
    for (int t = 0; t < map.width; ++t) {
      for (int y = 0; y < map.height; ++y) *mean.at(0, t) += *map.at(y, t) / kBands;
    }
    for (std::size_t i = 0; i < kLong.size(); ++i) {
      put(along_time(mean, std::span(long_).subspan(i, 1), kLong[i]));
    }
    std::vector<FeatureMap> maps = {std::move(front)};
    for (std::size_t i = 0; i < middle_.size(); ++i) {
      FeatureMap next = along_time(maps.back(), std::span(middle_).subspan(i, 1), kShort);
      if (i > 0) {
        for (std::size_t k = 0; k < next.values.size(); ++k)
          next.values[k] += maps.back().values[k];
      }
      maps.push_back(std::move(next));
    }
    std::vector<float> pooled, means;
    for (const FeatureMap& features : maps) {
      for (int c = 0; c < features.channels; ++c) {
        float most = features.at(0, 0)[c], sum = 0;
        for (int t = 0; t < features.width; ++t) {
          most = std::max(most, features.at(0, t)[c]);
          sum += features.at(0, t)[c];
        }
        pooled.push_back(most);
        means.push_back(sum / static_cast<float>(features.width));
      }
    }
    pooled.insert(pooled.end(), means.begin(), means.end());
    std::vector<float> result(200);
    dense_[0].apply(pooled.data(), 1, result.data(), 200);
    return result;
  }

  std::vector<float> window_, bands_;  // (512), (257, 96)
  std::array<float, 2> level_{};       // factor and shift of the decibels
  std::vector<Linear> tall_, long_, middle_, dense_;
};

}  // namespace

Result<std::unique_ptr<Embedding>> open_musicnn(const Path& weights) {
  return Musicnn::open(weights);
}

}  // namespace hemiola::evaluate
