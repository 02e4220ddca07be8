// Writes the tokens of a sound with the stages, a chunk of frames at a time: classes of units as
// far as the semantic stage looks ahead, units as far as the coarse stage does, both and coarse
// codes in windows that keep the second half of the one before, fine codes chunk by chunk, each for
// itself. Knows nothing of sound: what codes mean is the codec's.
//
// Everything follows from models, prompt, settings and seed; how the chunks are asked for changes
// nothing. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "audiolm/layout.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/sampler.h"

namespace hemiola::audiolm {

// A stage that can be run: the model, and how its ids are laid out.
struct StageModel {
  engine::Model model;
  Layout layout;

  // From an export or a model folder; the layout is what it carries in place of a tokenizer.
  // codec_sha256 and semantic_sha256, where not null, get the hashes it was trained with.
  static Result<StageModel> load(const Path& path, const engine::Options& options,
                                 std::string* codec_sha256 = nullptr,
                                 std::string* semantic_sha256 = nullptr);
};

struct Stages {
  StageModel semantic, coarse, fine;
  std::optional<StageModel> rhythm{};  // where the semantic stage goes by classes
};

// That they are of one shape, each of its own stage, and a window fits each context.
Status check(const Stages& stages);

struct StageSampling {
  // Of no account without that stage. Most frames begin nothing, so a low temperature empties a
  // rhythm.
  engine::SamplerOptions rhythm{.temperature = 1.1f, .top_p = 0.9f};
  engine::SamplerOptions semantic{.temperature = 0.6f};
  engine::SamplerOptions coarse{.temperature = 0.8f};
  engine::SamplerOptions fine{.temperature = 0.6f};
  // Codes of each frame that are heard, the first ones; 0: all. With no more than the coarse stage
  // writes, the fine stage has nothing to do.
  int quantizers = 0;

  int heard(const TokenShape& shape) const {
    return quantizers > 0 ? quantizers : shape.quantizers;
  }
};

Status check(const StageSampling& sampling, const TokenShape& shape);

// What is there before the first new token. Units (S), codes (2 S, quantizers); both may be empty.
struct TokenPrompt {
  std::span<const std::int16_t> units, codes;
};

class TokenWriter {
 public:
  // The stages outlive the writer. Precondition: check(stages), check(sampling).
  TokenWriter(const Stages& stages, const TokenPrompt& prompt, const StageSampling& sampling,
              std::uint64_t seed);
  ~TokenWriter();

  // Units or coarse codes that are known and are not to be written: the true ones of a sound, to
  // find out which stage does what. They continue the prompt, as far as they go.
  void give_units(std::span<const std::int16_t> units);
  // The classes of these units alone. Precondition: a rhythm stage.
  void give_rhythm(std::span<const std::int16_t> units) { add_classes(units); }
  void give_codes(std::span<const std::int16_t> codes);  // (frames, quantizers); the coarse count

  // Frames of a chunk: a window of the fine stage.
  int chunk_frames() const;
  // The next chunk: (chunk_frames(), quantizers) codes; fine ones are 0 where none is heard.
  std::vector<std::int16_t> next();

  const std::vector<std::int16_t>& units() const { return units_; }  // so far, prompt included

 private:
  struct Stream;

  template <class Token>
  void write_on(Stream& stream, std::vector<Token>& tokens, std::size_t count);
  void add_classes(std::span<const std::int16_t> units);
  void write_units(std::size_t count);
  void write_coarse(std::size_t frames);
  void write_fine(std::size_t begin, std::size_t frames);

  const Stages& stages_;
  std::vector<std::int16_t> units_;  // so far, with the prompt's
  std::vector<int> classes_;         // with a rhythm stage: of those units, and of units to come
  std::vector<std::int16_t> codes_;  // (frames, quantizers); fine ones where they are known, else 0
  bool from_start_;                  // the sound begins with the first unit
  bool hears_fine_;
  std::size_t coarse_ = 0;           // coarse codes so far, of all frames
  std::size_t frames_ = 0;           // whole frames so far, prompt included
  std::unique_ptr<Stream> rhythm_stream_, semantic_stream_, coarse_stream_, fine_stream_;
  std::size_t units_begin_ = 0;   // of the semantic stage's window, in units
  std::size_t window_begin_ = 0;  // of the coarse stage's
};

}  // namespace hemiola::audiolm
