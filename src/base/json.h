// The one wrapper of nlohmann-json: the alias used everywhere, and reading and writing without
// exceptions. Both are compiled once, in json.cpp: inlined, they took a quarter of the time of
// every file that used them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hemiola {

using Json = nlohmann::ordered_json;

// `where` names the text in errors.
Result<Json> parse_json(std::string_view text, std::string_view where);

// On one line, or in lines indented by `indent` spaces a level. Bytes that are not UTF-8 become the
// replacement character; `ascii` escapes everything outside of ASCII.
std::string json_text(const Json& json, int indent = -1, bool ascii = false);

}  // namespace hemiola
