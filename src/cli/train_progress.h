// How a run of the trainer is shown, and stopped by Ctrl-C: the same for all that it trains.
#pragma once

#include "cli/command.h"
#include "nn/trainer.h"

namespace hemiola::cli {

// `progress` outlives what is returned.
nn::TrainCallbacks callbacks_for(Progress& progress);

}  // namespace hemiola::cli
