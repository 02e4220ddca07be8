#include "engine/thread_pool.h"

#include <sched.h>

#include <algorithm>

namespace hemiola::engine {
namespace {

// About 100 microseconds: longer than sampling a token takes, far shorter than a time slice.
constexpr int kSpins = 4000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr std::uint64_t pack(std::uint32_t epoch, int count, int next) {
  return std::uint64_t{epoch} << 32 | static_cast<std::uint64_t>(count) << 16 |
         static_cast<std::uint64_t>(next);
}

constexpr int count_of(std::uint64_t job) { return static_cast<int>(job >> 16 & 0xffff); }
constexpr int next_of(std::uint64_t job) { return static_cast<int>(job & 0xffff); }

}  // namespace

int ThreadPool::usable_processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  epoch_.fetch_add(1);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

// Takes the next task of the job in job_; false when there is none left.
bool ThreadPool::take_task(std::uint64_t& job, int& index) {
  job = job_.load(std::memory_order_acquire);
  while (next_of(job) < count_of(job)) {
    if (job_.compare_exchange_weak(job, job + 1, std::memory_order_acq_rel)) {
      index = next_of(job);
      return true;
    }
  }
  return false;
}

void ThreadPool::run_job(int count, const void* object, Call call) {
  if (workers_.empty() || count <= 1 || taken_.test_and_set(std::memory_order_acquire)) {
    for (int i = 0; i < count; ++i) call(object, i, 0);
    return;
  }
  object_.store(object, std::memory_order_relaxed);
  call_.store(call, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const std::uint32_t epoch = epoch_.load(std::memory_order_relaxed) + 1;
  job_.store(pack(epoch, count, 0), std::memory_order_release);
  // Sequentially consistent against a worker that counts itself a sleeper, then looks at epoch_.
  epoch_.store(epoch);
  if (sleepers_.load() > 0) epoch_.notify_all();

  int mine = 0, index = 0;
  for (std::uint64_t job = 0; take_task(job, index); ++mine) call(object, index, 0);
  int finished = done_.fetch_add(mine, std::memory_order_acq_rel) + mine;
  for (int spins = 0; finished < count; ++spins) {
    if (spins < kSpins) {
      pause();
    } else {
      std::this_thread::yield();
    }
    finished = done_.load(std::memory_order_acquire);
  }
  taken_.clear(std::memory_order_release);
}

void ThreadPool::work(int thread) {
  std::uint32_t seen = 0;
  while (!stop_.load(std::memory_order_acquire)) {
    std::uint64_t job = 0;
    int index = 0, did = 0;
    while (take_task(job, index)) {
      // Holding a task keeps the job in place until it is reported done.
      call_.load(std::memory_order_relaxed)(object_.load(std::memory_order_relaxed), index, thread);
      ++did;
      done_.fetch_add(1, std::memory_order_acq_rel);
    }
    if (did > 0) seen = static_cast<std::uint32_t>(job >> 32);
    bool waiting = true;
    for (int spins = 0; waiting && spins < kSpins; ++spins) {
      pause();
      waiting = epoch_.load(std::memory_order_acquire) == seen;
    }
    if (waiting) {
      sleepers_.fetch_add(1);
      epoch_.wait(seen);
      sleepers_.fetch_sub(1);
    }
    seen = epoch_.load(std::memory_order_acquire);
  }
}

}  // namespace hemiola::engine
