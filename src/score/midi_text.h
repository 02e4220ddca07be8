// Text in MIDI files: mostly Latin-1 or UTF-8, nothing says which.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace hemiola {

// The first 256 bytes as valid UTF-8 without control characters; what is not UTF-8 already is read
// as Latin-1. Spaces and slashes at the ends are kept: in lyrics they mean something.
std::string text_of(std::span<const std::uint8_t> bytes);

// Without spaces at both ends.
std::string trimmed(std::string text);

}  // namespace hemiola
