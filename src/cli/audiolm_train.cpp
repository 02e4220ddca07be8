// hemiola audiolm train: which part is trained.
#include "cli/audiolm_commands.h"

namespace hemiola::cli {
namespace {

constexpr Command kParts[] = {
    {"codec", "Sound to codes and back", add_audiolm_train_codec, ""},
    {"semantic", "The encoder of semantic tokens, and its units", add_audiolm_train_semantic, ""},
    {"lm", "A language model: the semantic, coarse or fine stage", add_audiolm_train_lm, ""},
};

}  // namespace

Action add_audiolm_train(CLI::App& app) { return add_subcommands(app, kParts); }

}  // namespace hemiola::cli
