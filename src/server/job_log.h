// What happened in a job, in order, for those who watch: each event is kept until the job is
// forgotten, so that a watcher who comes late or comes back misses nothing; only the parts of a
// sound go when the whole of it is there. One thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "server/http.h"

namespace hemiola::server {

class JobLog {
 public:
  explicit JobLog(boost::asio::io_context& context) : changed_(context) {
    changed_.expires_at(boost::asio::steady_timer::time_point::max());
  }

  void add(std::string_view name, const Json& data);
  // The last event; whoever watches leaves.
  void end(const Json& data);
  // The job begins anew: what was is void.
  void restart(int attempt, std::string_view reason);
  bool ended() const { return ended_; }
  std::size_t bytes() const { return bytes_; }

  // Sends all after the event with this id ("attempt-number"), as it happens, until the end or
  // until the watcher is gone.
  static Awaitable<void> watch(std::shared_ptr<JobLog> log, std::string after, EventWriter& writer);

 private:
  void wake();

  int attempt_ = 1;
  std::vector<std::string> events_;   // as they are sent
  std::vector<std::size_t> passing_;  // those that nobody needs after the end
  std::size_t bytes_ = 0;
  bool ended_ = false;
  boost::asio::steady_timer changed_;  // cancelled when there is something new
};

}  // namespace hemiola::server
