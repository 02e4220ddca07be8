// Text in MIDI files (mostly Latin-1 or UTF-8, nothing says which), and our own mark in them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace hemiola {

// The first 256 bytes as valid UTF-8 without control characters; what is not UTF-8 already is read
// as Latin-1. Spaces and slashes at the ends are kept: in lyrics they mean something.
std::string text_of(std::span<const std::uint8_t> bytes);

// Without spaces at both ends.
std::string trimmed(std::string text);

// The payload of the sequencer-specific meta event (FF 7F) in files that are written from a
// GridScore: their bar lines need no second look. 7D is the manufacturer's number for own use.
inline constexpr std::uint8_t kSequencerSpecific = 0x7f;
inline constexpr std::array<std::uint8_t, 12> kBarLinesMark = {0x7d, 'h', 'e', 'm', 'i', 'o',
                                                               'l',  'a', 'b', 'a', 'r', 's'};

}  // namespace hemiola
