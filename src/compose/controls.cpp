#include "compose/controls.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace hemiola {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (const auto part = trim(text.substr(0, end)); !part.empty()) parts.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<int> parse_int(std::string_view text) {
  int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

constexpr double kLeastTempo = 10, kMostTempo = 400;

constexpr std::string_view kLetters = "CDEFGAB";
constexpr std::array<int, 7> kPitchClass = {0, 2, 4, 5, 7, 9, 11};
constexpr std::array<int, 7> kFifths = {0, 2, 4, -1, 1, 3, 5};  // of the major key

struct Spelled {
  int letter = 0;      // index into kLetters
  int accidental = 0;  // semitones
  bool lower_case = false;
};

// Takes a letter and its accidentals off the front of `text`.
std::optional<Spelled> take_letter(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  Spelled spelled;
  char c = text.front();
  if (c >= 'a' && c <= 'g') c = static_cast<char>(c - 32), spelled.lower_case = true;
  const auto letter = kLetters.find(c);
  if (letter == std::string_view::npos) return std::nullopt;
  spelled.letter = static_cast<int>(letter);
  text.remove_prefix(1);
  const auto take = [&](std::string_view sign, int by) {
    while (text.starts_with(sign)) text.remove_prefix(sign.size()), spelled.accidental += by;
  };
  take("#", 1), take("♯", 1), take("b", -1), take("♭", -1);
  return spelled;
}

int pitch_class(const Spelled& spelled) {
  return ((kPitchClass[static_cast<std::size_t>(spelled.letter)] + spelled.accidental) % 12 + 12) %
         12;
}

constexpr std::array<std::string_view, 12> kRootNames = {"C",  "C#", "D",  "Eb", "E",  "F",
                                                         "F#", "G",  "Ab", "A",  "Bb", "B"};

// The first name of each quality is the one that is written.
constexpr std::array<std::pair<std::string_view, ChordQuality>, 40> kQualities = {{
    {"maj", ChordQuality::kMajor},
    {"min", ChordQuality::kMinor},
    {"dim", ChordQuality::kDiminished},
    {"aug", ChordQuality::kAugmented},
    {"sus4", ChordQuality::kSuspended},
    {"maj7", ChordQuality::kMajor7},
    {"min7", ChordQuality::kMinor7},
    {"7", ChordQuality::kDominant7},
    {"hdim7", ChordQuality::kHalfDiminished},
    {"dim7", ChordQuality::kDiminished7},
    {"minmaj7", ChordQuality::kMinorMajor7},
    {"6", ChordQuality::kSixth},
    {"5", ChordQuality::kPower},
    {"", ChordQuality::kMajor},
    {"major", ChordQuality::kMajor},
    {"M", ChordQuality::kMajor},
    {"m", ChordQuality::kMinor},
    {"mi", ChordQuality::kMinor},
    {"minor", ChordQuality::kMinor},
    {"-", ChordQuality::kMinor},
    {"o", ChordQuality::kDiminished},
    {"°", ChordQuality::kDiminished},
    {"+", ChordQuality::kAugmented},
    {"sus", ChordQuality::kSuspended},
    {"sus2", ChordQuality::kSuspended},
    {"M7", ChordQuality::kMajor7},
    {"major7", ChordQuality::kMajor7},
    {"m7", ChordQuality::kMinor7},
    {"mi7", ChordQuality::kMinor7},
    {"-7", ChordQuality::kMinor7},
    {"dom7", ChordQuality::kDominant7},
    {"m7b5", ChordQuality::kHalfDiminished},
    {"min7b5", ChordQuality::kHalfDiminished},
    {"ø", ChordQuality::kHalfDiminished},
    {"ø7", ChordQuality::kHalfDiminished},
    {"o7", ChordQuality::kDiminished7},
    {"°7", ChordQuality::kDiminished7},
    {"mM7", ChordQuality::kMinorMajor7},
    {"maj6", ChordQuality::kSixth},
    {"power", ChordQuality::kPower},
}};

Result<std::optional<Chord>> parse_chord(std::string_view text) {
  const std::string_view whole = text;
  if (text == "-" || text == "N" || text == "N.C.") return std::optional<Chord>();
  const auto root = take_letter(text);
  if (root && !root->lower_case) {
    if (text.starts_with(":")) text.remove_prefix(1);
    for (const auto& [name, quality] : kQualities) {
      if (text == name) return Chord{static_cast<std::uint8_t>(pitch_class(*root)), quality};
    }
  }
  return fail(
      "chord '{}': expected a root and a kind, such as C:maj, A:min, G7, F#:hdim7, or - for none",
      whole);
}

}  // namespace

