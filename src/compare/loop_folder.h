// A folder of procedural loops as a comparison sees it: which loops are held out, which may be
// learnt from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::compare {

struct LoopEntry {
  std::string name;   // of its files: NAME.mid, NAME.flac
  std::string style;  // "bossa"
  std::string split;  // "train", "validation", "test"
};

// labels.jsonl: a line a loop. `where` starts each message.
Result<std::vector<LoopEntry>> parse_loop_labels(std::string_view text, std::string_view where);

struct LoopFolder {
  Path folder;
  std::vector<LoopEntry> training, held_out;  // in the order of the file
  std::string sha256;                         // of labels.jsonl, 64 hex digits
};

// Fails where no loop is held out or none is to learn from.
Result<LoopFolder> open_loops(const Path& folder);

}  // namespace hemiola::compare
