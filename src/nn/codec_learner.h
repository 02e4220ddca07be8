// One codec being trained: holds its weights, codebooks, discriminator and the optimisers' state,
// takes whole steps and scores held-out sound. Through libtorch (torch_codec_learner.cpp). Used by
// one thread at a time. Knows sound as rows of samples; nothing of files.
//
// Losses: the difference of the waveforms, of log-mel spectra at six resolutions, and what binds
// the encoder to the codebooks. Codebooks follow the encoder as running means (van den Oord et al.
// 2017), begin as k-means of its output, and entries that fall out of use are given new places
// (SoundStream, Zeghidour et al. 2021); some rows are decoded from their first codes only, so that
// fewer codes decode too. In the second phase encoder and codebooks stay as they are, so that codes
// made before stay valid, and the decoder is trained against a discriminator of spectrograms
// (hinge losses and matched features, as there).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/codec_file.h"
#include "nn/checkpoint.h"

namespace hemiola::nn {

struct CodecUpdate {
  std::int64_t step = 1;  // from 1
  std::uint64_t seed = 0;
  float rate = 1e-3f;
  float beta1 = 0.9f;
  float beta2 = 0.99f;
  float decay = 1e-2f;          // of weights, decoupled
  float clip = 1.0f;            // largest norm of the gradient
  bool quantise = true;         // false: the decoder gets the encoder's numbers as they are
  bool adversarial = false;     // the second phase
  int codes = 0;                // that rows are decoded from; 0: all
  float fewer_codes = 0.5f;     // share of rows decoded from their first 1 to Q codes instead
  float wave_weight = 10.0f;    // of the losses
  float mel_weight = 1.0f;      //
  float commit_weight = 0.25f;  //
  float hinge_weight = 0.2f;    //
  float feature_weight = 1.0f;  //
  float code_decay = 0.99f;     // of the codebooks' running means
  float dead_share = 0.1f;      // entries used less than this share of the mean get a new place
};

struct CodecStepResult {
  double wave = 0, mel = 0, commit = 0;               // means
  double hinge = 0, features = 0, discriminator = 0;  // second phase
  double grad_norm = 0;                               // before clipping
  int replaced = 0;                                   // entries given new places
  bool skipped = false;  // a loss or gradient was not finite: all is as it was before
};

struct CodecReconstruction {
  std::vector<float> sound;         // (rows, samples)
  std::vector<std::int16_t> codes;  // (rows, frames, quantizers)
  std::vector<double> mel;          // of each row: mean |ln| difference over the resolutions
  std::vector<double> si_sdr;       // of each row, dB
};

class CodecLearner {
 public:
  virtual ~CodecLearner() = default;

  virtual std::string device() const = 0;

  // sound: (rows, samples), samples a multiple of the hop. The codebooks must have begun if
  // `quantise`.
  virtual CodecStepResult step(std::span<const float> sound, int rows, const CodecUpdate& u) = 0;

  // K-means of what the encoder makes of this sound: the codebooks' beginning.
  virtual void begin_codebooks(std::span<const float> sound, int rows, std::uint64_t seed) = 0;

  // Through all quantizers, or the first of them; 0: not quantised.
  virtual CodecReconstruction reconstruct(std::span<const float> sound, int rows,
                                          int quantizers) const = 0;

  virtual CodecWeights weights() const = 0;
  virtual void set_weights(const CodecWeights& weights) = 0;
  virtual std::vector<NamedArray> state() const = 0;
  // What state() gave, for the same shape.
  virtual Status set_state(const std::vector<NamedArray>& state) = 0;
};

struct CodecLearnerOptions {
  std::string device = "cpu";  // or "cuda", "cuda:1"
  int threads = 0;             // on a processor; < 1: all
  std::uint64_t seed = 0;      // of the first weights
};

// Fails if there is no libtorch (torch_module.h) or it has no such device.
Result<std::unique_ptr<CodecLearner>> make_codec_learner(const CodecShape& shape,
                                                         const CodecLearnerOptions& options);

}  // namespace hemiola::nn
