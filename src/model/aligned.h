// Memory that begins at a multiple of 64 bytes, a cache line and a wide register. Zeroed, sized
// once. Much of it lies in large pages where the system has them: weights are read through once a
// token, and the tables of small pages would be too.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace hemiola {

inline constexpr std::size_t kCacheLine = 64;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;

class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t size) : size_(round_up(size, kCacheLine)) {
    if (size_ == 0) return;
    const std::size_t page = size_ >= 2 * kLargePage ? kLargePage : kCacheLine;
    data_.reset(static_cast<std::byte*>(std::aligned_alloc(page, round_up(size_, page))));
    if (!data_) throw std::bad_alloc();
    // A wish: without large pages all is the same, only slower.
    if (page == kLargePage) ::madvise(data_.get(), round_up(size_, page), MADV_HUGEPAGE);
    std::memset(data_.get(), 0, size_);
  }

  std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace hemiola
