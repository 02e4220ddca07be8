// Documents into rows of a fixed length, as full as can be.
#pragma once

#include <cstdint>
#include <vector>

#include "data/examples.h"

namespace hemiola::data {

// Indices of the documents of each row. A document takes a place for each token but its last.
// Longest first, each into the fullest row that still has room: the same documents give the same
// rows. No document may take more than `length`.
std::vector<std::vector<std::uint32_t>> pack(const std::vector<Document>& documents, int length);

}  // namespace hemiola::data
