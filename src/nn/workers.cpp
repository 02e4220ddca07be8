#include "nn/workers.h"

#include <sched.h>

#include <algorithm>

namespace hemiola::nn {

namespace {

constexpr int kSpins = 2000;

void relax() { __builtin_ia32_pause(); }

}  // namespace

int usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

Workers::Workers(int threads) {
  if (threads < 1) threads = usable_processors();
  for (int i = 1; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::drain(int worker) {
  for (;;) {
    const int task = next_.fetch_add(1);
    if (task >= tasks_) return;
    (*body_)(task, worker);
  }
}

void Workers::serve(int worker) {
  std::uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < kSpins && round_ == seen && !stop_; ++i) relax();
    if (round_ == seen) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return round_ != seen || stop_; });
    }
    if (stop_) return;
    seen = round_;
    drain(worker);
    if (busy_.fetch_sub(1) == 1) {
      const std::lock_guard lock(mutex_);
      done_.notify_one();
    }
  }
}

void Workers::run(int tasks, const std::function<void(int, int)>& body) {
  if (threads_.empty() || tasks < 2) {
    for (int i = 0; i < tasks; ++i) body(i, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    tasks_ = tasks;
    next_ = 0;
    busy_ = static_cast<int>(threads_.size());
    ++round_;
  }
  wake_.notify_all();
  drain(0);
  for (int i = 0; i < kSpins && busy_ > 0; ++i) relax();
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return busy_ == 0; });
}

}  // namespace hemiola::nn
