// A model as a folder: config.json, model.safetensors, tokenizer.json, card.md. Loading checks
// everything against everything (tensors against the settings, the tokenizer against its hash);
// saving builds the folder beside its place and exchanges the two at once, so that a crash leaves
// the old model or the new one, never a mixture.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "model/config.h"
#include "model/gpt2_tensors.h"
#include "model/safetensors.h"
#include "model/tensor.h"

namespace hemiola {

inline constexpr std::string_view kConfigFile = "config.json";
inline constexpr std::string_view kWeightsFile = "model.safetensors";
inline constexpr std::string_view kTokenizerFile = "tokenizer.json";
inline constexpr std::string_view kCardFile = "card.md";

// One checked view for each tensor of the registry, by its name without prefix.
using WeightMap = std::map<std::string, TensorView, std::less<>>;

// Finds the registry's tensors among `tensors` (names with or without "transformer.") and checks
// their shapes and that they are of a floating type. Others (old files carry attention masks) are
// passed over. A head named lm_head.weight beside tied embeddings is passed over too.
Result<WeightMap> match_gpt2_tensors(const ModelConfig& config, std::span<const TensorView> tensors,
                                     std::string_view where);

struct ModelFolder {
  ModelConfig config;
  SafetensorsFile file;  // owns the bytes of `weights`
  WeightMap weights;
  std::string tokenizer;  // the bytes of tokenizer.json; empty when there is none
  std::string card;       // card.md; empty when there is none
};

Result<ModelFolder> load_model_folder(const Path& folder);

struct ModelToSave {
  ModelConfig config;  // its tokenizer_sha256 is set from `tokenizer` when that is not empty
  std::vector<TensorView> weights;  // the registry's names, in any order; fp32, bf16 or fp16
  std::string tokenizer;            // bytes of tokenizer.json, or empty
  std::string card;                 // card.md, or empty
};

// Replaces an existing model. A folder that holds anything but a model's own files is refused, so
// that nothing else is ever lost.
Status save_model_folder(const Path& folder, const ModelToSave& model);

// The hash that ties a model to its tokenizer: SHA-256 of the file's bytes, hexadecimal.
std::string tokenizer_hash(std::string_view tokenizer);

}  // namespace hemiola
