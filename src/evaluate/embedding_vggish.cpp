// VGGish (Hershey and others, "CNN Architectures for Large-Scale Audio Classification", 2017): six
// convolutions and three dense layers. The last one's output is taken as it is: the published code
// ends in a ReLU in one version and not in the other, and Frechet distances are made without.
#include <algorithm>
#include <array>
#include <cmath>

#include "evaluate/embedding.h"
#include "evaluate/layers.h"
#include "evaluate/spectrogram.h"
#include "evaluate/tf_checkpoint.h"

namespace hemiola::evaluate {
namespace {

constexpr std::size_t kPatch = 96 * kLogMelBands, kStep = 50 * kLogMelBands;

struct LayerName {
  const char* name;
  int out;
  bool pool;  // after it
};
constexpr std::array kConvolutions = {
    LayerName{"conv1", 64, true},           LayerName{"conv2", 128, true},
    LayerName{"conv3/conv3_1", 256, false}, LayerName{"conv3/conv3_2", 256, true},
    LayerName{"conv4/conv4_1", 512, false}, LayerName{"conv4/conv4_2", 512, true}};
constexpr std::array kDense = {LayerName{"fc1/fc1_1", 4096, false},
                               LayerName{"fc1/fc1_2", 4096, false}, LayerName{"fc2", 128, false}};

class Vggish : public Embedding {
 public:
  static Result<std::unique_ptr<Embedding>> open(const Path& path) {
    HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
    HEMIOLA_TRY(const Checkpoint checkpoint, parse_checkpoint(file.bytes(), path.string()));
    auto network = std::make_unique<Vggish>();
    int in = 1;
    for (const LayerName& layer : kConvolutions) {
      HEMIOLA_TRY(Linear linear, read(checkpoint, path, layer.name, 9 * in, layer.out));
      network->layers_.push_back(std::move(linear));
      in = layer.out;
    }
    in = 6 * 4 * 512;
    for (const LayerName& layer : kDense) {
      HEMIOLA_TRY(Linear linear, read(checkpoint, path, layer.name, in, layer.out));
      network->layers_.push_back(std::move(linear));
      in = layer.out;
    }
    return network;
  }

  std::string_view name() const override { return "vggish"; }
  int dimensions() const override { return 128; }

  Result<Matrix> embed(std::span<const float> sound) const override {
    // To full scale, but for what is nearly silent.
    float loudest = 0.1f;
    for (const float sample : sound) loudest = std::max(loudest, std::abs(sample));
    std::vector<float> levelled(sound.begin(), sound.end());
    for (float& sample : levelled) sample /= loudest;
    const std::vector<float> mel = log_mel_64(levelled, 0.01f);
    if (mel.size() < kPatch) return fail("shorter than one second");
    Matrix frames((mel.size() - kPatch) / kStep + 1, 128);
    for (std::size_t i = 0; i < frames.rows; ++i) {
      FeatureMap map;
      map.height = 96;
      map.width = kLogMelBands;
      map.values.assign(mel.begin() + static_cast<std::ptrdiff_t>(i * kStep),
                        mel.begin() + static_cast<std::ptrdiff_t>(i * kStep + kPatch));
      for (std::size_t k = 0; k < kConvolutions.size(); ++k) {
        map = convolve(map, std::span(layers_).subspan(k, 1),
                       place_window(map, {.height = 3, .width = 3}, Padding::kSame));
        relu(map.values);
        if (kConvolutions[k].pool) map = max_pool_2x2(map);
      }
      std::vector<float> values = std::move(map.values);
      for (std::size_t k = kConvolutions.size(); k < layers_.size(); ++k) {
        if (k > kConvolutions.size()) relu(values);
        std::vector<float> next(static_cast<std::size_t>(layers_[k].out()));
        layers_[k].apply(values.data(), 1, next.data(), layers_[k].out());
        values = std::move(next);
      }
      std::copy(values.begin(), values.end(), frames.row(i).begin());
    }
    return frames;
  }

 private:
  // TensorFlow stores (..., in, out).
  static Result<Linear> read(const Checkpoint& checkpoint, const Path& path, const char* name,
                             int in, int out) {
    const auto weights = checkpoint.find(fmt::format("vggish/{}/weights", name));
    const auto bias = checkpoint.find(fmt::format("vggish/{}/biases", name));
    if (weights == checkpoint.end() || bias == checkpoint.end()) {
      return fail("{}: not VGGish: no layer {}", path.string(), name);
    }
    const std::vector<float> stored = weights->second.values();
    const auto rows = static_cast<std::size_t>(in), columns = static_cast<std::size_t>(out);
    std::vector<float> turned(stored.size() == rows * columns ? stored.size() : 0);
    for (std::size_t o = 0; o < columns && !turned.empty(); ++o) {
      for (std::size_t i = 0; i < rows; ++i) turned[o * rows + i] = stored[i * columns + o];
    }
    return Linear::create(fmt::format("{}: {}", path.string(), name), in, out, turned,
                          bias->second.values());
  }

  std::vector<Linear> layers_;
};

}  // namespace

Result<std::unique_ptr<Embedding>> open_vggish(const Path& weights) {
  return Vggish::open(weights);
}

}  // namespace hemiola::evaluate
