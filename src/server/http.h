// Requests and responses as the routes see them. How they travel is http_server.cpp's business.
#pragma once

#include <utility>  // awaitable.hpp of Boost 1.74 uses it without saying so

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "server/blob_store.h"

namespace hemiola::server {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

// Ends a request with an error in the API's form. Thrown by routes, caught where they are called.
struct ApiError {
  int status = 500;
  std::string code;     // for programs
  std::string message;  // for people
  std::optional<int> line{}, column{};
  std::string field{};
  std::optional<int> retry_after{};  // seconds

  Json json() const;
};

struct Request {
  std::string method;
  std::string path;  // percent-decoding is not done: no route needs it
  std::map<std::string, std::string, std::less<>> query;    // decoded
  std::map<std::string, std::string, std::less<>> headers;  // names in lower case
  std::vector<std::string> parameters;                      // of the route's pattern
  std::string body;                                         // of routes that take it whole
  std::string address;                                      // of the other end
  std::string client;                                       // who asks, for fairness

  std::string_view header(std::string_view name) const;
  std::string_view query_or(std::string_view name, std::string_view otherwise) const;
};

// The body of a request, piece by piece.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // How many bytes were read into `buffer`; 0 at the end.
  virtual Awaitable<std::size_t> read(std::span<std::uint8_t> buffer) = 0;
};

// The other end of a Server-Sent Events stream.
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  // False: the other end is gone, or the server stops.
  virtual Awaitable<bool> write(std::string text) = 0;
};

// Part of a blob, or of any file that the server itself names.
struct StoredBody {
  std::shared_ptr<const BlobReader> reader;
  std::uint64_t begin = 0, size = 0;
};
using EventStream = std::function<Awaitable<void>(EventWriter&)>;

struct Response {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::variant<std::string, std::shared_ptr<const std::string>, StoredBody, EventStream> body{};
};

Response json_response(const Json& json, int status = 200);
Response error_response(const ApiError& error);
// The whole of a stored body or the range that the request asks for; with an entity tag, so that it
// need not be sent twice.
Response stored_response(const Request& request, std::shared_ptr<const BlobReader> reader,
                         std::string_view media_type, std::string_view tag, bool for_ever);
// Content-Disposition for a download; any text will do as a name.
std::string attachment(std::string_view name, std::string_view ending);

// Percent-decoding as in a query; nullopt where it is broken.
std::optional<std::string> decoded(std::string_view text);
std::map<std::string, std::string, std::less<>> parse_query(std::string_view text);

struct Route {
  std::string_view method;
  std::string_view pattern;    // "/api/v1/pieces/{id}"
  std::size_t body_limit = 0;  // bytes
  bool streams_body = false;   // the handler reads the body itself
  bool open = false;           // needs no log-in
  std::function<Awaitable<Response>(Request&, BodyReader&)> handler;
};

}  // namespace hemiola::server
