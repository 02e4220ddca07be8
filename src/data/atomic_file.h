// A text file that is written piece by piece and appears whole or not at all.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::data {

class AtomicFile {
 public:
  static Result<AtomicFile> create(const Path& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();  // without commit(): removes what was written

  Status write(std::string_view text);
  Status commit();  // flushed to disk and put in its place; once, at the end

 private:
  AtomicFile(Path path, Path temporary, std::FILE* file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}
  tl::unexpected<Error> problem() const;

  Path path_;
  Path temporary_;
  std::FILE* file_;
};

}  // namespace hemiola::data
