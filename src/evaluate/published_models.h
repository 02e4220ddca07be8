// Weights that others published, in the user's models folder: HEMIOLA_MODELS, else
// XDG_DATA_HOME/hemiola/models, else ~/.local/share/hemiola/models. Hemiola ships none of them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::evaluate {

struct PublishedModel {
  std::string_view name;    // "yamnet"
  std::string_view file;    // its name in the models folder
  std::string_view what;    // in a few words, with the licence
  std::string_view sha256;  // empty: its makers publish one file, but its hash is not known here
  std::string_view where;   // to get it
};
std::span<const PublishedModel> published_models();

Result<Path> models_folder();

// The file of a published model. Fails where it is not there, saying where to get it.
Result<Path> locate_published(std::string_view name);

struct InstalledModel {
  std::string name;
  Path path;
  std::uintmax_t bytes = 0;
};
Result<std::vector<InstalledModel>> installed_models();  // published ones, in their order

struct AddOptions {
  bool force = false;       // replace what is there
  std::string sha256 = {};  // expected; else that of the table, if it has one
};
// Copies a file, or loads a URL (http, https) with curl or wget. Nothing is kept whose hash is
// wrong.
Result<InstalledModel> add_model(std::string_view name, const std::string& source,
                                 const AddOptions& options = {});

}  // namespace hemiola::evaluate
