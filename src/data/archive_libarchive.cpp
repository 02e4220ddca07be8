// The one wrapper of libarchive: reads an archive from front to back, in constant memory.
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include "data/sources.h"

namespace hemiola::data {
namespace {

// Libarchive turns names into the encoding of the locale, and drops those it cannot say there. This
// thread's is UTF-8 for as long as this lives, whatever the process's is.
class Utf8Names {
 public:
  Utf8Names() : before_(::uselocale(utf8())) {}
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;
  ~Utf8Names() { ::uselocale(before_); }

 private:
  // A null locale, where the system lacks it, leaves all as it is.
  static locale_t utf8() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }
  locale_t before_;
};

class LibArchive final : public Archive {
 public:
  explicit LibArchive(std::string path) : path_(std::move(path)), archive_(archive_read_new()) {}
  LibArchive(const LibArchive&) = delete;
  LibArchive& operator=(const LibArchive&) = delete;
  ~LibArchive() override { archive_read_free(archive_); }

  Status open() {
    archive_read_support_filter_all(archive_);
    archive_read_support_format_all(archive_);
    if (archive_read_open_filename(archive_, path_.c_str(), 1 << 16) != ARCHIVE_OK) {
      return problem("cannot open the archive");
    }
    return {};
  }

  Result<std::optional<Item>> next() override {
    const Utf8Names names;
    for (;;) {
      archive_entry* entry = nullptr;
      const int status = archive_read_next_header(archive_, &entry);
      if (status == ARCHIVE_EOF) return std::nullopt;
      if (status == ARCHIVE_RETRY) continue;
      if (status == ARCHIVE_FATAL) return problem("damaged archive");
      if (archive_entry_filetype(entry) != AE_IFREG) continue;
      // Names that are not valid in the encoding they claim come as they are.
      const char* name = archive_entry_pathname_utf8(entry);
      if (name == nullptr) name = archive_entry_pathname(entry);
      if (name == nullptr) continue;
      Item item{.name = name, .problem = {}};
      if (archive_entry_is_encrypted(entry) != 0) {
        item.problem = "encrypted in the archive";
      } else if (archive_entry_size_is_set(entry) != 0 &&
                 archive_entry_size(entry) > static_cast<la_int64_t>(kMostFileBytes)) {
        item.problem = fmt::format("{} bytes, more than the limit of {}", archive_entry_size(entry),
                                   kMostFileBytes);
      }
      return item;
    }
  }

  Result<Bytes> read() override {
    Bytes bytes;
    for (;;) {
      const std::size_t done = bytes.size();
      bytes.resize(done + (1 << 16));
      const auto n = archive_read_data(archive_, bytes.data() + done, bytes.size() - done);
      if (n == ARCHIVE_RETRY) {
        bytes.resize(done);
        continue;
      }
      if (n < 0) return problem("damaged in the archive");
      bytes.resize(done + static_cast<std::size_t>(n));
      if (n == 0) return bytes;
      if (bytes.size() > kMostFileBytes) {
        return fail("more than the limit of {} bytes", kMostFileBytes);
      }
    }
  }

 private:
  tl::unexpected<Error> problem(std::string_view what) const {
    const char* reason = archive_error_string(archive_);
    return fail("{}: {}: {}", path_, what, reason != nullptr ? reason : "unknown format");
  }

  std::string path_;
  archive* archive_;
};

}  // namespace

Result<std::unique_ptr<Archive>> open_archive(const Path& path) {
  auto archive = std::make_unique<LibArchive>(path.string());
  HEMIOLA_CHECK(archive->open());
  return std::unique_ptr<Archive>(std::move(archive));
}

}  // namespace hemiola::data
