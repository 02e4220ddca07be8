#include "model/locate.h"

#include <cstdlib>
#include <optional>
#include <vector>

namespace hemiola {
namespace {

// A model folder, or the folder's only exported file.
std::optional<Path> model_in(const Path& folder) {
  std::error_code code;
  if (std::filesystem::exists(folder / "config.json", code)) return folder;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    if (entry.path().extension() == ".hemiola") return entry.path();
  }
  return std::nullopt;
}

}  // namespace

std::vector<Path> model_places(std::string_view name) {
  std::vector<Path> places;
  std::error_code code;
  const Path program = std::filesystem::read_symlink("/proc/self/exe", code);
  if (code) return places;
  places.push_back(program.parent_path().parent_path() / "share/hemiola/models" / name);
  // build/PRESET/hemiola in a checkout
  for (Path folder = program.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / "models" / name, code)) {
      places.push_back(folder / "models" / name);
      break;
    }
  }
  return places;
}

Result<Path> locate_model(const Path& given) {
  std::error_code code;
  const auto named = [&](const Path& path, std::string_view by) -> Result<Path> {
    if (!std::filesystem::exists(path, code)) {
      return fail("{}: no model there ({})", path.string(), by);
    }
    if (!std::filesystem::is_directory(path, code)) return path;
    if (const auto model = model_in(path)) return *model;
    return fail(
        "{}: holds no model ({}); expected config.json and model.safetensors, or a .hemiola "
        "file",
        path.string(), by);
  };
  if (!given.empty()) return named(given, "named by --model");
  if (const char* set = std::getenv("HEMIOLA_MODEL"); set != nullptr && *set != '\0') {
    return named(set, "named by HEMIOLA_MODEL");
  }
  const std::vector<Path> places = model_places("default");
  std::string looked;
  for (const Path& place : places) {
    if (std::filesystem::is_directory(place, code)) {
      if (const auto model = model_in(place)) return *model;
    }
    looked += "\n  " + place.string();
  }
  return fail("no model found; name one with --model or HEMIOLA_MODEL. Looked in:{}", looked);
}

}  // namespace hemiola
