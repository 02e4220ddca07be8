// Numbers right before memory that must not be read, so that reading past them ends the program.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <new>

namespace hemiola::engine {

template <class Number>
class AtTheEdge {
 public:
  AtTheEdge(std::size_t count, Number value) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t bytes = count * sizeof(Number), room = (bytes + page - 1) / page * page;
    size_ = room + page;
    memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    if (::mprotect(static_cast<std::byte*>(memory_) + room, page, PROT_NONE) != 0) {
      ::munmap(memory_, size_);
      throw std::bad_alloc();
    }
    data_ = reinterpret_cast<Number*>(static_cast<std::byte*>(memory_) + room - bytes);
    std::fill_n(data_, count, value);
  }
  AtTheEdge(const AtTheEdge&) = delete;
  AtTheEdge& operator=(const AtTheEdge&) = delete;
  ~AtTheEdge() { ::munmap(memory_, size_); }

  Number* data() const { return data_; }

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
  Number* data_ = nullptr;
};

}  // namespace hemiola::engine
