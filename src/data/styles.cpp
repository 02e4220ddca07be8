#include "data/styles.h"

#include <algorithm>
#include <set>

namespace hemiola::data {

bool has_style(const Dataset& dataset, std::uint32_t entry, std::string_view style) {
  const auto& all = dataset.styles(dataset.entries()[entry]);
  return std::find(all.begin(), all.end(), style) != all.end();
}

std::vector<std::string> known_styles(const Dataset& dataset) {
  std::set<std::string> known;
  for (const Entry& entry : dataset.entries()) {
    if (entry.outcome != Outcome::kAccepted) continue;
    known.insert(dataset.styles(entry).begin(), dataset.styles(entry).end());
  }
  return {known.begin(), known.end()};
}

}  // namespace hemiola::data
