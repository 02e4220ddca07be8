#include "nn/semantic_trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <numbers>
#include <numeric>

#include "base/rng.h"
#include "nn/checkpoint.h"
#include "nn/metrics.h"

namespace hemiola::nn {
namespace {

constexpr const char* kCheckpointFile = "checkpoint.safetensors";
constexpr int kMaxSkipped = 20;  // steps in a row without a finite gradient
constexpr std::uint64_t kHeldOutSeed = 0x5ee7;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// What must be the same for a run to be the same run.
Json identity(const SemanticTrainOptions& o) {
  return {{"input", o.shape.input},     {"width", o.shape.width},   {"layers", o.shape.layers},
          {"heads", o.shape.heads},     {"hidden", o.shape.hidden}, {"reach", o.shape.reach},
          {"classes", o.shape.classes}, {"rows", o.rows},           {"length", o.length},
          {"mask_share", o.mask_share}, {"mask_span", o.mask_span}, {"seed", o.seed}};
}

// Spans begin at random until the share is hidden; they may overlap.
void hide(std::span<std::uint8_t> masked, const SemanticTrainOptions& o, Rng& rng) {
  const auto wanted = static_cast<std::size_t>(
      std::max(1.0, std::round(o.mask_share * static_cast<double>(masked.size()))));
  std::size_t hidden = 0;
  while (hidden < wanted) {
    const std::size_t begin = rng.below(masked.size());
    const std::size_t end = std::min(masked.size(), begin + static_cast<std::size_t>(o.mask_span));
    for (std::size_t i = begin; i < end; ++i) {
      hidden += masked[i] == 0;
      masked[i] = 1;
    }
  }
}

SemanticBatch draw(const SemanticTrainOptions& o, const SemanticPieces& pieces,
                   std::span<const std::size_t> which, std::uint64_t seed) {
  const auto length = static_cast<std::size_t>(o.length);
  const auto input = static_cast<std::size_t>(o.shape.input);
  const std::size_t kinds = o.shape.classes.size();
  SemanticBatch batch;
  batch.rows = static_cast<int>(which.size());
  batch.length = o.length;
  batch.frames.resize(which.size() * length * input);
  batch.targets.resize(which.size() * length * kinds);
  batch.masked.resize(which.size() * length);
  Rng rng(seed);
  for (std::size_t row = 0; row < which.size(); ++row) {
    const std::size_t frames = pieces.frames(which[row]);
    std::size_t from = frames > length ? rng.below(frames - length + 1) : 0;
    for (std::size_t filled = 0; filled < length; from = 0) {
      const std::size_t count = std::min(length - filled, frames - from);
      const std::size_t at = row * length + filled;
      pieces.read(which[row], from, count,
                  std::span(batch.frames).subspan(at * input, count * input),
                  std::span(batch.targets).subspan(at * kinds, count * kinds));
      filled += count;
    }
    hide(std::span(batch.masked).subspan(row * length, length), o, rng);
  }
  return batch;
}

class Run {
 public:
  Run(SemanticLearner& learner, const SemanticTrainOptions& options, const SemanticPieces& train,
      const SemanticPieces& held_out, const Path& folder, const SemanticCallbacks& callbacks)
      : learner_(learner),
        o_(options),
        train_(train),
        held_(held_out),
        folder_(folder),
        call_(callbacks) {}

  Status begin(bool resume) {
    const Path path = folder_ / kCheckpointFile;
    std::error_code code;
    if (!resume) {
      if (std::filesystem::exists(path, code)) {
        return fail(
            "{}: a run stands there already; go on with it (--resume) or choose another "
            "folder",
            folder_.string());
      }
      learner_.set_state({initial_weights(learner_.layout(), o_.seed), {}, {}, {}});
    } else {
      HEMIOLA_TRY(Checkpoint checkpoint, read_checkpoint(path, learner_.layout().size));
      const Json& info = checkpoint.info;
      if (!info.contains("identity") || info["identity"] != identity(o_)) {
        return fail("{}: the run began with other settings ({}); now they are {}", path.string(),
                    json_text(info.value("identity", Json())), json_text(identity(o_)));
      }
      step_ = info.value("step", std::int64_t{0});
      seconds_ = info.value("seconds", 0.0);
      processor_ = info.value("processor_seconds", 0.0);
      masked_ = info.value("masked", std::int64_t{0});
      losses_ = info.value("losses", 0.0);
      logged_ = info.value("logged", 0);
      learner_.set_state(std::move(checkpoint.state));
    }
    HEMIOLA_TRY(Metrics metrics, Metrics::open(folder_, step_));
    metrics_ = std::make_unique<Metrics>(std::move(metrics));
    return {};
  }

