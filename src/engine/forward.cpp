#include "engine/forward.h"

#include <algorithm>
#include <cmath>

#include "model/tensor.h"

namespace hemiola::engine {
namespace {

// Tokens of a prompt that go through the layers together.
constexpr int kPrefillRows = 128;

std::ptrdiff_t padded(int n) {
  return static_cast<std::ptrdiff_t>(round_up(static_cast<std::size_t>(n), kPanel));
}

std::size_t input_bytes(Packing packing) {
  return packing == Packing::kF32 ? 4 : packing == Packing::kBf16 ? 2 : 1;
}

int group_of(Packing packing) { return packing == Packing::kInt4 ? kQuantGroup4 : kQuantGroup; }

}  // namespace

WeightsView::WeightsView(const PackedModel& model) : config(&model.config), packing(model.packing) {
  const auto matrix = [&](const std::string& name) { return &model.matrices.find(name)->second; };
  const auto vector = [&](const std::string& name) {
    return model.vectors.find(name)->second.data();
  };
  const auto norm = [&](const std::string& name) {
    return NormView{vector(name + ".weight"), vector(name + ".bias")};
  };
  const auto linear = [&](const std::string& name) {
    return LinearView{matrix(name + ".weight"), vector(name + ".bias")};
  };
  embedding = matrix("wte.weight");
  positions = vector("wpe.weight");
  for (int i = 0; i < model.config.layers; ++i) {
    const std::string h = fmt::format("h.{}.", i);
    layers.push_back({norm(h + "ln_1"), norm(h + "ln_2"), linear(h + "attn.c_attn"),
                      linear(h + "attn.c_proj"), linear(h + "mlp.c_fc"), linear(h + "mlp.c_proj")});
  }
  last_norm = norm("ln_f");
  head = model.config.tied_head ? embedding : matrix("lm_head.weight");
}

ScratchPlan::ScratchPlan(const ModelConfig& config, Packing packing, int streams, int capacity,
                         int threads, std::size_t room_for_rows)
    : rows(std::max(streams, std::min(capacity, kPrefillRows))),
      x_stride(padded(config.width)),
      qkv_stride(padded(3 * config.width)),
      inner_stride(padded(config.inner)),
      input_stride(padded(std::max(config.width, config.inner))),
      group_stride(input_stride / group_of(packing) + 1),
      score_stride(padded(capacity)),
      half_stride(padded(config.head_width()) + padded(capacity)),
      logit_stride(padded(config.vocabulary)),
      room_stride(static_cast<std::ptrdiff_t>(round_up(room_for_rows, kCacheLine))) {
  std::size_t end = 0;
  const auto take = [&](std::size_t count, std::ptrdiff_t stride, std::size_t size) {
    const std::size_t begin = end;
    end = round_up(end + count * static_cast<std::size_t>(stride) * size, kCacheLine);
    return begin;
  };
  const auto n = static_cast<std::size_t>(rows);
  row_list = take(n, 1, sizeof(Row));
  x = take(n, x_stride, sizeof(float));
  normed = take(n, x_stride, sizeof(float));
  qkv = take(n, qkv_stride, sizeof(float));
  inner = take(n, inner_stride, sizeof(float));
  input = take(n, input_stride, input_bytes(packing));
  scales = take(n, group_stride, sizeof(float));
  offsets = take(n, group_stride, sizeof(std::int32_t));
  scores = take(static_cast<std::size_t>(threads), score_stride, sizeof(float));
  halves = take(static_cast<std::size_t>(threads), half_stride, sizeof(std::uint16_t));
  room = take(static_cast<std::size_t>(threads), room_stride, 1);
  logits = take(static_cast<std::size_t>(streams), logit_stride, sizeof(float));
  needed_panels = take(1, logit_stride / kPanel / 64 + 1, sizeof(std::uint64_t));
  bytes = end;
}

Forward::Forward(const WeightsView& weights, const Kernels& kernels, const ScratchPlan& plan,
                 ThreadPool& pool, KvCache& cache)
    : weights_(weights),
      kernels_(kernels),
      plan_(plan),
      pool_(pool),
      cache_(cache),
      scratch_(cache.scratch()) {}

// Work of a row each; not worth waking anyone for a single row.
template <class Task>
void Forward::for_rows(int count, const Task& task) {
  pool_.run(count, [&](int row, int) { task(row); });
}

void Forward::embed(std::span<const Row> rows) {
  const int width = weights_.config->width;
  const PackedMatrix& table = *weights_.embedding;
  for_rows(static_cast<int>(rows.size()), [&](int index) {
    const Row& row = rows[static_cast<std::size_t>(index)];
    float* x = at<float>(plan_.x) + index * plan_.x_stride;
    const float* position = weights_.positions + std::ptrdiff_t{row.position} * width;
    table.take_output(row.token, x);
    for (int k = 0; k < width; ++k) x[k] += position[k];
  });
}

void Forward::normalise(const NormView& norm, int row) const {
  const LayerNorm task = {at<float>(plan_.x) + row * plan_.x_stride,
                          norm.weight,
                          norm.bias,
                          weights_.config->width,
                          weights_.config->layer_norm_epsilon,
                          at<float>(plan_.normed) + row * plan_.x_stride};
  kernels_.layer_norm(task);
}

// Row `row` of the product's input from floats; fp32 products read the floats themselves.
void Forward::to_input(const float* from, int row, int count, Packing packing) const {
  switch (packing) {
    case Packing::kF32:
      return;
    case Packing::kBf16:
      kernels_.to_bf16(from, count, at<std::uint16_t>(plan_.input) + row * plan_.input_stride);
      return;
    case Packing::kInt8:
    case Packing::kInt4:
      kernels_.quantise({from, count, group_of(packing),
                         at<std::int8_t>(plan_.input) + row * plan_.input_stride,
                         at<float>(plan_.scales) + row * plan_.group_stride,
                         at<std::int32_t>(plan_.offsets) + row * plan_.group_stride});
      return;
  }
}

void Forward::inputs(const float* from, std::ptrdiff_t stride, int rows, int count) {
  if (weights_.packing == Packing::kF32) return;
  for_rows(rows, [&](int row) { to_input(from + row * stride, row, count, weights_.packing); });
}

Forward::Product Forward::product(const LinearView& linear, const float* x, std::ptrdiff_t x_stride,
                                  int rows, float* y, std::ptrdiff_t y_stride,
                                  Epilogue epilogue) const {
  const PackedMatrix& w = *linear.weight;
  const bool floats = w.packing == Packing::kF32;
  Matmul m{};
  m.panels = w.panels;
  m.bias = linear.bias;
  m.scales = w.scales.data();
  m.in = w.in;
  m.out = w.out;
  m.panel_end = panel_count(w.out);
  m.rows = rows;
  m.x = floats ? static_cast<const void*>(x) : scratch_ + plan_.input;
  m.x_stride = floats ? x_stride : plan_.input_stride;
  m.x_scales = at<float>(plan_.scales);
  m.x_offsets = at<std::int32_t>(plan_.offsets);
  m.group_stride = plan_.group_stride;
  m.y = y;
  m.y_stride = y_stride;
  m.epilogue = epilogue;
  return {m, w.packing == Packing::kF32    ? kernels_.matmul_f32
             : w.packing == Packing::kBf16 ? kernels_.matmul_bf16
             : w.packing == Packing::kInt8 ? kernels_.matmul_int8
                                           : kernels_.matmul_int4};
}

// Deals the panels out in a few pieces a thread, so that a slow thread holds nobody up for long.
// Few rows wait for weights, and these are read fastest in long pieces.
void Forward::multiply(const Product& whole) {
  constexpr int kFewRows = 16;
  const int pieces_per_thread = whole.task.rows <= kFewRows ? 2 : 4;
  const int panels = whole.task.panel_end;
  const int threads = pool_.threads();
  const int pieces = threads == 1 ? 1 : std::min(panels, threads * pieces_per_thread);
  pool_.run(pieces, [&](int piece, int) {
    Matmul part = whole.task;
    part.panel_begin = panels * piece / pieces;
    part.panel_end = panels * (piece + 1) / pieces;
    whole.kernel(part);
  });
}

// Keys and values of one row and head into the cache.
void Forward::append(int layer, const Row& row, int index, int head) const {
  const int width = weights_.config->width, head_width = weights_.config->head_width();
  const float* key = at<float>(plan_.qkv) + index * plan_.qkv_stride + width + head * head_width;
  cache_.put(layer, row.stream, head, row.position, key, key + width);
}

Attend Forward::attend_task(int layer, const Row& row, int index, int head, int thread) const {
  const int head_width = weights_.config->head_width();
  return {
      at<float>(plan_.qkv) + index * plan_.qkv_stride + head * head_width,
      cache_.keys(layer, row.stream, head),
      cache_.values(layer, row.stream, head),
      head_width,
      row.position + 1,
      1 / std::sqrt(static_cast<float>(head_width)),
      at<float>(plan_.scores) + thread * plan_.score_stride,
      at<std::uint16_t>(plan_.halves) + thread * plan_.half_stride,
      at<float>(plan_.normed) + index * plan_.x_stride + head * head_width,
      cache_.key_scales(layer, row.stream, head),
      cache_.value_scales(layer, row.stream, head),
  };
}

void Forward::attend(int layer, const Row& row, int index, int head, int thread) const {
  const CacheType type = cache_.shape().type;
  (type == CacheType::kInt8   ? kernels_.attend_int8
   : type == CacheType::kBf16 ? kernels_.attend_bf16
                              : kernels_.attend_f32)(attend_task(layer, row, index, head, thread));
}

// `rows` are one stream's; the first of them is the pass's row `begin`.
void Forward::attend_rows(int layer, std::span<const Row> rows, int begin, int head,
                          int thread) const {
  if (cache_.shape().type == CacheType::kInt8) {
    kernels_.attend_rows_int8({attend_task(layer, rows[0], begin, head, thread),
                               static_cast<int>(rows.size()), plan_.qkv_stride, plan_.x_stride,
                               scratch_ + plan_.room + thread * plan_.room_stride});
    return;
  }
  for (const Row& row : rows) attend(layer, row, begin++, head, thread);
}

// Leaves the heads' outputs side by side in `normed`.
void Forward::attention(int layer, std::span<const Row> rows) {
  const int heads = weights_.config->heads;
  const auto count = static_cast<int>(rows.size());
  const bool one_stream = count > 1 && rows[0].stream == rows[1].stream;
  if (!one_stream) {
    pool_.run(count * heads, [&](int task, int thread) {
      const int index = task / heads, head = task % heads;
      const Row& row = rows[static_cast<std::size_t>(index)];
      append(layer, row, index, head);
      attend(layer, row, index, head, thread);
    });
    return;
  }
  // A row sees the keys of the rows before it: all are appended first.
  pool_.run(heads, [&](int head, int) {
    for (int i = 0; i < count; ++i) append(layer, rows[static_cast<std::size_t>(i)], i, head);
  });
  // As many rows a task as leave a few tasks a thread: what rows have in common is done once for
  // each task.
  constexpr int kRowsPerTile = 16, kTasksPerThread = 4;
  const int wanted = std::max(1, kTasksPerThread * pool_.threads() / heads);
  const int most = (count + wanted - 1) / wanted;
  const int rows_per_task = (most + kRowsPerTile - 1) / kRowsPerTile * kRowsPerTile;
  const int row_tasks = (count + rows_per_task - 1) / rows_per_task;
  pool_.run(heads * row_tasks, [&](int task, int thread) {
    // The last rows see the most: they go first.
    const int head = task % heads, begin = (row_tasks - 1 - task / heads) * rows_per_task;
    const int end = std::min(begin + rows_per_task, count);
    attend_rows(
        layer, rows.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
        begin, head, thread);
  });
}

// One row each of different streams. A task is a head: its part of the product, where heads begin
// at panels, then its attention. So weights and cache are read at the same time by different
// threads, and nobody waits in between. (In fp32 the product reads the very floats that attention
// writes over.)
bool Forward::heads_are_tasks(std::span<const Row> rows) const {
  const bool one_stream = rows.size() > 1 && rows[0].stream == rows[1].stream;
  return !one_stream && weights_.packing != Packing::kF32 &&
         weights_.config->head_width() % kPanel == 0 &&
         weights_.config->heads >= 2 * pool_.threads();
}

void Forward::multiply_and_attend(int layer, std::span<const Row> rows, const Product& qkv) {
  const int panels = weights_.config->head_width() / kPanel;
  pool_.run(weights_.config->heads, [&](int head, int thread) {
    for (const Row& row : rows) cache_.expect(layer, row.stream, head, row.position);
    for (int part = 0; part < 3; ++part) {
      Matmul task = qkv.task;
      task.panel_begin = (part * weights_.config->heads + head) * panels;
      task.panel_end = task.panel_begin + panels;
      qkv.kernel(task);
    }
    for (int i = 0; i < static_cast<int>(rows.size()); ++i) {
      const Row& row = rows[static_cast<std::size_t>(i)];
      append(layer, row, i, head);
      attend(layer, row, i, head, thread);
    }
  });
}

void Forward::run(std::span<const Row> rows) {
  const auto count = static_cast<int>(rows.size());
  const int width = weights_.config->width, inner = weights_.config->inner;
  float* x = at<float>(plan_.x);
  float* normed = at<float>(plan_.normed);
  float* qkv = at<float>(plan_.qkv);
  float* mlp = at<float>(plan_.inner);
  const auto normed_input = [&](const NormView& norm) {
    for_rows(count, [&](int row) {
      normalise(norm, row);
      to_input(normed + row * plan_.x_stride, row, width, weights_.packing);
    });
  };
  embed(rows);
  for (int i = 0; i < weights_.config->layers; ++i) {
    const LayerView& layer = weights_.layers[static_cast<std::size_t>(i)];
    normed_input(layer.norm1);
    const Product qkv_product =
        product(layer.qkv, normed, plan_.x_stride, count, qkv, plan_.qkv_stride, Epilogue::kStore);
    if (heads_are_tasks(rows)) {
      multiply_and_attend(i, rows, qkv_product);
    } else {
      multiply(qkv_product);
      attention(i, rows);
    }
    inputs(normed, plan_.x_stride, count, width);
    multiply(product(layer.proj, normed, plan_.x_stride, count, x, plan_.x_stride, Epilogue::kAdd));
    normed_input(layer.norm2);
    multiply(
        product(layer.fc, normed, plan_.x_stride, count, mlp, plan_.inner_stride, Epilogue::kGelu));
    inputs(mlp, plan_.inner_stride, count, inner);
    multiply(product(layer.out, mlp, plan_.inner_stride, count, x, plan_.x_stride, Epilogue::kAdd));
  }
}

void Forward::head(int first, int count, float* logits, std::ptrdiff_t stride,
                   std::span<const std::uint64_t> panels) {
  float* normed = at<float>(plan_.normed);
  const int width = weights_.config->width;
  for_rows(count, [&](int i) {
    normalise(weights_.last_norm, first + i);
    to_input(normed + (first + i) * plan_.x_stride, i, width, weights_.head->packing);
  });
  const LinearView linear = {weights_.head, nullptr};
  const Product whole = product(linear, normed + first * plan_.x_stride, plan_.x_stride, count,
                                logits, stride, Epilogue::kStore);
  if (panels.empty()) return multiply(whole);
  constexpr int kPanelsPerTask = 8;
  const int tasks = (whole.task.panel_end + kPanelsPerTask - 1) / kPanelsPerTask;
  pool_.run(tasks, [&](int task, int) {
    const int begin = task * kPanelsPerTask;
    const int end = std::min(begin + kPanelsPerTask, whole.task.panel_end);
    Matmul part = whole.task;
    for (int panel = begin; panel < end; ++panel) {
      const auto p = static_cast<std::size_t>(panel);
      if ((panels[p / 64] >> (p % 64) & 1) == 0) continue;
      part.panel_begin = panel;
      part.panel_end = panel + 1;
      whole.kernel(part);
    }
  });
}

}  // namespace hemiola::engine
