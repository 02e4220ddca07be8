// Training on processors. A step has three rounds of tasks: each row of the batch forward and back
// through the whole model; then each weight matrix's gradient, in blocks; then norm and update,
// after which each matrix is laid out in panels again. No result depends on the number of threads.
// Several ranks sum each layer's gradient while those of the others are still being computed.
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <optional>

#include "base/rng.h"
#include "nn/learner.h"
#include "nn/workers.h"

namespace hemiola::nn {

namespace {

using cpu::Kernels;
using cpu::LayerPanels;
using cpu::LayerTape;
using cpu::WeightGrad;

// 64-byte aligned memory that only grows; its contents are lost when it does.
class Buffer {
 public:
  static constexpr std::size_t kLargePage = std::size_t{2} << 20;

  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  std::byte* grow(std::size_t bytes) {
    if (bytes <= size_) return data_;
    std::free(data_);
    // Rows lie kilobytes apart: on small pages each would cost an address translation of its own.
    const std::size_t align = bytes >= kLargePage ? kLargePage : 64;
    bytes = (bytes + align - 1) / align * align;
    data_ = static_cast<std::byte*>(std::aligned_alloc(align, bytes));
    size_ = data_ == nullptr ? 0 : bytes;
    if (data_ == nullptr) throw std::bad_alloc();
    if (align == kLargePage) madvise(data_, bytes, MADV_HUGEPAGE);
    std::memset(data_, 0, bytes);
    return data_;
  }
  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

// Hands out pieces of a buffer; counts only while the base is null.
struct Pieces {
  std::byte* base = nullptr;
  std::size_t used = 0;

  template <class T>
  T* take(std::size_t count, std::size_t bytes_each = sizeof(T)) {
    std::byte* p = base == nullptr ? nullptr : base + used;
    used += (count * bytes_each + 63) / 64 * 64;
    return reinterpret_cast<T*>(p);
  }
  void* stored(const Kernels& k, std::size_t count) {
    return take<std::byte>(count, static_cast<std::size_t>(k.stored));
  }
};

// A matrix of the model and where its panels stand.
struct Matrix {
  std::size_t offset;  // in the flat weights
  int in, out;         // stored (in, out)
  int blocks;          // Muon treats so many column blocks each on its own (queries, keys, values)
  bool muon;
  void* panels;    // right-hand side (in, out)
  void* panels_t;  // right-hand side (out, in)
};

constexpr std::size_t kChunk = 1 << 16;  // floats of one task of element-wise work
constexpr int kGradColumns = 512;
constexpr int kVocabularyBlock = 1024;

class CpuLearner final : public Learner {
 public:
  CpuLearner(const Gpt2Shape& shape, const Kernels& kernels, int threads)
      : layout_(shape), k_(kernels), workers_(threads) {
    scratch_ = std::vector<Buffer>(static_cast<std::size_t>(workers_.count()));
    weights_.assign(layout_.size, 0.0F);
    lay_out_panels();
  }

  const Gpt2Layout& layout() const override { return layout_; }

  std::string device() const override {
    return fmt::format("CPU, {}, {} thread{}", k_.name, workers_.count(),
                       workers_.count() == 1 ? "" : "s");
  }

  void set_ranks(Ranks* ranks) override { ranks_ = ranks; }

