// From the bytes of one offered file to a piece of a shard: read, standardised, fingerprinted, or
// refused with the reason. Depends on nothing but its arguments; any number of threads may call it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/hash.h"
#include "data/shard.h"
#include "score/grid_score.h"

namespace hemiola::data {

// `path` names the file in the data set and gives its labels.
Piece convert(std::span<const std::uint8_t> bytes, std::string path);

// A file that could not even be read.
Piece refused(std::string path, const std::string& reason);

// A grid score that is there already (a generated one).
Piece piece_from_score(const GridScore& score, std::string path, const Sha256Digest& file_hash);

}  // namespace hemiola::data
