#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hemiola {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  // Closing can report a write that failed late.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

tl::unexpected<Error> system_error(const Path& path, std::string_view what) {
  const int code = errno;
  return fail("{}: cannot {}: {}", path.string(), what, std::strerror(code));
}

template <class Container>
Result<Container> read_whole(const Path& path, std::size_t limit) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error(path, "open");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error(path, "read");
  if (S_ISDIR(info.st_mode)) return fail("{}: is a folder, expected a file", path.string());
  if (static_cast<std::size_t>(info.st_size) > limit) {
    return fail("{}: {} bytes, more than the limit of {}", path.string(), info.st_size, limit);
  }
  Container content;
  content.resize(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  for (;;) {
    // A pipe or a growing file may hold more than fstat said.
    if (done == content.size()) content.resize(done + 4096);
    const auto n = ::read(file.get(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "read");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
    if (done > limit) return fail("{}: more than the limit of {} bytes", path.string(), limit);
  }
  content.resize(done);
  return content;
}

}  // namespace

Result<Bytes> read_file(const Path& path, std::size_t limit) {
  return read_whole<Bytes>(path, limit);
}

Result<std::string> read_text(const Path& path, std::size_t limit) {
  return read_whole<std::string>(path, limit);
}

Status write_file(const Path& path, std::span<const std::uint8_t> bytes) {
  return write_pieces(path, {&bytes, 1});
}

Status write_pieces(const Path& path, std::span<const std::span<const std::uint8_t>> pieces) {
  std::error_code code;
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path(), code);
    if (code) {
      return fail("{}: cannot create the folder: {}", path.parent_path().string(), code.message());
    }
  }
  static std::atomic<unsigned> counter{0};
  Path temporary = path;
  temporary += fmt::format(".{}.{}.tmp", ::getpid(), counter++);
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() < 0) return system_error(path, "write");
  const auto give_up = [&](std::string_view what) {
    auto error = system_error(path, what);
    ::unlink(temporary.c_str());
    return error;
  };
  for (auto rest : pieces) {
    while (!rest.empty()) {
      const auto n = ::write(file.get(), rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return give_up("write");
      rest = rest.subspan(static_cast<std::size_t>(n));
    }
  }
  if (::fsync(file.get()) != 0 || !file.close()) return give_up("write");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return give_up("rename");
  return {};
}

Status write_text(const Path& path, std::string_view text) {
  return write_file(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

Result<MappedFile> MappedFile::open(const Path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error(path, "open");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return system_error(path, "read");
  if (!S_ISREG(info.st_mode)) return fail("{}: not a plain file, so not mapped", path.string());
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return system_error(path, "map");
  return MappedFile(static_cast<const std::uint8_t*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

}  // namespace hemiola
