#include "nn/trainer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <future>
#include <numbers>
#include <utility>

#include "model/model_folder.h"
#include "model/whole_model.h"
#include "nn/checkpoint.h"
#include "nn/metrics.h"
#include "nn/run_clock.h"
#include "nn/run_position.h"

namespace hemiola::nn {

namespace {

constexpr const char* kCheckpointFile = "checkpoint.safetensors";
constexpr int kMaxSkipped = 20;  // steps in a row without a finite gradient

// The batches of one step, and where the data stands after them.
struct Draw {
  std::vector<Batch> batches;
  std::string position;
  double epochs = 0;
};

// One run, from start to end.
class Run {
 public:
  Run(Learner& learner, const TrainOptions& options, const TrainData& data, const Path& folder,
      const TrainCallbacks& callbacks, Ranks* ranks)
      : learner_(learner),
        o_(options),
        data_(data),
        folder_(folder),
        call_(callbacks),
        ranks_(ranks) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run() { learner_.set_ranks(nullptr); }

  Status begin(const TrainStart& start) {
    learner_.set_ranks(ranks_);
    goes_on_from_model_ = !start.resume && !start.model.empty();
    Status begun = writes() ? begin_here(start) : Status();
    return ranks_ == nullptr ? begun : share_start(std::move(begun));
  }

  // If another rank is lost, what was reached is saved first.
  Result<TrainSummary> go() {
    auto summary = run();
    if (!lost_ || !writes()) return summary;
    if (Status status = save(); !status) {
      return fail("step {}: {}; and the run could not be saved: {}", p_.step,
                  summary.error().message, status.error().message);
    }
    return fail("step {}: {}; the run is saved as it stood, go on with --resume", p_.step,
                summary.error().message);
  }

 private:
  bool writes() const { return ranks_ == nullptr || ranks_->rank() == 0; }

  Status begin_here(const TrainStart& start) {
    std::error_code code;
    std::filesystem::create_directories(folder_, code);
    if (code) return fail("{}: cannot make the run folder: {}", folder_.string(), code.message());
    const Path path = folder_ / kCheckpointFile;
    if (start.resume) {
      HEMIOLA_TRY(Checkpoint checkpoint, read_checkpoint(path, learner_.layout().size));
      HEMIOLA_TRY(p_, position_from_json(checkpoint.info, path.string()));
      HEMIOLA_CHECK(same_where_it_matters(checkpoint.info, path));
      HEMIOLA_CHECK(data_.train->restore(p_.data));
      learner_.set_state(std::move(checkpoint.state));
    } else {
      if (std::filesystem::exists(path, code)) {
        return fail(
            "{}: a run stands there already; go on with it (--resume) or choose another folder",
            folder_.string());
      }
      HEMIOLA_CHECK(fresh_weights(start.model));
      p_.data = data_.train->state();
    }
    HEMIOLA_TRY(Metrics metrics, Metrics::open(folder_, p_.step));
    metrics_ = std::make_unique<Metrics>(std::move(metrics));
    return {};
  }

  // Rank 0's position, weights and state for all ranks; an error if it has none.
  Status share_start(Status begun) {
    LearnerState state;
    Result<std::string> text = std::string();
    if (!begun) {
      text = fail(begun.error());
    } else if (writes()) {
      state = learner_.state();
      Json json = position_to_json(p_, options_to_json(o_));
      json["sizes"] = {state.weights.size(), state.mean.size(), state.square.size(),
                       state.average.size()};
      text = json_text(json);
    }
    HEMIOLA_TRY(const std::string shared, share_text(*ranks_, std::move(text)));
    HEMIOLA_TRY(const Json json, parse_json(shared, "what rank 0 began with"));
    if (const Json options = options_to_json(o_); json.at("options") != options) {
      // Threads and device may differ.
      for (const auto& [name, value] : options.items()) {
        if (name == "threads" || name == "device" ||
            json.at("options").value(name, Json()) == value)
          continue;
        return fail("rank {} trains with {} {}, rank 0 with {}", ranks_->rank(), name,
                    json_text(value), json_text(json.at("options").value(name, Json())));
      }
    }
    std::size_t next = 0;
    for (auto* part : {&state.weights, &state.mean, &state.square, &state.average}) {
      part->resize(json.at("sizes").at(next++).get<std::size_t>());
      HEMIOLA_CHECK(ranks_->broadcast(std::as_writable_bytes(std::span(*part))));
    }
    if (writes()) return {};
    HEMIOLA_TRY(p_, position_from_json(json, "what rank 0 began with"));
    HEMIOLA_CHECK(data_.train->restore(p_.data));
    learner_.set_state(std::move(state));
    return {};
  }

