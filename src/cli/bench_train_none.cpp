#include "cli/bench_train.h"

namespace hemiola::cli {

Result<std::vector<engine::Measurement>> measure_training(const ModelConfig&,
                                                          const TrainMeasureOptions&) {
  return fail("bench train: this build has no trainer; configure with -DHEMIOLA_NN=ON");
}

}  // namespace hemiola::cli
