#include "data/train_tokenizer.h"

#include <algorithm>
#include <map>

#include "data/augment.h"

namespace hemiola::data {

std::vector<std::string> common_styles(const Dataset& dataset) {
  std::map<std::string, std::size_t> counts;
  for (const Entry& entry : dataset.entries()) {
    if (entry.split != Split::kTrain) continue;
    for (const std::string& style : dataset.styles(entry)) ++counts[style];
  }
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (order.size() > tokens::kStyles) order.resize(tokens::kStyles);
  std::vector<std::string> styles;
  for (const auto& [style, count] : order) styles.push_back(style);
  std::sort(styles.begin(), styles.end());
  return styles;
}

Result<tokens::Tokenizer> train_tokenizer(const Dataset& dataset, const TokenizerOptions& options) {
  const auto pieces = dataset.entries_of(Split::kTrain);
  if (pieces.empty()) return fail("{}: no piece to train on", dataset.folder().string());
  tokens::MergeTrainer trainer;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (options.progress && options.progress(i, pieces.size())) return fail("stopped");
    HEMIOLA_TRY(const GridScore score, dataset.score(pieces[i]));
    trainer.add(options.flatten ? flattened(score) : score);
  }
  return trainer.finish({.vocabulary = options.vocabulary, .styles = common_styles(dataset)});
}

}  // namespace hemiola::data
