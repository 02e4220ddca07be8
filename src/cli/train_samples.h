// Music that a model writes while it is trained, so that one can hear what the loss says.
#pragma once

#include <cstdint>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::cli {

// Two pieces of 16 bars from nothing, FOLDER/step-000500-1.mid and -2.mid, by the model folder
// `model`. Each step has the same two seeds, unless what they give is refused. Replaces what stands
// there. `threads`: 0: all.
Status write_samples(const Path& model, const Path& folder, std::int64_t step, int threads);

}  // namespace hemiola::cli
