// `hemiola train --ranks N` on one machine: starts this program N times over with the same
// arguments, each told its place by the variables that torchrun uses, and waits for all of them.
// Several machines have starters of their own (docs/training.md).
#pragma once

#include "base/result.h"

namespace hemiola::cli {

// The exit status for the whole. If one rank ends badly, the error says which and how, and the
// others, which then end by themselves, are killed after two minutes at the latest. SIGINT and
// SIGTERM are passed on; if this process dies, so do the ranks.
Result<int> launch_ranks(int ranks);

}  // namespace hemiola::cli