  Result<SemanticSummary> go() {
    wall_zero_ = wall_seconds() - seconds_;
    processor_zero_ = processor_seconds() - processor_;
    double saved_at = wall_seconds();
    int skipped = 0;
    SemanticSummary summary;
    while (done() < 1 && !(call_.stop && call_.stop())) {
      UpdateSettings update = o_.update;
      update.rate = rate();
      update.step = ++step_;
      const SemanticStep result = learner_.step(semantic_batch(o_, train_, step_), update);
      seconds_ = wall_seconds() - wall_zero_;
      processor_ = processor_seconds() - processor_zero_;
      if (!result.skipped) {
        skipped = 0;
        masked_ += result.score.frames;
        losses_ += result.score.loss();
        ++logged_;
      } else if (++skipped >= kMaxSkipped) {
        return fail(
            "training diverged: {} steps in a row without a finite gradient, up to step {}; "
            "try a lower rate",
            skipped, step_);
      }
      const bool evaluate = step_ % o_.evaluate_every == 0 || done() >= 1;
      if (step_ % o_.log_every == 0 || evaluate) {
        log(result, static_cast<double>(update.rate), evaluate, summary);
      }
      if (wall_seconds() - saved_at > 60 * o_.checkpoint_minutes) {
        HEMIOLA_CHECK(save());
        saved_at = wall_seconds();
      }
    }
    HEMIOLA_CHECK(save());
    summary.steps = step_;
    summary.seconds = seconds_;
    summary.processor_seconds = processor_;
    summary.finished = done() >= 1;
    if (summary.held_out.frames == 0) summary.held_out = evaluate_now();
    return summary;
  }

 private:
  double done() const {
    const double share = o_.steps > 0 ? static_cast<double>(step_) / static_cast<double>(o_.steps)
                                      : processor_ / (60 * o_.processor_minutes);
    return std::min(1.0, share);
  }

  float rate() const {
    const double cosine = 0.05 + 0.95 * 0.5 * (1 + std::cos(std::numbers::pi * done()));
    const double warm =
        std::min(1.0, static_cast<double>(step_ + 1) / std::max(1, o_.warmup_steps));
    return static_cast<float>(static_cast<double>(o_.update.rate) * cosine * warm);
  }

  SemanticScore evaluate_now() {
    std::vector<std::size_t> which(static_cast<std::size_t>(o_.evaluate_rows));
    for (std::size_t i = 0; i < which.size(); ++i) which[i] = i * held_.count() / which.size();
    SemanticScore total;
    const auto rows = static_cast<std::size_t>(o_.rows);
    for (std::size_t begin = 0; begin < which.size(); begin += rows) {
      const auto some = std::span(which).subspan(begin, std::min(rows, which.size() - begin));
      const SemanticScore score =
          learner_.score(draw(o_, held_, some, mix64(kHeldOutSeed + begin)));
      total.frames += score.frames;
      total.losses.resize(score.losses.size());
      total.correct.resize(score.correct.size());
      for (std::size_t i = 0; i < score.losses.size(); ++i) {
        total.losses[i] += score.losses[i];
        total.correct[i] += score.correct[i];
      }
    }
    return total;
  }

  void log(const SemanticStep& result, double at_rate, bool evaluate, SemanticSummary& summary) {
    MetricsRow row;
    row.step = step_;
    row.tokens = masked_;
    row.epochs = static_cast<double>(step_ * o_.rows) / static_cast<double>(train_.count());
    row.seconds = seconds_;
    row.processor_seconds = processor_;
    row.rate = at_rate;
    row.loss = logged_ > 0 ? losses_ / logged_ : 0;
    row.grad_norm = result.grad_norm;
    row.tokens_per_second = seconds_ > 0 ? static_cast<double>(masked_) / seconds_ : 0;
    if (evaluate) {
      summary.held_out = evaluate_now();
      row.held_out_loss = summary.held_out.loss();
      if (call_.note) call_.note(described(summary.held_out));
    }
    losses_ = 0;
    logged_ = 0;
    metrics_->add(row);
    if (call_.progress) call_.progress({step_, done(), row.loss});
  }

