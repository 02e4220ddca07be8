// What the tests of training learn from: sequences with a rule that a small model finds.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace hemiola::nn {

// Each counts up, modulo 60, in a step of its own from 1 to 5, said first as the id 61 to 65.
inline std::vector<std::vector<std::int32_t>> counting(int documents, std::uint64_t seed) {
  std::vector<std::vector<std::int32_t>> result;
  Rng rng(seed);
  for (int i = 0; i < documents; ++i) {
    const int stride = rng.between(1, 5);
    std::vector<std::int32_t> ids = {static_cast<std::int32_t>(60 + stride)};
    int at = rng.between(0, 59);
    for (int t = rng.between(20, 70); t > 0; --t, at = (at + stride) % 60) ids.push_back(at);
    result.push_back(ids);
  }
  return result;
}

}  // namespace hemiola::nn
