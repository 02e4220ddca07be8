// The trainer's data: an endless stream of packed rows from the training pieces of a data set. Each
// pass takes the pieces in a fresh order; blocks of pieces are turned into documents (examples.h),
// packed into rows, and the rows shuffled. Threads of the loader's own prepare the next block while
// one is used; what they do depends on seed, pass and block alone, never on time, so the stream is
// the same everywhere and goes on exactly from any saved state.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/examples.h"
#include "nn/example_source.h"
#include "tokens/tokenizer.h"

namespace hemiola::data {

struct LoaderOptions {
  std::uint64_t seed = 0;
  Mixture mixture;
  int threads = 0;  // 0: one for each processor, at most 8
  Split split = Split::kTrain;
  std::string without_style;  // pieces of this style are left out; empty: none are
  // Several processes share each batch: of all ranks' rows together, this one gets its part.
  int rank = 0;
  int ranks = 1;
};

// Data set and tokenizer must outlive it.
Result<std::unique_ptr<nn::ExampleSource>> make_loader(const Dataset& dataset,
                                                       const tokens::Tokenizer& tokenizer,
                                                       const LoaderOptions& options = {});

struct HeldOutOptions {
  std::vector<Split> splits = {Split::kValidation};
  std::string without_style, only_style;  // pieces of this style are left out; only they are in
  int length = 1024;  // tokens of a document at most, its last one as a target only
  // A piece longer than that is read in windows; each but the first begins with bars that were
  // scored already and take about this share of it.
  double overlap = 0.5;
  std::size_t most_pieces = 0;  // 0: all; else these many, spread over the split
  bool flatten = false;         // as in Mixture
  bool counts_bars = true;      // say with each bar how many follow, as in Frame
};

// Held-out pieces in plain form: no control words, no holes. Every bar is scored once. Data set and
// tokenizer must outlive it; document() may be called by several threads.
Result<std::unique_ptr<nn::EvalSource>> make_held_out(const Dataset& dataset,
                                                      const tokens::Tokenizer& tokenizer,
                                                      const HeldOutOptions& options = {});

}  // namespace hemiola::data
