// The routes of /api/v1: they parse, ask the store, the workers or the job board, and reply.
#pragma once

#include <string>
#include <vector>

#include "server/guard.h"
#include "server/http_server.h"
#include "server/job_board.h"

namespace hemiola::server {

struct ApiLimits {
  std::size_t upload_bytes = std::size_t{128} << 20;
  std::size_t text_bytes = std::size_t{8} << 20;  // of JSON bodies
};

struct ApiFacts {
  Json info;       // what GET /info answers
  Path soundfont;  // empty: none
  bool novelty = false;
};

class Api {
 public:
  Api(Services& services, JobBoard& jobs, Guard& guard, ApiLimits limits, ApiFacts facts)
      : services_(services),
        jobs_(jobs),
        guard_(guard),
        limits_(limits),
        facts_(std::move(facts)) {}

  // All routes of the server, in the order of the description. The API outlives them.
  std::vector<Route> routes();
  // What /metrics counts of the connections.
  void set_http(const HttpServer* http) { http_ = http; }

 private:
  Awaitable<Response> health(Request& request);
  Awaitable<Response> metrics(Request& request);
  Awaitable<Response> description(Request& request);
  Awaitable<Response> soundfont(Request& request);
  Awaitable<Response> info(Request& request);
  Awaitable<Response> login(Request& request);
  Awaitable<Response> logout(Request& request);

  Awaitable<Response> upload_file(Request& request, BodyReader& body);
  Awaitable<Response> get_file(Request& request);
  Awaitable<Response> get_file_content(Request& request);
  Awaitable<Response> get_blob(Request& request);

  Awaitable<Response> list_pieces(Request& request);
  Awaitable<Response> create_piece(Request& request);
  Awaitable<Response> get_piece(Request& request);
  Awaitable<Response> change_piece(Request& request);
  Awaitable<Response> delete_piece(Request& request);
  Awaitable<Response> export_piece(Request& request);
  Awaitable<Response> preview_notation(Request& request);

  Awaitable<Response> list_jobs(Request& request);
  Awaitable<Response> create_job(Request& request);
  Awaitable<Response> get_job(Request& request);
  Awaitable<Response> cancel_job(Request& request);
  Awaitable<Response> job_events(Request& request);

  // Each throws an ApiError: 404 where there is none.
  Awaitable<PieceRow> piece_named(std::string id);
  Awaitable<FileRow> file_named(std::string hash);
  Awaitable<CallResult> ask_worker(Call call);
  Awaitable<Response> piece_response(PieceRow piece, int status);
  // Keeps what a worker made; the last piece is the one that was asked for.
  Awaitable<PieceRow> keep(CallResult result, std::string name, std::string parent, Json origin);
  Awaitable<CallResult> create_from(const Json& wish, std::string& name, std::string& parent,
                                    Json& origin);
  Awaitable<std::string> project_of(std::string id);

  Services& services_;
  JobBoard& jobs_;
  Guard& guard_;
  ApiLimits limits_;
  ApiFacts facts_;
  const HttpServer* http_ = nullptr;
};

// The body as JSON that the schema of that name allows; throws an ApiError that names the field.
Json checked_body(const Request& request, std::string_view schema);
[[noreturn]] void throw_api_error(int status, std::string_view code, std::string message);
// The value, or an internal error.
template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}
inline void value_of(Status status) {
  if (!status) throw std::runtime_error(status.error().message);
}

// What kind of file begins like this: type and media type, as the API has them.
struct FileType {
  std::string_view type, media_type;
};
FileType sniff(std::span<const std::uint8_t> beginning);

}  // namespace hemiola::server
