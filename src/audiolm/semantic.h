// Semantic tokens: sound as 25 numbers a second that say what sounds (chords, drums, parts) rather
// than how. A small encoder trained by masked prediction (HuBERT's recipe: Hsu and others, arXiv
// 2106.07447) gives features; their nearest of K centres is the token. Runs without libtorch.
//
// The features see seconds of their surroundings, and clusters of them alone tell what sounds but
// hardly when it began. So the rises of features.h may stand beside them in what is clustered.
//
// semantic.safetensors holds all of it: metadata "format" and "config" (the network's shape and
// "units"), the network's tensors (semantic_network.h), features.mean and features.deviation
// (width), and centres. Format hemiola-semantic-1: centres (units, width). hemiola-semantic-2:
// centres (units, width + kRises), rises.mean and rises.deviation (kRises).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audiolm/features.h"
#include "audiolm/kmeans.h"
#include "audiolm/layout.h"
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

// How features become tokens.
struct UnitCentres {
  Standardiser features;       // (width)
  Standardiser rises;          // (kRises), deviations over their weight; empty: features alone
  std::vector<float> centres;  // (units, width + kRises), or (units, width)

  bool has_rises() const { return !rises.mean.empty(); }
  // What is clustered: both standardised and side by side. raw_features (frames, width), as the
  // network gives them; beginnings (frames, kRises), as rises() does, not read without rises.
  std::vector<float> points(std::vector<float> raw_features, std::vector<float> beginnings) const;
};

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
  // The network's features, each dimension standardised over the training set: (frames,
  // dimensions). For distances between sounds.
  std::vector<float> features(std::span<const float> sound) const;

  // Which of about `classes` clusters of rises each unit belongs to, numbered from the faintest
  // rise on. counts (units): how often each occurs, since without them most of the sound would be
  // of one class. Fails for an encoder without rises, and with fewer than two classes or more than
  // units that occur.
  Result<UnitClasses> rise_classes(int classes, std::span<const std::uint64_t> counts) const;

 private:
  SemanticEncoder(SemanticNetwork network, UnitCentres centres, NearestCentre nearest)
      : network_(std::move(network)), centres_(std::move(centres)), nearest_(std::move(nearest)) {}

  SemanticNetwork network_;
  UnitCentres centres_;
  NearestCentre nearest_;
  std::string sha256_;
};

// Writes semantic.safetensors. `weights` holds the network's tensors, F32 or BF16. `about`: further
// metadata.
Status write_semantic(const Path& path, const SemanticNetworkShape& shape, const WeightMap& weights,
                      const UnitCentres& centres, const Metadata& about = {});

}  // namespace hemiola::audiolm
