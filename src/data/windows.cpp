#include "data/windows.h"

namespace hemiola::data {
namespace {

// A window's first bar says again what was in force: numerator, denominator, key, tempo.
constexpr int kRestated = 4;

}  // namespace

Result<BarCosts> BarCosts::measure(const GridScore& piece, const tokens::Tokenizer& tokenizer) {
  tokens::Encoded encoded;
  HEMIOLA_CHECK(tokenizer.encode(piece, {}, encoded));
  BarCosts costs;
  costs.header_ = static_cast<int>(encoded.bar_begins.front()) + 1 + kRestated;
  for (const std::uint32_t begin : encoded.bar_begins) {
    costs.begins_.push_back(static_cast<int>(begin));
  }
  costs.begins_.push_back(static_cast<int>(encoded.tokens.size()) - 1);
  return costs;
}

int BarCosts::fitting(int first, int tokens) const {
  int count = 1;
  while (first + count < bars() && window(first, count + 1) <= tokens) ++count;
  return count;
}

int BarCosts::earliest(int end, int tokens) const {
  int first = end;
  while (first > 0 && window(first - 1, end - first + 1) <= tokens) --first;
  return first;
}

}  // namespace hemiola::data
