// A model with fp32 weights in memory, whichever of its forms it was read from: what training goes
// on from.
#pragma once

#include <string>

#include "base/files.h"
#include "base/result.h"
#include "model/gpt2_tensors.h"
#include "model/packed.h"

namespace hemiola {

struct WholeModel {
  OwnedWeights weights;  // their config is the model's
  std::string tokenizer, card;
};

// The weights as the engine computes with them: those of int8 are whole numbers times a scale.
WholeModel unpack_model(const PackedModel& model);

// A model folder or an exported file.
Result<WholeModel> load_whole_model(const Path& path);

}  // namespace hemiola
