// Whole runs: they learn, they go on exactly, they survive real kills, they refuse bad checkpoints.
#include "nn/trainer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "base/rng.h"
#include "model/model_folder.h"
#include "nn/checkpoint.h"
#include "nn/counting_for_tests.h"
#include "nn/memory_source.h"
#include "nn/metrics.h"
#include "nn/workers.h"

namespace hemiola::nn {
namespace {

class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("hemiola-trainer-{}-{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Path folder_;
};

TrainOptions small_options() {
  TrainOptions o;
  o.config.layers = 2;
  o.config.heads = 2;
  o.config.width = 32;
  o.config.inner = 128;
  o.config.context = 64;
  o.config.vocabulary = 67;
  o.length = 48;
  o.batch_tokens = 4 * 48;
  o.micro_tokens = 2 * 48;
  o.amount = 60;
  o.warmup_steps = 5;
  o.update.rate = 1e-2F;
  o.update.dropout = 0.05F;
  o.average_decay = 0.9;
  o.log_every = 1;
  o.evaluate_every = 10;
  o.checkpoint_every = 4;
  o.checkpoint_minutes = 0;
  o.threads = 2;
  o.device = "cpu";
  o.short_length = 16;
  o.short_until = 0.2;
  return o;
}

struct Material {
  MemorySource train{counting(200, 1), 7};
  MemorySource held_out{counting(20, 2), 0, std::vector<std::int64_t>(20, 10),
                        std::vector<double>(20, 5.0)};
  TrainData data() {
    TrainData d;
    d.train = &train;
    d.held_out = &held_out;
    d.card = "# A test\n";
    return d;
  }
};

Result<TrainSummary> run(const TrainOptions& options, const Path& folder, bool resume,
                         const TrainCallbacks& callbacks = {}) {
  Material material;
  auto learner = make_cpu_learner(shape_of(options.config), cpu::choose_kernels(options.precision),
                                  options.threads);
  return train(*learner, options, material.data(), folder, {resume, {}}, callbacks);
}

// metrics.csv without what depends on the clock.
std::string losses_of(const Path& folder) {
  std::ifstream file(folder / "metrics.csv");
  std::string result;
  for (std::string line; std::getline(file, line);) {
    std::stringstream fields(line);
    int column = 0;
    for (std::string field; std::getline(fields, field, ','); ++column) {
      if (column != 3 && column != 4 && column != 8) result += field + ",";
    }
    result += "\n";
  }
  return result;
}

LearnerState state_of(const Path& folder, const TrainOptions& options) {
  const Gpt2Layout layout(shape_of(options.config));
  return read_checkpoint(folder / "checkpoint.safetensors", layout.size).value().state;
}

void expect_equal(const LearnerState& a, const LearnerState& b) {
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.square, b.square);
  EXPECT_EQ(a.average, b.average);
}

TEST_F(TrainerTest, LearnsAndLeavesAModel) {
  TrainOptions options = small_options();
  options.amount = 200;
  int progress = 0;
  TrainCallbacks callbacks;
  callbacks.progress = [&](const TrainProgress& p) {
    ++progress;
    EXPECT_GT(p.tokens_per_second, 0);
    EXPECT_LE(p.done, 1);
  };
  const auto summary = run(options, folder_, false, callbacks);
  ASSERT_TRUE(summary.has_value()) << summary.error().message;
  EXPECT_EQ(summary->ending, Ending::kFinished);
  EXPECT_EQ(summary->steps, 200);
  EXPECT_EQ(progress, 200);
  EXPECT_LT(summary->held_out.per_token(), 2.0);  // uniform: 4.2
  EXPECT_EQ(summary->held_out.documents, 20U);
  EXPECT_NEAR(summary->held_out.bits_per_note(), summary->held_out.nats / std::log(2.0) / (20 * 10),
              1e-9);
  const auto model = load_model_folder(folder_ / "last");
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_NE(model->card.find("200 steps"), std::string::npos);
  EXPECT_TRUE(load_model_folder(folder_ / "best").has_value());
  EXPECT_TRUE(std::filesystem::exists(folder_ / "loss.svg"));

  // The model folder holds the averaged weights, those of the summary.
  TrainOptions next = options;
  next.amount = 1;
  next.update.rate = 0;
  next.update.dropout = 0;
  next.average_decay = 0;
  Material material;
  auto learner =
      make_cpu_learner(shape_of(options.config), cpu::choose_kernels(options.precision), 2);
  const auto again =
      train(*learner, next, material.data(), folder_ / "more", {false, folder_ / "last"}, {});
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_NEAR(again->held_out.nats, summary->held_out.nats, 1e-6 * summary->held_out.nats);
  EXPECT_NEAR(again->before.nats, summary->held_out.nats, 1e-6 * summary->held_out.nats);
  EXPECT_EQ(again->before.tokens, summary->held_out.tokens);
  EXPECT_EQ(summary->before.tokens, 0);
}

TEST_F(TrainerTest, StoppedAndResumedIsTheSameRun) {
  for (const Optimiser optimiser : {Optimiser::kAdamW, Optimiser::kMuon}) {
    TrainOptions options = small_options();
    options.update.optimiser = optimiser;
    const Path whole = folder_ / "whole";
    const Path parts = folder_ / "parts";
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(run(options, whole, false).has_value());
    bool resume = false;
    for (;;) {
      int polls = 0;
      TrainCallbacks callbacks;
      callbacks.stop = [&] { return ++polls > 13; };
      const auto summary = run(options, parts, resume, callbacks);
      ASSERT_TRUE(summary.has_value()) << summary.error().message;
      resume = true;
      if (summary->ending == Ending::kFinished) break;
    }
    EXPECT_EQ(losses_of(parts), losses_of(whole));
    expect_equal(state_of(parts, options), state_of(whole, options));
  }
}

TEST_F(TrainerTest, KilledAndResumedIsTheSameRun) {
  const TrainOptions options = small_options();
  const Path whole = folder_ / "whole";
  const Path parts = folder_ / "parts";
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(run(options, whole, false).has_value());
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  const auto expect_same = [&] {
    EXPECT_EQ(losses_of(parts), losses_of(whole));
    expect_equal(state_of(parts, options), state_of(whole, options));
  };
  Rng rng(std::random_device{}());
  constexpr int kKills = 20;
  for (int kills = 0, runs = 0; kills < kKills; ++runs) {
    ASSERT_LT(runs, 10 * kKills) << "it is never killed";
    const pid_t child = fork();
    if (child == 0) {
      const auto summary = run(options, parts, has_checkpoint(parts));
      _exit(summary.has_value() ? 0 : 1);
    }
    const auto wait = rng.uniform() * 0.5 * static_cast<double>(took.count());
    std::this_thread::sleep_for(std::chrono::microseconds(static_cast<std::int64_t>(wait)));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
      ++kills;
    } else {
      ASSERT_EQ(WEXITSTATUS(status), 0);
      expect_same();
      std::filesystem::remove_all(parts);  // and once more
    }
  }
  ASSERT_TRUE(run(options, parts, has_checkpoint(parts)).has_value());
  expect_same();
}

