#include "compare/kneser_ney.h"

#include <algorithm>

namespace hemiola::compare {

KneserNey::KneserNey(int order, int vocabulary)
    : order_(order), vocabulary_(vocabulary), orders_(static_cast<std::size_t>(order)) {}

KneserNey::Key KneserNey::gram_at(std::span<const std::uint16_t> document, std::size_t at,
                                  int length) {
  Key key = 0;
  for (int i = length - 1; i >= 0; --i) {
    const auto back = static_cast<std::size_t>(i);
    key = key << 16 | (at >= back ? document[at - back] : 0);
  }
  return key;
}

void KneserNey::add(std::span<const std::uint16_t> document) {
  for (std::size_t at = 0; at < document.size(); ++at) {
    corpus_.push_back(gram_at(document, at, order_));
  }
}

// `grams` rising and different, with how often each was seen.
KneserNey::Order KneserNey::make_order(std::vector<Key> grams,
                                       const std::vector<std::uint32_t>& weights) {
  Order order;
  std::array<double, 5> counts_of_counts{};
  for (const std::uint32_t count : weights) {
    if (count < counts_of_counts.size()) ++counts_of_counts[count];
  }
  const double n1 = counts_of_counts[1], n2 = counts_of_counts[2];
  const double share = n1 + 2 * n2 > 0 ? n1 / (n1 + 2 * n2) : 0;
  for (std::size_t c = 1; c <= 3; ++c) {
    const double here = counts_of_counts[c];
    const double above = c < 4 ? counts_of_counts[c + 1] : 0;
    const double discount =
        here > 0 ? static_cast<double>(c) - static_cast<double>(c + 1) * share * above / here : 0.5;
    order.discounts[c - 1] = std::clamp(discount, 0.0, static_cast<double>(c));
  }
  order.counts = weights;
  double discounted = 0;
  const auto close = [&] {
    if (!order.totals.empty()) order.lambdas.push_back(discounted / order.totals.back());
    discounted = 0;
  };
  for (std::size_t i = 0; i < grams.size(); ++i) {
    const Key context = grams[i] >> 16;
    if (order.contexts.empty() || order.contexts.back() != context) {
      close();
      order.contexts.push_back(context);
      order.begins.push_back(static_cast<std::uint32_t>(i));
      order.totals.push_back(0);
    }
    order.words.push_back(static_cast<std::uint16_t>(grams[i] & 0xffff));
    order.totals.back() += weights[i];
    discounted += order.discounts[std::min<std::uint32_t>(weights[i], 3) - 1];
  }
  close();
  order.begins.push_back(static_cast<std::uint32_t>(grams.size()));
  return order;
}

void KneserNey::finish() {
  std::vector<Key> grams = std::move(corpus_);
  for (int n = order_; n >= 1; --n) {
    std::sort(grams.begin(), grams.end());
    std::vector<std::uint32_t> counts;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < grams.size(); ++i) {
      if (i > 0 && grams[i] == grams[kept - 1]) {
        ++counts.back();
      } else {
        grams[kept++] = grams[i];
        counts.push_back(1);
      }
    }
    grams.resize(kept);
    orders_[static_cast<std::size_t>(n) - 1] = make_order(grams, counts);
    // Each different n-gram counts once for what it is without its first token.
    const Key shorter = (Key{1} << (16 * (n - 1))) - 1;
    for (Key& gram : grams) gram &= shorter;
  }
}

std::optional<std::size_t> KneserNey::find(const Order& order, Key context) {
  const auto found = std::lower_bound(order.contexts.begin(), order.contexts.end(), context);
  if (found == order.contexts.end() || *found != context) return std::nullopt;
  return static_cast<std::size_t>(found - order.contexts.begin());
}

double KneserNey::probability(std::span<const std::uint16_t> document, std::size_t at) const {
  double probability = 1.0 / vocabulary_;
  const std::uint16_t word = document[at];
  for (int n = 1; n <= order_; ++n) {
    const Order& order = orders_[static_cast<std::size_t>(n) - 1];
    const Key context = gram_at(document, at, n) >> 16;
    const auto found = find(order, context);
    if (!found) break;
    const std::size_t c = *found;
    const auto begin = order.words.begin() + order.begins[c];
    const auto end = order.words.begin() + order.begins[c + 1];
    const auto place = std::lower_bound(begin, end, word);
    probability *= order.lambdas[c];
    if (place == end || *place != word) continue;
    const std::uint32_t count = order.counts[static_cast<std::size_t>(place - order.words.begin())];
    probability +=
        (count - order.discounts[std::min<std::uint32_t>(count, 3) - 1]) / order.totals[c];
  }
  return probability;
}

std::vector<double> KneserNey::distribution(std::span<const std::uint16_t> document) const {
  std::vector<double> all(static_cast<std::size_t>(vocabulary_), 1.0 / vocabulary_);
  for (int n = 1; n <= order_; ++n) {
    const Order& order = orders_[static_cast<std::size_t>(n) - 1];
    const Key context =
        n == 1 || document.empty() ? 0 : gram_at(document, document.size() - 1, n - 1);
    const auto found = find(order, context);
    if (!found) break;
    for (double& probability : all) probability *= order.lambdas[*found];
    for (std::uint32_t i = order.begins[*found]; i < order.begins[*found + 1]; ++i) {
      const std::uint32_t count = order.counts[i];
      all[order.words[i]] +=
          (count - order.discounts[std::min<std::uint32_t>(count, 3) - 1]) / order.totals[*found];
    }
  }
  return all;
}

}  // namespace hemiola::compare