  StepResult step(std::span<const Batch> batches, const UpdateSettings& u) override {
    use_panels(weights_, false);
    grads_.resize(layout_.size, 0.0F);
    StepResult result;
    for (const Batch& batch : batches) {
      result.targets += std::count_if(batch.targets.begin(), batch.targets.end(),
                                      [](std::int32_t t) { return t >= 0; });
    }
    if (Status status = sum_over_ranks(result.targets); !status) return lost(status.error());
    const float scale = 1.0F / static_cast<float>(std::max<std::int64_t>(1, result.targets));
    bool add = false;
    std::uint64_t part = ranks_ == nullptr ? 0 : static_cast<std::uint64_t>(ranks_->rank());
    for (const Batch& batch : batches) {
      cpu::Step s = view(batch, true);
      s.loss_scale = scale;
      s.dropout = u.dropout;
      s.drop_seed = static_cast<std::uint32_t>(
          mix64(mix64(u.seed ^ 0x6c6f73) + static_cast<std::uint64_t>(u.step) * 1024 + part));
      part += ranks_ == nullptr ? 1 : static_cast<std::uint64_t>(ranks_->count());
      workers_.run(batch.rows, [&](int row, int worker) {
        k_.train_row(s, row, scratch(worker, k_.row_scratch(s)));
      });
      const std::size_t tokens = batch.ids.size();
      for (std::size_t i = 0; i < tokens; ++i) result.loss += static_cast<double>(s.losses[i]);
      const bool last = &batch == &batches.back();
      if (Status status = weight_gradients(s, batch, add, last ? ranks_ : nullptr); !status) {
        return lost(status.error());
      }
      add = true;
    }
    if (Status status = sum_over_ranks(result.loss); !status) return lost(status.error());
    result.grad_norm = std::sqrt(squared_norm());
    if (!std::isfinite(result.grad_norm) || !std::isfinite(result.loss)) {
      result.skipped = true;
      return result;
    }
    update(u, result.grad_norm);
    return result;
  }

  std::vector<float> gradient() const override { return grads_; }

  std::vector<float> score(const Batch& batch, bool averaged) override {
    const bool use_average = averaged && !average_.empty();
    use_panels(use_average ? average_ : weights_, use_average);
    const cpu::Step s = view(batch, false);
    workers_.run(batch.rows, [&](int row, int worker) {
      k_.score_row(s, row, scratch(worker, k_.row_scratch(s)));
    });
    return {s.losses, s.losses + batch.ids.size()};
  }

  LearnerState state() const override { return {weights_, mean_, square_, average_}; }

  void set_state(LearnerState state) override {
    weights_ = std::move(state.weights);
    mean_ = std::move(state.mean);
    square_ = std::move(state.square);
    average_ = std::move(state.average);
    panels_valid_ = false;
  }

 private:
  template <class T>
  Status sum_over_ranks(T& value) {
    if (ranks_ == nullptr) return {};
    double sum[1] = {static_cast<double>(value)};
    HEMIOLA_CHECK(ranks_->sum(sum));
    value = static_cast<T>(sum[0]);
    return {};
  }

  static StepResult lost(const Error& error) {
    StepResult result;
    result.lost = error.message;
    return result;
  }

  std::byte* scratch(int worker, std::size_t bytes) {
    return scratch_[static_cast<std::size_t>(worker)].grow(bytes);
  }

  static std::size_t product(int a, int b) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
  }

  void lay_out_panels() {
    const int c = layout_.shape.width;
    for (const LayerOffsets& o : layout_.layers) {
      matrices_.push_back({o.qkv_weight, c, 3 * c, 3, true, nullptr, nullptr});
      matrices_.push_back({o.proj_weight, c, c, 1, true, nullptr, nullptr});
      matrices_.push_back({o.fc_weight, c, 4 * c, 1, true, nullptr, nullptr});
      matrices_.push_back({o.out_weight, 4 * c, c, 1, true, nullptr, nullptr});
    }
    // wte is the head's weight transposed: the forward product reads (C, V).
    matrices_.push_back({layout_.wte, layout_.shape.vocabulary, c, 1, false, nullptr, nullptr});
    Pieces pieces;
    for (int pass = 0; pass < 2; ++pass) {
      if (pass == 1) pieces = {panels_.grow(pieces.used), 0};
      for (Matrix& m : matrices_) {
        m.panels = pieces.stored(k_, panel_count(k_, m.in, m.out));
        m.panels_t = pieces.stored(k_, panel_count(k_, m.out, m.in));
      }
    }
    for (std::size_t i = 0; i < layout_.layers.size(); ++i) {
      const Matrix* m = &matrices_[4 * i];
      layer_panels_.push_back({m[0].panels, m[1].panels, m[2].panels, m[3].panels, m[0].panels_t,
                               m[1].panels_t, m[2].panels_t, m[3].panels_t});
    }
  }

