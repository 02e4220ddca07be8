// Files: whole reads with a size limit, read-only maps, and writes that are never seen half done
// (written beside their place, flushed, renamed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hemiola {

using Bytes = std::vector<std::uint8_t>;
using Path = std::filesystem::path;

// Larger files are refused before they are read.
inline constexpr std::size_t kDefaultReadLimit = std::size_t{256} << 20;

Result<Bytes> read_file(const Path& path, std::size_t limit = kDefaultReadLimit);
Result<std::string> read_text(const Path& path, std::size_t limit = kDefaultReadLimit);

// Creates the parent folders. An existing file is replaced at once or, on failure, left as it was.
Status write_file(const Path& path, std::span<const std::uint8_t> bytes);
Status write_text(const Path& path, std::string_view text);
// The pieces one after the other, without joining them in memory first.
Status write_pieces(const Path& path, std::span<const std::span<const std::uint8_t>> pieces);

// A read-only map of a whole file. Moves, never copies; the bytes live as long as the object.
class MappedFile {
 public:
  static Result<MappedFile> open(const Path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace hemiola