  Result<TrainSummary> run() {
    restart_clocks();
    last_saved_ = wall_seconds();
    log_started_ = wall_seconds();
    TrainSummary summary;
    if (goes_on_from_model_) HEMIOLA_CHECK(score_before());
    if (p_.step == 0 && writes()) HEMIOLA_CHECK(save());
    std::future<Result<Draw>> coming;
    if (!finished()) coming = draw(p_.step);
    int skipped = 0;
    bool saved_now = false;
    while (!finished()) {
      if (ranks_ == nullptr ? call_.stop && call_.stop() : all_stop_) {
        summary.ending = Ending::kStopped;
        break;
      }
      Result<Draw> drawn = coming.get();
      if (!drawn) return fail(std::move(drawn.error()));
      const double done = share_done();  // before the step: what its rate follows from
      UpdateSettings update = o_.update;
      update.step = p_.step + 1;
      update.seed = o_.seed;
      update.rate = static_cast<float>(rate_at(p_.step, done));
      update.average = average_at(p_.step);
      coming = draw(p_.step + 1);  // the next one, meanwhile
      const StepResult result = learner_.step(drawn->batches, update);
      if (!result.lost.empty()) {
        lost_ = true;
        return fail("{}", result.lost);
      }
      ++p_.step;
      p_.tokens += result.targets;
      p_.data = std::move(drawn->position);
      p_.epochs = drawn->epochs;
      const Status time = keep_time();
      saved_now = false;
      if (result.skipped) {
        note(fmt::format("step {}: the gradient is not finite, step skipped", p_.step));
        if (++skipped >= kMaxSkipped) {
          return fail(
              "training diverged: {} steps in a row without a finite gradient, up to step "
              "{}; try a lower rate",
              skipped, p_.step);
        }
      } else {
        skipped = 0;
        p_.loss_sum += result.loss;
        p_.loss_targets += result.targets;
      }
      if (!time) {  // logged and no more
        if (writes() && p_.step % o_.log_every == 0) {
          metrics_->add(log_row(result, static_cast<double>(update.rate)));
        }
        return fail(time.error());
      }
      const bool last = finished();
      HEMIOLA_TRY(const Turn turn, after_step(result, static_cast<double>(update.rate), last));
      saved_now = turn.saved;
      if (turn.stop_early) {
        summary.ending = Ending::kEarly;
        break;
      }
    }
    if (coming.valid()) coming.wait();
    if (writes() && !saved_now) HEMIOLA_CHECK(save());
    if (writes()) HEMIOLA_CHECK(metrics_->write(title()));
    return finish(std::move(summary));
  }

  struct Turn {
    bool saved = false;
    bool stop_early = false;
  };

  // Logs, evaluates, saves and samples, whatever is due.
  Result<Turn> after_step(const StepResult& result, double rate, bool last) {
    Turn turn;
    const auto due = [&](std::int64_t every) { return every > 0 && p_.step % every == 0; };
    const bool evaluate = data_.held_out != nullptr && due(o_.evaluate_every) && !last;
    if (due(o_.log_every) || evaluate || last) {
      MetricsRow row = log_row(result, rate);
      bool better = false;
      if (evaluate) {
        Result<bool> evaluated = evaluate_now(row);
        if (evaluated) better = *evaluated;
        if (!evaluated && writes()) metrics_->add(row);
        if (!evaluated) return fail(std::move(evaluated.error()));
        HEMIOLA_CHECK(keep_time());
      }
      if (writes()) metrics_->add(row);
      if (better && writes()) {
        HEMIOLA_CHECK(save());
        HEMIOLA_CHECK(save_model("best"));
        turn.saved = true;
      }
      turn.stop_early = o_.patience > 0 && p_.worse >= o_.patience;
    }
    if (!writes()) return turn;
    const bool time_to_save =
        o_.checkpoint_minutes > 0 && wall_seconds() - last_saved_ > 60 * o_.checkpoint_minutes;
    if (!turn.saved && (due(o_.checkpoint_every) || time_to_save)) {
      HEMIOLA_CHECK(save());
      turn.saved = true;
    }
    if (call_.sample && (due(o_.sample_every) || (last && o_.sample_every > 0))) {
      if (!turn.saved) HEMIOLA_CHECK(save_model("last"));
      if (const Status status = call_.sample(folder_ / "last", p_.step); !status) {
        note(fmt::format("no samples at step {}: {}", p_.step, status.error().message));
      }
      log_started_ = wall_seconds();
    }
    return turn;
  }

