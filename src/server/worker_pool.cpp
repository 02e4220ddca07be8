#include "server/worker_pool.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>

extern char** environ;

namespace hemiola::server {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using worker::FrameKind;

constexpr std::size_t kMostQueued = 256;
constexpr std::size_t kMostBlobBytes = std::size_t{1} << 30;  // of one call
constexpr int kMostUnbegun = 3;  // workers of one call, one after another, that died before it
constexpr std::chrono::seconds kCancelGrace{10};

Awaitable<void> send_kept(std::shared_ptr<const Bytes> frame, WorkerProcess& process) {
  co_await process.send(*frame);
}

}  // namespace

WorkerProcess::WorkerProcess(asio::io_context& context, int fd, int pid)
    : socket_(context, asio::local::stream_protocol(), fd), pid_(pid) {}

WorkerProcess::~WorkerProcess() {
  kill();
  reap();
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::start(
    asio::io_context& context, const std::vector<std::string>& command) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail("cannot talk to a worker: {}", std::strerror(errno));
  }
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // A Ctrl-C in the terminal is for the server, which ends its workers itself.
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t none;
  ::sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  const int failed =
      ::posix_spawn(&pid, arguments[0], &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed != 0) {
    ::close(ends[0]);
    return fail("cannot start {}: {}", command[0], std::strerror(failed));
  }
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(context, ends[0], pid));
}

void WorkerProcess::kill() {
  if (!reaped_) ::kill(pid_, SIGKILL);
  boost::system::error_code ignored;
  if (socket_.is_open())
    socket_.shutdown(asio::local::stream_protocol::socket::shutdown_both, ignored);
}

void WorkerProcess::reap() {
  if (reaped_) return;
  reaped_ = ::waitpid(pid_, &status_, 0) == pid_;
}

int WorkerProcess::end_signal() const {
  if (!reaped_) return 0;
  if (WIFSIGNALED(status_)) return WTERMSIG(status_);
  // Bubblewrap gives on how its child ended as 128 and the signal.
  return WIFEXITED(status_) && WEXITSTATUS(status_) > 128 ? WEXITSTATUS(status_) - 128 : 0;
}

Awaitable<Status> WorkerProcess::send(const Bytes& frames) {
  boost::system::error_code error;
  co_await asio::async_write(socket_, asio::buffer(frames),
                             asio::redirect_error(use_awaitable, error));
  if (error) co_return fail("the worker does not listen: {}", error.message());
  co_return Status();
}

Awaitable<Result<worker::Frame>> WorkerProcess::receive() {
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    auto frame = reader_.next();
    if (!frame) co_return fail(std::move(frame.error()));
    if (*frame) co_return std::move(**frame);
    boost::system::error_code error;
    const std::size_t got = co_await socket_.async_read_some(
        asio::buffer(buffer), asio::redirect_error(use_awaitable, error));
    if (error) co_return fail("the worker ended");
    reader_.feed(std::span(buffer).first(got));
  }
}

void CancelSwitch::cancel() {
  if (cancelled_) return;
  cancelled_ = true;
  if (on_cancel_) on_cancel_();
}

WorkerPool::WorkerPool(asio::io_context& context, BlobStore& blobs,
                       std::vector<std::string> command, std::size_t ready, std::size_t most)
    : context_(context), blobs_(blobs), command_(std::move(command)), ready_(ready), most_(most) {}

void WorkerPool::fill() {
  while (waiting_.size() < ready_) {
    auto process = WorkerProcess::start(context_, command_);
    if (!process) return;  // tried again when one is wanted, and then told
    ++figures_.started;
    waiting_.push_back(std::move(*process));
  }
}

bool WorkerProcess::alive() {
  if (!reaped_) reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
  return !reaped_;
}

std::unique_ptr<WorkerProcess> WorkerPool::take_process(std::string& why) {
  // One that died while it waited is no use.
  while (!waiting_.empty() && !waiting_.front()->alive()) waiting_.pop_front();
  if (waiting_.empty()) {
    auto process = WorkerProcess::start(context_, command_);
    if (!process) {
      why = process.error().message;
      return nullptr;
    }
    ++figures_.started;
    return std::move(*process);
  }
  auto process = std::move(waiting_.front());
  waiting_.pop_front();
  return process;
}

