// The readers of model files: settings, safetensors, exports. What they accept must also run.
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "engine/engine.h"
#include "model/model_folder.h"
#include "model/packed.h"

namespace hemiola {
namespace {

// Larger models than these are only read: the fuzzer's time is for the readers.
constexpr std::size_t kRunLimit = 100'000;

void run(const engine::Model& model) {
  auto cache = model.make_cache(2, 1);
  std::vector<float> logits(static_cast<std::size_t>(model.config().vocabulary));
  const engine::Step steps[] = {{.stream = 1, .token = 0, .logits = logits},
                                {.stream = 0, .token = model.config().vocabulary - 1}};
  model.decode(cache, steps);
}

}  // namespace
}  // namespace hemiola

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  if (const auto config =
          parse_config({reinterpret_cast<const char*>(data), size}, "config.json")) {
    const auto again = parse_config(json_text(config_to_json(*config)), "again");
    if (!again || *again != *config) __builtin_trap();
  }
  AlignedBytes copy(size);  // exports are used in place, at multiples of 64
  if (size > 0) std::memcpy(copy.data(), data, size);
  const std::span<const std::uint8_t> bytes(reinterpret_cast<const std::uint8_t*>(copy.data()),
                                            size);
  const auto view = SafetensorsView::parse(bytes, "model.safetensors");
  if (!view) return 0;
  for (const TensorView& tensor : view->tensors()) {
    if (tensor.dtype > Dtype::kBf16) continue;
    std::vector<float> values(tensor.elements());
    read_floats(tensor, 0, values);
  }
  auto model = read_export(bytes, "x.hemiola", Checksum::kIgnore);
  if (!model || model->config.parameters() > kRunLimit) return 0;
  const auto loaded = engine::Model::from_packed(std::move(*model), {.threads = 1});
  if (loaded) run(*loaded);
  return 0;
}
