// The kernels, in plain C++ over the compiler's vector types, for the instruction set that the
// including file is compiled for. That file opens a namespace of its own and includes this once.

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace hemiola::nn::cpu {
namespace {

#include "nn/cpu_vector.inl"

#include "nn/cpu_product.inl"

#include "nn/cpu_attention.inl"

#include "nn/cpu_row.inl"

#include "nn/cpu_update.inl"

template <class S>
constexpr Kernels make_table(const char* name) {
  return {name,
          sizeof(S) == 2,
          kPanel,
          Format<S>::kPair,
          static_cast<int>(sizeof(S)),
          row_scratch<S>,
          train_row<S>,
          score_row<S>,
          plain_product<S>,
          grad_scratch<S>,
          weight_grad<S>,
          pack<S>,
          pack_transposed<S>,
          sum_of_squares,
          adamw,
          muon_scratch<S>,
          muon<S>,
          blend};
}

}  // namespace
}  // namespace hemiola::nn::cpu
