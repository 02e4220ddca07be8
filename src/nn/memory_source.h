// Documents of token ids held in memory as a source of training examples: rows cut from the
// shuffled documents laid end to end. For tests and small corpora that are already tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/example_source.h"

namespace hemiola::nn {

class MemorySource final : public ExampleSource, public EvalSource {
 public:
  // notes and beats of each document may be empty.
  MemorySource(std::vector<std::vector<std::int32_t>> documents, std::uint64_t seed,
               std::vector<std::int64_t> notes = {}, std::vector<double> beats = {});

  Status next(int rows, int length, Batch& batch) override;
  double epochs() const override;
  std::string state() const override;
  Status restore(std::string_view state) override;

  std::size_t size() const override { return documents_.size(); }
  EvalDocument document(std::size_t index) const override;

 private:
  void shuffle();

  std::vector<std::vector<std::int32_t>> documents_;
  std::vector<std::int64_t> notes_;
  std::vector<double> beats_;
  std::uint64_t seed_;
  std::uint64_t fingerprint_ = 0;
  std::size_t total_ = 0;  // targets in one pass
  std::uint64_t epoch_ = 0;
  std::vector<std::size_t> order_;
  std::size_t at_ = 0;      // place in the order
  std::size_t offset_ = 0;  // in that document
  std::size_t done_ = 0;    // targets given in this pass
};

// Rows of two sources side by side: a fixed share of them from the second. Fine-tuning mixes old
// data in by it.
class MixedSource final : public ExampleSource {
 public:
  // Both outlive this. share in [0, 1].
  MixedSource(ExampleSource& first, ExampleSource& second, double share)
      : first_(first), second_(second), share_(share) {}

  Status next(int rows, int length, Batch& batch) override;
  double epochs() const override { return first_.epochs(); }
  std::string state() const override;
  Status restore(std::string_view state) override;

 private:
  ExampleSource& first_;
  ExampleSource& second_;
  double share_;
  std::int64_t rows_ = 0;  // so far
  std::int64_t second_rows_ = 0;
};

}  // namespace hemiola::nn