// A limit on the size of files, in a process of its own, fails writes as a full disk does.
TEST_F(TrainerTest, AFullDiskIsAnErrorAndLeavesTheLastCheckpoint) {
  TrainOptions options = small_options();
  options.amount = 20;
  const Path whole = folder_ / "whole";
  const Path parts = folder_ / "parts";
  ASSERT_TRUE(run(options, whole, false).has_value());
  for (const bool resume : {false, true}) {
    int said[2];
    ASSERT_EQ(pipe(said), 0);
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{20'000, 20'000};
      setrlimit(RLIMIT_FSIZE, &limit);
      const auto summary = run(options, parts, resume);
      const std::string text = summary ? "no error" : summary.error().message;
      _exit(write(said[1], text.data(), text.size()) < 0 ? 1 : 0);
    }
    close(said[1]);
    std::string text(1000, '\0');
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, read(said[0], &text[0], 1000))));
    close(said[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_NE(text.find("cannot write"), std::string::npos) << text;
    EXPECT_NE(text.find(parts.string()), std::string::npos) << text;
    for (const auto& item : std::filesystem::recursive_directory_iterator(parts)) {
      EXPECT_NE(item.path().extension(), ".tmp") << item.path();
    }
    EXPECT_EQ(has_checkpoint(parts), resume);
    if (!resume) {
      int polls = 0;
      TrainCallbacks callbacks;
      callbacks.stop = [&] { return ++polls > 8; };
      ASSERT_TRUE(run(options, parts, false, callbacks).has_value());
    }
  }
  ASSERT_TRUE(run(options, parts, true).has_value());
  EXPECT_EQ(losses_of(parts), losses_of(whole));
}

