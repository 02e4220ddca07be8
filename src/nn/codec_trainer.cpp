#include "nn/codec_trainer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/code_perplexity.h"
#include "model/codec_file.h"
#include "nn/checkpoint.h"
#include "nn/run_clock.h"

namespace hemiola::nn {

namespace {

constexpr const char* kCheckpointFile = "checkpoint.safetensors";
constexpr int kMaxSkipped = 20;  // steps in a row that were not finite

// What a checkpoint keeps besides the learner's arrays.
struct Position {
  std::int64_t step = 0;  // done
  double seconds = 0, processor_seconds = 0;
  std::vector<std::string> rows;  // of metrics.csv
};

// The fields that must be as they were for a run to be the same run.
Json identity(const CodecTrainOptions& o) {
  Json json = {{"shape", to_json(o.shape)},
               {"seed", o.seed},
               {"rows", o.rows},
               {"samples", o.samples},
               {"quantise_after", o.quantise_after}};
  // Without its codebooks from the first step on, a resumed run would not leave codes as they are.
  if (!o.from.empty()) json["from"] = true;
  return json;
}

class Run {
 public:
  Run(const CodecTrainOptions& options, const CodecData& data, const Path& folder,
      const CodecCallbacks& callbacks)
      : o_(options), data_(data), folder_(folder), call_(callbacks) {}

  Status begin(bool resume) {
    std::error_code code;
    std::filesystem::create_directories(folder_, code);
    if (code) return fail("{}: cannot make the run folder: {}", folder_.string(), code.message());
    HEMIOLA_TRY(learner_, make_codec_learner(o_.shape, {o_.device, o_.threads, o_.seed}));
    const Path path = folder_ / kCheckpointFile;
    if (resume) return restore(path);
    if (std::filesystem::exists(path, code)) {
      return fail(
          "{}: a run stands there already; go on with it (--resume) or choose another "
          "folder",
          folder_.string());
    }
    return o_.from.empty() ? Status{} : begin_from();
  }

  Result<CodecSummary> go() {
    wall_zero_ = wall_seconds() - p_.seconds;
    processor_zero_ = processor_seconds() - p_.processor_seconds;
    last_saved_ = wall_seconds();
    note(fmt::format("training on {}", learner_->device()));
    CodecSummary summary;
    int skipped = 0;
    while (!(summary.finished = share_done() >= 1)) {
      if (call_.stop && call_.stop()) break;
      const CodecUpdate update = next_update();
      begin_codebooks_when_due(update);
      const CodecStepResult result = learner_->step(crops(p_.step, o_.rows), o_.rows, update);
      ++p_.step;
      read_clocks();
      add(result);
      if (result.skipped) {
        note(fmt::format("step {}: a loss or gradient is not finite, step skipped", p_.step));
        if (++skipped >= kMaxSkipped) {
          return fail(
              "training diverged: {} steps in a row were not finite, up to step {}; try a "
              "lower rate",
              skipped, p_.step);
        }
      } else {
        skipped = 0;
      }
      HEMIOLA_CHECK(after_step(update));
    }
    HEMIOLA_TRY(summary.held_out, evaluate());
    log(next_update(), &summary.held_out);
    HEMIOLA_CHECK(save());
    summary.steps = p_.step;
    summary.seconds = p_.seconds;
    summary.processor_seconds = p_.processor_seconds;
    return summary;
  }

 private:
  void note(const std::string& line) const {
    if (call_.note) call_.note(line);
  }

  void read_clocks() {
    p_.seconds = wall_seconds() - wall_zero_;
    p_.processor_seconds = processor_seconds() - processor_zero_;
  }

  double share_done() const {
    switch (o_.budget) {
      case Budget::kSteps:
        return std::min(1.0, static_cast<double>(p_.step) / std::floor(o_.amount));
      case Budget::kMinutes:
        return std::min(1.0, p_.seconds / (60 * o_.amount));
      case Budget::kProcessorMinutes:
        return std::min(1.0, p_.processor_seconds / (60 * o_.amount));
    }
    return 1;
  }

  Status begin_from() {
    HEMIOLA_TRY(const Bytes bytes, read_file(o_.from));
    HEMIOLA_TRY(const CodecWeights codec, read_codec(bytes, o_.from.string()));
    if (codec.shape != o_.shape) {
      return fail("{}: its shape differs from the one to be trained", o_.from.string());
    }
    learner_->set_weights(codec);
    begun_ = true;
    return {};
  }

  bool quantises() const { return !o_.from.empty() || p_.step >= o_.quantise_after; }
  // Codes of each frame that held-out sound is judged by.
  int decoded_codes() const { return o_.update.codes > 0 ? o_.update.codes : o_.shape.quantizers; }

