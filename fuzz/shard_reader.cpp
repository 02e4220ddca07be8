// Any bytes as a shard, a catalog and a grid score: refused or read, never a crash.
#include <cstring>

#include "data/catalog.h"
#include "data/grid_codec.h"
#include "data/shard.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hemiola;
  // Shards are mapped, so aligned; they are read in place.
  std::vector<std::uint64_t> aligned(size / 8 + 1);
  std::memcpy(aligned.data(), data, size);
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(aligned.data()), size);
  if (const auto shard = data::ShardView::open(bytes)) {
    for (std::size_t i = 0; i < shard->size(); ++i) {
      const auto piece = shard->piece(i);
      if (const auto score = piece.score(); score && !validate(*score)) __builtin_trap();
      (void)shard->piece_at_step(piece.steps_begin);
    }
  }
  if (const auto catalog = data::Catalog::parse(bytes)) (void)catalog->bytes();
  if (const auto score = data::decode_grid(bytes)) {
    Bytes again;
    data::encode_grid(*score, again);
    if (const auto back = data::decode_grid(again); !back || *back != *score) __builtin_trap();
  }
  return 0;
}
