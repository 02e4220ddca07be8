// Which learner a run gets: a GPU where libtorch has one, else the hand-written passes.
#include "nn/trainer.h"

namespace hemiola::nn {

Result<std::unique_ptr<Learner>> make_learner(const TrainOptions& options) {
  HEMIOLA_CHECK(check(options));
  const Gpt2Shape shape = shape_of(options.config);
  const bool any = options.device == "auto";
  if (options.device == "cpu" || (any && !has_gpu())) {
    return make_cpu_learner(shape, cpu::choose_kernels(options.precision), options.threads);
  }
  TorchLearnerOptions torch_options;
  torch_options.device = any ? "cuda" : options.device;
  torch_options.bf16 = options.precision != cpu::Precision::kFp32;
  return make_torch_learner(shape, torch_options);
}

}  // namespace hemiola::nn
