// What the trainer asks of its data, and nothing of how it is made. No libtorch here, so that the
// loader in src/data can implement it without depending on training.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hemiola::nn {

// A target that carries no loss: padding, the end of a document, given prompts.
inline constexpr std::int32_t kNoTarget = -1;

// Rows of token ids. A row may hold several documents one after another: each is one segment, a
// contiguous stretch of equal segment numbers (>= 0) that increase along the row; attention never
// crosses a segment and positions restart at 0 in each. Padding at the end of a row is a segment of
// its own with id 0, position 0.. and target kNoTarget.
struct Batch {
  int rows = 0;
  int length = 0;
  std::vector<std::int32_t> ids;        // (rows, length), each in [0, vocabulary)
  std::vector<std::int32_t> targets;    // (rows, length), the id that follows, or kNoTarget
  std::vector<std::int32_t> positions;  // (rows, length), each in [0, context)
  std::vector<std::int32_t> segments;   // (rows, length)

  void resize(int new_rows, int new_length) {
    rows = new_rows;
    length = new_length;
    const auto size = static_cast<std::size_t>(new_rows) * static_cast<std::size_t>(new_length);
    ids.assign(size, 0);
    targets.assign(size, kNoTarget);
    positions.assign(size, 0);
    segments.assign(size, 0);
  }
};

// An endless stream of training batches. The same seed and the same calls give the same batches on
// every machine. Used by one thread at a time, though not always by the same one.
class ExampleSource {
 public:
  virtual ~ExampleSource() = default;

  // The next batch of `rows` rows of `length` tokens; every row packed as full as the data allows.
  virtual Status next(int rows, int length, Batch& batch) = 0;

  // Passes over the data so far, whole and begun: 1.25 is a quarter into the second.
  virtual double epochs() const = 0;

  // Where the stream stands (seed, epoch, position ...) as a short text without line breaks; cheap,
  // it is called after every batch. A source of the same data that restores it goes on with exactly
  // the batches that would have followed. restore refuses a state of other data with the reason.
  virtual std::string state() const = 0;
  virtual Status restore(std::string_view state) = 0;
};

// One held-out document. Every token from `first` on is scored once, given those before it.
struct EvalDocument {
  std::vector<std::int32_t> ids;
  int first = 1;           // index of the first scored token, >= 1
  std::int64_t notes = 0;  // notes said by the scored tokens
  double beats = 0;        // quarter notes that the scored tokens span
};

// A fixed list of held-out documents.
class EvalSource {
 public:
  virtual ~EvalSource() = default;
  virtual std::size_t size() const = 0;
  virtual EvalDocument document(std::size_t index) const = 0;
};

}  // namespace hemiola::nn
