#include "score/instruments.h"

#include <array>
#include <charconv>
#include <utility>

namespace hemiola {
namespace {

constexpr std::array<std::string_view, 128> kNames = {"Acoustic Grand Piano",
                                                      "Bright Acoustic Piano",
                                                      "Electric Grand Piano",
                                                      "Honky-tonk Piano",
                                                      "Electric Piano 1",
                                                      "Electric Piano 2",
                                                      "Harpsichord",
                                                      "Clavinet",
                                                      "Celesta",
                                                      "Glockenspiel",
                                                      "Music Box",
                                                      "Vibraphone",
                                                      "Marimba",
                                                      "Xylophone",
                                                      "Tubular Bells",
                                                      "Dulcimer",
                                                      "Drawbar Organ",
                                                      "Percussive Organ",
                                                      "Rock Organ",
                                                      "Church Organ",
                                                      "Reed Organ",
                                                      "Accordion",
                                                      "Harmonica",
                                                      "Tango Accordion",
                                                      "Acoustic Guitar (nylon)",
                                                      "Acoustic Guitar (steel)",
                                                      "Electric Guitar (jazz)",
                                                      "Electric Guitar (clean)",
                                                      "Electric Guitar (muted)",
                                                      "Overdriven Guitar",
                                                      "Distortion Guitar",
                                                      "Guitar Harmonics",
                                                      "Acoustic Bass",
                                                      "Electric Bass (finger)",
                                                      "Electric Bass (pick)",
                                                      "Fretless Bass",
                                                      "Slap Bass 1",
                                                      "Slap Bass 2",
                                                      "Synth Bass 1",
                                                      "Synth Bass 2",
                                                      "Violin",
                                                      "Viola",
                                                      "Cello",
                                                      "Contrabass",
                                                      "Tremolo Strings",
                                                      "Pizzicato Strings",
                                                      "Orchestral Harp",
                                                      "Timpani",
                                                      "String Ensemble 1",
                                                      "String Ensemble 2",
                                                      "Synth Strings 1",
                                                      "Synth Strings 2",
                                                      "Choir Aahs",
                                                      "Voice Oohs",
                                                      "Synth Voice",
                                                      "Orchestra Hit",
                                                      "Trumpet",
                                                      "Trombone",
                                                      "Tuba",
                                                      "Muted Trumpet",
                                                      "French Horn",
                                                      "Brass Section",
                                                      "Synth Brass 1",
                                                      "Synth Brass 2",
                                                      "Soprano Sax",
                                                      "Alto Sax",
                                                      "Tenor Sax",
                                                      "Baritone Sax",
                                                      "Oboe",
                                                      "English Horn",
                                                      "Bassoon",
                                                      "Clarinet",
                                                      "Piccolo",
                                                      "Flute",
                                                      "Recorder",
                                                      "Pan Flute",
                                                      "Blown Bottle",
                                                      "Shakuhachi",
                                                      "Whistle",
                                                      "Ocarina",
                                                      "Lead 1 (square)",
                                                      "Lead 2 (sawtooth)",
                                                      "Lead 3 (calliope)",
                                                      "Lead 4 (chiff)",
                                                      "Lead 5 (charang)",
                                                      "Lead 6 (voice)",
                                                      "Lead 7 (fifths)",
                                                      "Lead 8 (bass + lead)",
                                                      "Pad 1 (new age)",
                                                      "Pad 2 (warm)",
                                                      "Pad 3 (polysynth)",
                                                      "Pad 4 (choir)",
                                                      "Pad 5 (bowed)",
                                                      "Pad 6 (metallic)",
                                                      "Pad 7 (halo)",
                                                      "Pad 8 (sweep)",
                                                      "FX 1 (rain)",
                                                      "FX 2 (soundtrack)",
                                                      "FX 3 (crystal)",
                                                      "FX 4 (atmosphere)",
                                                      "FX 5 (brightness)",
                                                      "FX 6 (goblins)",
                                                      "FX 7 (echoes)",
                                                      "FX 8 (sci-fi)",
                                                      "Sitar",
                                                      "Banjo",
                                                      "Shamisen",
                                                      "Koto",
                                                      "Kalimba",
                                                      "Bagpipe",
                                                      "Fiddle",
                                                      "Shanai",
                                                      "Tinkle Bell",
                                                      "Agogo",
                                                      "Steel Drums",
                                                      "Woodblock",
                                                      "Taiko Drum",
                                                      "Melodic Tom",
                                                      "Synth Drum",
                                                      "Reverse Cymbal",
                                                      "Guitar Fret Noise",
                                                      "Breath Noise",
                                                      "Seashore",
                                                      "Bird Tweet",
                                                      "Telephone Ring",
                                                      "Helicopter",
                                                      "Applause",
                                                      "Gunshot"};

// What people type, where it is not simply part of one General MIDI name.
constexpr std::array<std::pair<std::string_view, int>, 34> kShort = {{
    {"piano", 0},
    {"grand piano", 0},
    {"electric piano", 4},
    {"rhodes", 4},
    {"organ", 19},
    {"pipe organ", 19},
    {"guitar", 24},
    {"acoustic guitar", 24},
    {"electric guitar", 27},
    {"distorted guitar", 30},
    {"bass", 32},
    {"double bass", 43},
    {"upright bass", 32},
    {"electric bass", 33},
    {"bass guitar", 33},
    {"synth bass", 38},
    {"strings", 48},
    {"string section", 48},
    {"pizzicato", 45},
    {"harp", 46},
    {"choir", 52},
    {"voice", 52},
    {"vocals", 52},
    {"brass", 61},
    {"horn", 60},
    {"sax", 65},
    {"saxophone", 65},
    {"violoncello", 42},
    {"bells", 14},
    {"lead", 81},
    {"synth", 81},
    {"pad", 89},
    {"synth pad", 89},
    {"recorder", 74},
}};

// Lower case letters and digits, single spaces between words.
std::string plain(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (word) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace

std::string_view instrument_name(Instrument instrument) {
  if (instrument.is_drum) return "Drums";
  return kNames[static_cast<std::size_t>(instrument.program & 127)];
}

Result<Instrument> parse_instrument(std::string_view text) {
  const std::string wanted = plain(text);
  int number = 0;
  const auto [end, code] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  if (code == std::errc() && end == wanted.data() + wanted.size()) {
    if (number >= 1 && number <= 128) return Instrument{number - 1, false};
    return fail("instrument {}: General MIDI numbers go from 1 to 128", number);
  }
  if (wanted == "drums" || wanted == "drum" || wanted == "percussion" || wanted == "drum kit") {
    return Instrument{0, true};
  }
  for (const auto& [name, program] : kShort) {
    if (wanted == name) return Instrument{program, false};
  }
  // The shortest General MIDI name that holds the words: "grand" is the first piano.
  int best = -1;
  for (int program = 0; program < 128 && !wanted.empty(); ++program) {
    const std::string name = plain(kNames[static_cast<std::size_t>(program)]);
    if (name == wanted) return Instrument{program, false};
    if (name.find(wanted) == std::string::npos) continue;
    if (best < 0 || name.size() < plain(kNames[static_cast<std::size_t>(best)]).size()) {
      best = program;
    }
  }
  if (best >= 0) return Instrument{best, false};
  return fail(
      "instrument '{}' is not known; use a name such as piano, bass, strings, flute, drums, or a "
      "General MIDI number from 1 to 128",
      text);
}

}  // namespace hemiola
