// hemiola detokenize FILE.tokens -o FILE.mid: token text as MIDI again.
#include <memory>

#include "cli/command.h"
#include "midi/writer.h"
#include "score/to_midi.h"
#include "tokens/text.h"

namespace hemiola::cli {
namespace {

struct Options {
  Path file, out;
  bool force = false;
};

Result<int> run(const Options& options) {
  HEMIOLA_CHECK(may_write(options.out, options.force));
  HEMIOLA_TRY(const std::string text, read_text(options.file));
  HEMIOLA_TRY(const tokens::Decoded decoded, tokens::parse_text(text, options.file.string()));
  HEMIOLA_TRY(const midi::File file, midi_from_grid(decoded.score));
  HEMIOLA_CHECK(write_file(options.out, midi::write(file)));
  note(fmt::format("{}: {} bars, {} notes", options.out.string(), decoded.score.bars.size(),
                   decoded.score.note_count()));
  return 0;
}

}  // namespace

Action add_detokenize(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "token text, as tokenize writes it")->required();
  app.add_option("-o,--output", options->out, "OUT.mid")->required();
  app.add_flag("--force", options->force, "replace an existing file");
  app.footer(
      "Example: hemiola tokenize song.mid -o song.tokens; hemiola detokenize song.tokens -o "
      "again.mid");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
