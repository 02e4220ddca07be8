// The semantic encoder's learner in libtorch; for torch_learner.cpp, which offers it to the
// program.
#pragma once

#include <memory>
#include <string>

#include "nn/semantic_learner.h"

namespace hemiola::nn {

// Null and the reason in `error` on failure.
std::unique_ptr<SemanticLearner> make_torch_semantic(const SemanticShape& shape,
                                                     const TorchLearnerOptions& options,
                                                     std::string& error);

}  // namespace hemiola::nn
