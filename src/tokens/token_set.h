// A set of token ids as bits: bit i of word i / 64. The few operations that masks need, over spans
// of equal size, so that the compiler makes vector code of them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tokens/words.h"

namespace hemiola::tokens {

class TokenSet {
 public:
  TokenSet() = default;
  explicit TokenSet(int tokens) : bits_((static_cast<std::size_t>(tokens) + 63) / 64, 0) {}

  std::span<const std::uint64_t> bits() const { return bits_; }
  bool has(Token token) const { return (bits_[token / 64u] >> (token % 64u)) & 1; }
  void insert(Token token) { bits_[token / 64u] |= std::uint64_t{1} << (token % 64u); }
  void erase(Token token) { bits_[token / 64u] &= ~(std::uint64_t{1} << (token % 64u)); }
  void clear() { bits_.assign(bits_.size(), 0); }
  bool empty() const {
    for (const std::uint64_t word : bits_) {
      if (word != 0) return false;
    }
    return true;
  }
  int size() const {
    int count = 0;
    for (const std::uint64_t word : bits_) count += std::popcount(word);
    return count;
  }

  TokenSet& operator&=(const TokenSet& other) {
    for (std::size_t i = 0; i < bits_.size(); ++i) bits_[i] &= other.bits_[i];
    return *this;
  }
  TokenSet& operator|=(const TokenSet& other) {
    for (std::size_t i = 0; i < bits_.size(); ++i) bits_[i] |= other.bits_[i];
    return *this;
  }
  TokenSet& operator-=(const TokenSet& other) {
    for (std::size_t i = 0; i < bits_.size(); ++i) bits_[i] &= ~other.bits_[i];
    return *this;
  }
  // this |= a & b
  void insert_both(const TokenSet& a, const TokenSet& b) {
    for (std::size_t i = 0; i < bits_.size(); ++i) bits_[i] |= a.bits_[i] & b.bits_[i];
  }
  bool operator==(const TokenSet&) const = default;

  // Calls f(token) from low to high.
  template <class F>
  void for_each(F f) const {
    for (std::size_t i = 0; i < bits_.size(); ++i) {
      for (std::uint64_t rest = bits_[i]; rest != 0; rest &= rest - 1) {
        f(static_cast<Token>(64 * i + static_cast<std::size_t>(std::countr_zero(rest))));
      }
    }
  }

 private:
  std::vector<std::uint64_t> bits_;
};

}  // namespace hemiola::tokens
