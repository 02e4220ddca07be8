// NEON as every ARM64 processor has it. int8 products through 16 bits: the sum of two products of
// signed bytes, 2 * 128 * 127 at most, still fits.
#include <arm_neon.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

namespace hemiola::engine {

#include "engine/vector_neon.inl"

namespace {

inline int32x4_t dot_fours(int32x4_t sum, int8x16_t w, int8x16_t x) {
  const int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
  return vpadalq_s16(sum, vpaddq_s16(low, vmull_high_s8(w, x)));
}

}  // namespace

#include "engine/int8_neon.inl"
// (the order matters: these use V, I and dot_fours)
#include "engine/kernels.inl"

const Kernels kNeonKernels = {
    "neon",      matmul_f32,   matmul_bf16, matmul_int8,      matmul_int4,
    attend<F32>, attend<Bf16>, attend_int8, attend_rows_int8, no_room,
    layer_norm,  to_bf16,      quantise,    convolve,         multiply_adds,
};

}  // namespace hemiola::engine
