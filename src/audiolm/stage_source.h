// What the stages learn from: windows cut at random places of the cached pieces, always at
// the boundary of a unit, several to a row, no loss on what conditions; and fixed windows of the
// held-out pieces, with the loss told by quantizer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "audiolm/layout.h"
#include "audiolm/token_cache.h"
#include "base/result.h"
#include "base/rng.h"
#include "nn/example_source.h"

namespace hemiola::audiolm {

// Shape and codes of the layout are those of the cache.
class StageSource final : public nn::ExampleSource {
 public:
  // The cache outlives this. Fails when no training piece is long enough for a window of a row.
  // misled: share, less than 1, of a window's own past that is shown as it is at another moment of
  // the piece, in stretches of up to a second; what is to be told of it stays true. A stage that is
  // misled so learns to go by what conditions it, as it must when the past is what it made itself
  // (compare scheduled sampling: Bengio and others 2015, arXiv 1506.03099). For the coarse and the
  // fine stage.
  static Result<std::unique_ptr<StageSource>> create(const TokenCache& cache, const Layout& layout,
                                                     std::uint64_t seed, double misled = 0);

  // Each row holds as many whole windows as fit; a piece shorter than a window gives all it has.
  // Refuses rows that are shorter than a window.
  Status next(int rows, int length, nn::Batch& batch) override;
  double epochs() const override;
  std::string state() const override;
  Status restore(std::string_view state) override;

 private:
  StageSource(const TokenCache& cache, const Layout& layout, std::uint64_t seed, double misled);
  // seen: the ids that are shown.
  Window draw(std::vector<std::int32_t>& seen);
  void mislead(Rng& rng, std::size_t piece, std::size_t count, std::size_t first,
               std::vector<std::int32_t>& seen) const;

  const TokenCache& cache_;
  Layout layout_;
  std::uint64_t seed_;
  double misled_;
  std::vector<std::size_t> pieces_;  // of the training split, with two units or more
  std::vector<std::size_t> sums_;    // units up to and with each of them
  std::uint64_t windows_ = 0;        // drawn
  std::uint64_t units_ = 0;          // in them
};

// Of each validation piece its first window, and the last one where that is another.
class StageHeldOut final : public nn::EvalSource {
 public:
  StageHeldOut(const TokenCache& cache, const Layout& layout);

  std::size_t size() const override { return windows_.size(); }
  nn::EvalDocument document(std::size_t index) const override;
  Window window(std::size_t index) const;

 private:
  struct Place {
    std::size_t piece, begin, units;
  };
  const TokenCache& cache_;
  Layout layout_;
  std::vector<Place> windows_;
};

// The loss of one quantizer; of the units, for the semantic stage.
struct QuantizerLoss {
  int quantizer = 0;
  double nats = 0;
  std::int64_t tokens = 0;

  double perplexity() const;
};

// score: (rows, length) losses in nats of a batch, 0 where there is no target (nn::Learner::score).
// max_windows: at most so many, evenly spread; 0: all.
std::vector<QuantizerLoss> held_out_by_quantizer(
    const StageHeldOut& held_out, const Layout& layout,
    const std::function<std::vector<float>(const nn::Batch&)>& score, std::size_t max_windows = 0);

}  // namespace hemiola::audiolm
