// Vocabulary: expansions of tokens and the merging of segments.
#include <algorithm>
#include <array>
#include <bit>
#include <queue>

#include "tokens/shape.h"
#include "tokens/tokenizer.h"

namespace hemiola::tokens {
namespace {

constexpr std::size_t kShort = 48;  // longer segments are merged through a heap

constexpr std::uint64_t pair_key(Token left, Token right) {
  return (static_cast<std::uint64_t>(left) << 16) | right;
}

constexpr std::uint64_t hash_of(std::uint64_t key) { return key * 0x9e3779b97f4a7c15u; }

}  // namespace

Token Vocabulary::merged(Token left, Token right) const {
  const std::uint64_t key = pair_key(left, right);
  const std::uint64_t hash = hash_of(key);
  const std::size_t bit = hash >> (table_shift_ - 2);
  if ((may_merge_[bit / 64] >> (bit % 64) & 1) == 0) return kPadWord;
  const std::size_t mask = table_.size() - 1;
  for (std::size_t slot = hash >> table_shift_;; slot = (slot + 1) & mask) {
    const std::uint64_t entry = table_[slot];
    if (entry == 0) return kPadWord;
    if (entry >> 16 == key) return static_cast<Token>(entry);
  }
}

Result<Vocabulary> Vocabulary::make(std::vector<Merge> merges, int size) {
  if (size < kWordCount || size > 65535) {
    return fail("vocabulary of {}: expected {} to 65535", size, kWordCount);
  }
  if (kWordCount + merges.size() > static_cast<std::size_t>(size)) {
    return fail("{} merges and {} base words do not fit into a vocabulary of {}", merges.size(),
                kWordCount, size);
  }
  Vocabulary vocabulary;
  vocabulary.size_ = size;
  const std::size_t slots = std::bit_ceil(std::max<std::size_t>(16, merges.size() * 2 + 1));
  vocabulary.table_.assign(slots, 0);
  vocabulary.table_shift_ = 64 - std::countr_zero(slots);
  vocabulary.may_merge_.assign(slots * 4 / 64, 0);
  vocabulary.begins_.push_back(0);
  const auto end_token = [&] {
    const std::span words = std::span(vocabulary.words_).subspan(vocabulary.begins_.back());
    vocabulary.notes_.push_back(
        static_cast<std::uint8_t>(std::ranges::count_if(words, [](Word word) {
          const WordClass c = class_of(word);
          return c == WordClass::kTone || c == WordClass::kDown || c == WordClass::kDrum;
        })));
    vocabulary.begins_.push_back(static_cast<std::uint32_t>(vocabulary.words_.size()));
  };
  for (Word word = 0; word < kWordCount; ++word) {
    vocabulary.words_.push_back(word);
    end_token();
  }
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const auto [left, right] = merges[i];
    const auto id = static_cast<Token>(kWordCount + i);
    if (left >= id || right >= id) {
      return fail("merge {}: ({}, {}) names a token that is not made before it", i, left, right);
    }
    if (vocabulary.merged(left, right) != kPadWord) {
      return fail("merge {}: ({}, {}) comes twice", i, left, right);
    }
    for (const Token part : {left, right}) {
      const std::uint32_t begin = vocabulary.begins_[part], end = vocabulary.begins_[part + 1u];
      for (std::uint32_t w = begin; w < end; ++w) {
        vocabulary.words_.push_back(Word{vocabulary.words_[w]});
      }
    }
    const std::span words = std::span(vocabulary.words_).subspan(vocabulary.begins_.back());
    if (words.size() > kMaxMergedWords) {
      return fail("merge {}: {} base words, at most {} can be merged", i, words.size(),
                  kMaxMergedWords);
    }
    if (!shape_of(words)) return fail("merge {}: its words never follow one another in a cell", i);
    end_token();
    const std::uint64_t key = pair_key(left, right);
    const std::uint64_t hash = hash_of(key);
    const std::size_t bit = hash >> (vocabulary.table_shift_ - 2);
    vocabulary.may_merge_[bit / 64] |= std::uint64_t{1} << (bit % 64);
    std::size_t slot = hash >> vocabulary.table_shift_;
    while (vocabulary.table_[slot] != 0) slot = (slot + 1) & (slots - 1);
    vocabulary.table_[slot] = key << 16 | id;
  }
  for (std::size_t id = kWordCount + merges.size(); id < static_cast<std::size_t>(size); ++id) {
    end_token();
  }
  vocabulary.merges_ = std::move(merges);
  return vocabulary;
}

std::size_t Vocabulary::merge(std::span<Token> segment) const {
  if (segment.size() > kShort) return merge_long(segment);
  constexpr Token kNone = 0xffff;
  // candidates[i]: what tokens i and i + 1 merge to.
  std::array<Token, kShort> candidates;
  const auto candidate = [&](std::size_t i) {
    const Token token = merged(segment[i], segment[i + 1]);
    return token == kPadWord ? kNone : token;
  };
  std::size_t size = segment.size();
  for (std::size_t i = 0; i + 1 < size; ++i) candidates[i] = candidate(i);
  while (size > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < size; ++i) {
      if (candidates[i] < candidates[best]) best = i;
    }
    if (candidates[best] == kNone) break;
    segment[best] = candidates[best];
    --size;
    for (std::size_t i = best + 1; i < size; ++i) {
      segment[i] = segment[i + 1];
      candidates[i - 1] = candidates[i];
    }
    if (best + 1 < size) candidates[best] = candidate(best);
    if (best > 0) candidates[best - 1] = candidate(best - 1);
  }
  return size;
}

std::size_t Vocabulary::merge_long(std::span<Token> segment) const {
  struct Entry {
    Token token;
    std::uint32_t at;
    bool operator>(const Entry& other) const {
      return token != other.token ? token > other.token : at > other.at;
    }
  };
  constexpr std::uint32_t kGone = 0xffffffff;
  const auto size = static_cast<std::uint32_t>(segment.size());
  std::vector<std::uint32_t> next(size), before(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    next[i] = i + 1;
    before[i] = i - 1;  // of the first: kGone
  }
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
  const auto offer = [&](std::uint32_t at) {
    if (at == kGone || next[at] >= size) return;
    const Token token = merged(segment[at], segment[next[at]]);
    if (token != kPadWord) queue.push({token, at});
  };
  for (std::uint32_t i = 0; i + 1 < size; ++i) offer(i);
  while (!queue.empty()) {
    const auto [token, at] = queue.top();
    queue.pop();
    if (next[at] == kGone || next[at] >= size) continue;
    const std::uint32_t right = next[at];
    const Merge merge = merges_[token - kWordCount];
    if (segment[at] != merge.left || segment[right] != merge.right) continue;
    segment[at] = token;
    next[at] = next[right];
    if (next[right] < size) before[next[right]] = at;
    next[right] = kGone;
    offer(at);
    offer(before[at]);
  }
  std::size_t kept = 0;
  for (std::uint32_t i = 0; i < size; i = next[i]) segment[kept++] = segment[i];
  return kept;
}

}  // namespace hemiola::tokens
