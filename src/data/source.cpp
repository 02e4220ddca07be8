#include "data/source.h"

#include <algorithm>

#include "midi/reader.h"
#include "score/notation.h"
#include "score/to_midi.h"
#include "tokens/text.h"

namespace hemiola::data {
namespace {

std::string lower_ending(const Path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return ending;
}

// The file and the score of a source.
Status read_midi(std::span<const std::uint8_t> bytes, const SourceOptions& options,
                 Source& source) {
  midi::ReadOptions read;
  read.strict = options.strict;
  HEMIOLA_TRY(source.file, midi::read(bytes, read));
  FromMidiOptions from_midi;
  from_midi.pedal = options.pedal;
  HEMIOLA_TRY(source.score, score_from_midi(source.file, from_midi, &source.from_midi));
  return {};
}

}  // namespace

Result<Source> source_from_midi(std::span<const std::uint8_t> bytes, const SourceOptions& options) {
  Source source;
  HEMIOLA_CHECK(read_midi(bytes, options, source));
  StandardiseOptions standard;
  standard.timing = options.timing;
  standard.for_data = options.for_data;
  HEMIOLA_TRY(source.standard, standardise(source.score, standard));
  return source;
}

Result<Source> source_from_grid(GridScore grid, SourceKind kind) {
  if (grid.note_count() == 0) return fail("the piece has no notes");
  Source source;
  source.kind = kind;
  HEMIOLA_TRY(source.score, score_from_grid(grid));
  source.file = midi_from_score(source.score);
  // The file's first chunk holds tempo and metre; the tracks follow in order.
  for (std::size_t i = 0; i < source.score.tracks.size(); ++i) {
    source.score.tracks[i].source_track = static_cast<int>(i) + 1;
    source.standard.sources.push_back({i});
  }
  const int quarter = source.score.ticks_per_quarter;
  const int per_grid = quarter / kGridQuarter.count();
  for (std::size_t i = 0; i < grid.tracks.size(); ++i) {
    if (grid.tracks[i].notes.empty()) continue;
    // Where an upbeat is cut short, grid tick 0 lies before the file's beginning.
    const GridTick at = grid.tracks[i].notes.front().onset;
    const Tick origin = source.score.tracks[i].notes.front().onset - Tick(at.count() * per_grid);
    source.standard.map =
        TimeMap({{origin, GridTick(0)}, {origin + Tick(96 * per_grid), GridTick(96)}}, quarter);
    break;
  }
  source.standard.report.on_grid = 1;
  source.standard.grid = std::move(grid);
  return source;
}

Result<Source> read_source(const Path& path, const SourceOptions& options) {
  const auto named = [&](Result<Source> result) -> Result<Source> {
    if (!result) return fail(std::move(result.error()).within(path.string()));
    return result;
  };
  const std::string ending = lower_ending(path);
  if (ending == ".jianpu" || ending == ".tokens") {
    HEMIOLA_TRY(const std::string text, read_text(path, std::size_t{64} << 20));
    if (ending == ".tokens") {
      HEMIOLA_TRY(tokens::Decoded decoded, tokens::parse_text(text, path.string()));
      return named(source_from_grid(std::move(decoded.score), SourceKind::kTokens));
    }
    HEMIOLA_TRY(GridScore grid, read_notation(text, path.string()));
    return named(source_from_grid(std::move(grid), SourceKind::kNotation));
  }
  HEMIOLA_TRY(const Bytes bytes, read_file(path));
  return named(source_from_midi(bytes, options));
}

Result<Score> read_score(const Path& path, const SourceOptions& options) {
  const std::string ending = lower_ending(path);
  if (ending == ".jianpu" || ending == ".tokens") {
    HEMIOLA_TRY(Source source, read_source(path, options));
    return std::move(source.score);
  }
  HEMIOLA_TRY(const Bytes bytes, read_file(path));
  Source source;
  if (auto status = read_midi(bytes, options, source); !status) {
    return fail(std::move(status.error()).within(path.string()));
  }
  return std::move(source.score);
}

}  // namespace hemiola::data
