// A small pool of threads for one learner: run() hands out numbered tasks to all of them and
// returns when the last is done. Waiting threads spin briefly, then sleep. run() is for one thread
// at a time; tasks must not throw and must not call run().
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hemiola::nn {

class Workers {
 public:
  // The calling thread is one of them. threads < 1: one per processor that may be used.
  explicit Workers(int threads);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(threads_.size()) + 1; }

  // body(task, worker) for each task in [0, tasks), in no fixed order; worker in [0, count()).
  void run(int tasks, const std::function<void(int task, int worker)>& body);

 private:
  void serve(int worker);
  void drain(int worker);

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const std::function<void(int, int)>* body_ = nullptr;
  int tasks_ = 0;
  std::atomic<int> next_{0};
  std::atomic<int> busy_{0};  // threads that have not finished this round
  std::atomic<std::uint64_t> round_{0};
  std::atomic<bool> stop_{false};
};

// Processors this process may run on.
int usable_processors();

}  // namespace hemiola::nn
