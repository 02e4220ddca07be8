// A model that was never trained: it writes what the grammar lets it, dense and without sense.
#pragma once

#include <stdexcept>

#include "model/gpt2_tensors.h"
#include "model/model_folder.h"
#include "tokens/tokenizer.h"

namespace hemiola {

inline void save_untrained_model(const Path& folder, int context) {
  const auto tokenizer = tokens::Tokenizer::plain();
  ModelConfig config;
  config.layers = 1;
  config.heads = 2;
  config.width = 16;
  config.inner = 64;
  config.context = context;
  config.vocabulary = tokenizer->vocabulary().size();
  const OwnedWeights weights = OwnedWeights::random(config, 1);
  if (!save_model_folder(folder, {weights.config(), weights.views(), tokenizer->json(), ""})) {
    throw std::runtime_error("an untrained model could not be kept");
  }
}

}  // namespace hemiola
