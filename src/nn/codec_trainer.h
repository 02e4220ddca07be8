// A codec's training run: crops of sound -> steps, evaluations on held-out sound, checkpoints. Its
// folder holds
//
//   checkpoint.safetensors   what a run goes on from, exactly
//   codec.safetensors        the codec (bf16), written anew at each evaluation and at the end
//   metrics.csv              a row for each logged step
//
// From a codec that is there, with the second phase as the whole run, only the decoder learns:
// codes made before stay valid.
//
// With a budget of steps a run that was stopped and goes on gives the same weights to the bit.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "nn/codec_learner.h"
#include "nn/trainer.h"

namespace hemiola::nn {

struct CodecTrainOptions {
  CodecShape shape;
  Path from;               // codec.safetensors of this shape, to go on from; empty: fresh weights
  std::uint64_t seed = 0;  // of weights and crops
  int rows = 16;           // crops of a step
  int samples = 16000;     // of a crop, a multiple of the hop
  Budget budget = Budget::kMinutes;
  double amount = 60;
  CodecUpdate update;                 // step and seed are set by the run
  double final_rate = 0.05;           // share of the rate at the end of each phase
  std::int64_t warmup_steps = 200;    // until the full rate
  std::int64_t quantise_after = 400;  // steps without codebooks, which begin by what they gave; of
                                      // no account with `from`
  double adversarial_share = 0;       // last share of the run: encoder and codebooks stay as they
                                      // are, a discriminator is trained against the decoder
  double adversarial_rate = 3e-4;
  std::int64_t log_every = 20;
  std::int64_t evaluate_every = 250;
  double checkpoint_minutes = 5;
  int threads = 1;
  std::string device = "cpu";
};

Status check(const CodecTrainOptions& options);

struct CodecData {
  // Fills a crop with sound, drawn with this generator alone.
  std::function<void(Rng& rng, std::span<float> crop)> crop;
  // Clips, each of whole hops.
  std::vector<std::vector<float>> held_out;
};

struct CodecHeldOut {
  double mel = 0;                  // mean |ln| difference over the resolutions
  double si_sdr = 0;               // dB, mean of the clips
  std::vector<double> perplexity;  // of each quantizer's codes: 1 to the size of its codebook
};

struct CodecCallbacks {
  std::function<bool()> stop;                    // true ends the run; its state is saved
  std::function<void(const std::string&)> note;  // a line for the person who waits
  // Share done, and the line of what was logged.
  std::function<void(double done, const std::string&)> progress;
};

struct CodecSummary {
  bool finished = false;
  std::int64_t steps = 0;
  double seconds = 0, processor_seconds = 0;
  CodecHeldOut held_out;  // at the end
};

// Goes on with the run in `folder` if `resume`; else refuses a folder that holds one.
Result<CodecSummary> train_codec(const CodecTrainOptions& options, const CodecData& data,
                                 const Path& folder, bool resume,
                                 const CodecCallbacks& callbacks = {});

}  // namespace hemiola::nn
