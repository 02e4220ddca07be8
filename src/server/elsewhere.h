// Work that blocks, done on another thread while the server's own goes on.
#pragma once

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>

#include "server/http.h"

namespace hemiola::server {

// Work and what comes of it.
template <class Work>
struct WorkElsewhere {
  using Value = std::invoke_result_t<Work>;

  explicit WorkElsewhere(const Work& given) : work(given) {}

  Work work;
  std::optional<Value> value;
  std::exception_ptr failed;
};

template <class Work>
Awaitable<typename WorkElsewhere<Work>::Value> await_elsewhere(
    boost::asio::thread_pool& pool, std::shared_ptr<WorkElsewhere<Work>> job) {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer done(executor, boost::asio::steady_timer::time_point::max());
  boost::asio::post(pool, [job, executor, &done] {
    try {
      job->value = job->work();
    } catch (...) {
      job->failed = std::current_exception();
    }
    // The coroutine is waiting by then: it got no further while this was on its own thread's queue.
    boost::asio::post(executor, [&done] { done.cancel(); });
  });
  boost::system::error_code ignored;
  co_await done.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  if (job->failed) std::rethrow_exception(job->failed);
  co_return std::move(*job->value);
}

// Runs `work` on a thread of the pool; the coroutine goes on where it was. Give it a name before
// the co_await: GCC 12 mislays the captures of a lambda that is written inside of it.
template <class Work>
Awaitable<std::invoke_result_t<Work>> elsewhere(boost::asio::thread_pool& pool, const Work& work) {
  return await_elsewhere(pool, std::make_shared<WorkElsewhere<Work>>(work));
}
template <class Work>
void elsewhere(boost::asio::thread_pool& pool, const Work&& work) = delete;

}  // namespace hemiola::server
