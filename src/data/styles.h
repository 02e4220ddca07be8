// Which pieces of a data set are of a style: a genre, a collection, a label.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace hemiola::data {

bool has_style(const Dataset& dataset, std::uint32_t entry, std::string_view style);

// Every style that an accepted entry has, rising.
std::vector<std::string> known_styles(const Dataset& dataset);

}  // namespace hemiola::data
