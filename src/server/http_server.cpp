#include "server/http_server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <chrono>
#include <limits>

namespace hemiola::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using namespace std::string_view_literals;

constexpr std::size_t kMostConnections = 2000;
constexpr std::uint32_t kMostHeader = 16 * 1024;
constexpr std::size_t kPart = 256 * 1024;  // of a stored body, at once
constexpr std::chrono::seconds kIdle{75}, kHeader{20}, kTransfer{60}, kDrain{5};
constexpr std::size_t kMostDrained = std::size_t{64} << 20;

// The page needs these and no more: its own files, the decoder of the soundfont (WebAssembly).
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSecurity = {{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; font-src 'self'; "
     "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; worker-src 'self'; "
     "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"Permissions-Policy",
     "microphone=(self), midi=(self), camera=(), geolocation=(), payment=(), usb=()"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
}};

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);  // "/"
    const std::string_view part = path.substr(0, path.find('/'));
    parts.push_back(part);
    path.remove_prefix(part.size());
  }
  return parts;
}

// The parameters, where the path has the pattern's form.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view path) {
  const auto wanted = segments(pattern), got = segments(path);
  if (wanted.size() != got.size()) return std::nullopt;
  std::vector<std::string> parameters;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{')) {
      parameters.emplace_back(got[i]);
    } else if (wanted[i] != got[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

ApiError api_error(int status, std::string code, std::string message) {
  ApiError error;
  error.status = status;
  error.code = std::move(code);
  error.message = std::move(message);
  return error;
}

ApiError too_large(std::uint64_t limit) {
  return api_error(413, "too_large",
                   limit == 0 ? std::string("No body belongs here.")
                              : fmt::format("That is too large: {} bytes are the most.", limit));
}

using Parser = http::request_parser<http::buffer_body>;

struct Counted {
  std::size_t& count;
  explicit Counted(std::size_t& c) : count(c) { ++count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count; }
};

// Reads the body of the request that `parser` has the header of.
class ParserBody final : public BodyReader {
 public:
  ParserBody(beast::tcp_stream& stream, beast::flat_buffer& buffer, Parser& parser,
             HttpFigures& figures)
      : stream_(stream), buffer_(buffer), parser_(parser), figures_(figures) {}

  Awaitable<std::size_t> read(std::span<std::uint8_t> out) override {
    if (parser_.is_done()) co_return 0;
    // A client that asks first is told to go on once a route wants the body.
    if (!told_to_go_on_ && parser_.get()[http::field::expect] == "100-continue") {
      static constexpr std::string_view kGoOn = "HTTP/1.1 100 Continue\r\n\r\n";
      stream_.expires_after(kTransfer);
      co_await asio::async_write(stream_, asio::buffer(kGoOn), use_awaitable);
    }
    told_to_go_on_ = true;
    auto& body = parser_.get().body();
    body.data = out.data();
    body.size = out.size();
    stream_.expires_after(kTransfer);
    ErrorCode error;
    co_await http::async_read(stream_, buffer_, parser_,
                              asio::redirect_error(use_awaitable, error));
    if (error == http::error::body_limit) throw too_large(*parser_limit_);
    if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
    const std::size_t got = out.size() - body.size;
    figures_.bytes_in += got;
    co_return got;
  }

  void set_limit(std::uint64_t bytes) {
    parser_limit_ = bytes;
    parser_.body_limit(bytes);
  }

 private:
  beast::tcp_stream& stream_;
  beast::flat_buffer& buffer_;
  Parser& parser_;
  HttpFigures& figures_;
  std::optional<std::uint64_t> parser_limit_;
  bool told_to_go_on_ = false;
};

}  // namespace

struct HttpServer::Parts {
  Parts(asio::io_context& c, Guard& g, const Log& l, std::vector<Route> r,
        std::function<Response(const Request&)> f)
      : context(c), guard(g), log(l), routes(std::move(r)), fallback(std::move(f)) {}

  asio::io_context& context;
  Guard& guard;
  const Log& log;
  std::vector<Route> routes;
  std::function<Response(const Request&)> fallback;
  tcp::acceptor acceptor{context};
  HttpFigures figures;
  bool stopping = false;

  Awaitable<void> accept();
  Awaitable<void> serve(tcp::socket socket);
  Awaitable<bool> answer_one(beast::tcp_stream& stream, beast::flat_buffer& buffer,
                             const std::string& address);
  const Route* find_route(Request& request, bool& other_method) const;
  Awaitable<Response> handle(Request& request, ParserBody& body, const Parser& parser);
  Awaitable<void> send(beast::tcp_stream& stream, const Request& request, Response& response,
                       bool keep_alive);
};

namespace {

class StreamWriter final : public EventWriter {
 public:
  StreamWriter(beast::tcp_stream& stream, const bool& stopping)
      : stream_(stream), stopping_(stopping) {}

  Awaitable<bool> write(std::string text) override {
    if (stopping_) co_return false;
    stream_.expires_after(kTransfer);
    ErrorCode error;
    co_await asio::async_write(stream_, asio::buffer(text),
                               asio::redirect_error(use_awaitable, error));
    co_return !error;
  }

 private:
  beast::tcp_stream& stream_;
  const bool& stopping_;
};

// After an answer that came before its request was read to the end. To close with bytes unread
// resets the connection, and the other end may lose the answer: so they are let come for a while.
Awaitable<void> drain(beast::tcp_stream& stream) {
  ErrorCode error;
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
  stream.expires_after(kDrain);
  std::array<std::uint8_t, 16384> part;
  for (std::size_t left = kMostDrained; left > 0 && !error;) {
    const std::size_t got = co_await stream.async_read_some(
        asio::buffer(part), asio::redirect_error(use_awaitable, error));
    left -= std::min(left, got);
  }
}

// Until the other end is gone or `size` bytes are sent.
Awaitable<void> send_stored(beast::tcp_stream& stream, const StoredBody& body) {
  Bytes part;
  for (std::uint64_t sent = 0; sent < body.size; sent += part.size()) {
    part.resize(std::min<std::uint64_t>(kPart, body.size - sent));
    if (auto status = body.reader->read(body.begin + sent, part); !status) {
      // The length is promised already: all that can be done is to break off.
      throw std::runtime_error(status.error().message);
    }
    stream.expires_after(kTransfer);
    co_await asio::async_write(stream, asio::buffer(part), use_awaitable);
  }
}

}  // namespace

Awaitable<void> HttpServer::Parts::accept() {
  asio::steady_timer rest(context);
  while (!stopping) {
    ErrorCode error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of file descriptors, for example
      rest.expires_after(std::chrono::milliseconds(100));
      co_await rest.async_wait(asio::redirect_error(use_awaitable, error));
      continue;
    }
    if (figures.connections >= kMostConnections) continue;  // closes it
    ErrorCode ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    asio::co_spawn(context, serve(std::move(socket)), asio::detached);
  }
}

