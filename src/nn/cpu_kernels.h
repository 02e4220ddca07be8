// The arithmetic of a GPT-2 training step on a processor, behind a table of functions. The same
// source (cpu_kernels.inl) is compiled once for each instruction set; which table is used is chosen
// at run time. Weights, gradients and the residual stream are fp32; what a matrix product reads is
// stored in the table's own format, bf16 or fp32 ("stored" below), and summed in fp32.
//
// Matrix products read their right-hand side from panels: `panel` columns side by side, two rows
// (bf16) or one (fp32) interleaved, so that one multiply-add instruction eats one register of it.
// Nothing here allocates, locks or starts threads; all arguments are checked by the caller.
#pragma once

#include <cstddef>
#include <cstdint>

#include "nn/gpt2_layout.h"

namespace hemiola::nn::cpu {

// Panels of one layer's weights: forward, and transposed for the backward pass.
struct LayerPanels {
  const void *qkv, *proj, *fc, *out;
  const void *qkv_t, *proj_t, *fc_t, *out_t;
};

// What a forward pass keeps of one layer for the backward pass; M = rows * length tokens.
struct LayerTape {
  float* x1;       // (M, C) residual stream before attention
  float* stats1;   // (M, 2) mean and 1 / deviation of x1
  void* ln1;       // (M, C) stored
  void* qkv;       // (M, 3C) stored; the backward pass leaves its gradient here
  void* att;       // (M, C) stored, heads side by side
  float* lse;      // (M, H) log of the sum of exponentials of each attention row
  float* x2;       // (M, C) residual stream before the MLP
  float* stats2;   // (M, 2)
  void* ln2;       // (M, C) stored
  void* fc;        // (M, 4C) stored, before GELU; the backward pass leaves its gradient here
  void* act;       // (M, 4C) stored, after GELU
  void* g_proj;    // (M, C) stored, gradient of the attention's output projection's result
  void* g_out;     // (M, C) stored, gradient of the MLP's output projection's result
  float* ln_sums;  // (rows, 4, C) gradients of ln1 weight, bias, ln2 weight, bias, per row
};

struct Step {
  // Shape.
  int layers, heads, width, vocabulary, padded_vocabulary;  // padded to whole panels
  int rows, length;
  // Input, (rows, length) each.
  const std::int32_t *ids, *targets, *positions, *segments;
  // Weights.
  const float* params;  // flat, see Gpt2Layout
  std::size_t wte, wpe, lnf_weight, lnf_bias;
  const LayerOffsets* offsets;  // (layers)
  const LayerPanels* panels;    // (layers)
  const void *head, *head_t;    // wte^T as right-hand side (C, V); wte itself (V, C)
  // Tape. For evaluation one layer's tape serves all, and the gradients are null.
  const LayerTape* tape;  // (layers)
  float* xf;              // (M, C)
  float* statsf;          // (M, 2)
  void* lnf;              // (M, C) stored
  void* g_logits;         // (M, padded_vocabulary) stored
  float* lnf_sums;        // (rows, 2, C)
  float* g_x0;            // (M, C) gradient of the embedding sum
  float* losses;          // (M) nats, 0 where there is no target
  // Training.
  float loss_scale;         // gradient of each token's loss
  float dropout;            // in [0, 1): embeddings and the two residual branches
  std::uint32_t drop_seed;  // a different one for every step
};

// One weight matrix's gradient: grad(m, n) (+)= sum over t of left(t, m) * right(t, n), for m in
// [m0, m1), n in [n0, n1).
struct WeightGrad {
  const void* left;   // (tokens, ld_left) stored
  const void* right;  // (tokens, ld_right) stored
  std::ptrdiff_t ld_left, ld_right;
  int tokens;
  int m0, m1, n0, n1;
  float* grad;  // (.., ld_grad)
  std::ptrdiff_t ld_grad;
  float* bias_grad;  // (..) column sums of right for n in [n0, n1), or null
  bool add;          // to what is there
};

struct AdamW {
  float rate, beta1, beta2, epsilon, decay;
  float correction1, correction2;  // 1 / (1 - beta^t)
  float grad_scale;                // clipping
};

struct Muon {
  float rate, momentum, decay;
  float grad_scale;
};

struct Kernels {
  const char* name;  // "avx512-bf16"
  bool bf16;
  int panel;   // columns of a panel
  int pair;    // rows interleaved: 2 (bf16) or 1
  int stored;  // bytes of a stored number

  // Bytes of scratch that train_row and score_row need.
  std::size_t (*row_scratch)(const Step& step);
  // Forward, loss and backward of one row of the batch, all but the weight gradients.
  void (*train_row)(const Step& step, int row, std::byte* scratch);
  // Forward and loss only.
  void (*score_row)(const Step& step, int row, std::byte* scratch);

  // result (m, n) = left (m, k) stored * panels of a (k, n) right-hand side: what the passes above
  // are made of, by itself, for tests and to measure it. n is a multiple of `panel`.
  void (*product)(const void* left, const void* panels, int m, int n, int k, float* result);

  std::size_t (*grad_scratch)(const WeightGrad& task);
  void (*weight_grad)(const WeightGrad& task, std::byte* scratch);

  // Panels of w (k, n) or of its transpose (n, k), from fp32; see panel_count.
  void (*pack)(const float* w, std::ptrdiff_t ld, int k, int n, void* panels);
  void (*pack_transposed)(const float* w, std::ptrdiff_t ld, int k, int n, void* panels);

  double (*sum_of_squares)(const float* x, std::size_t n);
  void (*adamw)(const AdamW& s, float* w, const float* g, float* m, float* v, std::size_t n);
  // One (rows, cols) block of a weight matrix; momentum has the same layout and stride.
  std::size_t (*muon_scratch)(int rows, int cols);
  void (*muon)(const Muon& s, float* w, const float* g, float* momentum, std::ptrdiff_t ld,
               int rows, int cols, std::byte* scratch);
  // average += (w - average) * weight
  void (*blend)(float* average, const float* w, float weight, std::size_t n);
};

// Elements of the panels of a (k, n) right-hand side.
inline std::size_t panel_count(const Kernels& kernels, int k, int n) {
  const auto up = [](int x, int to) { return static_cast<std::size_t>((x + to - 1) / to * to); };
  return up(n, kernels.panel) * up(k, kernels.pair);
}

enum class Precision { kAuto, kFp32, kBf16 };

// The tables this processor can run, best first; the plain ones last. kBf16 gives the emulated
// plain table where the processor has no bf16 instructions (slow; for tests).
const Kernels& choose_kernels(Precision precision);
// By name, for tests: "plain-fp32", "plain-bf16", "avx2-fp32", "avx512-fp32", "avx512-bf16",
// "amx-bf16"; null if this processor cannot run it.
const Kernels* find_kernels(const char* name);

}  // namespace hemiola::nn::cpu
