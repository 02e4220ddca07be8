// Any bytes as a shard, whose checksum is set right here so that what lies behind it is reached,
// and as a grid score: refused or read, never a crash.
#include <cstdlib>
#include <cstring>

#include "base/rng.h"
#include "data/grid_codec.h"
#include "data/shard.h"

namespace {

using namespace hemiola;

// As shard.cpp says: 160 bytes of header, the checksum of header and rows at 24, where the rows lie
// at 32. Bytes that have no rows are left as they are.
void seal(std::span<std::uint8_t> bytes) {
  constexpr std::size_t kHeader = 160, kChecksum = 24, kRows = 32;
  if (bytes.size() < kHeader) return;
  std::uint64_t begin = 0, size = 0;
  std::memcpy(&begin, bytes.data() + kRows, 8);
  std::memcpy(&size, bytes.data() + kRows + 8, 8);
  if (begin > bytes.size() || size > bytes.size() - begin) return;
  std::memset(bytes.data() + kChecksum, 0, 8);
  const std::uint64_t sum = mix64(data::checksum(bytes.first(kHeader))) ^
                            data::checksum(bytes.subspan(static_cast<std::size_t>(begin),
                                                         static_cast<std::size_t>(size)));
  std::memcpy(bytes.data() + kChecksum, &sum, 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Shards are mapped, so aligned; they are read in place.
  std::vector<std::uint64_t> aligned(size / 8 + 1);
  std::memcpy(aligned.data(), data, size);
  const std::span bytes(reinterpret_cast<std::uint8_t*>(aligned.data()), size);
  if (const auto score = data::decode_grid(bytes)) {
    Bytes again;
    data::encode_grid(*score, again);
    if (const auto back = data::decode_grid(again); !back || *back != *score) std::abort();
  }
  seal(bytes);
  if (const auto shard = data::ShardView::open(bytes)) {
    for (std::size_t i = 0; i < shard->size(); ++i) {
      const auto piece = shard->piece(i);
      if (const auto score = piece.score(); score && !validate(*score)) std::abort();
      if (piece.steps_size > 0 && shard->piece_at_step(piece.steps_begin) != i) std::abort();
    }
  }
  return 0;
}
