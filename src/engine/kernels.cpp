#include "engine/kernels.h"

namespace hemiola::engine {

const Kernels* find_kernels(std::string_view name) {
  const auto all = available_kernels();
  if (name.empty()) return all.back();
  for (const Kernels* kernels : all) {
    if (name == kernels->name) return kernels;
  }
  return nullptr;
}

}  // namespace hemiola::engine
