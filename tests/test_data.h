// Where tests find the shared test data: HEMIOLA_TEST_DATA, or ../shared/data beside the checkout.
// A test that needs it and finds nothing skips, and says so.
#pragma once

#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/files.h"

namespace hemiola {

inline std::optional<Path> test_data(std::string_view folder) {
  const char* set = std::getenv("HEMIOLA_TEST_DATA");
  const Path root = set != nullptr ? Path(set) : Path(HEMIOLA_SOURCE_DIR) / ".." / "shared" / "data";
  std::error_code code;
  if (const Path path = root / folder; std::filesystem::is_directory(path, code)) return path;
  return std::nullopt;
}

// HEMIOLA_TEST_FULL=1 runs over every file of the shared data, not over a sample.
inline bool test_full() { return std::getenv("HEMIOLA_TEST_FULL") != nullptr; }

}  // namespace hemiola
