// Which tokens may come next, so that whatever is sampled decodes, is never silently empty, and
// honours every control that can be enforced. A mask is fed a prompt under the grammar alone, then
// constrained, then asked and advanced in turn:
//
//   Mask mask(tables);
//   HEMIOLA_CHECK(mask.feed(prompt));
//   HEMIOLA_CHECK(mask.constrain(constraints));
//   while (!mask.done()) HEMIOLA_CHECK(mask.advance(sample(logits, mask.allowed())));
//   Decoded piece = mask.walk().result();
//
// There are no dead ends: until done(), allowed() is never empty. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "tokens/mask_tables.h"
#include "tokens/walk.h"

namespace hemiola::tokens {

// What a new bar must say; what is not given is free.
struct BarPlan {
  std::optional<Metre> metre{};
  std::optional<std::optional<Key>> key{};  // an inner nullopt: Key_none
  std::optional<std::uint8_t> tempo_class{};
  // Both chords of the bar, nullopt for none. The one at the middle is passed over where the bar's
  // metre has no middle.
  struct Chords {
    std::optional<Chord> start{};
    std::optional<Chord> middle{};
  };
  std::optional<Chords> chords{};
};

struct TrackRule {
  std::optional<PitchRange> range{};  // not on drum tracks
  int max_polyphony = 0;              // notes at once; 0: no limit
  bool must_play = false;             // going on: at least one note, whatever is asked of others
};

// A note that stands where new notes may come, though the tokens do not show it: one held from
// before the window, or one after its end. Ticks from the start of the window; at most
// kMaxDuration long.
struct StandingNote {
  int track = 0;
  Sound sound;
};

enum class NonEmpty : std::uint8_t {
  kNot,         // nothing is asked
  kSomewhere,   // a note at least in what is new; when filling, in each run of bars with holes
  kEveryTrack,  // and in each track; when filling, in each track that has holes
};

struct Constraints {
  // Bars to be written after the prompt, exactly; then End. Free: the model decides. (When filling,
  // the holes decide.)
  std::optional<int> bars{};
  int bars_after = 0;  // of the piece, beyond those; 0 if and only if the window ends the piece
  bool counts_bars = true;       // where the prompt has no bar yet and `bars` is given
  std::optional<bool> upbeat{};  // where the prompt has no bar yet
  std::vector<BarPlan> plan{};   // for the new bars in order; the last one goes on; empty: all free
  std::vector<TrackRule> tracks{};  // by index; missing ones are free
  Scale scale = Scale::kFree;
  NonEmpty non_empty = NonEmpty::kSomewhere;
  // A piece that ends with its `bars` does not end in silence: in the last bar a note begins, or
  // one sounds on, if there is room for any.
  bool sounding_end = false;
  std::vector<StandingNote> standing{};
};

class Mask {
 public:
  // The tables must outlive the mask.
  explicit Mask(const MaskTables& tables);

  // Goes on by tokens that are given. Before constrain().
  Status feed(std::span<const Token> prompt);

  // From here on. A bar that the prompt left unfinished stays as it is: what comes next is a new
  // bar (or, after Fill, the first hole's contents). Refuses the impossible with the reason.
  Status constrain(const Constraints& constraints);

  // The tokens that may come next; without constrain(), whatever the grammar allows.
  const TokenSet& allowed();
  // The one token that may come next, where there is only one.
  std::optional<Token> forced();
  Status advance(Token token);

  bool done() const { return walk_.at_end(); }
  const Walk& walk() const { return walk_; }
  // Told of notes, bars and beats as they come. Must outlive the mask or be taken away (nullptr).
  void set_listener(WalkListener* listener) {
    listener_ = listener;
    if (constrained_) walk_.set_listener(listener);
  }
  int new_notes() const { return new_notes_; }
  // Was something asked for (NonEmpty) that there was no room for? Standing notes and limits of
  // polyphony can leave none. Known when done().
  bool unfulfilled() const;

 private:
  // At least one note among some cells, with a last place where it can still be.
  struct Duty {
    int track = -1;      // -1: any
    int first_bar = 0;   // of the cells
    int end_bar = 0;     // the last of them
    int last_bar = 0;    // the last bar in which it can be done, as far as is known
    int last_beat = -1;  // in that bar; -1: not looked up yet
    bool open = true;    // still to be done
    bool impossible = false;
    bool to_sound = false;  // also done by a note that sounds when the bar begins
  };

  bool permits(Word word) const;
  bool permits_bar_head(Word word, WordClass word_class) const;
  bool permits_bar(Word word, WordClass word_class) const;
  bool permits_move(int beat, int track) const;
  bool permits_leaving_bar() const;
  const BarPlan& plan() const;
  bool sealed() const;
  bool is_last_bar() const;
  std::optional<Word> expected_bar() const;
  Status check_constraints(const Constraints& constraints) const;
  Status check_count(const Constraints& constraints) const;
  Status check_pitches() const;
  void make_duties();
  bool find_last_place(Duty& duty) const;
  void refresh_duties();
  bool sounds_into_bar() const;
  void note_written(int track);

  void add_words();
  void add_cell_tokens(const CellState& cell, const TokenSet& beginning);
  const TokenSet& in_range(const CellState& cell);
  const TokenSet* having(const CellState& cell, int pitch) const;  // nullptr: none has it
  void suspect_sounding(const CellState& cell);
  void suspect_polyphony(const CellState& cell);
  void suspect_dangling(const CellState& cell);
  void drop_bad_chords(const CellState& cell);

  const MaskTables& tables_;
  Walk walk_;
  WalkListener* listener_ = nullptr;
  bool constrained_ = false;
  Constraints rules_;
  int first_new_bar_ = 0;
  int sealed_bar_ = -1;
  int new_notes_ = 0;
  std::vector<Duty> duties_;

  bool known_ = false;  // is allowed_ up to date?
  TokenSet allowed_, candidates_, suspects_, doubt_;
  struct RangeCache {
    PitchSet pitches;
    int offset = 1000;  // none
    bool is_drum = false;
    TokenSet tokens;
  };
  std::array<RangeCache, kMaxTracks> ranges_;
};

}  // namespace hemiola::tokens
