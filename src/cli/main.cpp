// The program `hemiola`: finds the command, parses its options, runs it, turns its result into an
// exit status.
#include <exception>

#include "cli/command.h"

namespace {

constexpr const char* kHeader =
    "Hemiola: new music from MIDI, on a plain computer.\n"
    "Wherever a FILE is read it may be MIDI, numbered notation (.jianpu) or token text (.tokens).";

constexpr const char* kFooter =
    "A first piece:   hemiola generate --bars 16 -o out --render\n"
    "Go on from one:  hemiola generate --continue song.mid --bars 8 -o out\n"
    "Your own model:  hemiola dataset import MIDI-FOLDER -o data\n"
    "                 hemiola tokenizer train data -o data/tokenizer.json\n"
    "                 hemiola train --data data -o run --preset small\n"
    "`hemiola COMMAND --help` explains each.";

}  // namespace

int main(int argc, char** argv) {
  using namespace hemiola;
  CLI::App app(kHeader, "hemiola");
  app.set_version_flag("--version", HEMIOLA_VERSION);
  app.footer(kFooter);
  app.require_subcommand(1);
  cli::Action action;
  for (const cli::Command& command : cli::commands()) {
    CLI::App* sub = app.add_subcommand(command.name, command.summary);
    if (command.add == nullptr) {
      sub->allow_extras();
      sub->final_callback([&action, &command] {
        action = [&command]() -> Result<int> {
          return fail("{}: {}", command.name, command.absent);
        };
      });
      continue;
    }
    cli::Action run = command.add(*sub);
    sub->final_callback([&action, run = std::move(run)] { action = run; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return 2;
  }
  try {
    const Result<int> status = action();
    if (status) return *status;
    cli::note(fmt::format("hemiola: {}", status.error().message));
  } catch (const std::exception& error) {
    cli::note(fmt::format("hemiola: unexpected: {}", error.what()));
  }
  return 1;
}
