// Within libhemiola_torch: what its entry gives for make_codec_learner.
#pragma once

#include <memory>
#include <string>

#include "nn/codec_learner.h"

namespace hemiola::nn {

// Null and the reason in `error` on failure.
std::unique_ptr<CodecLearner> make_torch_codec_learner(const CodecShape& shape,
                                                       const CodecLearnerOptions& options,
                                                       std::string& error);

}  // namespace hemiola::nn
