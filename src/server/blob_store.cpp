#include "server/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/hash.h"

namespace hemiola::server {
namespace {

namespace fs = std::filesystem;

class PlainReader final : public BlobReader {
 public:
  PlainReader(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  PlainReader(const PlainReader&) = delete;
  PlainReader& operator=(const PlainReader&) = delete;
  ~PlainReader() override { ::close(fd_); }

  std::uint64_t size() const override { return size_; }
  Status read(std::uint64_t offset, std::span<std::uint8_t> buffer) const override {
    while (!buffer.empty()) {
      const ssize_t got = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return fail("a stored file cannot be read: {}", std::strerror(errno));
      offset += static_cast<std::uint64_t>(got);
      buffer = buffer.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }

 private:
  int fd_;
  std::uint64_t size_;
};

class FolderWriter final : public BlobWriter {
 public:
  FolderWriter(Path folder, Path temporary, int fd, std::atomic<std::uint64_t>& used)
      : folder_(std::move(folder)), temporary_(std::move(temporary)), fd_(fd), used_(used) {}
  FolderWriter(const FolderWriter&) = delete;
  FolderWriter& operator=(const FolderWriter&) = delete;
  ~FolderWriter() override {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary_.c_str());
    used_ -= size_;
  }

  Status write(std::span<const std::uint8_t> bytes) override {
    hash_.update(bytes);
    size_ += bytes.size();
    used_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return fail("cannot write to the data folder: {}", std::strerror(errno));
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
  }

  Result<BlobInfo> commit() override {
    const BlobInfo info{to_hex(hash_.finish()), size_};
    const Path folder = folder_ / info.hash.substr(0, 2);
    const Path place = folder / info.hash;
    std::error_code code;
    fs::create_directories(folder, code);
    // What is there already is the same; it only counts as new again for sweep().
    if (::utimensat(AT_FDCWD, place.c_str(), nullptr, 0) == 0) return info;
    if (::fdatasync(fd_) != 0 || ::rename(temporary_.c_str(), place.c_str()) != 0) {
      return fail("cannot write to the data folder: {}", std::strerror(errno));
    }
    ::close(std::exchange(fd_, -1));
    return info;
  }

 private:
  Path folder_, temporary_;
  int fd_;
  std::atomic<std::uint64_t>& used_;  // of the store
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

class BlobFolder final : public BlobStore {
 public:
  explicit BlobFolder(const Path& folder) : blobs_(folder / "blobs"), temporary_(folder / "tmp") {}

  Status prepare() {
    std::error_code code;
    fs::remove_all(temporary_, code);  // left by a server that was killed
    fs::create_directories(blobs_, code);
    if (!code) fs::create_directories(temporary_, code);
    if (code) return fail("{}: cannot create the folder: {}", blobs_.string(), code.message());
    for (const auto& item : fs::recursive_directory_iterator(blobs_, code)) {
      if (item.is_regular_file(code)) used_ += item.file_size(code);
    }
    return {};
  }

  Result<std::unique_ptr<BlobWriter>> create() override {
    Path path = temporary_ / fmt::format("blob-{}", ++count_);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return fail("cannot write to the data folder: {}", std::strerror(errno));
    return std::make_unique<FolderWriter>(blobs_, std::move(path), fd, used_);
  }

  Result<std::shared_ptr<const BlobReader>> open(const std::string& hash) const override {
    if (!is_hash(hash)) return fail("'{}' is no SHA-256", hash);
    return open_plain_file(place_of(hash));
  }

  Result<std::uint64_t> sweep(double seconds,
                              const std::function<bool(const std::string&)>& wanted) override {
    const auto now = fs::file_time_type::clock::now();
    std::uint64_t freed = 0;
    std::error_code code;
    for (const auto& item : fs::recursive_directory_iterator(blobs_, code)) {
      const std::string name = item.path().filename().string();
      if (!item.is_regular_file(code) || !is_hash(name)) continue;
      const std::chrono::duration<double> age = now - item.last_write_time(code);
      if (age.count() < seconds || wanted(name)) continue;
      freed += remove_file(item.path());
    }
    return freed;
  }

  Status remove(const std::string& hash) override {
    if (!is_hash(hash)) return fail("'{}' is no SHA-256", hash);
    remove_file(place_of(hash));
    return {};
  }

  std::uint64_t bytes() const override { return used_; }

 private:
  Path place_of(const std::string& hash) const { return blobs_ / hash.substr(0, 2) / hash; }

  // How many bytes that freed.
  std::uint64_t remove_file(const Path& path) {
    std::error_code code;
    const auto bytes = fs::file_size(path, code);
    if (code || !fs::remove(path, code)) return 0;
    used_ -= bytes;
    return bytes;
  }

  Path blobs_, temporary_;
  std::atomic<std::uint64_t> count_{0}, used_{0};
};

}  // namespace

Result<BlobInfo> BlobStore::put(std::span<const std::uint8_t> bytes) {
  HEMIOLA_TRY(const auto writer, create());
  HEMIOLA_CHECK(writer->write(bytes));
  return writer->commit();
}

Result<Bytes> BlobStore::get(const std::string& hash) const {
  HEMIOLA_TRY(const auto reader, open(hash));
  Bytes bytes(reader->size());
  HEMIOLA_CHECK(reader->read(0, bytes));
  return bytes;
}

Result<std::unique_ptr<BlobStore>> open_blob_folder(const Path& folder) {
  auto store = std::make_unique<BlobFolder>(folder);
  HEMIOLA_CHECK(store->prepare());
  return store;
}

Result<std::shared_ptr<const BlobReader>> open_plain_file(const Path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || ::fstat(fd, &status) != 0) {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    return fail("{}: cannot be opened: {}", path.filename().string(), std::strerror(error));
  }
  return std::make_shared<const PlainReader>(fd, static_cast<std::uint64_t>(status.st_size));
}

bool is_hash(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace hemiola::server
