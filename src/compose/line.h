// One variation while it is written: the piece so far, the window of it that the model sees, the
// mask over what may come next. A line goes on bar by bar; when its window is full it takes a new
// one that begins with the latest bars. Or it fills holes, stretch by stretch.
#pragma once

#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "compose/finish.h"
#include "compose/generate.h"
#include "engine/engine.h"
#include "engine/kv_cache.h"
#include "engine/sampler.h"
#include "score/grid_score.h"
#include "tokens/mask.h"
#include "tokens/tokenizer.h"

namespace hemiola {

// What all variations of a request have in common.
struct Task {
  const engine::Model* model = nullptr;
  const tokens::Tokenizer* tokenizer = nullptr;
  const tokens::MaskTables* tables = nullptr;
  const GenerateRequest* request = nullptr;

  GridScore piece;  // what is there: the prompt up to where it goes on, or all of it to fill in
  bool keyless = false;     // the prompt states no key: one was estimated for the model to see
  int first_bar = 0;        // index of the first bar with new notes
  int end_bar = 0;          // one past the last
  bool fills = false;       // holes in `piece`, rather than bars after it
  std::vector<int> tracks;  // that get new notes when filling
  std::vector<tokens::TrackControls> controls;  // of each track, or empty
  std::vector<std::uint8_t> styles;
  tokens::Constraints rules;  // but for what each window adds
};

class Line final : public tokens::WalkListener {
 public:
  // `stream` of the cache is the line's own.
  Line(const Task& task, engine::KvCache& cache, int stream, std::uint64_t seed, int variation,
       const GenerateCallbacks& callbacks);

  // Takes the first window; afterwards logits are there to sample from.
  Status start();
  // Samples a token. Afterwards the line is done(), or next() is what the model must see, unless a
  // new window was taken: then there are logits already.
  Status sample();
  bool needs_step() const { return !done_ && !fresh_; }
  // The step that decode() is to run for this line.
  engine::Step next();
  bool done() const { return done_; }
  // Ends here: what is written of a bar that is not whole goes. False where no new bar is whole.
  bool stop();

  // The whole piece and the notes that are new in it.
  GridScore piece() const;
  const std::vector<AddedNote>& added() const { return added_; }
  std::size_t sampled() const { return sampled_; }
  int end_bar() const { return end_bar_; }  // index, one past the last new bar
  // Once done: notes were asked for where there was no room for any.
  bool unfulfilled() const { return unfulfilled_; }

  void on_bar(int bar) override;
  void on_note(int track, const GridNote& note) override;

 private:
  Status take_window();
  Status take_hole_window();
  Status begin(std::span<const tokens::Token> prompt, const tokens::Constraints& rules);
  Status after_stretch();
  Status fill_the_rest();
  void take_over(int end);
  void drop_from(int bar);
  void tell_tracks();
  void tell_bars(int end);
  void tell_notes();
  void tell_whole_bars(int end);
  void gather_bars(int end);
  using BarNotes = std::vector<std::tuple<int, int, int>>;  // track, place in the bar, pitch
  const tokens::TokenSet& choices();
  tokens::Token pick();
  BarNotes bar_notes() const;
  bool repeats_bar(tokens::Token token) const;
  void count_alike();
  void ask_for_missing(tokens::Constraints& rules) const;
  tokens::Constraints rules_here(const GridScore& window, int window_first) const;

  const Task& task_;
  engine::KvCache& cache_;
  int stream_;
  int variation_;
  const GenerateCallbacks& callbacks_;
  engine::Sampler sampler_;
  std::vector<float> logits_;  // (vocabulary)
  std::optional<tokens::Mask> mask_;

  GridScore score_;  // the piece so far, with new bars and notes
  std::vector<AddedNote> added_;
  int window_first_ = 0;           // index of the window's first bar in the piece
  GridTick window_start_{};        // its onset
  int first_new_ = 0;              // index in the piece of the first bar new in this window
  int bar_ = -1;                   // index in the piece of the bar being written
  int hole_end_ = 0;               // one past the bars that this window fills
  int hole_bars_ = 0;              // bars to fill at once, at most; halved when not even one fits
  std::size_t stretch_added_ = 0;  // of added_, when the window was taken
  std::size_t told_ = 0;           // of added_, through the callbacks
  int told_bars_ = 0;              // the callbacks know of the bars before this one
  bool told_tracks_ = false;
  int longest_bar_ = 0;  // tokens
  int bar_began_ = 0;    // tokens in the cache when the bar began
  // Against bars that repeat without end.
  BarNotes last_bar_notes_;
  int alike_ = 0;              // bars in a row, up to the last
  bool bar_open_ = false;      // the bar being written was begun in this window
  std::size_t bar_added_ = 0;  // of added_, when it began
  GridTick bar_onset_{};
  tokens::TokenSet choices_;
  bool new_window_ = false;  // the window has no room for another bar
  tokens::Token token_ = 0;
  bool fresh_ = false;  // a window was taken: logits_ are of its last token
  std::size_t sampled_ = 0;
  bool done_ = false;
  int end_bar_ = 0;
  bool unfulfilled_ = false;
};

}  // namespace hemiola
