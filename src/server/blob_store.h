// Bytes kept by their SHA-256: what was uploaded, and what was made. Written beside their place and
// put there whole, so that half a blob is never seen. The embedded store is a folder; one that
// keeps them elsewhere (S3 and the like) needs these calls and no more. All calls block; any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::server {

struct BlobInfo {
  std::string hash;  // 64 hexadecimal digits
  std::uint64_t bytes = 0;
};

class BlobWriter {
 public:
  virtual ~BlobWriter() = default;  // without commit(): nothing was written
  virtual Status write(std::span<const std::uint8_t> bytes) = 0;
  virtual Result<BlobInfo> commit() = 0;  // once, at the end
};

class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual std::uint64_t size() const = 0;
  // Exactly `buffer.size()` bytes.
  virtual Status read(std::uint64_t offset, std::span<std::uint8_t> buffer) const = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual Result<std::unique_ptr<BlobWriter>> create() = 0;
  virtual Result<std::shared_ptr<const BlobReader>> open(const std::string& hash) const = 0;
  // Removes blobs older than `seconds` that `wanted` does not want; how many bytes that freed.
  virtual Result<std::uint64_t> sweep(double seconds,
                                      const std::function<bool(const std::string&)>& wanted) = 0;
  // One that is not there is no error.
  virtual Status remove(const std::string& hash) = 0;
  // What all of them take, with those that are being written.
  virtual std::uint64_t bytes() const = 0;

  Result<BlobInfo> put(std::span<const std::uint8_t> bytes);
  Result<Bytes> get(const std::string& hash) const;
};

// In folder/blobs, with temporary files in folder/tmp, which is emptied.
Result<std::unique_ptr<BlobStore>> open_blob_folder(const Path& folder);

// A file of the server's own, read as it stands.
Result<std::shared_ptr<const BlobReader>> open_plain_file(const Path& path);

bool is_hash(std::string_view text);  // 64 hexadecimal digits in lower case

}  // namespace hemiola::server
