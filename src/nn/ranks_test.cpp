// Several real processes that train together: they do what one does, and end well when one is lost.
// The parent never opens libtorch, so that its children, which fork, each begin without it.
#include "nn/ranks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <numeric>
#include <sstream>

#include "model/model_folder.h"
#include "nn/checkpoint.h"
#include "nn/counting_for_tests.h"
#include "nn/memory_source.h"
#include "nn/trainer.h"

namespace hemiola::nn {
namespace {

int free_port() {
  const int s = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(getsockname(s, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(s);
  return ntohs(address.sin_port);
}

// Forked ranks that are already joined; each writes what `body` returns, the parent reads it.
class Family {
 public:
  using Body = std::function<std::string(Ranks& ranks)>;

  Family(int count, const Body& body) {
    const int port = free_port();
    for (int rank = 0; rank < count; ++rank) {
      int ends[2];
      if (pipe(ends) != 0) std::abort();
      const pid_t child = fork();
      if (child == 0) {
        RankPlace place;
        place.rank = rank;
        place.ranks = count;
        place.port = port;
        place.timeout_seconds = 300;
        setenv("OPENBLAS_NUM_THREADS", "1", 1);  // else its threads wait in loops
        auto ranks = join_ranks(place);
        const std::string text = ranks ? body(**ranks) : ranks.error().message;
        const auto written = write(ends[1], text.data(), text.size());
        _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
      }
      close(ends[1]);
      pids_.push_back(child);
      reads_.push_back(ends[0]);
    }
  }
  ~Family() {
    for (std::size_t i = 0; i < pids_.size(); ++i) {
      if (pids_[i] > 0) kill_rank(static_cast<int>(i));
      close(reads_[i]);
    }
  }
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  void kill_rank(int rank) {
    pid_t& pid = pids_[static_cast<std::size_t>(rank)];
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    pid = -1;
  }

  // Waits for its end.
  std::string said_by(int rank) {
    std::string text;
    char buffer[4096];
    for (ssize_t n;
         (n = read(reads_[static_cast<std::size_t>(rank)], buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
    int status = 0;
    waitpid(std::exchange(pids_[static_cast<std::size_t>(rank)], -1), &status, 0);
    EXPECT_EQ(status, 0) << "rank " << rank;
    return text;
  }

 private:
  std::vector<pid_t> pids_;
  std::vector<int> reads_;
};

// One rank's rows of a source that all ranks read alike.
class Share final : public ExampleSource {
 public:
  Share(ExampleSource& whole, int rank, int ranks) : whole_(whole), rank_(rank), ranks_(ranks) {}

  Status next(int rows, int length, Batch& batch) override {
    Batch all;
    HEMIOLA_CHECK(whole_.next(rows * ranks_, length, all));
    batch.resize(rows, length);
    const std::ptrdiff_t size = std::ptrdiff_t{rows} * length;
    const auto cut = [&](std::vector<std::int32_t>& to, const std::vector<std::int32_t>& from) {
      std::copy_n(from.begin() + rank_ * size, size, to.begin());
    };
    cut(batch.ids, all.ids);
    cut(batch.targets, all.targets);
    cut(batch.positions, all.positions);
    cut(batch.segments, all.segments);
    return {};
  }
  double epochs() const override { return whole_.epochs(); }
  std::string state() const override { return whole_.state(); }
  Status restore(std::string_view state) override { return whole_.restore(state); }

 private:
  ExampleSource& whole_;
  int rank_, ranks_;
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
  o.batch_tokens = 8 * 48;
  o.micro_tokens = 2 * 48;
  o.amount = 40;
  o.warmup_steps = 5;
  o.update.rate = 1e-2F;
  o.update.dropout = 0.05F;
  o.average_decay = 0.9;
  o.log_every = 1;
  o.evaluate_every = 10;
  o.checkpoint_every = 4;
  o.checkpoint_minutes = 0;
  o.threads = 1;
  o.device = "cpu";
  o.precision = cpu::Precision::kFp32;
  return o;
}

using MakeLearner = std::function<std::unique_ptr<Learner>(const TrainOptions&)>;

std::unique_ptr<Learner> hand_written(const TrainOptions& options) {
  return make_learner(options).value();
}
std::unique_ptr<Learner> through_libtorch(const TrainOptions& options) {
  TorchLearnerOptions torch;
  torch.threads = 1;
  return make_torch_learner(shape_of(options.config), torch).value();
}

// "" or the error.
std::string train_in(const Path& folder, const TrainOptions& options, Ranks* ranks, bool resume,
                     const MakeLearner& make = hand_written, const TrainCallbacks& call = {}) {
  MemorySource whole(counting(200, 1), 7);
  MemorySource held_out(counting(20, 2), 0, std::vector<std::int64_t>(20, 10),
                        std::vector<double>(20, 5.0));
  Share share(whole, ranks == nullptr ? 0 : ranks->rank(), ranks == nullptr ? 1 : ranks->count());
  TrainData data;
  data.train = &share;
  data.held_out = &held_out;
  const auto learner = make(options);
  const auto summary = train(*learner, options, data, folder, {resume, {}, ranks}, call);
  return summary ? std::string() : summary.error().message;
}

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
  return fields;
}

// Training loss, norm of the gradient, held-out loss of each step.
std::vector<std::vector<double>> losses_of(const Path& folder) {
  std::ifstream file(folder / "metrics.csv");
  std::string line;
  std::getline(file, line);
  const std::vector<std::string> names = fields_of(line);
  std::vector<std::vector<double>> result;
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = fields_of(line);
    std::vector<double>& row = result.emplace_back();
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const bool clock = names[i].find("second") != std::string::npos;
      if (!clock) row.push_back(fields[i].empty() ? 0 : std::stod(fields[i]));
    }
  }
  return result;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    total += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  }
  return std::sqrt(total);
}

class RanksTest : public testing::Test {
 protected:
  void SetUp() override {
#ifndef HEMIOLA_HAS_GLOO
    GTEST_SKIP() << "this build has no Gloo";
#endif
    folder_ = std::filesystem::temp_directory_path() /
              fmt::format("hemiola-ranks-{}-{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  LearnerState state_of(const char* name) const {
    const Gpt2Layout layout(shape_of(small_options().config));
    return read_checkpoint(folder_ / name / "checkpoint.safetensors", layout.size).value().state;
  }

  // The same losses, norms and weights within rounding.
  void expect_same_run(const char* name, const char* reference) const {
    const auto got = losses_of(folder_ / name);
    const auto want = losses_of(folder_ / reference);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t step = 0; step < got.size(); ++step) {
      ASSERT_EQ(got[step].size(), want[step].size());
      for (std::size_t i = 0; i < got[step].size(); ++i) {
        EXPECT_NEAR(got[step][i], want[step][i], 1e-3 * std::abs(want[step][i]) + 1e-6)
            << "step " << step << ", column " << i;
      }
    }
    const LearnerState a = state_of(name), b = state_of(reference);
    const double size = distance(b.weights, std::vector<float>(b.weights.size()));
    EXPECT_LT(distance(a.weights, b.weights), 2e-3 * size);
    EXPECT_LT(distance(a.average, b.average), 2e-3 * size);
  }

  Path folder_;
};

TEST_F(RanksTest, SumAndBroadcast) {
  Family family(3, [](Ranks& ranks) -> std::string {
    std::vector<float> large(100'000), small(7);
    std::iota(large.begin(), large.end(), static_cast<float>(ranks.rank()));
    std::fill(small.begin(), small.end(), static_cast<float>(1 << ranks.rank()));
    ranks.begin_sum(large);
    ranks.begin_sum(small);
    if (Status status = ranks.finish_sums(); !status) return status.error().message;
    for (std::size_t i = 0; i < large.size(); ++i) {
      if (large[i] != 3 * static_cast<float>(i) + 3) return fmt::format("{}: {}", i, large[i]);
    }
    if (small != std::vector<float>(7, 7)) return "small";
    const auto text = share_text(ranks, ranks.rank() == 0 ? "from the first" : "not this");
    if (!text) return text.error().message;
    const auto none = share_text(ranks, fail("it has none"));
    if (none) return "an error was lost";
    return *text + "; " + none.error().message;
  });
  EXPECT_EQ(family.said_by(0), "from the first; it has none");
  EXPECT_THAT(family.said_by(1), testing::StartsWith("from the first; rank 0 could not go on"));
  EXPECT_THAT(family.said_by(2), testing::StartsWith("from the first; rank 0 could not go on"));
}

TEST_F(RanksTest, ManyRanksTrainAsOneDoes) {
  const TrainOptions options = small_options();
  ASSERT_EQ(train_in(folder_ / "one", options, nullptr, false), "");
  for (const int count : {2, 4}) {
    const Path folder = folder_ / fmt::format("{}", count);
    Family family(count, [&](Ranks& ranks) { return train_in(folder, options, &ranks, false); });
    for (int rank = 0; rank < count; ++rank) EXPECT_EQ(family.said_by(rank), "");
    expect_same_run(count == 2 ? "2" : "4", "one");
  }
}

TEST_F(RanksTest, LibtorchTrainsSoToo) {
  TrainOptions options = small_options();
  options.update.dropout = 0;  // its masks are another generator's
  ASSERT_EQ(train_in(folder_ / "one", options, nullptr, false), "");
  Family family(2, [&](Ranks& ranks) {
    return train_in(folder_ / "two", options, &ranks, false, through_libtorch);
  });
  EXPECT_EQ(family.said_by(0), "");
  EXPECT_EQ(family.said_by(1), "");
  expect_same_run("two", "one");
}

TEST_F(RanksTest, ALostRankEndsTheRunWithAGoodCheckpoint) {
  TrainOptions options = small_options();
  ASSERT_EQ(train_in(folder_ / "one", options, nullptr, false), "");
  const Path folder = folder_ / "lost";
  for (const int victim : {1, 0}) {
    std::filesystem::remove_all(folder);
    Family family(2, [&](Ranks& ranks) {
      TrainCallbacks call;
      int polls = 0;
      call.stop = [&] {  // asked after each step and after the evaluation of step 10
        if (ranks.rank() == victim && ++polls == 17) kill(getpid(), SIGKILL);
        return false;
      };
      return train_in(folder, options, &ranks, false, hand_written, call);
    });
    const std::string said = family.said_by(1 - victim);
    EXPECT_THAT(said, testing::HasSubstr("another process of this training was lost"));
    if (victim == 1) {
      EXPECT_THAT(said, testing::HasSubstr("--resume"));
    }
    ASSERT_TRUE(has_checkpoint(folder));

    // Alone or together, it goes on as if nothing had happened.
    if (victim == 1) {
      EXPECT_THAT(losses_of(folder), testing::SizeIs(16));
      EXPECT_EQ(train_in(folder, options, nullptr, true), "");
    } else {
      Family again(2, [&](Ranks& ranks) { return train_in(folder, options, &ranks, true); });
      EXPECT_EQ(again.said_by(0), "");
      EXPECT_EQ(again.said_by(1), "");
    }
    expect_same_run("lost", "one");
  }
}

TEST_F(RanksTest, AnyRankCanStopAll) {
  const TrainOptions options = small_options();
  Family family(2, [&](Ranks& ranks) {
    TrainCallbacks call;
    int polls = 0;
    call.stop = [&] { return ranks.rank() == 1 && ++polls > 5; };
    return train_in(folder_ / "stopped", options, &ranks, false, hand_written, call);
  });
  EXPECT_EQ(family.said_by(0), "");
  EXPECT_EQ(family.said_by(1), "");
  EXPECT_THAT(losses_of(folder_ / "stopped"), testing::SizeIs(6));
}

TEST_F(RanksTest, WhatCannotBeSharedIsRefused) {
  TrainOptions options = small_options();
  options.batch_tokens = 7 * 48;
  Family family(2, [&](Ranks& ranks) { return train_in(folder_ / "odd", options, &ranks, false); });
  EXPECT_THAT(family.said_by(0), testing::HasSubstr("7 rows of 48, which 2 ranks cannot share"));
  EXPECT_THAT(family.said_by(1), testing::HasSubstr("cannot share"));

  Family other(2, [&](Ranks& ranks) {
    TrainOptions own = small_options();
    if (ranks.rank() == 1) own.update.rate = 1;
    return train_in(folder_ / "differ", own, &ranks, false);
  });
  EXPECT_THAT(other.said_by(1), testing::HasSubstr("rank 1 trains with rate 1"));
  EXPECT_THAT(other.said_by(0), testing::HasSubstr("lost"));
}

TEST(RankPlace, ComesFromTheEnvironment) {
  const auto set = [](const char* ranks, const char* rank, const char* port) {
    setenv("WORLD_SIZE", ranks, 1);
    rank == nullptr ? unsetenv("RANK") : setenv("RANK", rank, 1);
    setenv("MASTER_ADDR", "node-0", 1);
    setenv("MASTER_PORT", port, 1);
    setenv("LOCAL_RANK", "1", 1);
    return place_from_environment();
  };
  const auto good = set("4", "3", "1234");
  ASSERT_TRUE(good.has_value()) << good.error().message;
  EXPECT_EQ(good->rank, 3);
  EXPECT_EQ(good->ranks, 4);
  EXPECT_EQ(good->local_rank, 1);
  EXPECT_EQ(good->address, "node-0");
  EXPECT_EQ(good->port, 1234);
  EXPECT_FALSE(set("4", "4", "1234"));
  EXPECT_FALSE(set("4", nullptr, "1234"));
  EXPECT_FALSE(set("4x", "0", "1234"));
  EXPECT_FALSE(set("4", "0", "70000"));
  EXPECT_EQ(set("1", nullptr, "1")->ranks, 1);
  for (const char* name : {"WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK"}) {
    unsetenv(name);
  }
}

}  // namespace
}  // namespace hemiola::nn