Awaitable<void> HttpServer::Parts::serve(tcp::socket socket) {
  const Counted counted(figures.connections);
  ErrorCode error;
  const auto end = socket.remote_endpoint(error);
  if (error) co_return;
  const std::string address = end.address().to_string();
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer;
  try {
    while (!stopping && co_await answer_one(stream, buffer, address)) {
    }
  } catch (const std::exception&) {
    // The other end is gone, or what it sends is no HTTP: nobody is left to tell.
  }
  stream.socket().shutdown(tcp::socket::shutdown_both, error);
}

const Route* HttpServer::Parts::find_route(Request& request, bool& other_method) const {
  const std::string_view method = request.method == "HEAD" ? "GET"sv : request.method;
  for (const Route& route : routes) {
    auto parameters = match(route.pattern, request.path);
    if (!parameters) continue;
    if (route.method != method) {
      other_method = true;
      continue;
    }
    request.parameters = std::move(*parameters);
    return &route;
  }
  return nullptr;
}

Awaitable<Response> HttpServer::Parts::handle(Request& request, ParserBody& body,
                                              const Parser& parser) {
  bool other_method = false;
  const Route* route = find_route(request, other_method);
  const bool api = request.path.starts_with("/api/");
  const bool open = route != nullptr ? route->open : !api;
  guard.admit(request, open);
  if (route == nullptr) {
    if (other_method) {
      throw api_error(405, "method_not_allowed", "That cannot be done with this address.");
    }
    if (api || (request.method != "GET" && request.method != "HEAD")) {
      throw api_error(404, "not_found", "There is no such address.");
    }
    co_return fallback(request);
  }
  body.set_limit(route->body_limit);
  if (const auto length = parser.content_length(); length && *length > route->body_limit) {
    throw too_large(route->body_limit);
  }
  if (!route->streams_body) {
    std::array<std::uint8_t, 16384> part;
    while (const std::size_t got = co_await body.read(part)) {
      request.body.append(reinterpret_cast<const char*>(part.data()), got);
    }
  }
  co_return co_await route->handler(request, body);
}

