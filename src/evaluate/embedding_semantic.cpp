// The encoder of AudioLM's semantic tokens as an embedding.
#include <algorithm>

#include "audiolm/semantic.h"
#include "evaluate/embedding.h"

namespace hemiola::evaluate {
namespace {

static_assert(audiolm::kSemanticRate == kEmbeddingRate);

class Semantic : public Embedding {
 public:
  explicit Semantic(audiolm::SemanticEncoder encoder) : encoder_(std::move(encoder)) {}

  std::string_view name() const override { return "semantic"; }
  int dimensions() const override { return encoder_.dimensions(); }

  Result<Matrix> embed(std::span<const float> sound) const override {
    constexpr std::size_t kMean = 24, kStep = 12;  // frames of 40 ms
    if (sound.size() < kMean * audiolm::kSemanticHop) return fail("shorter than one second");
    const std::vector<float> features = encoder_.features(sound);
    const auto width = static_cast<std::size_t>(dimensions());
    Matrix frames((features.size() / width - kMean) / kStep + 1, width);
    for (std::size_t i = 0; i < frames.rows; ++i) {
      const auto mean = frames.row(i);
      for (std::size_t t = 0; t < kMean; ++t) {
        const float* from = features.data() + (i * kStep + t) * width;
        for (std::size_t k = 0; k < width; ++k) mean[k] += static_cast<double>(from[k]) / kMean;
      }
    }
    return frames;
  }

 private:
  audiolm::SemanticEncoder encoder_;
};

}  // namespace

Result<std::unique_ptr<Embedding>> open_semantic(const Path& weights) {
  HEMIOLA_TRY(auto encoder, audiolm::SemanticEncoder::load(weights));
  return std::make_unique<Semantic>(std::move(encoder));
}

}  // namespace hemiola::evaluate
