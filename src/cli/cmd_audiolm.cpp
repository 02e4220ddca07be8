// hemiola audiolm: the waveform baseline; its commands are in audiolm_*.cpp.
#include <memory>

#include "cli/audiolm_commands.h"

namespace hemiola::cli {
namespace {

constexpr Command kCommands[] = {
    {"prepare", "Gather loops or other sound files for training", add_audiolm_prepare, ""},
    {"encode", "Sound to the codec's codes", add_audiolm_encode, ""},
    {"decode", "Codes to sound", add_audiolm_decode, ""},
    {"measure", "What the codec keeps of held-out sound", add_audiolm_measure, ""},
    {"purity", "What semantic tokens know of chords, style, drums, tempo", add_audiolm_purity, ""},
    {"train", "Train a part", add_audiolm_train, ""},
    {"tokens", "Make the tokens of a set of sound, once", add_audiolm_tokens, ""},
    {"bundle", "Put the trained parts together", add_audiolm_bundle, ""},
    {"generate", "New sound, from nothing or on from a sound", add_audiolm_generate, ""},
    {"oracle", "What each part does to sounds that are known", add_audiolm_oracle, ""},
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
