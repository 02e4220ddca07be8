// The whole comparison: sets of pieces are made, rendered and measured, and a report is written.
//
//   reference   held-out loops, up to four times as many as each other set has
//   real        other held-out loops: the same music, so the nearest there can be
//   shuffled    their bars, dealt out anew
//   random      as many notes as theirs, at any time and pitch
//   ngram       what a Kneser-Ney n-gram of the training loops writes
//   symbolic    what the model writes, rendered as the loops are
//   audiolm     sound that was made as sound
//   codec       the real set through AudioLM's codec and back, where the codec is there
//
// Everything is kept in the output folder, so that a comparison that was stopped goes on, and one
// that is whole can be measured again with other embeddings or another set beside it. The same
// arguments give the same digits, but for times.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::compare {

struct CompareOptions {
  Path out;
  Path loops;                           // with sound and labels.jsonl
  Path model;                           // empty: locate_model()
  std::size_t count = 200;              // pieces of each set
  std::uint64_t seed = 0;               //
  bool styles = false;                  // ask the model for the held-out loops' styles
  int ngram_order = 5;                  //
  Path audiolm;                         // bundle that makes sound; empty: none
  Path codec;                           // codec.safetensors; empty: the bundle's, if there is one
  Path audiolm_sounds;                  // sound that is there already; empty: none
  std::vector<std::string> embeddings;  // empty: all whose weights are found
  Path weights;                         // folder of published weights; empty: where they are added
  std::size_t axes = 128;    // distances on so many principal axes of the reference, at most
  std::size_t known = 1000;  // training loops whose sound is searched for the nearest
  std::size_t heard = 6;     // pieces of each set that the report plays
  std::vector<std::pair<std::string, Path>> runs;  // name and folder of training runs
  int threads = 0;                                 // 0: one for each processor
  // What is being done, and how much of it; true ends it early with an error.
  std::function<bool(std::string_view what, std::size_t done, std::size_t total)> progress{};
};

// Writes OUT/report.json and OUT/report.html, and gives the former.
Result<Json> compare(const CompareOptions& options);

}  // namespace hemiola::compare
