#include "server/job_log.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

namespace hemiola::server {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kHeartbeat{15};
constexpr std::size_t kMostAtOnce = 64 * 1024;  // bytes

// "3-17" is event 17 of attempt 3; anything else is before the first.
std::pair<int, std::size_t> parse_event_id(std::string_view id) {
  int attempt = 0;
  std::size_t number = 0;
  const char* end = id.data() + id.size();
  const auto [dash, code] = std::from_chars(id.data(), end, attempt);
  if (code != std::errc() || dash == end || *dash != '-') return {0, 0};
  const auto [rest, second] = std::from_chars(dash + 1, end, number);
  if (second != std::errc() || rest != end) return {0, 0};
  return {attempt, number};
}

}  // namespace

void JobLog::add(std::string_view name, const Json& data) {
  if (name == "audio") passing_.push_back(events_.size());
  events_.push_back(fmt::format("id: {}-{}\nevent: {}\ndata: {}\n\n", attempt_, events_.size() + 1,
                                name, json_text(data)));
  bytes_ += events_.back().size();
  wake();
}

void JobLog::end(const Json& data) {
  ended_ = true;
  // The whole sound is kept elsewhere. What is left here counts as an event all the same.
  for (const std::size_t number : passing_) {
    bytes_ -= events_[number].size();
    events_[number] = ": over\n\n";
    bytes_ += events_[number].size();
  }
  passing_.clear();
  add("end", data);
}

void JobLog::restart(int attempt, std::string_view reason) {
  attempt_ = attempt;
  events_.clear();
  passing_.clear();
  bytes_ = 0;
  add("restart", {{"reason", reason}});
}

void JobLog::wake() { changed_.cancel(); }

Awaitable<void> JobLog::watch(std::shared_ptr<JobLog> log, std::string after, EventWriter& writer) {
  auto [attempt, seen] = parse_event_id(after);
  asio::steady_timer heartbeat(log->changed_.get_executor());
  for (;;) {
    if (attempt != log->attempt_) {
      attempt = log->attempt_;
      seen = 0;
    }
    seen = std::min(seen, log->events_.size());
    if (seen < log->events_.size()) {
      std::string text;
      while (seen < log->events_.size() && text.size() < kMostAtOnce) text += log->events_[seen++];
      if (!co_await writer.write(std::move(text))) co_return;
      continue;
    }
    if (log->ended_) co_return;
    // Whichever comes first: news, or the time for a sign of life.
    bool quiet = false;
    heartbeat.expires_after(kHeartbeat);
    heartbeat.async_wait([log, &quiet](boost::system::error_code error) {
      if (error) return;
      quiet = true;
      log->wake();
    });
    boost::system::error_code ignored;
    co_await log->changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    heartbeat.cancel();
    co_await asio::post(log->changed_.get_executor(), asio::use_awaitable);
    if (quiet && !co_await writer.write(": still here\n\n")) co_return;
  }
}

}  // namespace hemiola::server
