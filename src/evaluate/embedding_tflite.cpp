// The two embeddings whose weights are TensorFlow Lite graphs: YAMNet, and Lyra's encoder.
#include <algorithm>

#include "evaluate/embedding.h"
#include "evaluate/spectrogram.h"
#include "evaluate/tflite_graph.h"

namespace hemiola::evaluate {
namespace {

constexpr std::size_t kPatch = 96 * kLogMelBands;  // numbers: 0.96 s

class Yamnet : public Embedding {
 public:
  Yamnet(TfliteGraph graph, int tensor) : graph_(std::move(graph)), tensor_(tensor) {}

  std::string_view name() const override { return "yamnet"; }
  int dimensions() const override {
    return static_cast<int>(graph_.file().tensors[static_cast<std::size_t>(tensor_)].elements());
  }

  Result<Matrix> embed(std::span<const float> sound) const override {
    constexpr std::size_t kStep = 48 * kLogMelBands;
    const std::vector<float> mel = log_mel_64(sound, 0.001f);
    if (mel.size() < kPatch) return fail("shorter than one second");
    Matrix frames((mel.size() - kPatch) / kStep + 1, static_cast<std::size_t>(dimensions()));
    TfliteGraph::State state;
    for (std::size_t i = 0; i < frames.rows; ++i) {
      const auto values = graph_.run(std::span(mel).subspan(i * kStep, kPatch), tensor_, state);
      std::copy(values.begin(), values.end(), frames.row(i).begin());
    }
    return frames;
  }

 private:
  TfliteGraph graph_;
  int tensor_;  // the input of the last layer
};

class Lyra : public Embedding {
 public:
  explicit Lyra(TfliteGraph graph) : graph_(std::move(graph)) {}

  std::string_view name() const override { return "lyra"; }
  int dimensions() const override { return kWidth; }

  Result<Matrix> embed(std::span<const float> sound) const override {
    constexpr std::size_t kMean = 24;  // codec frames
    Matrix frames(sound.size() / (kMean * kSamples), kWidth);
    if (frames.rows == 0) return fail("shorter than half a second");
    TfliteGraph::State state;  // the encoder remembers what came before
    for (std::size_t i = 0; i < frames.rows * kMean; ++i) {
      const auto values =
          graph_.run(sound.subspan(i * kSamples, kSamples), graph_.file().outputs[0], state);
      const auto mean = frames.row(i / kMean);
      for (std::size_t k = 0; k < kWidth; ++k) mean[k] += values[k] / double{kMean};
    }
    return frames;
  }

  static constexpr std::size_t kSamples = 320;  // 20 ms
  static constexpr std::size_t kWidth = 64;

 private:
  TfliteGraph graph_;
};

}  // namespace

Result<std::unique_ptr<Embedding>> open_yamnet(const Path& weights) {
  HEMIOLA_TRY(TfliteGraph graph, TfliteGraph::open(weights));
  const auto tensor = graph.input_of_last(TfliteOp::kFullyConnected);
  const auto& input = graph.file().tensors[static_cast<std::size_t>(graph.file().inputs[0])];
  if (!tensor || input.elements() != kPatch) {
    return fail("{}: not YAMNet with a spectrogram of 96 x 64 as input", weights.string());
  }
  return std::make_unique<Yamnet>(std::move(graph), *tensor);
}

Result<std::unique_ptr<Embedding>> open_lyra(const Path& weights) {
  HEMIOLA_TRY(TfliteGraph graph, TfliteGraph::open(weights));
  const auto size = [&](int tensor) {
    return graph.file().tensors[static_cast<std::size_t>(tensor)].elements();
  };
  if (size(graph.file().inputs[0]) != Lyra::kSamples ||
      size(graph.file().outputs[0]) != Lyra::kWidth) {
    return fail("{}: not Lyra's encoder of 320 samples to 64 numbers", weights.string());
  }
  return std::make_unique<Lyra>(std::move(graph));
}

}  // namespace hemiola::evaluate
