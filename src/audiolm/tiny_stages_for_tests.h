// Stages with random weights, small enough for tests.
#pragma once

#include <string>
#include <utility>

#include "audiolm/token_writer.h"
#include "model/model_folder.h"
#include "model/packed.h"

namespace hemiola::audiolm {

inline ModelConfig tiny_config(const Layout& layout) {
  ModelConfig config;
  config.layers = 2, config.heads = 2, config.width = 32, config.inner = 128;
  config.vocabulary = layout.vocabulary(), config.context = layout.length();
  config.initializer_range = 0.3f;  // so that what came before matters
  return config;
}

inline StageModel tiny_stage(Stage stage, const TokenShape& shape, int window,
                             engine::Precision precision = engine::Precision::kFp32,
                             UnitClasses classes = {}) {
  Layout layout(stage, shape, window, std::move(classes));
  const auto seed = 11 + static_cast<std::uint64_t>(stage);
  return {engine::Model::from_weights(layout.fresh_weights(tiny_config(layout), seed),
                                      {.precision = precision, .threads = 1})
              .value(),
          layout};
}

inline Stages tiny_stages(const TokenShape& shape,
                          engine::Precision precision = engine::Precision::kFp32) {
  return {tiny_stage(Stage::kSemantic, shape, 12, precision),
          tiny_stage(Stage::kCoarse, shape, 6, precision),
          tiny_stage(Stage::kFine, shape, 2, precision)};
}

// The same model as tiny_stage's with int8, as a file.
inline Status export_tiny_stage(Stage stage, const TokenShape& shape, int window,
                                const std::string& codec_sha256, const std::string& semantic_sha256,
                                const Path& path) {
  const Layout layout(stage, shape, window);
  ModelConfig config = tiny_config(layout);
  const std::string text = to_text(layout, codec_sha256, semantic_sha256);
  config.tokenizer_sha256 = tokenizer_hash(text);
  const OwnedWeights weights = layout.fresh_weights(config, 11 + static_cast<std::uint64_t>(stage));
  HEMIOLA_TRY(const WeightMap map, match_gpt2_tensors(config, weights.views(), "test"));
  HEMIOLA_TRY(PackedModel packed, pack_model(config, map, Packing::kInt8));
  packed.tokenizer = text;
  return write_export(path, packed);
}

}  // namespace hemiola::audiolm
