#include "engine/kv_cache.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "engine/kernels.h"
#include "model/tensor.h"

namespace hemiola::engine {
namespace {

constexpr std::size_t kBlock = 16;

// Numbers that stand side by side, and the bytes of one.
std::size_t side_of(CacheType type) { return type == CacheType::kFp32 ? 1 : 2; }
std::size_t size_of(CacheType type) {
  return type == CacheType::kFp32 ? 4 : type == CacheType::kBf16 ? 2 : 1;
}

// Whole numbers in [-127, 127] into levels; returns what one is worth. Loops that the compiler makes
// wide: the largest is found by bits, as numbers without a sign are ordered like their bits.
float quantise(const float* from, int count, std::int8_t* levels) {
  std::int32_t most_bits = 0;
  for (int d = 0; d < count; ++d) {
    most_bits = std::max(most_bits, std::bit_cast<std::int32_t>(from[d]) & 0x7fffffff);
  }
  float most = std::bit_cast<float>(most_bits);
  if (!(most > 1e-30f)) most = 0;
  const float factor = most > 0 ? 127 / most : 0;
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23: rounds to the nearest, ties to even
  for (int d = 0; d < count; ++d) {
    levels[d] = static_cast<std::int8_t>(static_cast<int>((from[d] * factor + kMagic) - kMagic));
  }
  return most / 127;
}

}  // namespace

// A copy of a stream copies whole blocks: the last one may hold another stream's past, which is
// finite and weighs nothing.
std::size_t KvCache::key_bytes(int tokens) const {
  const std::size_t width =
      round_up(static_cast<std::size_t>(shape_.head_width), side_of(shape_.type));
  return round_up(static_cast<std::size_t>(tokens), kBlock) * width * size_of(shape_.type);
}

std::size_t KvCache::value_bytes(int tokens) const {
  const std::size_t width = round_up(static_cast<std::size_t>(shape_.head_width), kBlock);
  return round_up(static_cast<std::size_t>(tokens), side_of(shape_.type)) * width *
         size_of(shape_.type);
}

std::size_t KvCache::scale_bytes(int tokens) const {
  if (shape_.type != CacheType::kInt8) return 0;
  return round_up(static_cast<std::size_t>(tokens), kBlock) * sizeof(float);
}

void KvCache::put(int layer, int stream, int head, int position, const float* key,
                  const float* value) {
  const auto width = static_cast<std::size_t>(shape_.head_width);
  const auto at = static_cast<std::size_t>(position);
  const std::size_t padded = round_up(width, kBlock);
  if (shape_.type == CacheType::kInt8) {
    auto* k = reinterpret_cast<std::int8_t*>(keys(layer, stream, head)) +
              at / kBlock * kBlock * round_up(width, 2) + at % kBlock * 2;
    auto* v =
        reinterpret_cast<std::int8_t*>(values(layer, stream, head)) + at / 2 * padded * 2 + at % 2;
    std::int8_t levels[kInt8HeadWidth];
    key_scales(layer, stream, head)[at] = quantise(key, shape_.head_width, levels);
    std::size_t d = 0;
    for (; d + 2 <= width; d += 2) std::memcpy(k + d * kBlock, levels + d, 2);
    if (d < width) k[d * kBlock] = levels[d];
    value_scales(layer, stream, head)[at] = quantise(value, shape_.head_width, levels);
    for (d = 0; d < width; ++d) v[d * 2] = levels[d];
    return;
  }
  if (shape_.type == CacheType::kBf16) {
    auto* k = reinterpret_cast<std::uint16_t*>(keys(layer, stream, head)) +
              at / kBlock * kBlock * round_up(width, 2) + at % kBlock * 2;
    auto* v = reinterpret_cast<std::uint16_t*>(values(layer, stream, head)) + at / 2 * padded * 2 +
              at % 2;
    for (std::size_t d = 0; d < width; ++d) k[d / 2 * kBlock * 2 + d % 2] = to_bf16(key[d]);
    for (std::size_t d = 0; d < width; ++d) v[d * 2] = to_bf16(value[d]);
    return;
  }
  auto* k = reinterpret_cast<float*>(keys(layer, stream, head)) + at / kBlock * kBlock * width +
            at % kBlock;
  auto* v = reinterpret_cast<float*>(values(layer, stream, head)) + at * padded;
  for (std::size_t d = 0; d < width; ++d) k[d * kBlock] = key[d];
  for (std::size_t d = 0; d < width; ++d) v[d] = value[d];
}

void KvCache::expect(int layer, int stream, int head, int position) {
  const auto ask = [](const void* memory, std::size_t bytes) {
    const auto* from = static_cast<const std::byte*>(memory);
    for (std::size_t i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(from + i, 1);
  };
  constexpr int kTokens = static_cast<int>(kBlock);
  const int side = static_cast<int>(side_of(shape_.type));
  ask(keys(layer, stream, head) + key_bytes(position / kTokens * kTokens), key_bytes(kTokens));
  ask(values(layer, stream, head) + value_bytes(position / side * side), value_bytes(side));
  if (shape_.type != CacheType::kInt8) return;
  ask(key_scales(layer, stream, head) + position, 1);
  ask(value_scales(layer, stream, head) + position, 1);
}

KvCache::KvCache(const Shape& shape)
    : shape_(shape),
      head_bytes_(round_up(key_bytes(shape.capacity), kCacheLine) +
                  round_up(value_bytes(shape.capacity), kCacheLine) +
                  round_up(2 * scale_bytes(shape.capacity), kCacheLine)),
      lengths_(static_cast<std::size_t>(shape.streams), 0),
      memory_(head_bytes_ * static_cast<std::size_t>(shape.layers) *
              static_cast<std::size_t>(shape.streams) * static_cast<std::size_t>(shape.heads)),
      scratch_(shape.scratch_bytes) {}

std::byte* KvCache::keys(int layer, int stream, int head) {
  const int index = (layer * shape_.streams + stream) * shape_.heads + head;
  return memory_.data() + static_cast<std::size_t>(index) * head_bytes_;
}

std::byte* KvCache::values(int layer, int stream, int head) {
  return keys(layer, stream, head) + round_up(key_bytes(shape_.capacity), kCacheLine);
}

float* KvCache::key_scales(int layer, int stream, int head) {
  return reinterpret_cast<float*>(values(layer, stream, head) +
                                  round_up(value_bytes(shape_.capacity), kCacheLine));
}

float* KvCache::value_scales(int layer, int stream, int head) {
  return key_scales(layer, stream, head) + scale_bytes(shape_.capacity) / sizeof(float);
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
      if (shape_.type != CacheType::kInt8) continue;
      std::memcpy(key_scales(layer, to, head), key_scales(layer, from, head), scale_bytes(tokens));
      std::memcpy(value_scales(layer, to, head), value_scales(layer, from, head),
                  scale_bytes(tokens));
    }
  }
  set_length(to, tokens);
}

}  // namespace hemiola::engine
