// NEON with the byte dot product of ARMv8.2 (most ARM64 processors since 2018).
#include <arm_neon.h>

#include "engine/kernels.h"
#include "model/int4_levels.h"

namespace hemiola::engine {

#include "engine/vector_neon.inl"

namespace {

inline int32x4_t dot_fours(int32x4_t sum, int8x16_t w, int8x16_t x) { return vdotq_s32(sum, w, x); }

}  // namespace

#include "engine/int8_neon.inl"
// (the order matters: these use V, I and dot_fours)
#include "engine/kernels.inl"

const Kernels kNeonDotKernels = {
    "neon-dot",  matmul_f32,   matmul_bf16, matmul_int8,      matmul_int4,
    attend<F32>, attend<Bf16>, attend_int8, attend_rows_int8, no_room,
    layer_norm,  to_bf16,      quantise,    convolve,         multiply_adds,
};

}  // namespace hemiola::engine
