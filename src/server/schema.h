// The API's description, served and used: requests are checked against it, so that the two cannot
// drift apart. Knows the part of JSON Schema that openapi.json uses.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace hemiola::server {

// The bytes of openapi.json.
std::string_view openapi_text();
const Json& openapi();

// Why `value` is not what the schema says, and where: the field's path, then the reason. A schema
// may refer to others of the description.
struct Mismatch {
  std::string field;
  std::string reason;
};
std::optional<Mismatch> mismatch(const Json& value, const Json& schema);

// The schema under components/schemas.
const Json& schema_named(std::string_view name);

}  // namespace hemiola::server
