// Embeddings: networks that others trained on sound, which turn each second or so into a point in
// a space where likeness can be measured. Which network decides what counts as alike, so figures
// should stand on more than one (docs/evaluation.md).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"
#include "evaluate/matrix.h"

namespace hemiola::evaluate {

inline constexpr int kEmbeddingRate = 16000;  // Hz; all networks here want one channel at this rate

class Embedding {
 public:
  virtual ~Embedding() = default;

  virtual std::string_view name() const = 0;
  virtual int dimensions() const = 0;
  // (frames, dimensions). Any number of threads at once. Fails on sound shorter than one frame.
  virtual Result<Matrix> embed(std::span<const float> sound) const = 0;
};

//   yamnet   YAMNet (Google, Apache-2.0) in TensorFlow Lite with a spectrogram as input: 1024
//            numbers, a frame of 0.96 s each 0.48 s
//   musicnn  musicnn (Pons and Serra 2019; trained on MagnaTagATune by Won and others, MIT) in
//            safetensors: 200 numbers, the output of dense1 before its norm, a frame each 3 s
//   vggish   VGGish (Google, Apache-2.0) as TensorFlow's checkpoint: 128 numbers before any last
//            ReLU and without the PCA, a frame of 0.96 s each 0.5 s
//   semantic the encoder of AudioLM's semantic tokens, trained by Hemiola itself on procedural
//            loops: 192 numbers, the mean over 0.96 s each 0.48 s. It favours what it was trained
//            on
//   lyra     the encoder of Lyra v2 (Google, Apache-2.0): 64 numbers, the mean over each 0.48 s
std::span<const std::string_view> embedding_names();

// `weights`: the file. Fails on a name that is not known and on a file that does not fit.
Result<std::unique_ptr<Embedding>> open_embedding(std::string_view name, const Path& weights);

// Where an embedding's file is if none is named: that of a published model, or the bundled semantic
// encoder. Fails where it is not there, saying where to get it.
Result<Path> locate_embedding(std::string_view name);

// One for each network, for open_embedding().
Result<std::unique_ptr<Embedding>> open_yamnet(const Path& weights);
Result<std::unique_ptr<Embedding>> open_musicnn(const Path& weights);
Result<std::unique_ptr<Embedding>> open_vggish(const Path& weights);
Result<std::unique_ptr<Embedding>> open_lyra(const Path& weights);
Result<std::unique_ptr<Embedding>> open_semantic(const Path& weights);

}  // namespace hemiola::evaluate
