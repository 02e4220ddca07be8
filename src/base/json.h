// The one wrapper of nlohmann-json: parse without exceptions, and the alias used everywhere.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "base/result.h"

namespace hemiola {

using Json = nlohmann::ordered_json;

inline Result<Json> parse_json(std::string_view text, std::string_view where) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return fail("{}: not valid JSON at byte {}: {}", where, error.byte, error.what());
  }
}

}  // namespace hemiola
