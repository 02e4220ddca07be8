// The processes that train one model together, as `--ranks N`, torchrun, Slurm or Kubernetes start
// them: each computes its share of every batch, the gradients are summed over all. This is the
// little that the trainer asks of torch.distributed; its implementation stands in libhemiola_torch
// (torch_ranks.cpp). Starting the processes is not for here (cli/launch_ranks.h).
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace hemiola::nn {

// Where this process stands among them.
struct RankPlace {
  int rank = 0;  // in [0, ranks)
  int ranks = 1;
  int local_rank = 0;  // the same among the processes of this machine
  int local_ranks = 1;
  std::string address = "127.0.0.1";  // of rank 0's machine
  int port = 29500;                   // on which rank 0 waits for the others
  double timeout_seconds = 900;       // a rank that is silent for longer is lost
};

// From RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT as torchrun sets
// them; one rank where WORLD_SIZE is not set. Fails where they do not fit together.
Result<RankPlace> place_from_environment();

// All ranks make the same calls in the same order. Every call waits for the others, but begin_sum.
// A failure means that another rank was lost; nothing can be exchanged any more then. Used by one
// thread at a time, though not always by the same one.
class Ranks {
 public:
  virtual ~Ranks() = default;

  virtual int rank() const = 0;
  virtual int count() const = 0;
  virtual std::string name() const = 0;  // "gloo"

  // Begins to add up `values` over all ranks, in place; they are left alone until finish_sums(),
  // which waits for all sums that were begun. The result is the same, bit by bit, on all ranks.
  virtual void begin_sum(std::span<float> values) = 0;
  virtual Status finish_sums() = 0;

  virtual Status sum(std::span<double> values) = 0;
  // Rank 0's bytes to all others.
  virtual Status broadcast(std::span<std::byte> bytes) = 0;
};

// Waits until all ranks have met. Fails if they do not, or without libtorch (torch_module.h).
Result<std::unique_ptr<Ranks>> join_ranks(const RankPlace& place);

// Rank 0's text to all others. Where it has none, but an error, that error is returned there, and
// one that points at it elsewhere.
Result<std::string> share_text(Ranks& ranks, Result<std::string> text);

// Sums a gradient in buckets while the rest of it is still being computed. Buckets may be completed
// in any order by any threads; their sums begin in the order in which they were declared, which
// is the same on all ranks.
class BucketSums {
 public:
  explicit BucketSums(Ranks& ranks) : ranks_(ranks) {}

  // Before the work: a bucket that is complete after `parts` calls of done(); its index.
  int add(std::span<float> values, int parts);
  void done(int bucket);
  // After the work.
  Status finish() { return ranks_.finish_sums(); }

 private:
  struct Bucket {
    std::span<float> values;
    int parts;
  };

  Ranks& ranks_;
  std::mutex mutex_;
  std::vector<Bucket> buckets_;
  std::size_t next_ = 0;  // the first whose sum has not begun
};

}  // namespace hemiola::nn
