#include "data/suffix_array.h"

#include <cassert>
#include <cstddef>

namespace hemiola::data {
namespace {

using Index = std::int32_t;
constexpr Index kNone = -1;

// One level of the recursion. `text` ends with a unique smallest symbol, 0; symbols are below
// `alphabet`. `order` receives the result and has the size of text.
void induced_sort(std::span<const Index> text, Index alphabet, std::span<Index> order) {
  const auto size = static_cast<Index>(text.size());
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  if (size == 1) {
    order[0] = 0;
    return;
  }
  // A suffix is S-type when it is smaller than the next one; leftmost S after L is LMS.
  std::vector<bool> is_s(text.size());
  is_s.back() = true;
  for (Index i = size - 2; i >= 0; --i) {
    is_s[at(i)] =
        text[at(i)] < text[at(i + 1)] || (text[at(i)] == text[at(i + 1)] && is_s[at(i + 1)]);
  }
  const auto is_lms = [&](Index i) { return i > 0 && is_s[at(i)] && !is_s[at(i - 1)]; };

  std::vector<Index> sizes(at(alphabet), 0);
  for (const Index symbol : text) ++sizes[at(symbol)];
  std::vector<Index> bucket(at(alphabet));
  const auto to_starts = [&] {
    Index sum = 0;
    for (std::size_t c = 0; c < sizes.size(); ++c) {
      bucket[c] = sum;
      sum += sizes[c];
    }
  };
  const auto to_ends = [&] {
    Index sum = 0;
    for (std::size_t c = 0; c < sizes.size(); ++c) bucket[c] = (sum += sizes[c]);
  };
  // With the LMS suffixes at their buckets' ends, sorts L-type from the left, then S-type from the
  // right.
  const auto induce = [&] {
    to_starts();
    for (Index k = 0; k < size; ++k) {
      const Index i = order[at(k)] - 1;
      if (order[at(k)] > 0 && !is_s[at(i)]) order[at(bucket[at(text[at(i)])]++)] = i;
    }
    to_ends();
    for (Index k = size - 1; k >= 0; --k) {
      const Index i = order[at(k)] - 1;
      if (order[at(k)] > 0 && is_s[at(i)]) order[at(--bucket[at(text[at(i)])])] = i;
    }
  };

  std::fill(order.begin(), order.end(), kNone);
  to_ends();
  for (Index i = 1; i < size; ++i) {
    if (is_lms(i)) order[at(--bucket[at(text[at(i)])])] = i;
  }
  induce();

  // The LMS substrings now stand in order: name them, equal ones alike.
  Index count = 0;
  for (Index k = 0; k < size; ++k) {
    if (is_lms(order[at(k)])) order[at(count++)] = order[at(k)];
  }
  std::fill(order.begin() + count, order.end(), kNone);
  Index names = 0, before = kNone;
  for (Index k = 0; k < count; ++k) {
    const Index i = order[at(k)];
    bool same = before != kNone;
    for (Index d = 0; same; ++d) {
      if (text[at(i + d)] != text[at(before + d)] || is_s[at(i + d)] != is_s[at(before + d)]) {
        same = false;
      } else if (d > 0 && (is_lms(i + d) || is_lms(before + d))) {
        same = is_lms(i + d) && is_lms(before + d);
        break;
      }
    }
    if (!same) ++names;
    before = i;
    order[at(count + i / 2)] = names - 1;
  }
  std::vector<Index> reduced, lms;
  reduced.reserve(at(count));
  lms.reserve(at(count));
  for (Index i = 0; i <= (size - 1) / 2; ++i) {
    if (count + i < size && order[at(count + i)] != kNone) reduced.push_back(order[at(count + i)]);
  }
  for (Index i = 1; i < size; ++i) {
    if (is_lms(i)) lms.push_back(i);
  }
  assert(reduced.size() == lms.size());
  std::vector<Index> sorted(at(count));
  if (names < count) {
    induced_sort(reduced, names, sorted);
  } else {
    for (Index i = 0; i < count; ++i) sorted[at(reduced[at(i)])] = i;
  }

  std::fill(order.begin(), order.end(), kNone);
  to_ends();
  for (Index k = count - 1; k >= 0; --k) {
    const Index i = lms[at(sorted[at(k)])];
    order[at(--bucket[at(text[at(i)])])] = i;
  }
  induce();
}

}  // namespace

std::vector<std::uint32_t> suffix_array(std::span<const std::uint16_t> symbols) {
  assert(symbols.size() < INT32_MAX - 1);
  // Symbols are renumbered from 1 without gaps, so that the first level's tables stay small.
  std::vector<Index> number(65536, 0);
  for (const std::uint16_t symbol : symbols) number[symbol] = 1;
  Index alphabet = 1;
  for (Index& used : number) {
    if (used != 0) used = alphabet++;
  }
  std::vector<Index> text;
  text.reserve(symbols.size() + 1);
  for (const std::uint16_t symbol : symbols) text.push_back(number[symbol]);
  text.push_back(0);
  std::vector<Index> order(text.size());
  induced_sort(text, alphabet, order);
  return {order.begin() + 1, order.end()};
}

}  // namespace hemiola::data