  void note(const std::string& line) const {
    if (call_.note && writes()) call_.note(line);
  }

  std::string title() const {
    return fmt::format("{}: step {}, {:.2f} passes", folder_.filename().string(), p_.step,
                       p_.epochs);
  }

  // What must be as it was for a run to be the same run.
  Status same_where_it_matters(const Json& info, const Path& path) const {
    const Json now = options_to_json(o_);
    const Json was = info.value("options", Json::object());
    for (const char* field : {"config", "seed", "length", "batch_tokens", "optimiser"}) {
      if (was.contains(field) && was[field] == now[field]) continue;
      return fail("{}: the run began with {} {}, now it is {}; it cannot go on like that",
                  path.string(), field, was.contains(field) ? json_text(was[field]) : "unknown",
                  json_text(now[field]));
    }
    return {};
  }

  Status fresh_weights(const Path& model) {
    const Gpt2Layout& layout = learner_.layout();
    LearnerState state;
    if (model.empty()) {
      state.weights = initial_weights(layout, o_.config, o_.seed);
    } else {
      HEMIOLA_TRY(const WholeModel whole, load_whole_model(model));
      if (shape_of(whole.weights.config()) != layout.shape) {
        return fail("{}: its shape differs from the one to be trained", model.string());
      }
      state.weights.assign(layout.size, 0.0F);
      for (const TensorSlot& slot : layout.tensors) {
        std::ranges::copy(whole.weights.values(slot.name),
                          state.weights.begin() + static_cast<std::ptrdiff_t>(slot.offset));
      }
    }
    learner_.set_state(std::move(state));
    return {};
  }

  // The time before this process stands in the position; interruptions do not count.
  void restart_clocks() {
    wall_zero_ = wall_seconds();
    processor_zero_ = processor_seconds();
    seconds_before_ = p_.seconds;
    processor_before_ = p_.processor_seconds;
  }
  // What all ranks decide by: rank 0's clock, the processor time of all, whether any is to stop.
  Status keep_time() {
    std::array<double, 3> now = {writes() ? wall_seconds() - wall_zero_ : 0,
                                 processor_seconds() - processor_zero_, 0};
    if (ranks_ != nullptr) {
      now[2] = call_.stop && call_.stop() ? 1 : 0;
      HEMIOLA_CHECK(or_lost(ranks_->sum(now)));
      all_stop_ = now[2] > 0;
    }
    p_.seconds = seconds_before_ + now[0];
    p_.processor_seconds = processor_before_ + now[1];
    return {};
  }

  // Marks the failure of an exchange with the other ranks.
  template <class T>
  T or_lost(T result) {
    lost_ = lost_ || (ranks_ != nullptr && !result);
    return result;
  }

  double share_done() const { return share_at(p_.step); }
  // With a budget of steps this follows from the step alone, which makes a run repeatable.
  double share_at(std::int64_t step) const {
    switch (o_.budget) {
      case Budget::kSteps:
        return std::min(1.0, static_cast<double>(step) / std::floor(o_.amount));
      case Budget::kMinutes:
        return std::min(1.0, p_.seconds / (60 * o_.amount));
      case Budget::kProcessorMinutes:
        return std::min(1.0, p_.processor_seconds / (60 * o_.amount));
    }
    return 1;
  }
  bool finished() const { return share_done() >= 1; }

  double rate_at(std::int64_t step, double done) const {
    const double full = static_cast<double>(o_.update.rate);
    double factor = 1;
    if (o_.schedule == Schedule::kCosine) {
      factor = o_.final_rate + (1 - o_.final_rate) * 0.5 * (1 + std::cos(std::numbers::pi * done));
    } else if (done > 1 - o_.decay_share) {
      factor = o_.final_rate + (1 - o_.final_rate) * (1 - done) / o_.decay_share;
    }
    if (step < o_.warmup_steps) {
      factor *= static_cast<double>(step + 1) / static_cast<double>(o_.warmup_steps);
    }
    return full * factor;
  }

  // Early on the average follows quickly: the first weights are worth nothing.
  float average_at(std::int64_t step) const {
    if (o_.average_decay <= 0) return 0;
    const auto t = static_cast<double>(step);
    return static_cast<float>(1 - std::min(o_.average_decay, (1 + t) / (10 + t)));
  }

