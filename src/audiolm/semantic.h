// Semantic tokens: sound as 25 numbers a second that say what sounds (chords, drums, parts) rather
// than how. A small encoder trained by masked prediction (HuBERT's recipe: Hsu and others, arXiv
// 2106.07447) gives features; their nearest of K centres is the token. Runs without libtorch.
//
// semantic.safetensors holds all of it: metadata "format" (hemiola-semantic-1) and "config" (the
// network's shape and "units"), the network's tensors (semantic_network.h), features.mean and
// features.deviation (width), and centres (units, width).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audiolm/features.h"
#include "audiolm/kmeans.h"
#include "audiolm/semantic_network.h"
#include "base/files.h"
#include "base/result.h"
#include "model/safetensors.h"

namespace hemiola::audiolm {

inline constexpr std::string_view kSemanticFile = "semantic.safetensors";

// `given` if it is not empty (the file, or a folder that holds it), else that of the folder in
// HEMIOLA_AUDIOLM, else of models/audiolm beside the program's installation or in the checkout that
// it was built in. Fails, saying where it looked, when there is none.
Result<Path> locate_semantic(const Path& given = {});

// Sound: one channel at kSemanticRate. Any number of threads at once.
class SemanticEncoder {
 public:
  static Result<SemanticEncoder> load(const Path& path);
  // The same from bytes, which are copied. `where` starts each message.
  static Result<SemanticEncoder> read(std::span<const std::uint8_t> bytes, std::string_view where);

  int units() const { return nearest_.clusters(); }
  int dimensions() const { return network_.shape().width; }
  const std::string& sha256() const { return sha256_; }  // of the file, in hexadecimal
  const SemanticNetwork& network() const { return network_; }

  // Tokens in [0, units), one for each kSemanticHop samples begun: semantic_frames(size) of them.
  std::vector<std::int16_t> encode(std::span<const float> sound) const;
  // What tokens are made from, each dimension standardised over the training set: (frames,
  // dimensions). For distances between sounds.
  std::vector<float> features(std::span<const float> sound) const;

 private:
  SemanticEncoder(SemanticNetwork network, Standardiser standardiser, NearestCentre nearest)
      : network_(std::move(network)),
        standardiser_(std::move(standardiser)),
        nearest_(std::move(nearest)) {}

  SemanticNetwork network_;
  Standardiser standardiser_;
  NearestCentre nearest_;
  std::string sha256_;
};

// Writes semantic.safetensors. `weights` holds the network's tensors, F32 or BF16. `about`: further
// metadata.
Status write_semantic(const Path& path, const SemanticNetworkShape& shape, const WeightMap& weights,
                      const Standardiser& standardiser, std::span<const float> centres,
                      const Metadata& about = {});

}  // namespace hemiola::audiolm
