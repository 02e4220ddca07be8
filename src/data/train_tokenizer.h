// A tokenizer from a data set: merges learned on the training pieces, and the data set's labels as
// styles.
#pragma once

#include <functional>

#include "base/result.h"
#include "data/dataset.h"
#include "tokens/tokenizer.h"

namespace hemiola::data {

struct TokenizerOptions {
  int vocabulary = tokens::kDefaultVocabulary;
  bool flatten = false;  // learn from all pitched tracks as one
  // Pieces read so far, and of how many; true ends it early with an error.
  std::function<bool(std::size_t, std::size_t)> progress;
};

Result<tokens::Tokenizer> train_tokenizer(const Dataset& dataset,
                                          const TokenizerOptions& options = {});

// The labels that most training pieces have, at most tokens::kStyles, by name.
std::vector<std::string> common_styles(const Dataset& dataset);

}  // namespace hemiola::data