Status check(const Controls& controls) {
  const auto bad = [](std::string_view name, auto value, std::string_view expected) {
    return fail("{} {}: expected {}", name, value, expected);
  };
  if (controls.tempo && !(*controls.tempo >= kLeastTempo && *controls.tempo <= kMostTempo)) {
    return bad("tempo", *controls.tempo, "10 to 400 quarters a minute");
  }
  if (controls.range &&
      (controls.range->low > controls.range->high || controls.range->high > 127)) {
    return fail("range {}-{}: expected two MIDI keys from 0 to 127, the lower one first",
                controls.range->low, controls.range->high);
  }
  if (const auto most = controls.max_polyphony; most && (*most < 1 || *most > 128)) {
    return bad("max_polyphony", *most, "1 to 128 notes at once in a track");
  }
  if (const auto density = controls.density;
      density && (*density < 1 || *density > tokens::kDensityClasses)) {
    return bad("density", *density, "1 (sparse) to 10 (dense)");
  }
  return {};
}

Result<Key> parse_key(std::string_view text) {
  const std::string_view whole = text = trim(text);
  const auto wrong = [&] {
    return fail("key '{}': expected a tonic and a mode, such as \"C major\", \"F# minor\", \"Bb\"",
                whole);
  };
  const auto tonic = take_letter(text);
  if (!tonic) return wrong();
  std::string_view rest = trim(text);
  if (rest.starts_with("-") || rest.starts_with(":") || rest.starts_with("_"))
    rest.remove_prefix(1);
  const std::string mode = lower(rest);
  Key key;
  if (rest == "m" || mode == "min" || mode == "minor" || mode == "moll") {
    key.minor = true;
  } else if (mode.empty()) {
    key.minor = tonic->lower_case;
  } else if (rest != "M" && mode != "maj" && mode != "major" && mode != "dur") {
    return wrong();
  }
  key.fifths = kFifths[static_cast<std::size_t>(tonic->letter)] + 7 * tonic->accidental -
               (key.minor ? 3 : 0);
  // A key beyond seven signs has a simpler name for the same sound.
  if (key.fifths > 7) key.fifths -= 12;
  if (key.fifths < -7) key.fifths += 12;
  if (key.fifths < -7 || key.fifths > 7) return wrong();
  return key;
}

std::string key_text(const Key& key) {
  const int fifths = key.fifths + (key.minor ? 3 : 0);
  for (int accidental = -1; accidental <= 1; ++accidental) {
    for (std::size_t letter = 0; letter < kLetters.size(); ++letter) {
      if (kFifths[letter] + 7 * accidental != fifths) continue;
      return fmt::format("{}{} {}", kLetters[letter],
                         accidental < 0   ? "b"
                         : accidental > 0 ? "#"
                                          : "",
                         key.minor ? "minor" : "major");
    }
  }
  return "C major";  // not reached: fifths is -7 to 7
}

Result<Metre> parse_metre(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto numerator = parse_int(trim(text.substr(0, slash)));
  const auto denominator =
      slash == std::string_view::npos ? std::nullopt : parse_int(trim(text.substr(slash + 1)));
  if (numerator && denominator && *numerator >= 1 && *numerator <= kMaxMetreNumerator) {
    constexpr std::array kDenominators = {1, 2, 4, 8, 16, 32};
    const bool known =
        std::find(kDenominators.begin(), kDenominators.end(), *denominator) != kDenominators.end();
    const Metre metre{*numerator, known ? *denominator : 4};
    if (known && bar_length(metre) <= kMaxBarLength) return metre;
  }
  return fail(
      "metre '{}': expected beats over their value, such as 3/4 or 6/8 (1 to 32 over 1, 2, 4, 8, "
      "16 or 32, at most 8 whole notes)",
      text);
}

Result<int> parse_pitch(std::string_view text) {
  const std::string_view whole = text = trim(text);
  if (const auto number = parse_int(text)) {
    if (*number >= 0 && *number <= 127) return *number;
  } else if (const auto letter = take_letter(text)) {
    if (const auto octave = parse_int(text)) {
      const int pitch = 12 * (*octave + 1) + kPitchClass[static_cast<std::size_t>(letter->letter)] +
                        letter->accidental;
      if (pitch >= 0 && pitch <= 127) return pitch;
    }
  }
  return fail("pitch '{}': expected a MIDI key from 0 to 127, or a name such as C4 (60) or F#2",
              whole);
}

Result<tokens::PitchRange> parse_range(std::string_view text) {
  // The first "-" may be a sign of an octave: C-1-C4.
  for (std::size_t dash = text.find('-'); dash != std::string_view::npos;
       dash = text.find('-', dash + 1)) {
    const auto low = parse_pitch(text.substr(0, dash));
    const auto high = parse_pitch(text.substr(dash + 1));
    if (!low || !high) continue;
    if (*low > *high) return fail("range '{}': the lower end comes first", text);
    return tokens::PitchRange{static_cast<std::uint8_t>(*low), static_cast<std::uint8_t>(*high)};
  }
  return fail("range '{}': expected two pitches, such as 48-84 or C3-C6", text);
}

