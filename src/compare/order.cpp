#include "compare/order.h"

namespace hemiola::compare {

Json judge_order(const std::map<std::string, Figure>& figures, std::span<const Pair> pairs) {
  Json rows = Json::array();
  bool all_hold = true;
  for (const auto& [nearer, farther] : pairs) {
    const auto near = figures.find(nearer), far = figures.find(farther);
    if (near == figures.end() || far == figures.end()) continue;
    const bool holds = near->second.value < far->second.value;
    all_hold = all_hold && holds;
    Json row = {{"nearer", nearer}, {"farther", farther}, {"holds", holds}};
    row["apart"] = near->second.interval && far->second.interval
                       ? Json(near->second.interval->high < far->second.interval->low)
                       : Json();
    rows.push_back(std::move(row));
  }
  return {{"trusted", all_hold && !rows.empty()}, {"pairs", rows}};
}

}  // namespace hemiola::compare