  CodecUpdate next_update() const {
    CodecUpdate update = o_.update;
    update.step = p_.step + 1;
    update.seed = o_.seed;
    update.quantise = quantises();
    const double done = share_done(), first = 1 - o_.adversarial_share;
    update.adversarial = update.quantise && o_.adversarial_share > 0 && done >= first;
    // Each phase has its own cosine.
    const double full =
        update.adversarial ? o_.adversarial_rate : static_cast<double>(o_.update.rate);
    const double within = update.adversarial ? (done - first) / o_.adversarial_share
                                             : std::min(1.0, done / std::max(1e-9, first));
    double rate = full * (o_.final_rate +
                          (1 - o_.final_rate) * 0.5 * (1 + std::cos(std::numbers::pi * within)));
    if (p_.step < o_.warmup_steps) {
      rate *= static_cast<double>(p_.step + 1) / static_cast<double>(o_.warmup_steps);
    }
    update.rate = static_cast<float>(rate);
    return update;
  }

  // What step and seed say, whatever was drawn before: a run that goes on draws the same.
  std::vector<float> crops(std::int64_t step, int rows) const {
    Rng rng(mix64(o_.seed ^ 0xc0dec) + static_cast<std::uint64_t>(step));
    const auto samples = static_cast<std::size_t>(o_.samples);
    std::vector<float> sound(static_cast<std::size_t>(rows) * samples);
    for (std::size_t at = 0; at < sound.size(); at += samples) {
      data_.crop(rng, std::span(sound).subspan(at, samples));
    }
    return sound;
  }

  void begin_codebooks_when_due(const CodecUpdate& update) {
    if (!update.quantise || begun_) return;
    // About eight frames for each entry.
    const int frames = o_.samples / o_.shape.hop;
    const int rows = std::clamp(8 * o_.shape.codebook / frames, 1, 4096);
    learner_->begin_codebooks(crops(~p_.step, rows), rows, mix64(o_.seed ^ 0xb00c));
    begun_ = true;
  }

  void add(const CodecStepResult& r) {
    ++summed_;
    if (r.skipped) return;
    ++finite_;
    sum_.wave += r.wave;
    sum_.mel += r.mel;
    sum_.commit += r.commit;
    sum_.hinge += r.hinge;
    sum_.features += r.features;
    sum_.discriminator += r.discriminator;
    sum_.grad_norm += r.grad_norm;
    sum_.replaced += r.replaced;
  }

  Status after_step(const CodecUpdate& update) {
    const auto due = [&](std::int64_t every) { return every > 0 && p_.step % every == 0; };
    if (due(o_.evaluate_every)) {
      HEMIOLA_TRY(const CodecHeldOut held_out, evaluate());
      log(update, &held_out);
      HEMIOLA_CHECK(save());
    } else if (due(o_.log_every)) {
      log(update, nullptr);
      if (o_.checkpoint_minutes > 0 && wall_seconds() - last_saved_ > 60 * o_.checkpoint_minutes) {
        HEMIOLA_CHECK(save());
      }
    }
    return {};
  }

  std::string header() const {
    std::string text =
        "step,seconds,processor_seconds,rate,wave,mel,commit,hinge,features,discriminator,"
        "grad_norm,replaced,held_out_mel,held_out_si_sdr";
    for (int q = 1; q <= o_.shape.quantizers; ++q) text += fmt::format(",perplexity_{}", q);
    return text + "\n";
  }

  void log(const CodecUpdate& update, const CodecHeldOut* held_out) {
    const double n = std::max(1, finite_);
    std::string row = fmt::format(
        "{},{:.1f},{:.1f},{:.4g},{:.5g},{:.5g},{:.5g},{:.5g},{:.5g},{:.5g},{:.4g},{:.1f}", p_.step,
        p_.seconds, p_.processor_seconds, update.rate, sum_.wave / n, sum_.mel / n, sum_.commit / n,
        sum_.hinge / n, sum_.features / n, sum_.discriminator / n, sum_.grad_norm / n,
        sum_.replaced / n);
    if (held_out != nullptr) {
      row += fmt::format(",{:.5g},{:.4g}", held_out->mel, held_out->si_sdr);
      for (int q = 0; q < o_.shape.quantizers; ++q) {
        const auto i = static_cast<std::size_t>(q);
        row +=
            i < held_out->perplexity.size() ? fmt::format(",{:.1f}", held_out->perplexity[i]) : ",";
      }
      note(fmt::format("step {}: held out mel {:.4f}, SI-SDR {:.2f} dB", p_.step, held_out->mel,
                       held_out->si_sdr));
    } else {
      row += std::string(static_cast<std::size_t>(2 + o_.shape.quantizers), ',');
    }
    p_.rows.push_back(row + "\n");
    if (call_.progress) {
      call_.progress(share_done(), fmt::format("step {}, wave {:.4f}, mel {:.3f}", p_.step,
                                               sum_.wave / n, sum_.mel / n));
    }
    sum_ = {};
    summed_ = finite_ = 0;
  }

