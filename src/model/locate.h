// Which model is meant when none is named.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace hemiola {

// `given` if it is not empty (a model folder or an exported file), else HEMIOLA_MODEL, else
// models/default beside the program's installation (PREFIX/share/hemiola/models/default) or in the
// checkout that it was built in. Fails, saying where it looked, when there is none.
Result<Path> locate_model(const Path& given = {});

// Where models/NAME may stand, whether or not it does: beside the program's installation
// (PREFIX/share/hemiola/models/NAME), and in the checkout that it was built in, if there is one
// with such a folder.
std::vector<Path> model_places(std::string_view name);

}  // namespace hemiola