  void pack(const Matrix& m, const std::vector<float>& weights) {
    const float* w = weights.data() + m.offset;
    k_.pack(w, m.out, m.in, m.out, m.panels);
    k_.pack_transposed(w, m.out, m.out, m.in, m.panels_t);
  }

  void use_panels(const std::vector<float>& weights, bool averaged) {
    if (panels_valid_ && panels_averaged_ == averaged) return;
    workers_.run(static_cast<int>(matrices_.size()),
                 [&](int i, int) { pack(matrices_[static_cast<std::size_t>(i)], weights); });
    panels_valid_ = true;
    panels_averaged_ = averaged;
  }

  cpu::Step view(const Batch& batch, bool train) {
    const Gpt2Shape& shape = layout_.shape;
    const std::size_t tokens = batch.ids.size();
    const auto c = static_cast<std::size_t>(shape.width);
    const auto rows = static_cast<std::size_t>(batch.rows);
    cpu::Step s{};
    s.layers = shape.layers;
    s.heads = shape.heads;
    s.width = shape.width;
    s.vocabulary = shape.vocabulary;
    s.padded_vocabulary = (shape.vocabulary + k_.panel - 1) / k_.panel * k_.panel;
    s.rows = batch.rows;
    s.length = batch.length;
    s.ids = batch.ids.data();
    s.targets = batch.targets.data();
    s.positions = batch.positions.data();
    s.segments = batch.segments.data();
    s.params = panels_averaged_ ? average_.data() : weights_.data();
    s.wte = layout_.wte;
    s.wpe = layout_.wpe;
    s.lnf_weight = layout_.lnf_weight;
    s.lnf_bias = layout_.lnf_bias;
    s.offsets = layout_.layers.data();
    s.panels = layer_panels_.data();
    s.head = matrices_.back().panels_t;
    s.head_t = matrices_.back().panels;
    Pieces p;
    for (int pass = 0; pass < 2; ++pass) {
      if (pass == 1) p = {tape_memory_.grow(p.used), 0};
      tape_.clear();
      for (int i = 0; i < shape.layers; ++i) {
        if (i > 0 && !train) {
          tape_.push_back(tape_.front());
          continue;
        }
        LayerTape t{};
        t.x1 = p.take<float>(tokens * c);
        t.stats1 = p.take<float>(tokens * 2);
        t.ln1 = p.stored(k_, tokens * c);
        t.qkv = p.stored(k_, tokens * 3 * c);
        t.att = p.stored(k_, tokens * c);
        t.lse = p.take<float>(tokens * static_cast<std::size_t>(shape.heads));
        t.x2 = p.take<float>(tokens * c);
        t.stats2 = p.take<float>(tokens * 2);
        t.ln2 = p.stored(k_, tokens * c);
        t.fc = p.stored(k_, tokens * 4 * c);
        t.act = p.stored(k_, tokens * 4 * c);
        if (train) {
          t.g_proj = p.stored(k_, tokens * c);
          t.g_out = p.stored(k_, tokens * c);
          t.ln_sums = p.take<float>(rows * 4 * c);
        }
        tape_.push_back(t);
      }
      s.xf = p.take<float>(tokens * c);
      s.statsf = p.take<float>(tokens * 2);
      s.lnf = p.stored(k_, tokens * c);
      s.losses = p.take<float>(tokens);
      if (train) {
        s.g_logits = p.stored(k_, tokens * static_cast<std::size_t>(s.padded_vocabulary));
        s.lnf_sums = p.take<float>(rows * 2 * c);
        s.g_x0 = p.take<float>(tokens * c);
      }
    }
    s.tape = tape_.data();
    return s;
  }

