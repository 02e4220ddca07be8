// Keys and values of the tokens that each stream has seen, and the working memory of a forward
// pass. Made by Model::make_cache for that model; all memory is taken there. Moves, never copies;
// a stream is copied by name.
//
// For each layer, stream and head the keys, then the values, in the layout of kernels.h; of int8
// then the scales of the keys and of the values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/aligned.h"

namespace hemiola::engine {

enum class CacheType {
  kAuto,  // fp32 beside fp32 weights, bf16 beside bf16, int8 beside int8 and int4 (bf16 where a
          // head is wider than kInt8HeadWidth)
  kFp32,
  kBf16,
  kInt8,  // with a scale for each key and each value of a head
};

class KvCache {
 public:
  struct Shape {
    int layers = 0, heads = 0, head_width = 0;
    int streams = 0;
    int capacity = 0;  // tokens of each stream
    CacheType type = CacheType::kFp32;
    std::size_t scratch_bytes = 0;
  };

  explicit KvCache(const Shape& shape);

  int streams() const { return shape_.streams; }
  int capacity() const { return shape_.capacity; }
  const Shape& shape() const { return shape_; }
  int length(int stream) const { return lengths_[static_cast<std::size_t>(stream)]; }

  // Forgets all but the first `length` tokens; precondition: 0 <= length <= length(stream).
  void truncate(int stream, int length);
  // Makes stream `to` a copy of what stream `from` has seen: one prompt, many continuations.
  void copy_stream(int from, int to);

  // Puts the key and value of one position, (head_width) each.
  void put(int layer, int stream, int head, int position, const float* key, const float* value);
  // Asks for the memory that put() will write, well before it: nothing else in a step touches it.
  void expect(int layer, int stream, int head, int position);

  // For Model. Elements are fp32, bf16 or int8 after the type.
  std::byte* keys(int layer, int stream, int head);
  std::byte* values(int layer, int stream, int head);
  float* key_scales(int layer, int stream, int head);    // int8: (capacity rounded up to 16)
  float* value_scales(int layer, int stream, int head);  // the same
  std::byte* scratch() { return scratch_.data(); }
  void set_length(int stream, int length) { lengths_[static_cast<std::size_t>(stream)] = length; }

 private:
  std::size_t key_bytes(int tokens) const;
  std::size_t value_bytes(int tokens) const;
  std::size_t scale_bytes(int tokens) const;  // of the keys or of the values; 0 unless int8

  Shape shape_;
  std::size_t head_bytes_ = 0;  // keys, then values, of one layer, stream and head
  std::vector<int> lengths_;
  AlignedBytes memory_;
  AlignedBytes scratch_;
};

}  // namespace hemiola::engine
