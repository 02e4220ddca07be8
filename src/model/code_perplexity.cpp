#include "model/code_perplexity.h"

#include <cmath>

namespace hemiola {

std::vector<double> code_perplexity(std::span<const std::int16_t> codes, const CodecShape& shape) {
  const auto quantizers = static_cast<std::size_t>(shape.quantizers);
  std::vector<double> result(quantizers, 1.0);
  const std::size_t frames = codes.size() / quantizers;
  if (frames == 0) return result;
  for (std::size_t q = 0; q < quantizers; ++q) {
    std::vector<double> counts(static_cast<std::size_t>(shape.codebook));
    for (std::size_t i = 0; i < frames; ++i) {
      ++counts[static_cast<std::size_t>(codes[i * quantizers + q])];
    }
    double entropy = 0;
    for (const double count : counts) {
      const double share = count / static_cast<double>(frames);
      if (share > 0) entropy -= share * std::log2(share);
    }
    result[q] = std::exp2(entropy);
  }
  return result;
}

}  // namespace hemiola
