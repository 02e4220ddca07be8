// hemiola notation FILE: a piece as numbered notation.
#include <memory>

#include "cli/command.h"
#include "data/source.h"
#include "score/notation.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file, out;
  bool force = false;
};

Result<int> run(const Options& options) {
  HEMIOLA_TRY(const data::Source source, data::read_source(options.file));
  HEMIOLA_TRY(const std::string text, write_notation(source.grid()));
  if (options.out.empty()) {
    print(text);
  } else {
    HEMIOLA_CHECK(may_write(options.out, options.force));
    HEMIOLA_CHECK(write_text(options.out, text));
  }
  return 0;
}

}  // namespace

Action add_notation(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "MIDI, .jianpu or .tokens")->required();
  app.add_option("-o,--output", options->out, "OUT.jianpu; else stdout");
  app.add_flag("--force", options->force, "replace an existing file");
  app.footer(
      "Numbered notation (jianpu) in plain text: 1=C 4/4 q=96 | 1 1 5 5 | 6 6 5 - |\n"
      "docs/notation.md describes it. It is read wherever a MIDI file is.");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
