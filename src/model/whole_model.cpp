#include "model/whole_model.h"

#include <algorithm>

#include "model/model_folder.h"

namespace hemiola {

WholeModel unpack_model(const PackedModel& model) {
  WholeModel whole{OwnedWeights::zero(model.config), model.tokenizer, model.card};
  for (const TensorSpec& spec : whole.weights.specs()) {
    std::vector<float>& values = whole.weights.values(spec.name);
    const auto matrix = model.matrices.find(spec.name);
    if (matrix == model.matrices.end()) {
      const std::vector<float>& from = model.vectors.at(spec.name);
      std::copy_n(from.begin(), values.size(), values.begin());
      continue;
    }
    // The layers' matrices stand (in, out), embeddings (out, in).
    const PackedMatrix& m = matrix->second;
    const bool by_rows = spec.role == TensorRole::kEmbedding;
    for (int i = 0; i < m.in; ++i) {
      for (int o = 0; o < m.out; ++o) {
        const auto at = by_rows ? std::size_t(o) * std::size_t(m.in) + std::size_t(i)
                                : std::size_t(i) * std::size_t(m.out) + std::size_t(o);
        values[at] = m.at(i, o);
      }
    }
  }
  return whole;
}

Result<WholeModel> load_whole_model(const Path& path) {
  std::error_code code;
  if (!std::filesystem::is_directory(path, code)) {
    HEMIOLA_TRY(const PackedModel packed, load_export(path));
    return unpack_model(packed);
  }
  HEMIOLA_TRY(ModelFolder folder, load_model_folder(path));
  WholeModel whole{OwnedWeights::zero(folder.config), std::move(folder.tokenizer),
                   std::move(folder.card)};
  for (const TensorSpec& spec : whole.weights.specs()) {
    read_floats(folder.weights.at(spec.name), 0, whole.weights.values(spec.name));
  }
  return whole;
}

}  // namespace hemiola
