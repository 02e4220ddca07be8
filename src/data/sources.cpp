#include "data/sources.h"

#include <algorithm>
#include <array>

namespace hemiola::data {
namespace {

namespace fs = std::filesystem;

bool ends_with(std::string_view name, std::string_view ending) {
  if (name.size() <= ending.size()) return false;
  name.remove_prefix(name.size() - ending.size());
  return std::equal(name.begin(), name.end(), ending.begin(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

// Hidden files are what systems leave behind (._song.mid, __MACOSX), never music.
bool is_hidden(std::string_view name) { return name.starts_with('.') || name == "__MACOSX"; }

// The last part of the path as the user means it: "." and "../x/" have one too.
std::string own_name(const Path& path) {
  std::error_code code;
  Path whole = fs::weakly_canonical(path, code);
  if (code) whole = path;
  return whole.filename().string();
}

Status list_folder(const Path& folder, const std::string& name, std::vector<SourceFile>& files) {
  std::error_code code;
  for (fs::directory_iterator item(folder, code), end; !code && item != end; item.increment(code)) {
    const std::string own = item->path().filename().string();
    if (is_hidden(own)) continue;
    std::error_code ignored;
    const std::string inner = name + "/" + own;
    // A link to a folder could lead in circles.
    if (item->is_directory(ignored)) {
      if (!item->is_symlink(ignored)) HEMIOLA_CHECK(list_folder(item->path(), inner, files));
    } else if (is_midi_name(own) || is_archive_name(own)) {
      files.push_back({inner, item->path(), is_archive_name(own)});
    }
  }
  if (code) return fail("{}: cannot list the folder: {}", folder.string(), code.message());
  return {};
}

}  // namespace

bool is_midi_name(std::string_view name) {
  return std::ranges::any_of(std::array{".mid", ".midi", ".kar", ".smf", ".rmi"},
                             [&](const char* ending) { return ends_with(name, ending); });
}

bool is_archive_name(std::string_view name) {
  return std::ranges::any_of(
      std::array{".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z"},
      [&](const char* ending) { return ends_with(name, ending); });
}

Result<std::vector<SourceFile>> list_sources(const std::vector<Path>& paths) {
  std::vector<SourceFile> files;
  for (const Path& path : paths) {
    std::error_code code;
    const auto status = fs::status(path, code);
    if (!fs::exists(status)) return fail("{}: no such file or folder", path.string());
    const std::string name = own_name(path);
    if (fs::is_directory(status)) {
      HEMIOLA_CHECK(list_folder(path, name, files));
    } else {
      files.push_back({name, path, is_archive_name(name)});
    }
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) {
    return a.name != b.name ? a.name < b.name : a.path < b.path;
  });
  // The same file given twice is one file.
  files.erase(std::unique(files.begin(), files.end(),
                          [](const SourceFile& a, const SourceFile& b) {
                            std::error_code code;
                            return a.name == b.name && fs::equivalent(a.path, b.path, code);
                          }),
              files.end());
  return files;
}

}  // namespace hemiola::data