  // Draws the batches that follow after `step` steps, in the background.
  std::future<Result<Draw>> draw(std::int64_t step) {
    const bool is_short = o_.short_length > 0 && share_at(step) < o_.short_until;
    const int length = is_short ? o_.short_length : o_.length;
    return std::async(std::launch::async, [this, length]() -> Result<Draw> {
      Draw draw;
      const int ranks = ranks_ == nullptr ? 1 : ranks_->count();
      const int rows = std::max(1, o_.batch_tokens / length / ranks);
      const int at_once = std::max(1, o_.micro_tokens / length);
      for (int row = 0; row < rows; row += at_once) {
        Batch& batch = draw.batches.emplace_back();
        HEMIOLA_CHECK(data_.train->next(std::min(at_once, rows - row), length, batch));
        HEMIOLA_CHECK(check_batch(batch, learner_.layout().shape));
      }
      draw.position = data_.train->state();
      draw.epochs = data_.train->epochs();
      return draw;
    });
  }

  MetricsRow log_row(const StepResult& result, double rate) {
    MetricsRow row;
    row.step = p_.step;
    row.tokens = p_.tokens;
    row.epochs = p_.epochs;
    row.seconds = p_.seconds;
    row.processor_seconds = p_.processor_seconds;
    row.rate = rate;
    row.loss = p_.loss_targets > 0 ? p_.loss_sum / static_cast<double>(p_.loss_targets) : 0;
    row.grad_norm = result.grad_norm;
    const double now = wall_seconds();
    row.tokens_per_second =
        static_cast<double>(p_.loss_targets) / std::max(1e-9, now - log_started_);
    p_.loss_sum = 0;
    p_.loss_targets = 0;
    log_started_ = now;
    if (call_.progress && writes()) {
      const double done = share_done();
      double left = done > 0 ? p_.seconds * (1 - done) / done : 0;
      if (o_.budget == Budget::kMinutes) left = 60 * o_.amount - p_.seconds;
      call_.progress({p_.step, done, p_.seconds, std::max(0.0, left), row.tokens_per_second,
                      p_.epochs, row.loss, rate});
    }
    if (now - last_drawn_ > 5 && writes()) {
      last_drawn_ = now;
      if (const Status status = metrics_->write(title()); !status) note(status.error().message);
    }
    return row;
  }

  Result<HeldOutLoss> score(const EvalSource& source, std::int64_t max_tokens) {
    const HeldOutOptions options = {o_.length, max_tokens, o_.micro_tokens, true, ranks_};
    return or_lost(score_documents(learner_, source, options));
  }

  // What the model that it goes on from could do already, for comparison at the end.
  Status score_before() {
    if (data_.held_out != nullptr) {
      HEMIOLA_TRY(p_.before, score(*data_.held_out, 0));
      note(fmt::format("before training: held-out loss {:.4f} nats a token, {:.3f} bits a note",
                       p_.before.per_token(), p_.before.bits_per_note()));
    }
    if (data_.held_out_old != nullptr) {
      HEMIOLA_TRY(p_.before_old, score(*data_.held_out_old, 0));
      note(fmt::format("before training: old data {:.4f} nats, {:.3f} bits a note",
                       p_.before_old.per_token(), p_.before_old.bits_per_note()));
    }
    return {};
  }

  // True if it is the best so far.
  Result<bool> evaluate_now(MetricsRow& row) {
    HEMIOLA_TRY(const HeldOutLoss loss, score(*data_.held_out, o_.evaluate_tokens));
    row.held_out_loss = loss.per_token();
    if (loss.notes > 0) row.bits_per_note = loss.bits_per_note();
    if (loss.beats > 0) row.bits_per_beat = loss.bits_per_beat();
    const bool better = p_.best_step == 0 || loss.per_token() < p_.best.per_token();
    if (better) {
      p_.best = loss;
      p_.best_step = p_.step;
      p_.worse = 0;
    } else {
      ++p_.worse;
    }
    std::string line =
        fmt::format("step {}: held-out loss {:.4f} nats a token", p_.step, loss.per_token());
    if (loss.notes > 0) line += fmt::format(", {:.3f} bits a note", loss.bits_per_note());
    if (data_.held_out_old != nullptr) {
      HEMIOLA_TRY(const HeldOutLoss old, score(*data_.held_out_old, o_.evaluate_tokens));
      line += fmt::format("; old data {:.4f} nats, {:.3f} bits a note", old.per_token(),
                          old.bits_per_note());
    }
    note(line + (better ? " (best)" : ""));
    log_started_ = wall_seconds();
    return better;
  }

