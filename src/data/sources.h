// What an import is given: folders, archives and files, as one stream of named MIDI files in an
// order that depends on the names alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::data {

// Files larger than this are refused unread.
inline constexpr std::size_t kMostFileBytes = std::size_t{64} << 20;

struct SourceFile {
  std::string name;         // in the data set: the given folder's own name, then the way below it
  Path path;                // on disk; of an archive, the archive
  bool is_archive = false;  // .zip, .tar, .tar.gz, ...: the files are inside
};

// All MIDI files and archives, by name. A given file is taken whatever its name. Fails where a path
// does not exist.
Result<std::vector<SourceFile>> list_sources(const std::vector<Path>& paths);

bool is_midi_name(std::string_view name);     // .mid .midi .kar .smf .rmi, in any case
bool is_archive_name(std::string_view name);  // .zip .tar .tgz .tar.gz .tar.xz .tar.zst .7z ...

// The files of an archive, one after the other. Needs libarchive; a build without it says so.
class Archive {
 public:
  struct Item {
    std::string name;
    std::string problem;  // why it cannot be read; then read() must not be called
  };

  virtual ~Archive() = default;
  // The next file, or nullopt at the end. Folders are passed over.
  virtual Result<std::optional<Item>> next() = 0;
  // The bytes of the file that next() gave.
  virtual Result<Bytes> read() = 0;
};
Result<std::unique_ptr<Archive>> open_archive(const Path& path);

}  // namespace hemiola::data