WorkerPool::Seat::~Seat() {
  --pool.seats_taken_;
  if (pool.queue_.empty()) return;
  pool.queue_.front()->cancel();
  pool.queue_.pop_front();
  ++pool.seats_taken_;  // for the one that was woken
}

Awaitable<void> WorkerPool::take_seat() {
  if (seats_taken_ < most_) {
    ++seats_taken_;
    co_return;
  }
  if (queue_.size() >= kMostQueued) {
    ++figures_.refused;
    ApiError busy;
    busy.status = 429;
    busy.code = "too_many_requests";
    busy.message = "Too much is being asked at once. Try again in a moment.";
    busy.retry_after = 1;
    throw busy;
  }
  asio::steady_timer timer(context_, std::chrono::hours(1));
  queue_.push_back(&timer);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
}

Awaitable<tl::expected<CallResult, CallFailure>> WorkerPool::call(Call call, CancelSwitch* cancel) {
  co_await take_seat();
  const Seat seat{*this};
  const auto until = std::chrono::steady_clock::now() + call.wall;
  for (int unbegun = 1;; ++unbegun) {
    Attempt one = co_await attempt(call, until, cancel);
    const bool again = one.died && !one.begun && unbegun < kMostUnbegun &&
                       (cancel == nullptr || !cancel->cancelled());
    if (again) continue;
    if (!one.result && one.result.error().kind != CallFailure::Kind::kRefused) {
      ++figures_.ended_badly;
    }
    co_return std::move(one.result);
  }
}

Awaitable<WorkerPool::Attempt> WorkerPool::attempt(Call& call,
                                                   std::chrono::steady_clock::time_point until,
                                                   CancelSwitch* cancel) {
  Attempt one;
  std::string why;
  std::unique_ptr<WorkerProcess> process = take_process(why);
  if (process == nullptr) {
    one.result = tl::unexpected(CallFailure{CallFailure::Kind::kEnded, why});
    co_return one;
  }
  // The next one starts while this one works.
  asio::post(context_, [this] { fill(); });
  asio::steady_timer deadline(context_, until);
  bool late = false;
  WorkerProcess& at_work = *process;
  deadline.async_wait([&late, &at_work](boost::system::error_code error) {
    if (error) return;
    late = true;
    at_work.kill();
  });
  asio::steady_timer grace(context_);
  if (cancel != nullptr) {
    cancel->on_cancel_ = [this, &at_work, &grace] {
      tell_cancel(at_work);
      // One that does not listen is ended.
      grace.expires_after(kCancelGrace);
      grace.async_wait([&at_work](boost::system::error_code error) {
        if (!error) at_work.kill();
      });
    };
  }
  one.result = co_await converse(at_work, call, cancel, one.begun);
  if (cancel != nullptr) cancel->on_cancel_ = nullptr;
  deadline.cancel();
  grace.cancel();
  // The timers' handlers are done with their references before these go.
  co_await asio::post(context_, use_awaitable);
  if (!one.result && one.result.error().kind == CallFailure::Kind::kEnded) {
    if (late) {
      one.result.error().message = "it took longer than is allowed";
    } else {
      co_await explain(at_work, one.result.error());
      one.died = at_work.end_signal() != 0;
    }
  }
  co_return one;
}

Awaitable<void> WorkerPool::explain(WorkerProcess& process, CallFailure& failure) {
  // Its end of the connection closes a moment before it can be asked how it ended. One that goes
  // on talked nonsense, and is killed when the call is over.
  asio::steady_timer timer(context_);
  boost::system::error_code ignored;
  for (int i = 0; i < 100 && process.alive(); ++i) {
    timer.expires_after(std::chrono::milliseconds(10));
    co_await timer.async_wait(asio::redirect_error(use_awaitable, ignored));
  }
  const int signal = process.end_signal();
  if (signal == 0) co_return;
  failure.message = signal == SIGXCPU   ? "it took more processor time than is allowed"
                    : signal == SIGXFSZ ? "it wrote more than is allowed"
                    : signal == SIGKILL ? "it was stopped from outside, perhaps for want of memory"
                                        : fmt::format("it crashed (signal {})", signal);
  if (signal == SIGKILL) failure.kind = CallFailure::Kind::kKilled;
}

