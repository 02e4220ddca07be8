// An interpolated, modified Kneser-Ney n-gram model (Chen and Goodman 1999) over token ids: the
// yardstick that a neural model of the same tokens has to beat. Counts of the highest order are
// those of the corpus, of lower orders the number of different tokens seen before; each order has
// three discounts, from its counts of counts; the lowest is mixed with the uniform distribution.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hemiola::compare {

class KneserNey {
 public:
  static constexpr int kMostOrder = 5;

  // order: 1 to kMostOrder; tokens are below vocabulary, at most 65,535, and 0 stands before a
  // document's first.
  KneserNey(int order, int vocabulary);

  // Learns from a document. All of them come before the first question.
  void add(std::span<const std::uint16_t> document);
  void finish();

  // The probability of document[at] after those before it.
  double probability(std::span<const std::uint16_t> document, std::size_t at) const;
  // That of every token after all of the document: (vocabulary), of sum 1.
  std::vector<double> distribution(std::span<const std::uint16_t> document) const;

  std::size_t grams(int order) const {
    return orders_[static_cast<std::size_t>(order) - 1].words.size();
  }

 private:
  using Key = unsigned __int128;  // up to five tokens of 16 bits, the last one lowest

  // The n-grams of one order: by context, and in it by the last token.
  struct Order {
    std::vector<Key> contexts;            // rising
    std::vector<std::uint32_t> begins;    // (contexts + 1): into words and counts
    std::vector<double> totals, lambdas;  // of each context
    std::vector<std::uint16_t> words;
    std::vector<std::uint32_t> counts;
    std::array<double, 3> discounts{};  // of counts of one, two, and three or more
  };

  static Order make_order(std::vector<Key> grams, const std::vector<std::uint32_t>& weights);
  // The place of a context among those of an order; nullopt: never seen.
  static std::optional<std::size_t> find(const Order& order, Key context);
  static Key gram_at(std::span<const std::uint16_t> document, std::size_t at, int length);

  int order_;
  int vocabulary_;
  std::vector<Key> corpus_;  // every n-gram of the highest order, until finish()
  std::vector<Order> orders_;
};

}  // namespace hemiola::compare
