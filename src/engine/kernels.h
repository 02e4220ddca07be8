// The arithmetic of a forward pass behind a table of functions, one table for each instruction set.
// All tables come from one source (kernels.inl), compiled once for each; which is used is chosen at
// run time. kernels_plain.cpp is the plain C++ twin of all the others.
//
// Promise: what a row of input gives does not depend on how many rows there are, on where they
// stand or on how panels are dealt to threads. Every sum has one fixed order.
// All tables but the plain one give the same bits (they round multiply-adds once, it twice).
//
// Plain structs and pointers only: files compiled for newer processors must not share inline
// functions of the standard library with the rest of the program. Nothing allocates, locks or
// checks; the callers do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hemiola::engine {

// Inputs of a product that share one int8 scale, beside weights in int8 and in int4.
inline constexpr int kQuantGroup = 128;
inline constexpr int kQuantGroup4 = 32;

// The widest head whose products of int16 and int8 a 32-bit sum holds.
inline constexpr int kInt8HeadWidth = 512;

// How far ahead of its use a panel in int8 that several rows go over is asked for, bytes, in
// the second cache: they take too long between two lines for the processor to look so far by
// itself. A single row is best left to it.
inline constexpr int kAheadRows = 8192;

enum class Epilogue {
  kStore,
  kGelu,  // tanh form
  kAdd,   // to what is in y
};

// y (rows, outputs) = x (rows, in) * weights + bias, for the panels [panel_begin, panel_end).
struct Matmul {
  const std::byte* panels;  // of model/packed.h
  const float* bias;        // (panels * 32), or null
  const float* scales;      // int8: (panels * 32)
  int in, out;              // out: outputs past it are not written
  int panel_begin, panel_end;
  int rows;
  const void* x;            // float, bf16 or int8 (int4 too), padded with zeros to pairs or fours
  std::ptrdiff_t x_stride;  // in elements
  // int8 and int4: for each row and group of inputs the scale, and -128 times the sum of its
  // inputs.
  const float* x_scales;
  const std::int32_t* x_offsets;
  std::ptrdiff_t group_stride;
  float* y;
  std::ptrdiff_t y_stride;
  Epilogue epilogue;
};

// One head of one query: out = softmax(scale * q * keys) * values over the first `length`
// positions. fp32: keys in blocks of 16 positions, (length / 16, head_width, 16); values (length,
// padded), the head's width padded to 16. bf16: the same with pairs side by side, keys (length /
// 16, head_width / 2, 16, 2), values (length / 2, padded, 2); q and the weights of the positions
// are rounded to bf16 for it. int8: as bf16, with bytes in [-127, 127] that each position's scale
// turns into numbers; head_width at most kInt8HeadWidth. What lies past `length` must be finite.
struct Attend {
  const float* q;  // (head_width)
  const std::byte* keys;
  const std::byte* values;
  int head_width, length;
  float scale;
  float* scores;            // working memory, (length rounded up to 16)
  std::uint16_t* halves;    // bf16, int8: working memory, (head_width and length rounded up to 16)
  float* out;               // (head_width)
  const float* key_scales;  // int8: (length rounded up to 16)
  const float* value_scales;
};

// The queries of one head at `rows` positions in turn: as `first` says, then each seeing
// one position more. Gives what attend gives for each alone.
struct AttendRows {
  Attend first;
  int rows;
  std::ptrdiff_t q_stride, out_stride;  // in floats
  std::byte* room;                      // working memory of room_for_rows, aligned to 64
};

struct LayerNorm {
  const float* x;  // (width)
  const float* weight;
  const float* bias;
  int width;
  float epsilon;
  float* out;
};

struct Quantise {
  const float* x;  // (count)
  int count;
  int group;              // kQuantGroup or kQuantGroup4
  std::int8_t* out;       // (count rounded up to 4), zeros at the end
  float* scales;          // one a group
  std::int32_t* offsets;  // -128 * sum of the group's numbers
};

// Multiply-adds of a matrix product that reads nothing but registers and one line of the nearest
// cache: the most that this processor does with these instructions.
enum class MultiplyAdd { kF32, kBf16, kInt8 };

enum class Activation { kNone, kRelu, kSigmoid };

// A convolution as a sum of shifted planes: for each output o, row r and column c
//   y[o * y_plane + r * y_row + c] = activation(bias[o] + sum over taps k, in their order, of
//                                               weights[k * outputs + o] *
//                                               x[offsets[k] + r * x_row + c])
// Whole registers are read: up to 15 floats past the last column of each tap must be readable.
struct Convolve {
  const float* x;
  const std::ptrdiff_t* offsets;  // (taps)
  const float* weights;           // (taps, outputs)
  const float* bias;              // (outputs)
  int taps, outputs, rows, columns;
  std::ptrdiff_t x_row;
  float* y;
  std::ptrdiff_t y_row, y_plane;
  Activation activation;
};

struct Kernels {
  const char* name;
  void (*matmul_f32)(const Matmul&);
  void (*matmul_bf16)(const Matmul&);
  void (*matmul_int8)(const Matmul&);
  void (*matmul_int4)(const Matmul&);
  void (*attend_f32)(const Attend&);  // the type is that of keys and values
  void (*attend_bf16)(const Attend&);
  void (*attend_int8)(const Attend&);
  void (*attend_rows_int8)(const AttendRows&);
  std::size_t (*room_for_rows)(int head_width, int capacity);  // bytes, for up to `capacity` keys
  void (*layer_norm)(const LayerNorm&);
  void (*to_bf16)(const float* x, int count, std::uint16_t* out);  // out rounded up to 2, zeros
  void (*quantise)(const Quantise&);
  void (*convolve)(const Convolve&);
  long (*multiply_adds)(MultiplyAdd kind, long rounds);  // returns how many there were
};

// Tables that this processor can run, the plain one first, the best one last.
std::span<const Kernels* const> available_kernels();

// The best table, or the one named; null when this processor has none of that name.
const Kernels* find_kernels(std::string_view name);

// One in each file; pieces() of a processor's family are put together in the x86 file.
extern const Kernels kPlainKernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512VnniKernels;
extern const Kernels kAvx512Bf16Kernels;
extern const Kernels kAmxKernels;
extern const Kernels kNeonKernels;
extern const Kernels kNeonDotKernels;

}  // namespace hemiola::engine
