#include "evaluate/embedding.h"

#include <array>

#include "audiolm/semantic.h"
#include "evaluate/published_models.h"

namespace hemiola::evaluate {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"musicnn", "yamnet", "vggish", "lyra",
                                                    "semantic"};

}  // namespace

std::span<const std::string_view> embedding_names() { return kNames; }

Result<std::unique_ptr<Embedding>> open_embedding(std::string_view name, const Path& weights) {
  if (name == "yamnet") return open_yamnet(weights);
  if (name == "musicnn") return open_musicnn(weights);
  if (name == "vggish") return open_vggish(weights);
  if (name == "lyra") return open_lyra(weights);
  if (name == "semantic") return open_semantic(weights);
  return fail("embedding '{}': not known; expected musicnn, yamnet, vggish, lyra or semantic",
              name);
}

Result<Path> locate_embedding(std::string_view name) {
  return name == "semantic" ? audiolm::locate_semantic() : locate_published(name);
}

}  // namespace hemiola::evaluate
