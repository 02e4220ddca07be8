// hemiola audiolm: the waveform baseline; its commands are in audiolm_*.cpp.
#include <memory>

#include "cli/audiolm_commands.h"

namespace hemiola::cli {
namespace {

constexpr Command kCommands[] = {
    {"prepare", "Gather loops or other sound files for training", add_audiolm_prepare, ""},
    {"purity", "What semantic tokens know of chords, style, drums, tempo", add_audiolm_purity, ""},
    {"train", "Train a part", add_audiolm_train, ""},
};

}  // namespace

Action add_subcommands(CLI::App& app, std::span<const Command> commands) {
  app.require_subcommand(1);
  auto action = std::make_shared<Action>();
  for (const Command& command : commands) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    sub->final_callback([action, chosen = command.add(*sub)] { *action = chosen; });
  }
  return [action] { return (*action)(); };
}

Action add_audiolm(CLI::App& app) { return add_subcommands(app, kCommands); }

}  // namespace hemiola::cli
