// A walk through the grammar, word by word: it knows which words may follow, and builds the score
// and frame that the words say. Every word it admits can be gone on from to a valid end: there are
// no dead ends. Decoder, masks, text reader and tests all use it. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "score/grid_score.h"
#include "tokens/frame.h"
#include "tokens/grammar.h"
#include "tokens/occupancy.h"
#include "tokens/words.h"

namespace hemiola::tokens {

// Told of music as it comes. Bars and tracks are indices into the window's; notes are complete and
// never change later.
class WalkListener {
 public:
  virtual ~WalkListener() = default;
  virtual void on_bar(int /*bar*/) {}
  virtual void on_beat(int /*bar*/, int /*beat*/) {}
  virtual void on_note(int /*track*/, const GridNote& /*note*/) {}
};

// Which pitches a bar's key allows in tracks other than drums. A bar without a key allows all.
enum class Scale : std::uint8_t {
  kFree,
  kNatural,   // the seven tones of the key signature
  kHarmonic,  // and in minor the raised seventh
};

// The pitches of a key's scale; all without a key.
PitchSet scale_pitches(Scale scale, const std::optional<Key>& key);

// Where a walk stands inside a cell, and what holds there. Cheap to copy.
struct CellState {
  Node node = Node::kTrack;
  bool is_drum = false;
  std::int16_t track = 0;
  std::int16_t offset = 0;          // key_offset() of the bar
  std::int16_t length = 0;          // of the cell, in ticks
  std::int16_t first_position = 0;  // 1 in the first cell of an upbeat bar
  std::int16_t position = -1;       // -1: none yet
  std::int16_t below = 128;         // the next note of this position must be lower
  std::int16_t duration = 0;        // in force; 0: none yet
  std::int16_t longer = 0;          // ticks that Long words add to the next Dur
  std::int16_t last_long = -1;      // index of the last Long word, -1: none
  std::int16_t velocity = -1;       // in force in the track; -1: none yet
  std::int32_t start = 0;           // of the cell, in ticks
  PitchSet pitches;                 // that may be written

  int tick() const { return start + position; }
};

class Walk {
 public:
  Walk();

  bool admits(Word word) const;
  // Goes on by one word, or says why that word cannot stand here; then nothing is changed.
  Status step(Word word);
  // Would the words, all of them inside cells, be admitted one after another, and is what they lead
  // to no dead end?
  bool admits_all(std::span<const Word> words) const;

  bool at_end() const { return node_ == Node::kEnd; }
  Node node() const { return node_; }
  // The score and frame, once at_end(); the music that was read so far before.
  Decoded result() const;

  // What has been read.
  const Frame& frame() const { return frame_; }
  const std::vector<GridBar>& bars() const { return score_.bars; }
  const std::vector<GridTrack>& tracks() const { return score_.tracks; }  // without a fill's notes
  bool has_upbeat() const { return score_.has_upbeat; }
  bool filling() const { return filling_; }
  int bar() const { return bar_; }      // index of the bar being read or filled, -1: none yet
  int beat() const { return beat_; }    // index of the cell, -1: none yet in this bar
  int track() const { return track_; }  // of the cell, -1: none yet in this beat
  int bar_start(int bar) const { return bar_starts_[static_cast<std::size_t>(bar)]; }
  // Bars of the piece that follow the current one, as far as said: nullopt where bars are plain.
  std::optional<int> bars_left() const;
  int notes() const { return notes_; }

  // For masks. Limits hold for what is written from now on; tracks need not be declared yet.
  void set_listener(WalkListener* listener) { listener_ = listener; }
  void limit_pitches(int track, PitchSet allowed);  // a drum track stays free
  void limit_to_scale(Scale scale) { scale_ = scale; }
  void limit_polyphony(int track, int notes) { occupancy_.limit_polyphony(track, notes); }
  void add_standing(int track, std::span<const Sound> sounds) {
    occupancy_.add_standing(track, sounds);
  }

  // The pitches that may be written in a track in a bar that has been read.
  PitchSet pitches_in(int bar, int track) const;
  // May this track have notes in the current bar (a hole or not, as the case may be)?
  bool track_open(int track) const;
  // Is there room for a note of the track in this cell of a bar that has been read?
  bool cell_open(int bar, int beat, int track) const;
  // The cell being read, or the one that Track would begin after Beat.
  const CellState& cell() const { return cell_; }
  CellState cell_of(int track) const;
  const Occupancy& occupancy() const { return occupancy_; }

  // Goes on inside a cell; `also` gathers the notes. False: not admitted (cell and also are
  // spoilt).
  bool cell_step(CellState& cell, Word word, std::vector<Sound>& also) const;
  // Would these words be admitted in this cell, one after another, and lead to no dead end?
  bool cell_admits(CellState cell, std::span<const Word> words) const;
  // Can a note still come where one must?
  bool alive(const CellState& cell, std::span<const Sound> also) const;

 private:
  bool admits_structure(Word word, WordClass word_class) const;
  void take_structure(Word word, Node to);
  void begin_bar(Word word);
  void begin_fill();
  void begin_fill_bar();
  bool may_end() const;
  bool bar_word_fits(Word word) const;
  CellState cell_at(int bar, int beat, int track) const;
  std::string refusal(Word word) const;

  Node node_ = Node::kStart;
  bool filling_ = false;
  GridScore score_;
  Frame frame_;
  std::vector<std::vector<GridNote>> fill_;  // by track, the notes written after Fill
  std::vector<Word> bar_words_;              // by bar
  std::vector<std::int32_t> bar_starts_;     // by bar
  int bar_ = -1;
  int beat_ = -1;
  int track_ = -1;
  std::size_t next_hole_ = 0;    // of frame_.holes: the first of a bar that is still to be filled
  std::uint32_t hole_mask_ = 0;  // tracks that are holes of the current bar
  int numerator_ = 0;
  std::uint8_t chord_root_ = 0;
  int notes_ = 0;
  CellState cell_;
  std::array<std::int8_t, kMaxTracks> velocities_{};
  std::array<PitchSet, kMaxTracks> limits_{};
  Scale scale_ = Scale::kFree;
  Occupancy occupancy_;
  mutable std::vector<Sound> scratch_;
  WalkListener* listener_ = nullptr;
};

}  // namespace hemiola::tokens