  // With ranks: the sum of all ranks' gradients.
  Status weight_gradients(const cpu::Step& s, const Batch& batch, bool add, Ranks* ranks) {
    const int c = s.width;
    const int tokens = s.rows * s.length;
    float* grads = grads_.data();
    std::vector<WeightGrad> tasks;
    auto linear = [&](const void* x, int in, const void* g, int out, std::size_t weight,
                      std::size_t bias) {
      for (int n = 0; n < out; n += kGradColumns) {
        for (int m = 0; m < in; m += 2 * kGradColumns) {
          tasks.push_back({x, g, in, out, tokens, m, std::min(m + 2 * kGradColumns, in), n,
                           std::min(n + kGradColumns, out), grads + weight, out,
                           m == 0 ? grads + bias : nullptr, add});
        }
      }
    };
    for (int v = 0; v < s.vocabulary; v += kVocabularyBlock) {
      tasks.push_back({s.g_logits, s.lnf, s.padded_vocabulary, c, tokens, v,
                       std::min(v + kVocabularyBlock, s.vocabulary), 0, c, grads + s.wte, c,
                       nullptr, add});
    }
    const std::size_t head_tasks = tasks.size();
    std::vector<std::size_t> ends = {head_tasks};  // of each bucket's tasks
    for (int i = 0; i < s.layers; ++i) {
      const LayerTape& t = s.tape[i];
      const LayerOffsets& o = s.offsets[i];
      linear(t.ln2, c, t.fc, 4 * c, o.fc_weight, o.fc_bias);
      linear(t.act, 4 * c, t.g_out, c, o.out_weight, o.out_bias);
      linear(t.ln1, c, t.qkv, 3 * c, o.qkv_weight, o.qkv_bias);
      linear(t.att, c, t.g_proj, c, o.proj_weight, o.proj_bias);
      ends.push_back(tasks.size());
    }
    std::optional<BucketSums> sums;
    if (ranks != nullptr) add_buckets(sums.emplace(*ranks), ends);
    workers_.run(static_cast<int>(tasks.size()) + 1, [&](int i, int worker) {
      if (i == 0) {  // a part of every bucket
        position_and_norm_gradients(s, batch, add);
        for (std::size_t b = 0; sums && b < ends.size(); ++b) sums->done(static_cast<int>(b));
        return;
      }
      const auto t = static_cast<std::size_t>(i) - 1;
      k_.weight_grad(tasks[t], scratch(worker, k_.grad_scratch(tasks[t])));
      if (t < head_tasks) embedding_gradient(s, batch, tasks[t]);
      if (sums) {
        sums->done(static_cast<int>(std::upper_bound(ends.begin(), ends.end(), t) - ends.begin()));
      }
    });
    return sums ? sums->finish() : Status();
  }

  // The embeddings' gradient is one bucket, each layer's another; ends: of their tasks.
  void add_buckets(BucketSums& sums, const std::vector<std::size_t>& ends) {
    std::size_t begin = 0;
    for (std::size_t b = 0; b < ends.size(); ++b) {
      const std::size_t end = b + 1 < ends.size() ? layout_.layers[b].ln1_weight : layout_.size;
      const std::size_t parts = 1 + ends[b] - (b > 0 ? ends[b - 1] : 0);
      sums.add(std::span(grads_).subspan(begin, end - begin), static_cast<int>(parts));
      begin = end;
    }
  }

  // Adds the input embedding's share to the rows of wte that a head task has just set.
  static void embedding_gradient(const cpu::Step& s, const Batch& batch, const WeightGrad& task) {
    const auto c = static_cast<std::size_t>(s.width);
    for (std::size_t t = 0; t < batch.ids.size(); ++t) {
      const int id = batch.ids[t];
      if (id < task.m0 || id >= task.m1) continue;
      float* to = task.grad + static_cast<std::size_t>(id) * c;
      const float* from = s.g_x0 + t * c;
      for (std::size_t j = 0; j < c; ++j) to[j] += from[j];
    }
  }

