#include "data/atomic_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hemiola::data {

Result<AtomicFile> AtomicFile::create(const Path& path) {
  Path temporary = path;
  temporary += fmt::format(".{}.tmp", ::getpid());
  std::FILE* file = std::fopen(temporary.c_str(), "wbe");
  if (file == nullptr) {
    return fail("{}: cannot write: {}", path.string(), std::strerror(errno));
  }
  return AtomicFile(path, std::move(temporary), file);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      file_(std::exchange(other.file_, nullptr)) {}

AtomicFile::~AtomicFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  ::unlink(temporary_.c_str());
}

Status AtomicFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) return problem();
  return {};
}

Status AtomicFile::commit() {
  if (std::fflush(file_) != 0 || ::fsync(::fileno(file_)) != 0) return problem();
  if (std::fclose(std::exchange(file_, nullptr)) != 0 ||
      std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    auto error = problem();
    ::unlink(temporary_.c_str());
    return error;
  }
  return {};
}

tl::unexpected<Error> AtomicFile::problem() const {
  return fail("{}: cannot write: {}", path_.string(), std::strerror(errno));
}

}  // namespace hemiola::data
