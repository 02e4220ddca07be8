// The seam between the program and the one shared library that has libtorch in it,
// libhemiola_torch. It is opened only when a GPU or several processes are to be used, for what is
// trained through libtorch alone, and by the tests, because opening libtorch takes half a second
// that no other command should pay.
#pragma once

#include <memory>
#include <string>

#include "nn/codec_learner.h"
#include "nn/learner.h"
#include "nn/ranks.h"
#include "nn/semantic_learner.h"

namespace hemiola::nn {

// What the shared library offers, by this C name.
inline constexpr const char* kTorchEntry = "hemiola_torch_entry";

struct TorchEntry {
  int version = 0;    // kTorchVersion of the build it comes from
  bool (*has_gpu)();  // libtorch can use one here
  // Null and the reason in `error` on failure.
  std::unique_ptr<Learner> (*make_learner)(const Gpt2Shape& shape,
                                           const TorchLearnerOptions& options, std::string& error);
  std::unique_ptr<SemanticLearner> (*make_semantic)(const SemanticShape& shape,
                                                    const TorchLearnerOptions& options,
                                                    std::string& error);
  std::unique_ptr<CodecLearner> (*make_codec_learner)(const CodecShape& shape,
                                                      const CodecLearnerOptions& options,
                                                      std::string& error);
  std::unique_ptr<Ranks> (*join_ranks)(const RankPlace& place, std::string& error);
};
inline constexpr int kTorchVersion =
    4;  // changes with the learners or anything that they are made of

}  // namespace hemiola::nn