  void position_and_norm_gradients(const cpu::Step& s, const Batch& batch, bool add) {
    const auto c = static_cast<std::size_t>(s.width);
    float* wpe = grads_.data() + s.wpe;
    if (!add) std::fill_n(wpe, product(layout_.shape.context, s.width), 0.0F);
    for (std::size_t t = 0; t < batch.ids.size(); ++t) {
      float* to = wpe + static_cast<std::size_t>(batch.positions[t]) * c;
      const float* from = s.g_x0 + t * c;
      for (std::size_t j = 0; j < c; ++j) to[j] += from[j];
    }
    // Per-row sums (rows, groups, C), group g of every row into one tensor.
    auto reduce = [&](const float* sums, std::size_t groups, std::size_t g, std::size_t offset) {
      float* to = grads_.data() + offset;
      if (!add) std::fill_n(to, c, 0.0F);
      for (std::size_t row = 0; row < static_cast<std::size_t>(s.rows); ++row) {
        const float* from = sums + (row * groups + g) * c;
        for (std::size_t j = 0; j < c; ++j) to[j] += from[j];
      }
    };
    for (int i = 0; i < s.layers; ++i) {
      const LayerOffsets& o = s.offsets[i];
      reduce(s.tape[i].ln_sums, 4, 0, o.ln1_weight);
      reduce(s.tape[i].ln_sums, 4, 1, o.ln1_bias);
      reduce(s.tape[i].ln_sums, 4, 2, o.ln2_weight);
      reduce(s.tape[i].ln_sums, 4, 3, o.ln2_bias);
    }
    reduce(s.lnf_sums, 2, 0, s.lnf_weight);
    reduce(s.lnf_sums, 2, 1, s.lnf_bias);
  }

  double squared_norm() {
    const std::size_t chunks = (layout_.size + kChunk - 1) / kChunk;
    std::vector<double> parts(chunks);
    workers_.run(static_cast<int>(chunks), [&](int i, int) {
      const std::size_t begin = static_cast<std::size_t>(i) * kChunk;
      parts[static_cast<std::size_t>(i)] =
          k_.sum_of_squares(grads_.data() + begin, std::min(kChunk, layout_.size - begin));
    });
    double total = 0;
    for (double part : parts) total += part;
    return total;
  }

