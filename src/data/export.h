// A data set's pieces as MIDI files, written from its grid scores: to listen to, or to give to
// other programs, so that both sides of a comparison are fed the same music.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

#include "base/files.h"
#include "base/result.h"
#include "data/dataset.h"

namespace hemiola::data {

struct ExportOptions {
  std::optional<Split> split;  // only this side; else all accepted pieces
  bool flatten = false;        // all pitched tracks as one piano track
  std::size_t most = 0;        // the first so many; 0: all
  // Files written so far, and of how many; true ends it early with an error.
  std::function<bool(std::size_t, std::size_t)> progress;
};

struct ExportSummary {
  std::size_t files = 0;
  std::size_t notes = 0;  // written
};

// Each as OUT/<path in the data set>.mid. Existing files are replaced.
Result<ExportSummary> export_midi(const Dataset& dataset, const Path& out,
                                  const ExportOptions& options = {});

}  // namespace hemiola::data