Result<std::vector<std::optional<Chord>>> parse_chords(std::string_view text) {
  std::vector<std::optional<Chord>> chords;
  for (std::string_view word : split(text, " \t,|\n")) {
    HEMIOLA_TRY(const auto chord, parse_chord(word));
    chords.push_back(chord);
  }
  if (chords.empty()) return fail("chords: none given; try \"C:maj A:min F:maj G:7\"");
  return chords;
}

std::string chord_text(const Chord& chord) {
  for (const auto& [name, quality] : kQualities) {
    if (quality == chord.quality) return fmt::format("{}:{}", kRootNames[chord.root % 12], name);
  }
  return "N";
}

Result<std::vector<Instrument>> parse_instruments(std::string_view text) {
  std::vector<Instrument> instruments;
  for (std::string_view word : split(text, ",")) {
    HEMIOLA_TRY(const Instrument instrument, parse_instrument(word));
    instruments.push_back(instrument);
  }
  if (instruments.empty()) return fail("instruments: none given; try piano,bass,drums");
  if (instruments.size() > kMaxTracks) {
    return fail("instruments: {} given, at most {} can play together", instruments.size(),
                kMaxTracks);
  }
  return instruments;
}

Result<Controls> controls_from_json(const Json& json) {
  if (!json.is_object()) return fail("controls: expected a JSON object");
  Controls controls;
  for (const auto& item : json.items()) {
    const std::string& name = item.key();
    const Json& value = item.value();
    const auto text = [&]() -> Result<std::string> {
      if (!value.is_string()) return fail("controls.{}: expected a text", name);
      return value.get<std::string>();
    };
    const auto number = [&](double low, double high) -> Result<double> {
      if (!value.is_number() || value.get<double>() < low || value.get<double>() > high) {
        return fail("controls.{}: expected a number from {} to {}", name, low, high);
      }
      return value.get<double>();
    };
    if (value.is_null()) continue;
    if (name == "key") {
      HEMIOLA_TRY(const auto given, text());
      HEMIOLA_TRY(controls.key, parse_key(given));
    } else if (name == "in_scale") {
      if (!value.is_boolean()) return fail("controls.in_scale: expected true or false");
      controls.in_scale = value.get<bool>();
    } else if (name == "metre") {
      HEMIOLA_TRY(const auto given, text());
      HEMIOLA_TRY(controls.metre, parse_metre(given));
    } else if (name == "tempo") {
      HEMIOLA_TRY(controls.tempo, number(kLeastTempo, kMostTempo));
    } else if (name == "instruments") {
      HEMIOLA_TRY(const auto given, text());
      HEMIOLA_TRY(controls.instruments, parse_instruments(given));
    } else if (name == "range") {
      HEMIOLA_TRY(const auto given, text());
      HEMIOLA_TRY(controls.range, parse_range(given));
    } else if (name == "max_polyphony") {
      HEMIOLA_TRY(const auto given, number(1, 128));
      controls.max_polyphony = static_cast<int>(given);
    } else if (name == "density") {
      HEMIOLA_TRY(const auto given, number(1, 10));
      controls.density = static_cast<int>(given);
    } else if (name == "style") {
      HEMIOLA_TRY(controls.style, text());
    } else if (name == "chords") {
      HEMIOLA_TRY(const auto given, text());
      HEMIOLA_TRY(controls.chords, parse_chords(given));
    } else {
      return fail(
          "controls.{}: not known; there are key, in_scale, metre, tempo, instruments, range, "
          "max_polyphony, density, style, chords",
          name);
    }
  }
  return controls;
}

Json controls_to_json(const Controls& controls) {
  Json json = Json::object();
  if (controls.key) json["key"] = key_text(*controls.key);
  if (controls.in_scale) json["in_scale"] = true;
  if (controls.metre) {
    json["metre"] = fmt::format("{}/{}", controls.metre->numerator, controls.metre->denominator);
  }
  if (controls.tempo) json["tempo"] = *controls.tempo;
  if (!controls.instruments.empty()) {
    std::string names;
    for (const Instrument& instrument : controls.instruments) {
      if (!names.empty()) names += ',';
      names += instrument_name(instrument);
    }
    json["instruments"] = names;
  }
  if (controls.range) {
    json["range"] = fmt::format("{}-{}", controls.range->low, controls.range->high);
  }
  if (controls.max_polyphony) json["max_polyphony"] = *controls.max_polyphony;
  if (controls.density) json["density"] = *controls.density;
  if (!controls.style.empty()) json["style"] = controls.style;
  if (!controls.chords.empty()) {
    std::string text;
    for (const auto& chord : controls.chords) {
      if (!text.empty()) text += ' ';
      text += chord ? chord_text(*chord) : "-";
    }
    json["chords"] = text;
  }
  return json;
}

}  // namespace hemiola