  Result<CodecHeldOut> evaluate() const {
    CodecHeldOut result;
    std::vector<std::int16_t> codes;
    for (const std::vector<float>& clip : data_.held_out) {
      const auto heard = learner_->reconstruct(clip, 1, begun_ ? decoded_codes() : 0);
      result.mel += heard.mel[0];
      result.si_sdr += heard.si_sdr[0];
      codes.insert(codes.end(), heard.codes.begin(), heard.codes.end());
    }
    const double clips = static_cast<double>(std::max<std::size_t>(1, data_.held_out.size()));
    result.mel /= clips;
    result.si_sdr /= clips;
    if (begun_) {
      result.perplexity = code_perplexity(codes, o_.shape);
      HEMIOLA_CHECK(write_codec(folder_ / "codec.safetensors", learner_->weights(), Dtype::kBf16,
                                {{"step", std::to_string(p_.step)}}));
    }
    return result;
  }

  Status save() {
    std::string csv = header();
    for (const std::string& row : p_.rows) csv += row;
    HEMIOLA_CHECK(write_text(folder_ / "metrics.csv", csv));
    const Json info = {{"step", p_.step},
                       {"seconds", p_.seconds},
                       {"processor_seconds", p_.processor_seconds},
                       {"begun", begun_},
                       {"sums",
                        {sum_.wave, sum_.mel, sum_.commit, sum_.hinge, sum_.features,
                         sum_.discriminator, sum_.grad_norm}},
                       {"replaced", sum_.replaced},
                       {"summed", summed_},
                       {"finite", finite_},
                       {"rows", p_.rows},
                       {"run", identity(o_)}};
    HEMIOLA_CHECK(write_array_checkpoint(folder_ / kCheckpointFile, {learner_->state(), info}));
    last_saved_ = wall_seconds();
    return {};
  }

  Status restore(const Path& path) {
    HEMIOLA_TRY(const ArrayCheckpoint checkpoint, read_array_checkpoint(path));
    const Json& info = checkpoint.info;
    try {
      if (info.at("run") != identity(o_)) {
        return fail("{}: the run began as {}, now it is {}; it cannot go on like that",
                    path.string(), json_text(info.at("run")), json_text(identity(o_)));
      }
      info.at("step").get_to(p_.step);
      info.at("seconds").get_to(p_.seconds);
      info.at("processor_seconds").get_to(p_.processor_seconds);
      info.at("begun").get_to(begun_);
      info.at("rows").get_to(p_.rows);
      const Json& sums = info.at("sums");
      double* const targets[] = {&sum_.wave,     &sum_.mel,           &sum_.commit,   &sum_.hinge,
                                 &sum_.features, &sum_.discriminator, &sum_.grad_norm};
      for (std::size_t i = 0; i < std::size(targets); ++i) sums.at(i).get_to(*targets[i]);
      info.at("replaced").get_to(sum_.replaced);
      info.at("summed").get_to(summed_);
      info.at("finite").get_to(finite_);
    } catch (const Json::exception& error) {
      return fail("{}: the checkpoint's description is damaged: {}", path.string(), error.what());
    }
    if (Status status = learner_->set_state(checkpoint.arrays); !status) {
      return fail(std::move(status.error()).within(path.string()));
    }
    return {};
  }

  CodecTrainOptions o_;
  const CodecData& data_;
  Path folder_;
  const CodecCallbacks& call_;
  std::unique_ptr<CodecLearner> learner_;
  Position p_;
  bool begun_ = false;           // the codebooks
  CodecStepResult sum_;          // since the last logged step
  int summed_ = 0, finite_ = 0;  // steps in it
  double wall_zero_ = 0, processor_zero_ = 0, last_saved_ = 0;
};

}  // namespace

Status check(const CodecTrainOptions& o) {
  HEMIOLA_CHECK(hemiola::check(o.shape));
  if (o.rows < 1 || o.rows > 4096 || o.samples < 2048 || o.samples % o.shape.hop != 0) {
    return fail(
        "crops are {} x {} samples; expected 1 to 4096 of at least 2048 samples, a "
        "multiple of {}",
        o.rows, o.samples, o.shape.hop);
  }
  if (o.update.codes < 0 || o.update.codes > o.shape.quantizers) {
    return fail("decoded from {} codes of a frame; expected 1 to {}, or 0 for all", o.update.codes,
                o.shape.quantizers);
  }
  if (!(o.amount > 0) || (o.budget == Budget::kSteps && o.amount < 1)) {
    return fail("the run's length is {}; expected more than nothing", o.amount);
  }
  if (!(o.adversarial_share >= 0 && o.adversarial_share <= 1)) {
    return fail("the share of the second phase is {}; expected 0 to 1", o.adversarial_share);
  }
  return {};
}

Result<CodecSummary> train_codec(const CodecTrainOptions& options, const CodecData& data,
                                 const Path& folder, bool resume, const CodecCallbacks& callbacks) {
  HEMIOLA_CHECK(check(options));
  Run run(options, data, folder, callbacks);
  HEMIOLA_CHECK(run.begin(resume));
  return run.go();
}

}  // namespace hemiola::nn
