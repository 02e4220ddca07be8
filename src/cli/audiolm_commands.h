// The commands under `hemiola audiolm`, each in a file of its own, audiolm_NAME.cpp.
#pragma once

#include <span>

#include "cli/command.h"

namespace hemiola::cli {

// One of these must be named; the action is that of the one which is.
Action add_subcommands(CLI::App& app, std::span<const Command> commands);

Action add_audiolm_bundle(CLI::App& app);
Action add_audiolm_generate(CLI::App& app);
Action add_audiolm_oracle(CLI::App& app);
Action add_audiolm_decode(CLI::App& app);
Action add_audiolm_encode(CLI::App& app);
Action add_audiolm_measure(CLI::App& app);
Action add_audiolm_prepare(CLI::App& app);
Action add_audiolm_purity(CLI::App& app);
Action add_audiolm_tokens(CLI::App& app);
Action add_audiolm_train(CLI::App& app);
Action add_audiolm_train_codec(CLI::App& app);
Action add_audiolm_train_lm(CLI::App& app);
Action add_audiolm_train_semantic(CLI::App& app);

}  // namespace hemiola::cli
