// Trains a GPT-2 in a run folder, alone or as one of several ranks:
//   checkpoint.safetensors   weights, optimiser, data position, step: everything to go on exactly
//   last/ best/              model folders; best by the held-out loss
//   metrics.csv loss.svg     what happened so far
// Nothing is printed; what happens is told through the callbacks. Killed at any moment and resumed,
// a run that is scheduled by steps gives the same losses and weights as one that never stopped. A
// lost rank ends the run with an error, after rank 0 has saved what was reached.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"
#include "model/config.h"
#include "nn/example_source.h"
#include "nn/held_out.h"
#include "nn/learner.h"

namespace hemiola::nn {

// What the length of a run is counted in.
enum class Budget { kSteps, kMinutes, kProcessorMinutes };

// The rate after warm-up: half a cosine down to the end, or constant and then straight down.
enum class Schedule { kCosine, kStableDecay };

struct TrainOptions {
  ModelConfig config;
  std::uint64_t seed = 0;  // of weights and dropout; the data has its own

  // A step.
  int length = 512;         // tokens of a row, at most the context
  int batch_tokens = 8192;  // tokens of one update, all rows of all ranks together
  int micro_tokens = 8192;  // at most so many at once in one process; the rest by accumulation
  int short_length = 0;     // rows of this length instead for the first part of the run; 0: none
  double short_until = 0;   // that part, in [0, 1] of the run

  // How long, how fast.
  Budget budget = Budget::kSteps;
  double amount = 1000;  // steps or minutes
  Schedule schedule = Schedule::kCosine;
  int warmup_steps = 100;
  double decay_share = 0.4;  // of the run, at its end; kStableDecay
  double final_rate = 0.02;  // of the full rate, at the end
  UpdateSettings update;     // rate, optimiser and the like; step, seed and average are set here
  double average_decay = 0;  // of averaged weights, such as 0.998; 0: none

  // Where.
  std::string device = "auto";  // "auto", "cpu", "cuda", "cuda:N"
  cpu::Precision precision = cpu::Precision::kAuto;
  int threads = 0;  // 0: all

  // What is done on the way. Steps, 0: never.
  std::int64_t log_every = 10;
  std::int64_t evaluate_every = 200;
  std::int64_t sample_every = 0;  // also at the end
  double checkpoint_minutes = 5;      // also at every evaluation that is the best, and at the end
  std::int64_t checkpoint_every = 0;  // steps, besides
  std::int64_t evaluate_tokens = 100'000;  // scored while training; at the end all of them
  int patience = 0;  // evaluations without a better one before it stops; 0: no limit
};

Json options_to_json(const TrainOptions& options);
// Unknown or wrong fields are refused.
Result<TrainOptions> options_from_json(const Json& json, std::string_view where);
// Every number in range; the message names the option.
Status check(const TrainOptions& options);

struct TrainData {
  ExampleSource* train = nullptr;
  const EvalSource* held_out = nullptr;      // may be null
  const EvalSource* held_out_old = nullptr;  // of the model that fine-tuning began with, or null
  std::string tokenizer;                     // bytes of tokenizer.json for the model folders
  std::string card;                          // card.md for them; a line on the run is added
};

// A picture of the run after each logged step.
struct TrainProgress {
  std::int64_t step = 0;
  double done = 0;          // share of the run, in [0, 1]
  double seconds = 0;       // spent on the run so far, interruptions left out
  double seconds_left = 0;  // estimate
  double tokens_per_second = 0;
  double epochs = 0;
  double loss = 0;  // nats a token, mean since the last one
  double rate = 0;
};

struct TrainCallbacks {
  std::function<void(const TrainProgress&)> progress;
  std::function<void(std::string_view line)> note;  // an evaluation, a checkpoint, a warning
  std::function<bool()> stop;                       // true: save and return
  // Called with a saved model folder to write samples from; a failure is noted, no more.
  std::function<Status(const Path& model, std::int64_t step)> sample;
};

enum class Ending { kFinished, kStopped, kEarly };

struct TrainSummary {
  Ending ending = Ending::kFinished;
  std::int64_t steps = 0;
  std::int64_t tokens = 0;  // with a target
  double seconds = 0;
  double processor_seconds = 0;
  double epochs = 0;
  std::int64_t best_step = 0;
  HeldOutLoss held_out;      // of the weights at the end (averaged if they are); empty if no data
  HeldOutLoss held_out_old;  // the same on the old data
  HeldOutLoss best;          // as measured while training, on part of the data
  // Of the model that it went on from, on the same pieces; empty if there was none.
  HeldOutLoss before, before_old;
  std::string device;
};

// Where training starts: fresh weights, or those of a model to go on from, or a checkpoint.
struct TrainStart {
  bool resume = false;  // from the run folder's checkpoint
  Path model;           // a model folder or exported file, or empty; of the options' shape
  // The processes that train together, or null: alone. Rank 0 alone writes, and reads what is to be
  // gone on from; the others get it from there. Whatever number goes on, the run stays the same
  // within rounding. Each rank's data gives its own part of every batch.
  Ranks* ranks = nullptr;
};

// A run's options as its checkpoint has them; what --resume goes on with.
Result<TrainOptions> resumed_options(const Path& run);
bool has_checkpoint(const Path& run);

// The learner that the options ask for; "auto" takes a GPU where there is one.
Result<std::unique_ptr<Learner>> make_learner(const TrainOptions& options);

// Blocks until the run ends; calls back from the calling thread. The learner fits the options.
Result<TrainSummary> train(Learner& learner, const TrainOptions& options, const TrainData& data,
                           const Path& run, const TrainStart& start,
                           const TrainCallbacks& callbacks);

}  // namespace hemiola::nn
