// What a performance's notes say before any beat is known: chords (notes struck together) and, for
// each chord, how likely it stands on a downbeat, a beat, or one of a beat's parts. Each chord is
// judged from itself and its neighbours alone; tracker_search.h makes beats of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hemiola::tracker {

// Times in seconds; sorted by onset.
struct Note {
  double onset = 0;
  double duration = 0;
  int pitch = 60;     // on a drum: the General MIDI percussion key
  int velocity = 64;  // 1-127
  bool is_drum = false;
};

struct Chord {
  double at = 0;  // mean onset
  std::size_t first_note = 0;
  int size = 0;
  int loudest = 0;
  double mean_velocity = 0;
  int lowest = 127, highest = 0;  // pitches
  double longest = 0;             // durations, seconds
  double bass_length = 0, top_length = 0;
};

std::vector<Chord> find_chords(std::span<const Note> notes);

// Where in the bar a chord stands.
enum Level : std::uint8_t {
  kDownbeat,
  kMiddle,   // the third of four beats
  kBeat,     // any other beat
  kHalf,     // 1/2 of a beat
  kThird,    // 1/3, 2/3
  kQuarter,  // 1/4, 3/4
  kSixth,    // 1/6, 5/6
  kFiner,
  kOrnament,  // beside the grid: grace notes, trills
};
inline constexpr std::size_t kLevels = 9;

inline constexpr std::size_t kFeatures = 32;
using Features = std::array<float, kFeatures>;

// All relative to the few seconds around, so that neither loudness, register nor speed as such
// matters much.
std::vector<Features> chord_features(std::span<const Note> notes, std::span<const Chord> chords);

// For each chord and level: the log of how much likelier the level is than without looking.
using Evidence = std::array<float, kLevels>;
std::vector<Evidence> chord_evidence(std::span<const Features> features);

}  // namespace hemiola::tracker
