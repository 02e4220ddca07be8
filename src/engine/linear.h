// One dense layer by itself, for networks other than the transformer that the engine decodes: the
// weights packed for the kernels, and a product over rows. Fixed once made; any number of threads
// at once.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/kernels.h"
#include "model/packed.h"

namespace hemiola::engine {

// y = W x + b.
class Linear {
 public:
  // weights (out, in); bias (out), or empty for none. `where` starts the message of an error.
  // Refuses weights that are not finite.
  static Result<Linear> create(std::string_view where, int in, int out,
                               std::span<const float> weights, std::span<const float> bias);

  int in() const { return matrix_.in; }
  int out() const { return matrix_.out; }
  // x (rows, in), y (rows, y_stride). With kAdd the product is added to what is in y.
  void apply(const float* x, int rows, float* y, int y_stride,
             Epilogue epilogue = Epilogue::kStore) const;

 private:
  AlignedBytes panels_;
  PackedMatrix matrix_;
  std::vector<float> bias_;  // (out), up to whole panels
};

}  // namespace hemiola::engine
