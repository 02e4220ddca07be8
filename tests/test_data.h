// Where tests find the shared test data: HEMIOLA_TEST_DATA, or ../shared/data beside the checkout;
// and the models of others to be equal to: HEMIOLA_TEST_MODELS, or ../shared/models. A test that
// needs them and finds nothing skips, and says so.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "base/files.h"

namespace hemiola {

inline std::optional<Path> shared_folder(const char* variable, std::string_view root,
                                         std::string_view folder) {
  const char* set = std::getenv(variable);
  const Path path =
      (set != nullptr ? Path(set) : Path(HEMIOLA_SOURCE_DIR) / "../shared" / root) / folder;
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) return path;
  return std::nullopt;
}

inline std::optional<Path> test_data(std::string_view folder) {
  return shared_folder("HEMIOLA_TEST_DATA", "data", folder);
}
inline std::optional<Path> test_models(std::string_view folder) {
  return shared_folder("HEMIOLA_TEST_MODELS", "models", folder);
}

// HEMIOLA_TEST_FULL=1 runs over every file of the shared data, not over a sample.
inline bool test_full() { return std::getenv("HEMIOLA_TEST_FULL") != nullptr; }

// How many of `usual` things a test takes: a quarter under HEMIOLA_TEST_SMALL=1, which is for
// sanitizers, where everything takes long.
inline std::size_t test_amount(std::size_t usual) {
  return std::getenv("HEMIOLA_TEST_SMALL") != nullptr ? std::max<std::size_t>(1, usual / 4) : usual;
}

// That many files of a collection, evenly spaced; under HEMIOLA_TEST_FULL=1 all of them.
inline std::vector<Path> test_sample(std::vector<Path> files, std::size_t usual) {
  const std::size_t amount = test_amount(usual);
  if (test_full() || files.size() <= amount) return files;
  std::vector<Path> some;
  for (std::size_t i = 0; i < amount; ++i) some.push_back(files[i * files.size() / amount]);
  return some;
}

}  // namespace hemiola
