// Stands in for archive_libarchive.cpp in builds without libarchive.
#include "data/sources.h"

namespace hemiola::data {

Result<std::unique_ptr<Archive>> open_archive(const Path& path) {
  return fail("{}: this build cannot read archives; unpack it and give the folder", path.string());
}

}  // namespace hemiola::data
