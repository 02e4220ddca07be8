#include "score/midi_text.h"

#include <algorithm>

namespace hemiola {
namespace {

constexpr std::size_t kMaxText = 256;

// The length of the UTF-8 character that begins here, or 0 where none does.
std::size_t utf8_length(std::span<const std::uint8_t> bytes) {
  const std::uint8_t first = bytes[0];
  std::size_t length = 0;
  if (first < 0x80) {
    length = 1;
  } else if (first >= 0xc2 && first < 0xe0) {
    length = 2;
  } else if (first >= 0xe0 && first < 0xf0) {
    length = 3;
  } else if (first >= 0xf0 && first < 0xf5) {
    length = 4;
  }
  if (length == 0 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((bytes[i] & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what lies beyond the last code point.
  if ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] >= 0xa0) ||
      (first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] >= 0x90)) {
    return 0;
  }
  return length;
}

bool is_utf8(std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    bytes = bytes.subspan(length);
  }
  return true;
}

}  // namespace

std::string text_of(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kMaxText) {
    std::size_t cut = kMaxText;  // not through a character
    while (cut > kMaxText - 3 && (bytes[cut] & 0xc0) == 0x80) --cut;
    bytes = bytes.first(cut);
  }
  const bool utf8 = is_utf8(bytes);
  std::string text;
  text.reserve(bytes.size());
  for (const std::uint8_t byte : bytes) {
    if (byte < 0x20 || byte == 0x7f) continue;
    if (utf8 || byte < 0x80) {
      text += static_cast<char>(byte);
    } else if (byte >= 0xa0) {
      text += static_cast<char>(0xc0 | (byte >> 6));
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

std::string trimmed(std::string text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

}  // namespace hemiola
