// The suffix array of a sequence of 16-bit symbols by induced sorting (SA-IS; Nong, Zhang and Chan
// 2009): linear time whatever the input, which repetitive music needs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hemiola::data {

// The starts of all suffixes in lexicographic order; a suffix that ends is before one that goes on.
// At most 2^31 - 2 symbols.
std::vector<std::uint32_t> suffix_array(std::span<const std::uint16_t> symbols);

}  // namespace hemiola::data