// False: the connection is to be closed.
Awaitable<bool> HttpServer::Parts::answer_one(beast::tcp_stream& stream, beast::flat_buffer& buffer,
                                              const std::string& address) {
  Parser parser;
  parser.header_limit(kMostHeader);
  // A route sets its own limit once it is known; until then a length that is given is let pass.
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  stream.expires_after(buffer.size() == 0 ? kIdle : kHeader);
  ErrorCode error;
  co_await http::async_read_header(stream, buffer, parser,
                                   asio::redirect_error(use_awaitable, error));
  if (error == http::error::end_of_stream) co_return false;
  std::optional<Counted> answering(std::in_place, figures.answering);
  Request request;
  request.address = address;
  const auto started = std::chrono::steady_clock::now();
  Response response;
  bool keep_alive = false;
  if (error) {
    if (error.category() != make_error_code(http::error::bad_method).category()) co_return false;
    response = error_response(api_error(400, "bad_request", "That is not a proper HTTP request."));
  } else {
    const auto& header = parser.get();
    request.method = std::string(header.method_string());
    const std::string_view target(header.target().data(), header.target().size());
    request.path = std::string(target.substr(0, target.find('?')));
    if (request.path.size() < target.size()) {
      request.query = parse_query(target.substr(request.path.size() + 1));
    }
    for (const auto& field : header) {
      std::string name(field.name_string());
      for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
      }
      request.headers.emplace(std::move(name), std::string(field.value()));
    }
    keep_alive = header.keep_alive() && !stopping;
    ParserBody body(stream, buffer, parser, figures);
    std::optional<ApiError> failed;
    try {
      if (!request.path.starts_with('/')) {
        throw api_error(400, "bad_request", "The address does not begin with a slash.");
      }
      response = co_await handle(request, body, parser);
    } catch (const ApiError& thrown) {
      failed = thrown;
    } catch (const boost::system::system_error&) {
      throw;  // the connection itself
    } catch (const std::exception& thrown) {
      log.event("error", {{"path", request.path}, {"message", thrown.what()}});
      failed = api_error(500, "internal", "Something went wrong here. Nothing you made was lost.");
    }
    if (failed) response = error_response(*failed);
    // What is left of a body is not waited for.
    if (!parser.is_done()) keep_alive = false;
  }
  ++figures.answers[static_cast<std::size_t>(std::clamp(response.status / 100, 0, 5))];
  if (std::holds_alternative<EventStream>(response.body)) answering.reset();
  co_await send(stream, request, response, keep_alive);
  if (!error && !parser.is_done()) co_await drain(stream);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - started;
  log.request({{"method", request.method},
               {"path", request.path},
               {"status", response.status},
               {"ms", took.count()},
               {"address", address}});
  co_return keep_alive && !std::holds_alternative<EventStream>(response.body);
}

Awaitable<void> HttpServer::Parts::send(beast::tcp_stream& stream, const Request& request,
                                        Response& response, bool keep_alive) {
  const bool streams = std::holds_alternative<EventStream>(response.body);
  const auto reason = http::obsolete_reason(static_cast<http::status>(response.status));
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", response.status,
                                 std::string_view(reason.data(), reason.size()));
  const auto add = [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  for (const auto& [name, value] : response.headers) add(name, value);
  for (const auto& [name, value] : kSecurity) add(name, value);
  std::string_view text;
  std::uint64_t size = 0;
  if (const auto* own = std::get_if<std::string>(&response.body)) {
    text = *own;
    size = text.size();
  } else if (const auto* shared = std::get_if<std::shared_ptr<const std::string>>(&response.body)) {
    text = **shared;
    size = text.size();
  } else if (const auto* stored = std::get_if<StoredBody>(&response.body)) {
    size = stored->size;
  }
  if (!streams && response.status != 204 && response.status != 304) {
    add("Content-Length", std::to_string(size));
  }
  add("Connection", keep_alive && !streams ? "keep-alive" : "close");
  head += "\r\n";
  const bool head_only = request.method == "HEAD";
  if (!head_only && size < 64 * 1024) head.append(text);  // one packet where it fits
  stream.expires_after(kTransfer);
  co_await asio::async_write(stream, asio::buffer(head), use_awaitable);
  if (head_only) co_return;
  if (streams) {
    ++figures.streams;
    StreamWriter writer(stream, stopping);
    try {
      co_await std::get<EventStream>(response.body)(writer);
    } catch (const std::exception& error) {
      log.event("error", {{"path", request.path}, {"message", error.what()}});
    }
    --figures.streams;
  } else if (const auto* stored = std::get_if<StoredBody>(&response.body)) {
    co_await send_stored(stream, *stored);
  } else if (size >= 64 * 1024) {
    stream.expires_after(kTransfer);
    co_await asio::async_write(stream, asio::buffer(text.data(), text.size()), use_awaitable);
  }
}

HttpServer::HttpServer(asio::io_context& context, Guard& guard, const Log& log,
                       std::vector<Route> routes, std::function<Response(const Request&)> fallback)
    : parts_(std::make_unique<Parts>(context, guard, log, std::move(routes), std::move(fallback))) {
}

HttpServer::~HttpServer() = default;

Result<std::string> HttpServer::listen(const std::string& address, std::uint16_t port) {
  ErrorCode error;
  const auto ip = asio::ip::make_address(address, error);
  if (error) return fail("--host {}: expected an IP address, such as 127.0.0.1 or ::1", address);
  const tcp::endpoint end(ip, port);
  tcp::acceptor& acceptor = parts_->acceptor;
  acceptor.open(end.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(end, error);
  if (!error) acceptor.listen(1024, error);
  if (error) {
    return fail("cannot listen on {} port {}: {}; choose another with --port", address, port,
                error.message());
  }
  asio::co_spawn(parts_->context, parts_->accept(), asio::detached);
  const auto bound = acceptor.local_endpoint();
  return ip.is_v6() ? fmt::format("[{}]:{}", bound.address().to_string(), bound.port())
                    : fmt::format("{}:{}", bound.address().to_string(), bound.port());
}

void HttpServer::stop() {
  parts_->stopping = true;
  ErrorCode ignored;
  parts_->acceptor.close(ignored);
}

const HttpFigures& HttpServer::figures() const { return parts_->figures; }

}  // namespace hemiola::server
