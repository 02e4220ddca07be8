// The subcommands of `hemiola dataset` that take something out of a data set, or need none: stats,
// export, export-index, loops. cmd_dataset.cpp has those that make one.
#pragma once

#include <memory>

#include "cli/command.h"

namespace hemiola::cli {

// Whichever subcommand is parsed sets `action`.
void add_dataset_out(CLI::App& app, const std::shared_ptr<Action>& action);

}  // namespace hemiola::cli
