// TensorFlow's first checkpoint format, in which VGGish is published: one file, a sorted table of
// blocks as LevelDB has them, whose entries are protocol buffers with whole tensors in float.
// Read from a mapped file; every length is checked against the bytes that are there.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hemiola::evaluate {

struct CheckpointTensor {
  std::vector<int> shape;
  std::span<const std::uint8_t> bytes;  // little-endian floats, row-major; not aligned

  std::vector<float> values() const;
};

using Checkpoint = std::map<std::string, CheckpointTensor, std::less<>>;

// `bytes` must outlive the result. Refuses compressed blocks and tensors in several slices, which
// TensorFlow writes only when asked to.
Result<Checkpoint> parse_checkpoint(std::span<const std::uint8_t> bytes, std::string_view where);

}  // namespace hemiola::evaluate
