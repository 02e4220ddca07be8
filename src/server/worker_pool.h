// The server's end of its workers: processes that are started ahead of time, do one task each and
// end. All of it runs on the server's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/blob_store.h"
#include "server/http.h"
#include "worker/frames.h"

namespace hemiola::server {

// One process, from its start to its end. Destroying it kills it.
class WorkerProcess {
 public:
  // `command` gets "--connection 0" to talk on.
  static Result<std::unique_ptr<WorkerProcess>> start(boost::asio::io_context& context,
                                                      const std::vector<std::string>& command);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess();

  Awaitable<Status> send(const Bytes& frames);
  // An error: it ended or talks nonsense.
  Awaitable<Result<worker::Frame>> receive();
  void kill();
  bool alive();
  // After it ended: the signal that ended it; 0 where it ended by itself.
  int end_signal() const;

 private:
  WorkerProcess(boost::asio::io_context& context, int fd, int pid);
  void reap();

  boost::asio::local::stream_protocol::socket socket_;
  worker::FrameReader reader_;
  int pid_;
  bool reaped_ = false;
  int status_ = 0;
};

struct Call {
  Json message;
  std::vector<Bytes> blobs;
  std::chrono::seconds wall{60};
  unsigned cpu_seconds = 60;
  std::size_t memory = std::size_t{2} << 30;
  bool store_blobs = true;  // else kept in memory
  std::function<void(Json&)> on_event;
};

struct CallBlob {
  BlobInfo info;  // where stored
  Bytes bytes;    // where kept in memory
};

struct CallResult {
  Json done;
  std::vector<CallBlob> blobs;
};

// Why a call gave nothing.
struct CallFailure {
  enum class Kind {
    kRefused,  // the task itself said so: the message is for people
    kEnded,    // the worker crashed, overran or talked nonsense
    kKilled,   // it was stopped from outside, through no fault that is known: another may do better
  };
  Kind kind = Kind::kEnded;
  std::string message;
};

// Lets a call be cancelled while it runs.
class CancelSwitch {
 public:
  bool cancelled() const { return cancelled_; }
  void cancel();

 private:
  friend class WorkerPool;
  bool cancelled_ = false;
  std::function<void()> on_cancel_;
};

struct PoolFigures {
  std::uint64_t started = 0, refused = 0, ended_badly = 0;
};

class WorkerPool {
 public:
  // `ready`: how many wait for work; `most`: how many may be at work at once.
  WorkerPool(boost::asio::io_context& context, BlobStore& blobs, std::vector<std::string> command,
             std::size_t ready, std::size_t most);

  // Starts the first ones.
  void fill();
  // Waits for its turn, then for the task's end. Too many waiting: an ApiError (429). A worker that
  // was killed before it had its request is followed by another: the request is not why it died.
  Awaitable<tl::expected<CallResult, CallFailure>> call(Call call, CancelSwitch* cancel = nullptr);

  const PoolFigures& figures() const { return figures_; }

 private:
  struct Seat {  // gives a place back
    WorkerPool& pool;
    ~Seat();
  };
  struct Attempt {  // of one worker
    tl::expected<CallResult, CallFailure> result;
    bool begun = false;  // it had the whole request
    bool died = false;   // by a signal
  };
  Awaitable<void> take_seat();
  Awaitable<Attempt> attempt(Call& call, std::chrono::steady_clock::time_point until,
                             CancelSwitch* cancel);
  // Sets `begun` as soon as the worker says so.
  Awaitable<tl::expected<CallResult, CallFailure>> converse(WorkerProcess& process, Call& call,
                                                            CancelSwitch* cancel, bool& begun);
  // Puts into `failure` what the end of the process tells.
  Awaitable<void> explain(WorkerProcess& process, CallFailure& failure);
  std::unique_ptr<WorkerProcess> take_process(std::string& why);
  void tell_cancel(WorkerProcess& process);

  boost::asio::io_context& context_;
  BlobStore& blobs_;
  std::vector<std::string> command_;
  std::size_t ready_, most_;
  std::deque<std::unique_ptr<WorkerProcess>> waiting_;
  std::size_t seats_taken_ = 0;
  std::deque<boost::asio::steady_timer*> queue_;  // who waits for a seat
  PoolFigures figures_;
};

}  // namespace hemiola::server