  // The metrics first: rows beyond the checkpoint are dropped on resume, missing ones are lost.
  Status save() {
    HEMIOLA_CHECK(metrics_->write(title()));
    HEMIOLA_CHECK(write_checkpoint(folder_ / kCheckpointFile,
                                   {learner_.state(), position_to_json(p_, options_to_json(o_))}));
    last_saved_ = wall_seconds();
    return p_.step == 0 ? Status() : save_model("last");
  }

  Status save_model(const char* name) {
    LearnerState state = learner_.state();
    const std::vector<float>& weights = state.average.empty() ? state.weights : state.average;
    ModelToSave model;
    model.config = o_.config;
    model.tokenizer = data_.tokenizer;
    model.card = data_.card;
    model.card += fmt::format("\nTrained for {} steps, {} tokens, {:.2f} passes over the data.\n",
                              p_.step, p_.tokens, p_.epochs);
    if (p_.best_step > 0) {
      model.card += fmt::format(
          "Best held-out loss so far: {:.4f} nats a token, {:.3f} bits a note, at step {}.\n",
          p_.best.per_token(), p_.best.bits_per_note(), p_.best_step);
    }
    for (const TensorSlot& slot : learner_.layout().tensors) {
      model.weights.push_back(
          view_of(slot.name, slot.shape, std::span(weights).subspan(slot.offset, slot.size)));
    }
    return save_model_folder(folder_ / name, model);
  }

  Result<TrainSummary> finish(TrainSummary summary) {
    summary.steps = p_.step;
    summary.tokens = p_.tokens;
    summary.seconds = p_.seconds;
    summary.processor_seconds = p_.processor_seconds;
    summary.epochs = p_.epochs;
    summary.best_step = p_.best_step;
    summary.best = p_.best;
    summary.before = p_.before;
    summary.before_old = p_.before_old;
    summary.device = learner_.device();
    if (summary.ending == Ending::kStopped) return summary;
    if (data_.held_out != nullptr) {
      HEMIOLA_TRY(summary.held_out, score(*data_.held_out, 0));
    }
    if (data_.held_out_old != nullptr) {
      HEMIOLA_TRY(summary.held_out_old, score(*data_.held_out_old, 0));
    }
    return summary;
  }

  Learner& learner_;
  const TrainOptions& o_;
  const TrainData& data_;
  const Path folder_;
  const TrainCallbacks& call_;
  RunPosition p_;
  std::unique_ptr<Metrics> metrics_;
  Ranks* const ranks_;
  bool all_stop_ = false;  // some rank was asked to stop
  bool lost_ = false;      // an exchange with the others failed
  bool goes_on_from_model_ = false;
  double wall_zero_ = 0, processor_zero_ = 0;
  double seconds_before_ = 0, processor_before_ = 0;
  double last_saved_ = 0, log_started_ = 0, last_drawn_ = 0;
};

// Every rank takes the same number of rows.
Status can_share(const TrainOptions& o, int ranks) {
  for (const int length : {o.length, o.short_length}) {
    if (length > 0 && o.batch_tokens / length % ranks != 0) {
      return fail(
          "a batch of {} tokens is {} rows of {}, which {} ranks cannot share evenly; change "
          "--batch-tokens",
          o.batch_tokens, o.batch_tokens / length, length, ranks);
    }
  }
  return {};
}

}  // namespace

bool has_checkpoint(const Path& run) {
  std::error_code code;
  return std::filesystem::exists(run / kCheckpointFile, code);
}

Result<TrainOptions> resumed_options(const Path& run) {
  const Path path = run / kCheckpointFile;
  if (!has_checkpoint(run)) {
    return fail("{}: no run stands there to go on with (no {})", run.string(), kCheckpointFile);
  }
  HEMIOLA_TRY(const Json info, read_checkpoint_info(path));
  return options_from_json(info.value("options", Json()), path.string());
}

Result<TrainSummary> train(Learner& learner, const TrainOptions& options, const TrainData& data,
                           const Path& run, const TrainStart& start,
                           const TrainCallbacks& callbacks) {
  HEMIOLA_CHECK(check(options));
  if (data.train == nullptr) return fail("training: no data");
  if (learner.layout().shape != shape_of(options.config)) {
    return fail("training: the learner has another shape than the options");
  }
  if (start.ranks != nullptr) HEMIOLA_CHECK(can_share(options, start.ranks->count()));
  Run r(learner, options, data, run, callbacks, start.ranks);
  HEMIOLA_CHECK(r.begin(start));
  return r.go();
}

}  // namespace hemiola::nn
