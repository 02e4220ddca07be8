// One pass of the transformer over some rows, each a token of a stream at a position. Private to
// the engine: decode, prefill and scoring are the same pass over different rows.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/kernels.h"
#include "engine/kv_cache.h"
#include "engine/thread_pool.h"
#include "model/packed.h"

namespace hemiola::engine {

struct LinearView {
  const PackedMatrix* weight = nullptr;
  const float* bias = nullptr;  // (panels * 32), or null
};

struct NormView {
  const float* weight = nullptr;
  const float* bias = nullptr;  // (width)
};

struct LayerView {
  NormView norm1, norm2;
  LinearView qkv, proj, fc, out;
};

// Pointers into a PackedModel, looked up once.
struct WeightsView {
  explicit WeightsView(const PackedModel& model);

  const ModelConfig* config;
  Packing packing;
  const PackedMatrix* embedding;  // (vocabulary outputs)
  const float* positions;         // (context, width)
  std::vector<LayerView> layers;
  NormView last_norm;
  const PackedMatrix* head;  // (vocabulary outputs)
};

struct Row {
  int stream;
  int position;
  TokenId token;
};

// Where the working memory of a pass lies in a cache's scratch; rows are padded to whole panels.
struct ScratchPlan {
  ScratchPlan(const ModelConfig& config, Packing packing, int streams, int capacity, int threads,
              std::size_t room_for_rows);

  int rows;
  std::ptrdiff_t x_stride, qkv_stride, inner_stride, input_stride, group_stride, score_stride,
      half_stride, logit_stride, room_stride;
  std::size_t row_list, x, normed, qkv, inner, input, scales, offsets, scores, halves, room, logits,
      needed_panels;
  std::size_t bytes;
};

class Forward {
 public:
  Forward(const WeightsView& weights, const Kernels& kernels, const ScratchPlan& plan,
          ThreadPool& pool, KvCache& cache);

  // Runs all layers and appends keys and values; lengths of the streams are left to the caller.
  // Rows are either one each of different streams, or one stream's at positions in turn.
  void run(std::span<const Row> rows);
  // After run: logits of rows [first, first + count), (count, vocabulary) from `logits` on with a
  // stride. Only panels whose bit is set in `panels`; empty: all.
  void head(int first, int count, float* logits, std::ptrdiff_t stride,
            std::span<const std::uint64_t> panels = {});

 private:
  struct Product {
    Matmul task;
    void (*kernel)(const Matmul&);
  };

  template <class T>
  T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(scratch_ + offset);
  }

  void embed(std::span<const Row> rows);
  template <class Task>
  void for_rows(int count, const Task& task);
  void normalise(const NormView& norm, int row) const;
  void to_input(const float* from, int row, int count, Packing packing) const;
  void inputs(const float* from, std::ptrdiff_t stride, int rows, int count);
  Product product(const LinearView& linear, const float* x, std::ptrdiff_t x_stride, int rows,
                  float* y, std::ptrdiff_t y_stride, Epilogue epilogue) const;
  void multiply(const Product& product);
  void append(int layer, const Row& row, int index, int head) const;
  Attend attend_task(int layer, const Row& row, int index, int head, int thread) const;
  void attend(int layer, const Row& row, int index, int head, int thread) const;
  void attend_rows(int layer, std::span<const Row> rows, int begin, int head, int thread) const;
  void attention(int layer, std::span<const Row> rows);
  bool heads_are_tasks(std::span<const Row> rows) const;
  void multiply_and_attend(int layer, std::span<const Row> rows, const Product& qkv);

  const WeightsView& weights_;
  const Kernels& kernels_;
  const ScratchPlan& plan_;
  ThreadPool& pool_;
  KvCache& cache_;
  std::byte* scratch_;
};

}  // namespace hemiola::engine
