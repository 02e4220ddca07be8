// HTTP/1.1 over Boost.Beast and Asio: connections, limits, timeouts, routes. One thread; a handler
// that has to wait does so as a coroutine. Nothing outside http_server.cpp sees Beast.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/guard.h"
#include "server/http.h"
#include "server/log.h"

namespace hemiola::server {

struct HttpFigures {
  std::array<std::uint64_t, 6> answers{};  // by status / 100
  std::uint64_t bytes_in = 0;              // of bodies
  std::size_t connections = 0, streams = 0;
  std::size_t answering = 0;  // requests under way, event streams not counted
};

class HttpServer {
 public:
  // `fallback` answers GETs that no route takes. All are to outlive the server.
  HttpServer(boost::asio::io_context& context, Guard& guard, const Log& log,
             std::vector<Route> routes, std::function<Response(const Request&)> fallback);
  ~HttpServer();

  // The address and port it listens on: "127.0.0.1:8080", "[::1]:8080".
  Result<std::string> listen(const std::string& address, std::uint16_t port);
  // Takes no more connections and ends event streams; answers under way are finished.
  void stop();
  const HttpFigures& figures() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hemiola::server