TEST_F(TrainerTest, RefusesWhatItCannotGoOnWith) {
  TrainOptions options = small_options();
  options.amount = 8;
  ASSERT_TRUE(run(options, folder_, false).has_value());
  const auto expect_refused = [](const auto& result, const char* reason) {
    ASSERT_FALSE(result.has_value());
    EXPECT_NE(result.error().message.find(reason), std::string::npos) << result.error().message;
  };
  expect_refused(run(options, folder_, false), "--resume");
  expect_refused(run(options, folder_ / "none", true), "checkpoint.safetensors");
  TrainOptions other = options;
  other.seed = 1;
  expect_refused(run(other, folder_, true), "seed");
  other = options;
  other.config.layers = 3;
  expect_refused(run(other, folder_, true), "another model");

  const Path path = folder_ / "checkpoint.safetensors";
  const Bytes good = read_file(path).value();
  Bytes bad = good;
  bad[bad.size() / 2] ^= 1;
  ASSERT_TRUE(write_file(path, bad).has_value());
  expect_refused(run(options, folder_, true), "damaged");
  bad = good;
  bad.resize(bad.size() / 2);
  ASSERT_TRUE(write_file(path, bad).has_value());
  EXPECT_FALSE(run(options, folder_, true).has_value());
  ASSERT_TRUE(write_text(path, "not a checkpoint").has_value());
  EXPECT_FALSE(run(options, folder_, true).has_value());
  ASSERT_TRUE(write_file(path, good).has_value());
  options.amount = 12;  // longer than it was to be: allowed
  const auto longer = run(options, folder_, true);
  ASSERT_TRUE(longer.has_value()) << longer.error().message;
  EXPECT_EQ(longer->steps, 12);
}

TEST_F(TrainerTest, StopsEarlyWhenItGetsNoBetter) {
  TrainOptions options = small_options();
  options.amount = 1000;
  options.update.rate = 0;
  options.evaluate_every = 5;
  options.patience = 3;
  const auto summary = run(options, folder_, false);
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->ending, Ending::kEarly);
  EXPECT_EQ(summary->steps, 20);
  EXPECT_EQ(summary->best_step, 5);
}

TEST_F(TrainerTest, DivergenceIsAnError) {
  TrainOptions options = small_options();
  options.update.rate = 10;
  options.update.clip = 0;
  options.amount = 5000;
  options.update.decay = 10;
  options.warmup_steps = 0;
  options.average_decay = 0;
  options.precision = cpu::Precision::kFp32;
  const auto summary = run(options, folder_, false);
  ASSERT_FALSE(summary.has_value());
  EXPECT_NE(summary.error().message.find("diverged"), std::string::npos);
}

TEST(TrainOptionsJson, GoesThereAndBack) {
  TrainOptions options = small_options();
  options.update.optimiser = Optimiser::kMuon;
  options.budget = Budget::kProcessorMinutes;
  options.schedule = Schedule::kStableDecay;
  options.update.rate = 0.0123F;
  const Json json = options_to_json(options);
  const auto back = options_from_json(parse_json(json_text(json), "x").value(), "x");
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(options_to_json(*back), json);
  Json wrong = json;
  wrong["optimiser"] = "magic";
  EXPECT_FALSE(options_from_json(wrong, "x").has_value());
  wrong = json;
  wrong["length"] = 1000;
  EXPECT_FALSE(options_from_json(wrong, "x").has_value());
  wrong = json;
  wrong["colour"] = "red";
  EXPECT_FALSE(options_from_json(wrong, "x").has_value());
}

// Every token once, whatever the windows: the sum over windows of a document shorter than the limit
// equals a plain pass; a longer one is scored with at least half the limit before each token.
TEST(HeldOut, ScoresEveryTokenOnce) {
  const TrainOptions options = small_options();
  auto learner = make_cpu_learner(shape_of(options.config), *cpu::find_kernels("plain-fp32"), 1);
  learner->set_state({initial_weights(learner->layout(), options.config, 1), {}, {}, {}});
  std::vector<std::int32_t> ids;
  Rng rng(3);
  for (int i = 0; i < 101; ++i) ids.push_back(rng.between(0, 66));
  const auto plain = [&](std::size_t begin, std::size_t end, std::size_t first) {
    Batch batch;
    batch.resize(1, static_cast<int>(end - begin));
    for (std::size_t i = begin; i < end; ++i) {
      batch.ids[i - begin] = ids[i];
      batch.positions[i - begin] = static_cast<int>(i - begin);
      if (i + 1 >= first) batch.targets[i - begin] = ids[i + 1];
    }
    double total = 0;
    for (float loss : learner->score(batch, false)) total += static_cast<double>(loss);
    return total;
  };
  const MemorySource source({ids, {5}, {1, 2, 3}}, 0, {30, 1, 2}, {4, 1, 1});
  HeldOutOptions scoring;
  scoring.length = 32;
  scoring.batch_tokens = 64;
  const auto got = score_documents(*learner, source, scoring);
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->tokens, 102);
  EXPECT_EQ(got->documents, 2U);
  EXPECT_EQ(got->notes, 32);
  // Targets 1-32, then 33-48 and so on with 16 before each window's first.
  double want = plain(0, 32, 1);
  for (std::size_t next = 33; next < 101;) {
    const std::size_t begin = next - 16;
    const std::size_t end = std::min<std::size_t>(100, begin + 32);
    want += plain(begin, end, next);
    next = end + 1;
  }
  ids = {1, 2, 3};
  want += plain(0, 2, 1);
  EXPECT_NEAR(got->nats, want, 1e-3);
}

