// Random numbers that are the same on every machine and compiler: xoshiro256** (Blackman and Vigna
// 2018), seeded through splitmix64. The standard library's distributions are not portable, so the
// few that are needed stand here.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <span>
#include <utility>

namespace hemiola {

// One step of splitmix64: also a good mixer of 64-bit keys.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

class Rng {
 public:
  using State = std::array<std::uint64_t, 4>;

  explicit Rng(std::uint64_t seed) {
    for (auto& word : state_) word = seed = mix64(seed);
  }
  explicit Rng(const State& state) : state_(state) {}

  const State& state() const { return state_; }

  std::uint64_t next() {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // In [0, bound), unbiased (Lemire 2019). bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    assert(bound > 0);
    const std::uint64_t threshold = (0 - bound) % bound;
    for (;;) {
      const auto product = static_cast<unsigned __int128>(next()) * bound;
      if (static_cast<std::uint64_t>(product) >= threshold) {
        return static_cast<std::uint64_t>(product >> 64);
      }
    }
  }

  // In [low, high], both ends included.
  int between(int low, int high) {
    assert(low <= high);
    return low + static_cast<int>(below(static_cast<std::uint64_t>(high - low) + 1));
  }

  // In [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  bool chance(double probability) { return uniform() < probability; }

  // An index with probability in proportion to its weight; weights >= 0, not all zero.
  std::size_t weighted(std::span<const double> weights) {
    double total = 0;
    for (double weight : weights) total += weight;
    double rest = uniform() * total;
    for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
      if ((rest -= weights[i]) < 0) return i;
    }
    return weights.size() - 1;
  }

  template <class T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
  }

  State state_;
};

}  // namespace hemiola
