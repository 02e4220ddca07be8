// General MIDI instruments by name and number: what a person types ("piano", "acoustic bass",
// "drums", 33) and what is shown.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace hemiola {

struct Instrument {
  int program = 0;  // 0-127; 0 on drums
  bool is_drum = false;

  bool operator==(const Instrument&) const = default;
};

// The General MIDI Level 1 sound set's name ("Acoustic Grand Piano"), or "Drums".
std::string_view instrument_name(Instrument instrument);

// A short name ("piano", "bass", "strings", "drums"), any part of a General MIDI name that fits one
// instrument best, or a General MIDI number from 1 to 128. Case and punctuation do not count.
Result<Instrument> parse_instrument(std::string_view text);

}  // namespace hemiola
