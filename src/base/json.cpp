#include "base/json.h"

namespace hemiola {

Result<Json> parse_json(std::string_view text, std::string_view where) {
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    return fail("{}: not valid JSON at byte {}: {}", where, error.byte, error.what());
  }
}

std::string json_text(const Json& json, int indent, bool ascii) {
  return json.dump(indent, ' ', ascii, Json::error_handler_t::replace);
}

}  // namespace hemiola
