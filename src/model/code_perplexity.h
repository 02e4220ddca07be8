// How many entries of each codebook are in use, in effect.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/codec_shape.h"

namespace hemiola {

// Of each quantizer, 2 to the entropy in bits of its codes: 1 to the size of its codebook. codes
// (frames, quantizers), in range.
std::vector<double> code_perplexity(std::span<const std::int16_t> codes, const CodecShape& shape);

}  // namespace hemiola
