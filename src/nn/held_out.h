// The loss on held-out documents: every token scored once, in long documents with a context that
// grows to the limit and then is kept between half of it and all of it.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "nn/example_source.h"
#include "nn/learner.h"

namespace hemiola::nn {

struct HeldOutLoss {
  double nats = 0;
  std::int64_t tokens = 0;  // scored
  std::int64_t notes = 0;
  double beats = 0;
  std::size_t documents = 0;

  double per_token() const;      // nats
  double bits_per_note() const;  // 0 where there are no notes
  double bits_per_beat() const;
};

struct HeldOutOptions {
  int length = 512;             // context limit, in tokens
  std::int64_t max_tokens = 0;  // whole documents, evenly spread, up to about so many; 0: all
  int batch_tokens = 8192;      // scored at once
  bool averaged = true;         // the averaged weights where there are any
  Ranks* ranks = nullptr;       // each scores its share of the documents; the result is of all
};

Result<HeldOutLoss> score_documents(Learner& learner, const EvalSource& source,
                                    const HeldOutOptions& options);

}  // namespace hemiola::nn
