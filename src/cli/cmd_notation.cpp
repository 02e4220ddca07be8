// hemiola notation FILE: a piece as numbered notation, or as MusicXML by the name of the output.
#include <memory>

#include "cli/command.h"
#include "data/source.h"
#include "score/musicxml.h"
#include "score/notation.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file, out;
  bool force = false;
};

bool is_musicxml(const Path& path) {
  return path.extension() == ".musicxml" || path.extension() == ".xml";
}

Result<int> run(const Options& options) {
  if (!options.out.empty()) HEMIOLA_CHECK(may_write(options.out, options.force));
  HEMIOLA_TRY(const data::Source source, data::read_source(options.file));
  const bool as_musicxml = is_musicxml(options.out);
  HEMIOLA_TRY(const std::string text,
              as_musicxml ? write_musicxml(source.grid(), {.title = options.file.stem().string()})
                          : write_notation(source.grid()));
  if (options.out.empty()) {
    print(text);
  } else {
    HEMIOLA_CHECK(write_text(options.out, text));
  }
  return 0;
}

}  // namespace

Action add_notation(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "MIDI, .jianpu or .tokens")->required();
  app.add_option("-o,--output", options->out, "OUT.jianpu or OUT.musicxml; else stdout");
  app.add_flag("--force", options->force, "replace an existing file");
  app.footer(
      "Numbered notation (jianpu) in plain text: 1=C 4/4 q=96 | 1 1 5 5 | 6 6 5 - |\n"
      "docs/notation.md describes it. It is read wherever a MIDI file is.\n"
      "An output named .musicxml or .xml is a score for notation programs instead.\n"
      "Example: hemiola notation song.mid -o song.musicxml");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
