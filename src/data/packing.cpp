#include "data/packing.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <set>

namespace hemiola::data {

std::vector<std::vector<std::uint32_t>> pack(const std::vector<Document>& documents, int length) {
  const auto size = [&](std::uint32_t i) { return static_cast<int>(documents[i].ids.size()) - 1; };
  std::vector<std::uint32_t> order(documents.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return size(a) > size(b); });
  std::vector<std::vector<std::uint32_t>> rows;
  std::set<std::pair<int, std::uint32_t>> rooms;  // places left, row
  for (const std::uint32_t document : order) {
    const int needed = size(document);
    assert(needed <= length);
    if (needed < 1) continue;
    int room = length;
    auto row = static_cast<std::uint32_t>(rows.size());
    if (const auto fullest = rooms.lower_bound({needed, 0}); fullest != rooms.end()) {
      std::tie(room, row) = *fullest;
      rooms.erase(fullest);
    } else {
      rows.emplace_back();
    }
    rows[row].push_back(document);
    if (room > needed) rooms.emplace(room - needed, row);
  }
  return rows;
}

}  // namespace hemiola::data
