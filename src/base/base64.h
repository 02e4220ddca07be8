// Base64 (RFC 4648, with padding), for bytes inside JSON.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace hemiola {

std::string to_base64(std::span<const std::uint8_t> bytes);
Result<Bytes> from_base64(std::string_view text);

}  // namespace hemiola
