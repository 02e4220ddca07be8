#include "evaluate/embedding.h"

#include <array>

namespace hemiola::evaluate {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"musicnn", "yamnet", "vggish", "lyra"};

}  // namespace

std::span<const std::string_view> embedding_names() { return kNames; }

Result<std::unique_ptr<Embedding>> open_embedding(std::string_view name, const Path& weights) {
  if (name == "yamnet") return open_yamnet(weights);
  if (name == "musicnn") return open_musicnn(weights);
  if (name == "vggish") return open_vggish(weights);
  if (name == "lyra") return open_lyra(weights);
  return fail("embedding '{}': not known; expected musicnn, yamnet, vggish or lyra", name);
}

}  // namespace hemiola::evaluate
