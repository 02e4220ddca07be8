// AudioLM as it is used: from nothing, or from a sound to go on from, to new sound. Semantic units,
// coarse codes, fine codes, samples; each second is handed over as soon as it is made.
//
// A bundle is one folder: codec.safetensors, semantic.safetensors, semantic.hemiola,
// coarse.hemiola, fine.hemiola, rhythm.hemiola where there is that stage, card.md, and
// audiolm.json, which has the SHA-256 of each and the sampling that suits them. A generator is
// fixed once loaded; any number of threads may use it at once.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audio/audio.h"
#include "audiolm/codec.h"
#include "audiolm/semantic.h"
#include "audiolm/token_cache.h"
#include "audiolm/token_writer.h"
#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::audiolm {

inline constexpr std::string_view kBundleFile = "audiolm.json";
inline constexpr std::string_view kBundleFormat = "hemiola-audiolm-1";
// The parts of a bundle, in the order of audiolm.json.
inline constexpr std::string_view kBundleParts[] = {"codec.safetensors", "semantic.safetensors",
                                                    "semantic.hemiola", "coarse.hemiola",
                                                    "fine.hemiola"};
inline constexpr std::string_view kRhythmPart = "rhythm.hemiola";  // there or not
// May stand beside them: the index of what they were trained on (evaluate/sound_novelty.h).
inline constexpr std::string_view kBundleIndex = "novelty.safetensors";

// {"rhythm": {"temperature", "top_k", "top_p"}, "semantic": ..., "coarse": ..., "fine": ...,
// "decoded": {"quantizers"}}; what is not there stays as it is. The message names the field.
Json to_json(const StageSampling& sampling);
Status read_sampling(const Json& json, StageSampling& sampling, std::string_view where);

// What audiolm.json says.
struct BundleTable {
  std::string name;
  std::vector<std::string> sha256;  // of kBundleParts, in hexadecimal
  std::string rhythm_sha256;        // empty: no rhythm stage
  StageSampling sampling;
};
Result<BundleTable> parse_bundle(std::string_view text, std::string_view where);

struct SoundRequest {
  double seconds = 8;  // of new sound; more than 0
  std::uint64_t seed = 0;
  StageSampling sampling;
  // One channel at rate(); empty: from nothing. Its last part, up to longest_prompt() seconds, is
  // what the models hear.
  std::vector<float> prompt;
};

struct SoundCallbacks {
  // The next samples and the share that is done; false ends the work, what is there stays.
  std::function<bool(std::span<const float> samples, double done)> sound;
};

struct WrittenSound {
  std::vector<float> samples;  // the prompt as the codec gives it, then what is new
  std::size_t prompt_samples = 0;
  // Of all of it: (S), (frames, quantizers); fine codes are 0 where none is heard.
  std::vector<std::int16_t> units, codes;
  bool complete = true;                    // false: ended by the callback
};

class Generator {
 public:
  // Checks every part against its hash, and what belongs together.
  static Result<Generator> load(const Path& bundle, const engine::Options& options = {});
  // From parts. Fails where the stages were not trained on tokens of this codec and encoder.
  static Result<Generator> from_parts(Codec codec, SemanticEncoder encoder, Stages stages);

  int rate() const { return codec_.shape().rate; }       // Hz
  double longest_prompt() const;                         // seconds
  const std::string& sha256() const { return sha256_; }  // of audiolm.json; empty without
  const std::string& name() const { return name_; }
  const StageSampling& sampling() const { return sampling_; }  // that suits these models
  const Codec& codec() const { return codec_; }
  const SemanticEncoder& encoder() const { return encoder_; }
  const Stages& stages() const { return stages_; }

  // Fails on a request out of range.
  Result<WrittenSound> generate(const SoundRequest& request, const SoundCallbacks& callbacks) const;

  // What a sound is to the models.
  PieceTokens tokens_of(std::span<const float> sound) const;

 private:
  Generator(Codec codec, SemanticEncoder encoder, Stages stages)
      : codec_(std::move(codec)), encoder_(std::move(encoder)), stages_(std::move(stages)) {}

  Codec codec_;
  SemanticEncoder encoder_;
  Stages stages_;
  StageSampling sampling_;
  std::string sha256_, name_;
};

// Any sound as a prompt: one channel at `rate`, as loud as the sound that was learnt from
// (LoudnessTarget's default), and without what dies away at its end: from silence, silence goes on.
Result<std::vector<float>> as_prompt(Audio sound, int rate);

// `given` if it is not empty, else HEMIOLA_AUDIOLM, else models/audiolm beside the program's
// installation or in the checkout that it was built in.
Result<Path> locate_audiolm(const Path& given = {});

struct BundleRequest {
  Path codec, semantic;                           // their files
  Path semantic_stage, coarse_stage, fine_stage;  // model folders of the runs
  Path rhythm_stage;                              // where the semantic stage goes by classes
  StageSampling sampling;
  std::string name = "small";
  std::string card;  // card.md
};

// Exports the stages as int8 and writes all parts, audiolm.json last. A folder that holds other
// things is refused.
Status write_bundle(const Path& folder, const BundleRequest& request);

}  // namespace hemiola::audiolm
