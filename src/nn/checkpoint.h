// A training run's state in one file, replaced at once: the learner's flat arrays and a JSON text,
// with a checksum over both, so that a damaged one is refused.
#pragma once

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "nn/learner.h"

namespace hemiola::nn {

struct Checkpoint {
  LearnerState state;
  Json info;  // step, data position, options ...
};

Status write_checkpoint(const Path& path, const Checkpoint& checkpoint);

// `size`: floats that each array must have (empty ones aside).
Result<Checkpoint> read_checkpoint(const Path& path, std::size_t size);

// The same of any arrays, by name; for what is not one of LearnerState's.
struct NamedArray {
  std::string name;
  std::vector<float> values;
};
struct ArrayCheckpoint {
  std::vector<NamedArray> arrays;
  Json info;
};
Status write_array_checkpoint(const Path& path, const ArrayCheckpoint& checkpoint);
Result<ArrayCheckpoint> read_array_checkpoint(const Path& path);

// The JSON text alone; the arrays are not looked at.
Result<Json> read_checkpoint_info(const Path& path);

}  // namespace hemiola::nn