TEST(MemorySource, GoesOnWhereItStood) {
  MemorySource source(counting(30, 1), 7);
  Batch batch;
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(source.next(2, 40, batch).has_value());
  const std::string state = source.state();
  std::vector<Batch> expected(5);
  for (Batch& each : expected) ASSERT_TRUE(source.next(3, 33, each).has_value());
  MemorySource other(counting(30, 1), 7);
  ASSERT_TRUE(other.restore(state).has_value());
  for (const Batch& each : expected) {
    ASSERT_TRUE(other.next(3, 33, batch).has_value());
    EXPECT_EQ(batch.ids, each.ids);
    EXPECT_EQ(batch.targets, each.targets);
    EXPECT_EQ(batch.positions, each.positions);
    EXPECT_EQ(batch.segments, each.segments);
  }
  MemorySource different(counting(30, 2), 7);
  EXPECT_FALSE(different.restore(state).has_value());
  EXPECT_FALSE(different.restore("rubbish").has_value());
}

TEST(MixedSource, MixesAndGoesOn) {
  MemorySource a({std::vector<std::int32_t>(50, 1)}, 1);
  MemorySource b({std::vector<std::int32_t>(50, 2)}, 1);
  MixedSource mixed(a, b, 0.25);
  Batch batch;
  int second = 0;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(mixed.next(6, 10, batch).has_value());
    ASSERT_EQ(batch.ids.size(), 60U);
    for (std::size_t row = 0; row < 6; ++row) second += batch.ids[row * 10] == 2 ? 1 : 0;
  }
  EXPECT_EQ(second, 15);
  const std::string state = mixed.state();
  ASSERT_TRUE(mixed.next(5, 10, batch).has_value());
  MemorySource a2({std::vector<std::int32_t>(50, 1)}, 1);
  MemorySource b2({std::vector<std::int32_t>(50, 2)}, 1);
  MixedSource again(a2, b2, 0.25);
  ASSERT_TRUE(again.restore(state).has_value());
  Batch other;
  ASSERT_TRUE(again.next(5, 10, other).has_value());
  EXPECT_EQ(batch.ids, other.ids);
}

TEST(Workers, DoesEveryTaskOnce) {
  for (int threads : {1, 2, 5}) {
    Workers workers(threads);
    EXPECT_EQ(workers.count(), threads);
    for (int round = 0; round < 200; ++round) {
      const int tasks = round % 17;
      std::vector<std::atomic<int>> done(17);
      workers.run(tasks, [&](int task, int worker) {
        EXPECT_LT(worker, threads);
        ++done[static_cast<std::size_t>(task)];
      });
      for (int i = 0; i < 17; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i < tasks ? 1 : 0);
    }
  }
}

TEST(CheckBatch, SaysWhatIsWrong) {
  const Gpt2Shape shape{1, 1, 16, 8, 10};
  Batch good;
  good.resize(2, 4);
  EXPECT_TRUE(check_batch(good, shape).has_value());
  const auto refused = [&](auto change) {
    Batch bad = good;
    change(bad);
    return !check_batch(bad, shape).has_value();
  };
  EXPECT_TRUE(refused([](Batch& b) { b.ids[1] = 10; }));
  EXPECT_TRUE(refused([](Batch& b) { b.ids[1] = -1; }));
  EXPECT_TRUE(refused([](Batch& b) { b.targets[1] = 10; }));
  EXPECT_TRUE(refused([](Batch& b) { b.targets[1] = -2; }));
  EXPECT_TRUE(refused([](Batch& b) { b.positions[1] = 8; }));
  EXPECT_TRUE(refused([](Batch& b) { b.segments[1] = 1; }));
  EXPECT_TRUE(refused([](Batch& b) { b.ids.pop_back(); }));
}

}  // namespace
}  // namespace hemiola::nn
