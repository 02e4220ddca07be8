#include "audiolm/agreement.h"

#include <algorithm>
#include <cmath>

namespace hemiola::audiolm {
namespace {

double entropy(const std::map<int, std::size_t>& counts, double total) {
  double sum = 0;
  for (const auto& [value, count] : counts) {
    const double share = static_cast<double>(count) / total;
    sum -= share * std::log(share);
  }
  return sum;
}

// "A:min7 G:7" -> both, split at the space.
std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> result;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.size(), text.find(' ', begin));
    result.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return result;
}

}  // namespace

Agreement measure_agreement(std::span<const int> units, std::span<const int> labels) {
  Agreement result;
  result.frames = std::min(units.size(), labels.size());
  if (result.frames == 0) return result;
  std::map<int, std::size_t> unit_counts, label_counts;
  std::map<int, std::map<int, std::size_t>> joint;  // of each unit, its labels
  for (std::size_t i = 0; i < result.frames; ++i) {
    ++unit_counts[units[i]];
    ++label_counts[labels[i]];
    ++joint[units[i]][labels[i]];
  }
  const auto total = static_cast<double>(result.frames);
  const auto by_count = [](const auto& a, const auto& b) { return a.second < b.second; };
  const double unit_entropy = entropy(unit_counts, total);
  const double label_entropy = entropy(label_counts, total);
  double joint_entropy = 0, pure = 0;
  for (const auto& [unit, counts] : joint) {
    joint_entropy += entropy(counts, total);
    const auto most = std::max_element(counts.begin(), counts.end(), by_count)->second;
    pure += static_cast<double>(most);
  }
  result.units = unit_counts.size();
  result.labels = label_counts.size();
  result.purity = pure / total;
  result.commonest =
      static_cast<double>(
          std::max_element(label_counts.begin(), label_counts.end(), by_count)->second) /
      total;
  const double shared = std::max(0.0, unit_entropy + label_entropy - joint_entropy);
  const double mean = (unit_entropy + label_entropy) / 2;
  result.information = mean > 0 ? shared / mean : 0;
  return result;
}

int LoopLabels::number(std::size_t kind, const std::string& label) {
  auto& numbers = numbers_[kind];
  return numbers.try_emplace(label, static_cast<int>(numbers.size())).first->second;
}

bool LoopLabels::add(const SoundPiece& piece, std::size_t frames) {
  const auto chords = piece.labels.find("chords");
  if (chords == piece.labels.end() || !chords->is_array() || chords->size() != 4) return false;
  std::vector<std::vector<std::string>> bars;
  for (const Json& bar : *chords) {
    bars.push_back(bar.is_string() ? words(bar.get<std::string>()) : std::vector<std::string>());
    if (bars.back().empty() || bars.back().size() > 2) return false;
  }
  std::vector<std::string> whole;
  for (const char* field : {"key", "style", "drum_pattern", "tempo"}) {
    const auto found = piece.labels.find(field);
    if (found == piece.labels.end()) return false;
    whole.push_back(found->dump());
  }
  for (std::size_t t = 0; t < frames; ++t) {
    const std::size_t half = std::min<std::size_t>(7, 8 * t / frames);
    const auto& bar = bars[half / 2];
    const std::string& chord = bar[bar.size() == 2 ? half % 2 : 0];
    kinds_[0].labels.push_back(number(0, chord));
    kinds_[1].labels.push_back(number(1, chord.substr(0, chord.find(':'))));
    for (std::size_t k = 0; k < whole.size(); ++k) {
      kinds_[2 + k].labels.push_back(number(2 + k, whole[k]));
    }
  }
  return true;
}

}  // namespace hemiola::audiolm
