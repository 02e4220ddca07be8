// A piece that somebody hands in: MIDI, numbered notation (.jianpu) or token text (.tokens), read
// and standardised. Keeps the file's own events, so that music can be added to it without touching
// the rest.
#pragma once

#include <span>
#include <string>

#include "base/files.h"
#include "base/result.h"
#include "beats/standardise.h"
#include "midi/events.h"
#include "score/from_midi.h"
#include "score/score.h"

namespace hemiola::data {

enum class SourceKind { kMidi, kNotation, kTokens };

struct SourceOptions {
  bool strict = false;  // refuse a MIDI file that needs mending
  Timing timing = Timing::kAuto;
  bool for_data = false;
  bool pedal = false;  // durations with the sustain pedal
};

struct Source {
  SourceKind kind = SourceKind::kMidi;
  midi::File file;  // as read; made from the grid for notation and token text
  Score score;      // tracks name chunk and channel of `file`; ticks are the file's
  FromMidiReport from_midi;
  Standardised standard;

  const GridScore& grid() const { return standard.grid; }
};

// The kind by the ending of the name: .jianpu, .tokens, else MIDI.
Result<Source> read_source(const Path& path, const SourceOptions& options = {});
Result<Source> source_from_midi(std::span<const std::uint8_t> bytes,
                                const SourceOptions& options = {});
// What the file says, before anything is put on a grid: also where it would not fit on one.
Result<Score> read_score(const Path& path, const SourceOptions& options = {});
// From a grid score; the file, the score and the map are those of midi_from_grid.
Result<Source> source_from_grid(GridScore grid, SourceKind kind);

}  // namespace hemiola::data
