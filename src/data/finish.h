// The second half of an import: from the shards in a folder to catalog, manifest and summary. A
// function of the shards and the options alone; atomic file by file, the summary last.
#pragma once

#include "base/files.h"
#include "base/result.h"
#include "data/import.h"

namespace hemiola::data {

// Does nothing but count where the summary says that it was made from just these shards.
Result<ImportSummary> finish_dataset(const Path& out, const ImportOptions& options);

// The shard files in a data set's folder, by name.
Result<std::vector<std::string>> shard_names(const Path& out);

}  // namespace hemiola::data