void WorkerPool::tell_cancel(WorkerProcess& process) {
  // In a coroutine of its own: the call waits for what the worker says.
  auto frame = std::make_shared<Bytes>();
  worker::append_message(*frame, Json{{"cancel", true}});
  asio::co_spawn(context_, send_kept(std::move(frame), process), asio::detached);
}

Awaitable<tl::expected<CallResult, CallFailure>> WorkerPool::converse(WorkerProcess& process,
                                                                      Call& call,
                                                                      CancelSwitch* cancel,
                                                                      bool& begun) {
  const auto ended = [](std::string message) {
    return tl::unexpected(CallFailure{CallFailure::Kind::kEnded, std::move(message)});
  };
  call.message["blobs"] = call.blobs.size();
  call.message["cpu_seconds"] = call.cpu_seconds;
  call.message["memory"] = call.memory;
  Bytes frames;
  worker::append_message(frames, call.message);
  Status sent = co_await process.send(frames);
  for (std::size_t i = 0; sent && i < call.blobs.size(); ++i) {
    frames.clear();
    worker::append_blob(frames, call.blobs[i]);
    sent = co_await process.send(frames);
  }
  if (!sent) co_return ended(sent.error().message);
  if (cancel != nullptr && cancel->cancelled()) cancel->on_cancel_();
  CallResult result;
  std::unique_ptr<BlobWriter> writer;
  std::size_t total = 0;
  for (;;) {
    Result<worker::Frame> frame = co_await process.receive();
    if (!frame) co_return ended(frame.error().message);
    if (frame->kind == FrameKind::kMessage) {
      Result<Json> message = worker::parse_message(*frame);
      if (!message) co_return ended(message.error().message);
      if (message->contains("begun")) {
        begun = true;
        call.blobs = {};  // no other worker will want them
      } else if (message->contains("event")) {
        if (call.on_event) call.on_event(*message);
      } else if (message->contains("done") && (*message)["done"].is_object()) {
        result.done = std::move((*message)["done"]);
        co_return result;
      } else if (message->contains("failed") && (*message)["failed"].is_string()) {
        co_return tl::unexpected(
            CallFailure{CallFailure::Kind::kRefused, (*message)["failed"].get<std::string>()});
      }
      continue;
    }
    if (result.blobs.size() > 4096) co_return ended("the worker sent too much");
    if (frame->kind == FrameKind::kData && (total += frame->payload.size()) > kMostBlobBytes) {
      co_return ended("the worker sent too much");
    }
    if (!call.store_blobs) {
      if (writer == nullptr && (result.blobs.empty() || !result.blobs.back().info.hash.empty())) {
        result.blobs.emplace_back();
      }
      CallBlob& blob = result.blobs.back();
      if (frame->kind == FrameKind::kEnd) {
        blob.info.hash = "whole";
      } else {
        blob.bytes.insert(blob.bytes.end(), frame->payload.begin(), frame->payload.end());
      }
      continue;
    }
    if (writer == nullptr) {
      auto created = blobs_.create();
      if (!created) co_return ended(created.error().message);
      writer = std::move(*created);
    }
    if (frame->kind == FrameKind::kData) {
      if (auto status = writer->write(frame->payload); !status) {
        co_return ended(status.error().message);
      }
      continue;
    }
    Result<BlobInfo> info = writer->commit();
    writer.reset();
    if (!info) co_return ended(info.error().message);
    CallBlob blob;
    blob.info = std::move(*info);
    result.blobs.push_back(std::move(blob));
  }
}

}  // namespace hemiola::server
