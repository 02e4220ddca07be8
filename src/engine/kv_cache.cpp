#include "engine/kv_cache.h"

#include <cassert>
#include <cstring>

namespace hemiola::engine {
namespace {

constexpr int kBlock = 16;

std::size_t element_bytes(CacheType type) { return type == CacheType::kBf16 ? 2 : 4; }

std::size_t blocks(int n) { return static_cast<std::size_t>((n + kBlock - 1) / kBlock); }

}  // namespace

KvCache::KvCache(const Shape& shape)
    : shape_(shape),
      head_bytes_(round_up(key_bytes(shape.capacity), kCacheLine) +
                  round_up(value_bytes(shape.capacity), kCacheLine)),
      lengths_(static_cast<std::size_t>(shape.streams), 0),
      memory_(head_bytes_ * static_cast<std::size_t>(shape.layers) *
              static_cast<std::size_t>(shape.streams) * static_cast<std::size_t>(shape.heads)),
      scratch_(shape.scratch_bytes) {}

std::size_t KvCache::key_bytes(int tokens) const {
  return blocks(tokens) * kBlock * static_cast<std::size_t>(shape_.head_width) *
         element_bytes(shape_.type);
}

std::size_t KvCache::value_bytes(int tokens) const {
  return static_cast<std::size_t>(tokens) * blocks(shape_.head_width) * kBlock *
         element_bytes(shape_.type);
}

std::byte* KvCache::keys(int layer, int stream, int head) {
  const int index = (layer * shape_.streams + stream) * shape_.heads + head;
  return memory_.data() + static_cast<std::size_t>(index) * head_bytes_;
}

std::byte* KvCache::values(int layer, int stream, int head) {
  return keys(layer, stream, head) + round_up(key_bytes(shape_.capacity), kCacheLine);
}

void KvCache::truncate(int stream, int length) {
  assert(length >= 0 && length <= this->length(stream));
  set_length(stream, length);
}

void KvCache::copy_stream(int from, int to) {
  if (from == to) return;
  const int tokens = length(from);
  for (int layer = 0; layer < shape_.layers; ++layer) {
    for (int head = 0; head < shape_.heads; ++head) {
      std::memcpy(keys(layer, to, head), keys(layer, from, head), key_bytes(tokens));
      std::memcpy(values(layer, to, head), values(layer, from, head), value_bytes(tokens));
    }
  }
  set_length(to, tokens);
}

}  // namespace hemiola::engine
