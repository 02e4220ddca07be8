// The commands under `hemiola audiolm`, each in a file of its own, audiolm_NAME.cpp.
#pragma once

#include "cli/command.h"

namespace hemiola::cli {

Action add_audiolm_prepare(CLI::App& app);

}  // namespace hemiola::cli
