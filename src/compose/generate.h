// Writing music: from nothing, on from a piece, or inside it. One Composer a model; it is
// immutable, so that several threads may write with one. What a prompt's file holds stays as it
// was; new notes are spliced in at its own division and, in a performance, at its own pace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "compose/controls.h"
#include "data/novelty.h"
#include "data/novelty_index.h"
#include "data/source.h"
#include "engine/engine.h"
#include "engine/sampler.h"
#include "midi/events.h"
#include "score/grid_score.h"
#include "tokens/mask_tables.h"
#include "tokens/tokenizer.h"

namespace hemiola {

// Bars as people count them: from 1, an upbeat is bar 0, both ends included.
struct BarSpan {
  int first = 1;
  int last = 1;
};

// Chosen by measurement (bench/sampling, docs/benchmarks.md).
inline constexpr engine::SamplerOptions kDefaultSampling = {.temperature = 0.95f, .top_p = 0.97f};

struct GenerateRequest {
  int bars = 16;           // new bars; with infill: not used
  int count = 1;           // variations
  std::uint64_t seed = 0;  // of the first; the others follow from it
  Controls controls;
  engine::SamplerOptions sampling = kDefaultSampling;

  const data::Source* prompt = nullptr;  // nullptr: from nothing
  std::optional<int> from_bar;           // go on from before this bar; default: after the last
  std::optional<BarSpan> infill;         // write these anew instead of going on
  // Which tracks, from 1; empty: all, or, where controls name instruments, those: they are added to
  // the prompt's and play along (accompaniment). Infill only.
  std::vector<int> tracks;

  // When cancelled: the bars that are whole are returned as pieces that are `stopped`, instead of
  // the error. Variations without one, or not yet begun, are left out.
  bool keep_stopped = false;

  // What is new is compared with this; nullptr: with the index beside the model, if there is one.
  const data::Dataset* training = nullptr;
  // Draws again, a few times, what is a copy of training music. Needs either of the two.
  bool novel = false;
};

struct WrittenPiece {
  int variation = 0;  // from 0
  std::uint64_t seed = 0;
  midi::File file;
  GridScore grid;          // the whole piece, prompt included
  bool stopped = false;    // cancelled before all its bars were written
  int bars = 0;            // new ones
  std::size_t notes = 0;   // new ones in the file
  std::size_t tokens = 0;  // sampled
  double seconds = 0;      // of work; variations written together share it
  double longest_gap = 0;  // between two tokens, in seconds
  // Of the new bars, with all that sounds in them. nullopt: there is nothing to compare with.
  std::optional<data::Novelty> novelty;
};

struct GenerateCallbacks {
  // All tracks of the piece, without their new notes, before the first of these.
  std::function<void(int variation, const std::vector<GridTrack>& tracks)> tracks;
  // A new bar, before its first note or, where it is silent, when it is over: its index in the
  // piece and where it begins. Not when filling: those bars are there.
  std::function<void(int variation, int index, GridTick start, const GridBar& bar)> bar;
  // A note as soon as it is complete: the variation, its track (an index into the piece's), and the
  // note with its onset counted from the start of the piece's first bar.
  std::function<void(int variation, int track, const GridNote& note)> note;
  std::function<void(int variation, int bars_done, int bars_all)> progress;
  // A variation is drawn again (GenerateRequest::novel): what was told of it holds no longer.
  std::function<void(int variation)> again;
  // A variation that could not be finished: a bar too dense for the model's context, no room for a
  // note that must be there, nothing but copies drawn. The others are not touched by it.
  std::function<void(int variation, const Error& why)> left_out;
  // Asked before each token; true: ends with an error, or with what is whole (keep_stopped).
  std::function<bool()> cancelled;
};

class Composer {
 public:
  // A model folder or exported file that holds a tokenizer; with the index of its training data
  // where one stands beside it (data/novelty_index.h).
  static Result<Composer> load(const Path& model, const engine::Options& options = {});
  static Result<Composer> make(engine::Model model);

  // `count` pieces, less those left out; or why the wish cannot be met: the reason of the first one
  // left out, where all were.
  Result<std::vector<WrittenPiece>> generate(const GenerateRequest& request,
                                             const GenerateCallbacks& callbacks = {}) const;

  const engine::Model& model() const { return *model_; }
  const tokens::Tokenizer& tokenizer() const { return *tokenizer_; }
  // nullptr: none stands beside the model.
  const data::NoveltyIndex* training_index() const { return index_.get(); }

 private:
  Composer(engine::Model model, tokens::Tokenizer tokenizer);
  std::optional<data::Novelty> compare(const WrittenPiece& piece, int first_bar,
                                       const data::Dataset* training) const;
  Status draw_again(const GenerateRequest& request, const GenerateCallbacks& callbacks,
                    WrittenPiece& piece) const;

  std::unique_ptr<engine::Model> model_;
  std::unique_ptr<tokens::Tokenizer> tokenizer_;
  std::unique_ptr<tokens::MaskTables> tables_;
  std::unique_ptr<data::NoveltyIndex> index_;
};

// The seed of the i-th variation: the first is the request's own.
std::uint64_t variation_seed(std::uint64_t seed, int variation);

}  // namespace hemiola
