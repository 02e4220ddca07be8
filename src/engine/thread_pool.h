// A few threads that share one short job at a time. A job is a number of tasks, taken one by one
// from a counter, so a thread that the system has not let run delays nobody: the caller does its
// share. Between jobs the threads spin briefly, then sleep.
//
// run() from two threads at once: the second finds the pool taken and does its job alone. Nothing
// is locked or allocated by run(). Tasks must not throw and must not call run().
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace hemiola::engine {

class ThreadPool {
 public:
  // `threads` counts the caller of run(); 1 starts none.
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(index, thread) for each index in [0, count), count < 65536; thread in [0, threads())
  // tells apart those that run at the same time. Returns when all are done.
  template <class Task>
  void run(int count, const Task& task) {
    run_job(count, &task, [](const void* object, int index, int thread) {
      (*static_cast<const Task*>(object))(index, thread);
    });
  }

  // The processors that this process may run on.
  static int usable_processors();

 private:
  using Call = void (*)(const void* object, int index, int thread);

  void run_job(int count, const void* object, Call call);
  void work(int thread);
  bool take_task(std::uint64_t& job, int& index);

  static constexpr std::size_t kLine = 64;

  // Epoch (32 bits), task count (16), next task (16). Tasks are handed out by compare-and-swap, so
  // whoever holds one knows that the job it read is the one of that epoch.
  alignas(kLine) std::atomic<std::uint64_t> job_{0};
  alignas(kLine) std::atomic<int> done_{0};
  alignas(kLine) std::atomic<std::uint32_t> epoch_{0};  // what sleepers wait on
  std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  alignas(kLine) std::atomic_flag taken_;
  std::atomic<const void*> object_{nullptr};
  std::atomic<Call> call_{nullptr};
  std::vector<std::thread> workers_;
};

}  // namespace hemiola::engine
