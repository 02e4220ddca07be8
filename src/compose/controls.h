// What a person can ask for, under the same names on the command line, in the API and in Python,
// and the readers of what they type. Nothing here knows a model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/sampler.h"
#include "score/grid_score.h"
#include "score/instruments.h"
#include "tokens/frame.h"

namespace hemiola {

struct Controls {
  std::optional<Key> key;
  bool in_scale = false;  // only notes of the key's scale
  std::optional<Metre> metre;
  std::optional<double> tempo;          // quarters a minute; written exactly as asked
  std::vector<Instrument> instruments;  // one track each, in this order; empty: the model's choice
  std::optional<tokens::PitchRange> range;
  std::optional<int> max_polyphony;  // notes that sound at once in a track
  std::optional<int> density;        // 1 (sparse) to 10 (dense)
  std::string style;                 // one that the model knows
  // One a bar, from the first new bar on; they repeat when the bars outlast them. nullopt ("-"):
  // the model's choice for that bar.
  std::vector<std::optional<Chord>> chords;

  bool operator==(const Controls&) const = default;
};

// Every number in its range; the message names the control.
Status check(const Controls& controls);

// "F# minor", "Bb major", "Ebm", "a" (minor), "C".
Result<Key> parse_key(std::string_view text);
std::string key_text(const Key& key);

// "3/4": 1 to 32 over 1, 2, 4, 8, 16 or 32, at most 8 whole notes a bar.
Result<Metre> parse_metre(std::string_view text);

// "48-84" or "C3-C6" (middle C is C4 = 60).
Result<tokens::PitchRange> parse_range(std::string_view text);
Result<int> parse_pitch(std::string_view text);

// "C:maj", "A:min", "G7", "Bbmaj7", "F#:hdim7", "Dm", "-" or "N" for no wish. Separated by blanks.
Result<std::vector<std::optional<Chord>>> parse_chords(std::string_view text);
std::string chord_text(const Chord& chord);

// "piano,bass,drums".
Result<std::vector<Instrument>> parse_instruments(std::string_view text);

// The names of the command line's options, with "_" for "-". Unknown names are refused.
Result<Controls> controls_from_json(const Json& json);
Json controls_to_json(const Controls& controls);

}  // namespace hemiola
