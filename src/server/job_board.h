// Jobs from when they are accepted to their end: kept in the store first, then queued, fairly
// between clients, and done by workers. A server that is killed does what was queued or under way
// again when it is started. One thread; the store is asked on a thread of its own.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/blob_store.h"
#include "server/job_log.h"
#include "server/log.h"
#include "server/storage_limit.h"
#include "server/store.h"
#include "server/worker_pool.h"
#include "server/worker_results.h"

namespace hemiola::server {

// What all parts of the server share. Outlives them.
struct Services {
  boost::asio::io_context& context;
  boost::asio::thread_pool& storage;  // one thread: the store is only asked there
  Store& store;
  BlobStore& blobs;
  StorageLimit& storage_limit;
  WorkerPool& files;  // workers for files and sound
  WorkerPool& music;  // workers that hold the model
  WorkerPool& waves;  // workers that hold the waveform model, where there is one
  const Log& log;
};

struct JobLimits {
  std::size_t queued_of_client = 64;
  std::size_t queued = 1000;
  std::size_t music_at_once = 1, sound_at_once = 1;
};

struct JobFigures {
  std::map<std::pair<std::string, std::string>, std::uint64_t> ended;  // by kind and state
  std::size_t queued = 0, running = 0;
};

class JobBoard {
 public:
  JobBoard(Services& services, JobLimits limits) : services_(services), limits_(limits) {}

  // Queues again what had not ended. Before anything else.
  Awaitable<void> recover();

  // Throws an ApiError where the client or all together have too much queued already. The request
  // is checked by the caller and has its seed.
  Awaitable<Json> submit(Json request, std::string client);
  // As the API has a job; null: not known.
  Awaitable<Json> find(std::string id);
  Awaitable<Json> list(bool only_active);
  Awaitable<Json> cancel(std::string id);
  // Null: not known.
  Awaitable<std::shared_ptr<JobLog>> watch(std::string id);

  JobFigures figures() const;

 private:
  enum class Lane : std::uint8_t { kMusic, kSound };
  struct Active {
    JobRow row;
    // Shared with those who watch, who may stay longer than the job is known.
    std::shared_ptr<JobLog> log;
    CancelSwitch cancel;
    std::chrono::steady_clock::time_point queued_at{}, started_at{}, told_at{};
    double done = 0;
    std::vector<double> shares_done;  // by variation, from 0 to 1
    std::uint64_t number = 0;         // in the order of acceptance
  };
  using ActivePtr = std::shared_ptr<Active>;  // a run and a cancel may overlap

  static Lane lane_of(const std::string& kind);
  std::size_t at_once(Lane lane) const;
  static bool is_large(const Json& request);
  ActivePtr next(Lane lane) const;
  std::size_t position(const Active& active) const;
  void dispatch();
  Awaitable<void> run(ActivePtr active);
  Awaitable<void> do_job(Active& active);
  Awaitable<CallResult> ask(Active& active, WorkerPool& pool);
  Awaitable<void> do_music(Active& active, const std::string& parent);
  void keep_sound(Active& active, const CallResult& result);
  // `tracks`: what each says of its numbers while it was told; empty: it was not told.
  Awaitable<void> keep_pieces(Active& active, std::vector<PieceRow> rows, std::vector<Json> tracks);
  Awaitable<Call> call_for(const Active& active);
  void variation_done(Active& active, std::size_t variation, double share);
  void on_event(Active& active, Json& event);
  void tell_progress(Active& active, bool always);
  Awaitable<void> finish(ActivePtr active);
  Awaitable<void> save(const Active& active);
  Json job_json(const JobRow& row, const Active* active) const;

  Services& services_;
  JobLimits limits_;
  std::map<std::string, ActivePtr> active_;                             // queued and running, by id
  std::vector<std::pair<std::string, std::shared_ptr<JobLog>>> ended_;  // lately, the oldest first
  std::map<std::string, double> spent_;  // seconds of work done for each client, lately
  std::size_t running_[2] = {0, 0};      // by lane
  std::uint64_t accepted_ = 0;
  JobFigures figures_;
};

}  // namespace hemiola::server
