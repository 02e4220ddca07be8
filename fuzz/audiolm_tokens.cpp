// The readers of token caches, of the layout that a stage carries and of a bundle's table: refused,
// or every piece can be read and cut into windows.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "audiolm/generator.h"
#include "audiolm/stage_source.h"
#include "model/aligned.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  using namespace hemiola::audiolm;
  if (const auto text = parse_layout({reinterpret_cast<const char*>(data), size}, "layout")) {
    const auto again = parse_layout(
        to_text(text->layout, text->codec_sha256, text->semantic_sha256), "again");
    if (!again || again->layout.length() != text->layout.length()) std::abort();
  }
  if (const auto table = parse_bundle({reinterpret_cast<const char*>(data), size}, "bundle")) {
    if (table->sha256.size() != std::size(kBundleParts)) std::abort();
  }
  AlignedBytes copy(size);
  if (size > 0) std::memcpy(copy.data(), data, size);
  const auto cache =
      TokenCache::read({reinterpret_cast<const std::uint8_t*>(copy.data()), size}, "tokens");
  if (!cache || cache->origin().shape.quantizers * cache->origin().shape.codebook > 100'000) {
    return 0;
  }
  const Layout layout(Stage::kFine, cache->origin().shape, 3);
  nn::Batch batch;
  if (const auto source = StageSource::create(*cache, layout, 1)) {
    if (!(*source)->next(1, layout.length(), batch)) std::abort();
  }
  const StageHeldOut held_out(*cache, layout);
  for (std::size_t i = 0; i < held_out.size() && i < 100; ++i) (void)held_out.window(i);
  return 0;
}
