// What a file says, in the file's own ticks: tempo map, metre, key, tracks of notes. Nothing is
// quantised. GridScore (grid_score.h) is what the vocabulary can say; standardising goes from here
// to there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time_units.h"

namespace hemiola {

struct Metre {
  int numerator = 4;
  int denominator = 4;  // a power of two, 1-32

  bool operator==(const Metre&) const = default;
};

// A key signature with its mode; the spelling is kept (F# major is not Gb major).
struct Key {
  int fifths = 0;  // of the signature: -7 (seven flats) to 7 (seven sharps)
  bool minor = false;

  // Pitch class of the tonic, C = 0.
  int tonic() const { return (((fifths + (minor ? 3 : 0)) * 7) % 12 + 12) % 12; }
  bool operator==(const Key&) const = default;
};

struct Note {
  Tick onset{};
  Tick duration{};             // > 0
  std::uint8_t pitch = 60;     // MIDI key 0-127; a General MIDI percussion key on a drum track
  std::uint8_t velocity = 64;  // 1-127

  bool operator==(const Note&) const = default;
};

struct Track {
  std::string name;
  int program = 0;  // General MIDI 0-127; ignored on a drum track
  bool is_drum = false;
  int channel = 0;          // 0-15, where it came from or is to go
  int source_track = 0;     // index of the file's track chunk it came from
  std::vector<Note> notes;  // by onset, then pitch
};

struct TempoChange {
  Tick at{};
  std::int32_t microseconds_per_quarter = 500000;  // > 0

  double quarters_per_minute() const { return 6e7 / microseconds_per_quarter; }
};

struct MetreChange {
  Tick at{};
  Metre metre;
};

struct KeyChange {
  Tick at{};
  Key key;
};

struct Lyric {
  Tick at{};
  std::string text;
};

struct Score {
  int ticks_per_quarter = 480;
  std::string title;
  std::vector<TempoChange> tempos;  // by time; empty means 120 throughout
  std::vector<MetreChange> metres;  // by time; empty means nothing is said
  std::vector<KeyChange> keys;      // by time; may be empty
  std::vector<Lyric> lyrics;
  std::vector<Track> tracks;
  // The file was written from a GridScore: its bar lines are where they should be.
  bool bar_lines_known = false;

  Tick end() const;  // the end of the last note
  std::size_t note_count() const;

  // Through the tempo map. seconds_at is exact to rounding; tick_at is its inverse. For more than
  // a few calls, build a TempoMap.
  Seconds seconds_at(Tick tick) const;
  Tick tick_at(Seconds seconds) const;
};

// A score's tempo map made ready for many questions: each costs a binary search.
class TempoMap {
 public:
  explicit TempoMap(const Score& score);

  Seconds seconds_at(Tick tick) const;  // before tick 0 the first tempo is drawn on
  Tick tick_at(Seconds seconds) const;  // the nearest tick

 private:
  struct Segment {
    Tick at{};
    Seconds start{};
    double seconds_per_tick = 0;
  };
  std::vector<Segment> segments_;  // by time; the first begins at tick 0
};

}  // namespace hemiola