  void update(const UpdateSettings& u, double norm) {
    mean_.resize(layout_.size, 0.0F);
    square_.resize(layout_.size, 0.0F);
    const bool averaged = u.average > 0;
    if (averaged && average_.empty()) average_ = weights_;
    if (!averaged) average_.clear();
    float scale = 1.0F;
    if (u.clip > 0 && norm > static_cast<double>(u.clip)) {
      scale = static_cast<float>(static_cast<double>(u.clip) / (norm + 1e-6));
    }
    cpu::AdamW adam{};
    adam.rate = u.rate;
    adam.beta1 = u.beta1;
    adam.beta2 = u.beta2;
    adam.epsilon = u.epsilon;
    const auto t = static_cast<double>(u.step);
    adam.correction1 = static_cast<float>(1 / (1 - std::pow(static_cast<double>(u.beta1), t)));
    adam.correction2 = static_cast<float>(1 / (1 - std::pow(static_cast<double>(u.beta2), t)));
    adam.grad_scale = scale;
    const cpu::Muon muon{u.rate, u.momentum, u.decay, scale};
    auto adamw = [&](std::size_t begin, std::size_t size, bool decay) {
      cpu::AdamW settings = adam;
      settings.decay = decay ? u.decay : 0.0F;
      k_.adamw(settings, weights_.data() + begin, grads_.data() + begin, mean_.data() + begin,
               square_.data() + begin, size);
    };
    // Largest matrices first, so that the threads end together.
    std::vector<std::size_t> order(matrices_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return product(matrices_[a].in, matrices_[a].out) >
             product(matrices_[b].in, matrices_[b].out);
    });
    const int count = static_cast<int>(order.size());
    const bool use_muon = u.optimiser == Optimiser::kMuon;
    workers_.run(count + 1, [&](int i, int worker) {
      if (i == count) {
        for (const TensorSlot& slot : layout_.tensors) {
          if (slot.is_matrix() && slot.offset != layout_.wpe) continue;
          adamw(slot.offset, (slot.size + 15) / 16 * 16, slot.is_matrix());
          if (averaged) blend(u.average, slot.offset, (slot.size + 15) / 16 * 16);
        }
        return;
      }
      const Matrix& m = matrices_[order[static_cast<std::size_t>(i)]];
      const std::size_t size = product(m.in, m.out);
      if (use_muon && m.muon) {
        const int cols = m.out / m.blocks;
        std::byte* memory = scratch(worker, k_.muon_scratch(m.in, cols));
        for (int b = 0; b < m.blocks; ++b) {
          const std::size_t at = m.offset + product(b, cols);
          k_.muon(muon, weights_.data() + at, grads_.data() + at, mean_.data() + at, m.out, m.in,
                  cols, memory);
        }
      } else {
        adamw(m.offset, (size + 15) / 16 * 16, true);
      }
      if (averaged) blend(u.average, m.offset, (size + 15) / 16 * 16);
      pack(m, weights_);
    });
  }

  void blend(float weight, std::size_t begin, std::size_t size) {
    k_.blend(average_.data() + begin, weights_.data() + begin, weight, size);
  }

  Gpt2Layout layout_;
  const Kernels& k_;
  Workers workers_;
  Ranks* ranks_ = nullptr;
  std::vector<float> weights_, grads_, mean_, square_, average_;
  std::vector<Matrix> matrices_;  // four for each layer, then wte
  std::vector<LayerPanels> layer_panels_;
  std::vector<LayerTape> tape_;
  Buffer panels_, tape_memory_;
  std::vector<Buffer> scratch_;  // one for each worker
  bool panels_valid_ = false;
  bool panels_averaged_ = false;
};

}  // namespace

std::unique_ptr<Learner> make_cpu_learner(const Gpt2Shape& shape, const cpu::Kernels& kernels,
                                          int threads) {
  return std::make_unique<CpuLearner>(shape, kernels, threads);
}

Status check_batch(const Batch& batch, const Gpt2Shape& shape) {
  const std::size_t size = static_cast<std::size_t>(std::max(0, batch.rows)) *
                           static_cast<std::size_t>(std::max(0, batch.length));
  if (size == 0 || batch.ids.size() != size || batch.targets.size() != size ||
      batch.positions.size() != size || batch.segments.size() != size) {
    return fail("training batch: expected {} rows of {} tokens, got {} ids", batch.rows,
                batch.length, batch.ids.size());
  }
  for (std::size_t i = 0; i < size; ++i) {
    const bool row_start = i % static_cast<std::size_t>(batch.length) == 0;
    if (batch.ids[i] < 0 || batch.ids[i] >= shape.vocabulary || batch.targets[i] < kNoTarget ||
        batch.targets[i] >= shape.vocabulary) {
      return fail("training batch: token {} has id {} and target {}, the vocabulary is {}", i,
                  batch.ids[i], batch.targets[i], shape.vocabulary);
    }
    if (batch.positions[i] < 0 || batch.positions[i] >= shape.context) {
      return fail("training batch: token {} has position {}, the context is {}", i,
                  batch.positions[i], shape.context);
    }
    if (!row_start && batch.segments[i] < batch.segments[i - 1]) {
      return fail("training batch: segment {} follows segment {} at token {}", batch.segments[i],
                  batch.segments[i - 1], i);
    }
  }
  return {};
}

}  // namespace hemiola::nn