  std::string described(const SemanticScore& score) const {
    const auto frames = static_cast<double>(std::max<std::int64_t>(1, score.frames));
    std::string text =
        fmt::format("step {}: held-out loss {:.4f} nats a frame", step_, score.loss());
    for (std::size_t i = 0; i < score.losses.size(); ++i) {
      text += fmt::format("; kind {}: {:.3f} nats, {:.1f} % right", i, score.losses[i] / frames,
                          100 * score.correct[i] / frames);
    }
    return text;
  }

  Status save() {
    HEMIOLA_CHECK(metrics_->write(fmt::format("{}: step {}", folder_.filename().string(), step_)));
    return write_checkpoint(folder_ / kCheckpointFile, {learner_.state(),
                                                        {{"identity", identity(o_)},
                                                         {"step", step_},
                                                         {"seconds", seconds_},
                                                         {"processor_seconds", processor_},
                                                         {"masked", masked_},
                                                         {"losses", losses_},
                                                         {"logged", logged_}}});
  }

  SemanticLearner& learner_;
  const SemanticTrainOptions& o_;
  const SemanticPieces& train_;
  const SemanticPieces& held_;
  const Path folder_;
  const SemanticCallbacks& call_;
  std::unique_ptr<Metrics> metrics_;
  std::int64_t step_ = 0, masked_ = 0;
  double seconds_ = 0, processor_ = 0, wall_zero_ = 0, processor_zero_ = 0;
  double losses_ = 0;  // of the steps since the last row
  int logged_ = 0;     // those steps
};

Status check(const SemanticTrainOptions& o, const SemanticPieces& train,
             const SemanticPieces& held_out) {
  HEMIOLA_CHECK(check(o.shape));
  if (o.rows < 1 || o.length < 1 || o.mask_span < 1 || o.evaluate_rows < 1 || o.log_every < 1 ||
      o.evaluate_every < 1) {
    return fail("training: rows, length, span and intervals must be at least 1");
  }
  if (!(o.mask_share > 0 && o.mask_share < 1)) {
    return fail("training: mask share {}: expected more than 0 and less than 1", o.mask_share);
  }
  if ((o.steps > 0) == (o.processor_minutes > 0)) {
    return fail("training: say either how many steps or how many processor minutes");
  }
  if (train.count() == 0 || held_out.count() == 0) {
    return fail("training: {} pieces to learn from and {} held out; both must be there",
                train.count(), held_out.count());
  }
  return {};
}

}  // namespace

SemanticBatch semantic_batch(const SemanticTrainOptions& o, const SemanticPieces& pieces,
                             std::int64_t step) {
  // Pass after pass over all pieces, each in an order of its own.
  const auto rows = static_cast<std::size_t>(o.rows);
  std::vector<std::size_t> which, order(pieces.count());
  std::size_t ordered = SIZE_MAX;  // the pass that `order` is of
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t drawn = static_cast<std::size_t>(step - 1) * rows + row;
    if (const std::size_t pass = drawn / pieces.count(); pass != ordered) {
      std::iota(order.begin(), order.end(), 0);
      Rng(mix64(o.seed) + pass).shuffle(std::span(order));
      ordered = pass;
    }
    which.push_back(order[drawn % pieces.count()]);
  }
  return draw(o, pieces, which, mix64(mix64(o.seed) ^ static_cast<std::uint64_t>(step)));
}

Result<SemanticSummary> train_semantic(SemanticLearner& learner,
                                       const SemanticTrainOptions& options,
                                       const SemanticPieces& train, const SemanticPieces& held_out,
                                       const Path& run, bool resume,
                                       const SemanticCallbacks& callbacks) {
  HEMIOLA_CHECK(check(options, train, held_out));
  if (learner.layout().shape != options.shape) {
    return fail("training: the learner has another shape than the options");
  }
  std::error_code code;
  std::filesystem::create_directories(run, code);
  if (code) return fail("{}: cannot make the run folder: {}", run.string(), code.message());
  Run r(learner, options, train, held_out, run, callbacks);
  HEMIOLA_CHECK(r.begin(resume));
  return r.go();
}

}  // namespace hemiola::nn
