// Against the definition: the same probabilities from counts gathered in the plainest way, and a
// distribution that sums to one after any context.
#include "compare/kneser_ney.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/rng.h"

namespace hemiola::compare {
namespace {

using Document = std::vector<std::uint16_t>;

constexpr int kVocabulary = 12;

// A chain that leans on its last two tokens.
Document draw(Rng& rng, std::size_t length) {
  Document document = {1};
  while (document.size() < length) {
    const std::size_t n = document.size();
    const int sum = document[n - 1] * 3 + (n > 1 ? document[n - 2] : 0);
    document.push_back(static_cast<std::uint16_t>(
        rng.chance(0.6) ? 1 + sum % (kVocabulary - 1) : rng.between(1, kVocabulary - 1)));
  }
  return document;
}

class Plain {
 public:
  Plain(const std::vector<Document>& documents, int order) {
    for (const Document& document : documents) {
      Document padded(static_cast<std::size_t>(order) - 1, 0);
      padded.insert(padded.end(), document.begin(), document.end());
      for (std::size_t end = static_cast<std::size_t>(order); end <= padded.size(); ++end) {
        const Document gram(padded.begin() + static_cast<long>(end) - order,
                            padded.begin() + static_cast<long>(end));
        ++counts_[gram];
      }
    }
    for (int n = order; n > 1; --n) {
      std::map<Document, std::set<std::uint16_t>> before;
      for (const auto& [gram, count] : counts_) {
        if (gram.size() == static_cast<std::size_t>(n)) {
          before[Document(gram.begin() + 1, gram.end())].insert(gram[0]);
        }
      }
      for (const auto& [gram, tokens] : before) counts_[gram] = static_cast<int>(tokens.size());
    }
  }

  double probability(const Document& context, std::uint16_t word) const {
    const double lower = context.empty()
                             ? 1.0 / kVocabulary
                             : probability(Document(context.begin() + 1, context.end()), word);
    std::array<double, 5> n{};
    double total = 0, here = 0;
    std::array<double, 4> followers{};
    for (const auto& [gram, count] : counts_) {
      if (gram.size() != context.size() + 1) continue;
      if (count < 5) ++n[static_cast<std::size_t>(count)];
      if (!std::equal(context.begin(), context.end(), gram.begin())) continue;
      total += count;
      ++followers[static_cast<std::size_t>(std::min(count, 3))];
      if (gram.back() == word) here = count;
    }
    if (total == 0) return lower;
    // Where a count never occurs there is nothing to estimate its discount from: a half.
    const double y = n[1] + n[2] > 0 ? n[1] / (n[1] + 2 * n[2]) : 0;
    std::array<double, 4> discount{};
    for (std::size_t c = 1; c <= 3; ++c) {
      const auto seen = static_cast<double>(c);
      discount[c] = n[c] > 0 ? seen - (seen + 1) * y * n[c + 1] / n[c] : 0.5;
      discount[c] = std::clamp(discount[c], 0.0, seen);
    }
    double mass = 0;
    for (std::size_t c = 1; c <= 3; ++c) mass += discount[c] * followers[c];
    const double own = here - discount[static_cast<std::size_t>(std::min(here, 3.0))];
    return (here > 0 ? own / total : 0) + mass / total * lower;
  }

 private:
  std::map<Document, int> counts_;
};

TEST(KneserNey, IsTheDefinitionAndSumsToOne) {
  Rng rng(4);
  std::vector<Document> documents;
  for (int i = 0; i < 12; ++i) documents.push_back(draw(rng, 60));
  for (const int order : {1, 3, 5}) {
    KneserNey model(order, kVocabulary);
    for (const Document& document : documents) model.add(document);
    model.finish();
    const Plain plain(documents, order);
    for (int i = 0; i < 8; ++i) {
      Document document = draw(rng, 10);
      const std::size_t at = rng.below(document.size());
      Document context(static_cast<std::size_t>(order) - 1, 0);
      for (std::size_t back = 1; back < static_cast<std::size_t>(order); ++back) {
        if (back <= at) context[context.size() - back] = document[at - back];
      }
      double sum = 0;
      const auto all = model.distribution(std::span(document).first(at));
      for (std::uint16_t word = 0; word < kVocabulary; ++word) {
        document[at] = word;
        const double probability = model.probability(document, at);
        EXPECT_NEAR(probability, plain.probability(context, word), 1e-12);
        EXPECT_GT(probability, 0);
        EXPECT_NEAR(probability, all[word], 1e-12);
        sum += probability;
      }
      EXPECT_NEAR(sum, 1, 1e-9);
    }
  }
}

}  // namespace
}  // namespace hemiola::compare
