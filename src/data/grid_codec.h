// A GridScore as bytes: about three and a half bytes a note, exact, versioned. This is how scores
// lie in shards. Nothing is assumed of the bytes that are read: they are checked to the end, and
// the score they give is validated.
#pragma once

#include <cstdint>
#include <span>

#include "base/files.h"
#include "base/result.h"
#include "score/grid_score.h"

namespace hemiola::data {

inline constexpr std::uint8_t kGridCodecVersion = 1;

// Appends. The score must be valid.
void encode_grid(const GridScore& score, Bytes& out);

// Exactly one score: left-over bytes are an error.
Result<GridScore> decode_grid(std::span<const std::uint8_t> bytes);

}  // namespace hemiola::data
