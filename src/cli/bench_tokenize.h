// What `hemiola bench tokenize` measures: the tokenizer alone on music made by rules, or, given
// files, the whole way from MIDI to tokens.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "engine/measure.h"

namespace hemiola::cli {

// Encoding 2,000 loops that are in memory: tokenize.t1 (tokens/s), tokenize.notes.t1 (notes/s).
Result<std::vector<engine::Measurement>> measure_encoding(int runs);

struct FilesMeasureOptions {
  std::vector<Path> paths;  // folders or MIDI files
  Path tokenizer;
  std::vector<int> threads = {1, 2};
  int runs = 5;
};

// Over all files, medians of the runs, ms of wall time divided by the number of files:
//   parse.t1     bytes in memory to events
//   read.t1      the same with opening and reading the file
//   score.t1     ... and notes paired, tracks told apart, times in ticks
//   tokens.tN    ... and put on the grid by the file's own beats, and encoded with merges
//   tracked.t1   ... where the beats of what was played freely are found first
// and files, refused (by tokens), notes and tokens as counts.
Result<std::vector<engine::Measurement>> measure_files(const FilesMeasureOptions& options);

}  // namespace hemiola::cli
