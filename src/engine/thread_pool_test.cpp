#include "engine/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>

namespace hemiola::engine {
namespace {

TEST(ThreadPool, DoesEveryTaskOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int round = 0; round < 300; ++round) {
      const int count = round % 40;
      // Not atomic: each task is one thread's, and run() ends after all of them.
      std::vector<int> done(static_cast<std::size_t>(count), 0);
      pool.run(count, [&](int index, int thread) {
        EXPECT_GE(thread, 0);
        EXPECT_LT(thread, threads);
        ++done[static_cast<std::size_t>(index)];
      });
      EXPECT_EQ(done, std::vector<int>(static_cast<std::size_t>(count), 1));
    }
  }
}

TEST(ThreadPool, WakesSleepers) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> sum{0};
    pool.run(50, [&](int index, int) { sum += index; });
    EXPECT_EQ(sum, 49 * 25);
  }
}

TEST(ThreadPool, ThreadsHaveTheirOwnNumbers) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> busy(4);
  for (int round = 0; round < 100; ++round) {
    pool.run(64, [&](int, int thread) {
      EXPECT_EQ(busy[static_cast<std::size_t>(thread)].fetch_add(1), 0);
      busy[static_cast<std::size_t>(thread)].fetch_sub(1);
    });
  }
}

TEST(ThreadPool, ServesTwoCallers) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::vector<long> sums(4, 0);
  for (std::size_t c = 0; c < sums.size(); ++c) {
    callers.emplace_back([&, c] {
      for (int round = 0; round < 200; ++round) {
        std::vector<long> parts(30, 0);
        pool.run(30, [&](int index, int) { parts[static_cast<std::size_t>(index)] = index; });
        for (const long part : parts) sums[c] += part;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sums, std::vector<long>(4, 200 * 29 * 15));
}

TEST(ThreadPool, CountsProcessors) { EXPECT_GE(ThreadPool::usable_processors(), 1); }

}  // namespace
}  // namespace hemiola::engine
