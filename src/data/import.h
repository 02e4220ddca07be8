// Importing: from folders, archives and files of MIDI to a data set on disk.
//
// The files are read in batches of 256, in the order of their names; each batch becomes one shard,
// written whole or not at all. When all are there, the catalog is made from the shards alone:
// copies and near copies are dropped, the split is decided. So an import that is killed goes on
// where it was, one that is repeated does only what is new, several machines can share the work
// (shard_of, join_datasets), and the same files give the same data set whatever the number of
// threads.
//
// The split: each piece has a place between 0 and 1 from the hash of its canonical notes; pieces
// that are alike share the lowest of their places; low places train. So copies never straddle the
// split, and a piece that was trained on is never held out later, whatever is added.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "data/near_copies.h"

namespace hemiola::data {

struct SplitShares {
  double validation = 0.03;
  double test = 0.03;  // the rest trains
  std::uint64_t seed = 0;
};

struct ImportOptions {
  int threads = 0;  // 0: one for each processor
  // Only the files whose names fall to part `part` of `parts` (from 0): other machines take the
  // others.
  unsigned part = 0;
  unsigned parts = 1;
  SplitShares split;
  CopyThresholds copies;
  // Called from one thread now and then: files read so far, and of how many (0: not known).
  std::function<void(std::size_t, std::size_t)> progress;
  // Asked now and then; true ends the import early, with an error that says how to go on.
  std::function<bool()> stop;
};

struct RefusedFile {
  std::string path;
  std::string reason;
};

struct ImportSummary {
  std::size_t files = 0;     // accepted + duplicates + refused, of the whole data set
  std::size_t accepted = 0;  // repaired is part of it
  std::size_t repaired = 0;
  std::size_t duplicates = 0;
  std::size_t same_file = 0, same_notes = 0, near_copies = 0;  // the duplicates
  std::vector<RefusedFile> refused;
  std::size_t new_files = 0;        // of this run
  std::size_t notes = 0, bars = 0;  // of the accepted
  std::size_t train = 0, validation = 0, test = 0;
};

Result<ImportSummary> import_dataset(const std::vector<Path>& paths, const Path& out,
                                     const ImportOptions& options = {});

// One data set of several: of the parts of a shared import, for example.
Result<ImportSummary> join_datasets(const std::vector<Path>& parts, const Path& out,
                                    const ImportOptions& options = {});

}  // namespace hemiola::data
