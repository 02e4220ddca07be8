// The report's page as it stands in page/, put into the program by CMake.
#pragma once

#include <string_view>

namespace hemiola::compare {

extern const std::string_view kPageHtml, kPageCss, kPageScript;

}  // namespace hemiola::compare
