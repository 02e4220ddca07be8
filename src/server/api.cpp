#include "server/api.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <fstream>

#include "server/elsewhere.h"
#include "server/schema.h"

namespace hemiola::server {
namespace {

// Resident memory in bytes; 0 where the system does not say.
std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

void throw_api_error(int status, std::string_view code, std::string message) {
  ApiError error;
  error.status = status;
  error.code = code;
  error.message = std::move(message);
  throw error;
}

Json checked_body(const Request& request, std::string_view schema) {
  auto json = parse_json(request.body, "the request");
  if (!json) throw_api_error(400, "bad_request", std::move(json.error().message));
  if (const auto wrong = mismatch(*json, schema_named(schema))) {
    ApiError error;
    error.status = 400;
    error.code = "bad_request";
    error.message =
        fmt::format("{}: {}", wrong->field.empty() ? "the request" : wrong->field, wrong->reason);
    error.field = wrong->field;
    throw error;
  }
  return std::move(*json);
}

std::vector<Route> Api::routes() {
  using Handler = Awaitable<Response> (Api::*)(Request&);
  std::vector<Route> routes;
  const auto add = [&](std::string_view method, std::string_view pattern, Handler handler,
                       std::size_t limit = 0, bool open = false) {
    Route route;
    route.method = method;
    route.pattern = pattern;
    route.body_limit = limit;
    route.open = open;
    route.handler = [this, handler](Request& request, BodyReader&) {
      return (this->*handler)(request);
    };
    routes.push_back(std::move(route));
  };
  const std::size_t text = limits_.text_bytes;
  add("GET", "/healthz", &Api::health, 0, true);
  add("GET", "/metrics", &Api::metrics);
  add("GET", "/openapi.json", &Api::description, 0, true);
  add("GET", "/soundfont.sf3", &Api::soundfont, 0, true);
  add("GET", "/api/v1/info", &Api::info);
  add("POST", "/api/v1/login", &Api::login, 4096, true);
  add("DELETE", "/api/v1/login", &Api::logout, 0, true);
  Route upload;
  upload.method = "POST";
  upload.pattern = "/api/v1/files";
  upload.body_limit = limits_.upload_bytes;
  upload.streams_body = true;
  upload.handler = [this](Request& request, BodyReader& body) {
    return upload_file(request, body);
  };
  routes.push_back(std::move(upload));
  add("GET", "/api/v1/files/{id}", &Api::get_file);
  add("GET", "/api/v1/files/{id}/content", &Api::get_file_content);
  add("GET", "/api/v1/blobs/{id}", &Api::get_blob);
  add("GET", "/api/v1/pieces", &Api::list_pieces);
  add("POST", "/api/v1/pieces", &Api::create_piece, text);
  add("GET", "/api/v1/pieces/{id}", &Api::get_piece);
  add("PATCH", "/api/v1/pieces/{id}", &Api::change_piece, text);
  add("DELETE", "/api/v1/pieces/{id}", &Api::delete_piece);
  add("GET", "/api/v1/pieces/{id}/export/{format}", &Api::export_piece);
  add("POST", "/api/v1/notation", &Api::preview_notation, text);
  add("GET", "/api/v1/jobs", &Api::list_jobs);
  add("POST", "/api/v1/jobs", &Api::create_job, text);
  add("GET", "/api/v1/jobs/{id}", &Api::get_job);
  add("DELETE", "/api/v1/jobs/{id}", &Api::cancel_job);
  add("GET", "/api/v1/jobs/{id}/events", &Api::job_events);
  return routes;
}

Awaitable<Response> Api::health(Request&) { co_return json_response({{"status", "ok"}}); }

Awaitable<Response> Api::description(Request&) {
  Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-cache"}};
  response.body = std::string(openapi_text());
  co_return response;
}

Awaitable<Response> Api::soundfont(Request& request) {
  if (facts_.soundfont.empty()) {
    throw_api_error(501, "not_available",
                    "There is no soundfont; install Debian's musescore-general-soundfont-small.");
  }
  auto reader = value_of(open_plain_file(facts_.soundfont));
  // The name says which it is; another of the same name and size would have to be forced.
  const std::string tag =
      fmt::format("{}-{}", facts_.soundfont.filename().string(), reader->size());
  co_return stored_response(request, std::move(reader), "application/octet-stream", tag, true);
}

Awaitable<Response> Api::info(Request& request) {
  Response response = json_response(facts_.info);
  if (std::string cookie = Guard::client_cookie(request); !cookie.empty()) {
    response.headers.emplace_back("Set-Cookie", std::move(cookie));
  }
  co_return response;
}

Awaitable<Response> Api::login(Request& request) {
  const Json body = checked_body(request, "Login");
  Response response;
  response.status = 204;
  response.headers.emplace_back("Set-Cookie",
                                guard_.login(request, body["token"].get<std::string>()));
  co_return response;
}

Awaitable<Response> Api::logout(Request&) {
  Response response;
  response.status = 204;
  response.headers.emplace_back("Set-Cookie", Guard::logout_cookie());
  co_return response;
}

Awaitable<Response> Api::metrics(Request&) {
  std::string text;
  const auto say = [&text](std::string_view name, std::string_view type, std::string_view help) {
    text += fmt::format("# HELP hemiola_{} {}\n# TYPE hemiola_{} {}\n", name, help, name, type);
  };
  const auto figure = [&](std::string_view name, std::string_view type, std::string_view help,
                          std::uint64_t value) {
    say(name, type, help);
    text += fmt::format("hemiola_{} {}\n", name, value);
  };
  const JobFigures jobs = jobs_.figures();
  say("jobs_total", "counter", "Jobs that ended.");
  for (const auto& [key, count] : jobs.ended) {
    text += fmt::format("hemiola_jobs_total{{kind=\"{}\",state=\"{}\"}} {}\n", key.first,
                        key.second, count);
  }
  figure("jobs_queued", "gauge", "Jobs that wait.", jobs.queued);
  figure("jobs_running", "gauge", "Jobs under way.", jobs.running);
  say("workers_started_total", "counter", "Worker processes.");
  say("workers_failed_total", "counter", "Workers that crashed or overran.");
  for (const auto& [name, pool] :
       {std::pair("files", &services_.files), std::pair("music", &services_.music)}) {
    text += fmt::format(
        "hemiola_workers_started_total{{pool=\"{0}\"}} {1}\n"
        "hemiola_workers_failed_total{{pool=\"{0}\"}} {2}\n",
        name, pool->figures().started, pool->figures().ended_badly);
  }
  if (http_ != nullptr) {
    const HttpFigures& http = http_->figures();
    say("http_answers_total", "counter", "Answers by class of status.");
    for (std::size_t kind = 1; kind < http.answers.size(); ++kind) {
      text += fmt::format("hemiola_http_answers_total{{status=\"{}xx\"}} {}\n", kind,
                          http.answers[kind]);
    }
    figure("http_body_bytes_total", "counter", "Bytes of request bodies.", http.bytes_in);
    figure("http_connections", "gauge", "Open connections.", http.connections);
    figure("http_event_streams", "gauge", "Open event streams.", http.streams);
  }
  figure("storage_bytes", "gauge", "What is kept, without the database.", services_.blobs.bytes());
  figure("storage_limit_bytes", "gauge", "How much may be kept; 0: no limit.",
         services_.storage_limit.bytes());
  figure("resident_bytes", "gauge", "Memory of the server, without workers.", resident_bytes());
  Response response;
  response.headers = {{"Content-Type", "text/plain; version=0.0.4"}, {"Cache-Control", "no-store"}};
  response.body = std::move(text);
  co_return response;
}

Awaitable<FileRow> Api::file_named(std::string hash) {
  if (!is_hash(hash)) throw_api_error(404, "not_found", "There is no such file.");
  const auto work = [&store = services_.store, hash] { return store.file(hash); };
  auto file = value_of(co_await elsewhere(services_.storage, work));
  if (!file) throw_api_error(404, "not_found", "There is no such file. Upload it again.");
  co_return std::move(*file);
}

namespace {

Json file_json(const FileRow& file) {
  return {{"id", file.hash},
          {"name", file.name},
          {"bytes", file.bytes},
          {"type", file.type},
          {"media_type", file.media_type},
          {"created", file.created}};
}

// Only text that can stand in a label: no control characters, valid UTF-8, not too long.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 200)) {
    if (static_cast<unsigned char>(c) >= ' ') out += c;
  }
  const std::string checked = Json(out).dump(-1, ' ', false, Json::error_handler_t::ignore);
  return Json::parse(checked).get<std::string>();
}

}  // namespace

Awaitable<Response> Api::upload_file(Request& request, BodyReader& body) {
  const std::string_view length = request.header("content-length");
  std::uint64_t bytes = 0;
  std::from_chars(length.data(), length.data() + length.size(), bytes);
  co_await services_.storage_limit.make_room(StorageLimit::Kind::kLarge, bytes);
  auto writer = value_of(services_.blobs.create());
  Bytes buffer(256 * 1024), beginning;
  while (const std::size_t got = co_await body.read(buffer)) {
    const std::span part = std::span(buffer).first(got);
    if (beginning.size() < 4096) beginning.insert(beginning.end(), part.begin(), part.end());
    // Hashing and writing a part takes well under a millisecond.
    value_of(writer->write(part));
    services_.storage_limit.check_large();
  }
  if (beginning.empty()) throw_api_error(400, "bad_request", "The file is empty.");
  const FileType type =
      sniff(std::span(beginning).first(std::min<std::size_t>(beginning.size(), 4096)));
  FileRow file;
  file.name = label(request.query_or("name", "file"));
  file.type = type.type;
  file.media_type = type.media_type;
  file.created = utc_now();
  const auto work = [&store = services_.store, writer = std::shared_ptr(std::move(writer)),
                     file]() mutable -> Result<FileRow> {
    HEMIOLA_TRY(const BlobInfo blob, writer->commit());
    file.hash = blob.hash;
    file.bytes = blob.bytes;
    HEMIOLA_CHECK(store.add_file(file));
    return file;
  };
  const auto kept = co_await elsewhere(services_.storage, work);
  co_return json_response(file_json(value_of(kept)), 201);
}

Awaitable<Response> Api::get_file(Request& request) {
  const FileRow file = co_await file_named(request.parameters[0]);
  co_return json_response(file_json(file));
}

Awaitable<Response> Api::get_file_content(Request& request) {
  const FileRow file = co_await file_named(request.parameters[0]);
  auto reader = value_of(services_.blobs.open(file.hash));
  co_return stored_response(request, std::move(reader), file.media_type, file.hash, true);
}

Awaitable<Response> Api::get_blob(Request& request) {
  const std::string& hash = request.parameters[0];
  auto reader = services_.blobs.open(hash);
  if (!reader)
    throw_api_error(404, "not_found", "There is no such result any more. Render it again.");
  Bytes beginning(std::min<std::uint64_t>(4096, (*reader)->size()));
  value_of((*reader)->read(0, beginning));
  const FileType type = sniff(beginning);
  Response response = stored_response(request, std::move(*reader), type.media_type, hash, true);
  if (const auto name = request.query_or("name", ""); !name.empty()) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kEndings = {
        {{"audio/wav", "wav"},
         {"audio/flac", "flac"},
         {"audio/ogg", "ogg"},
         {"audio/mpeg", "mp3"},
         {"audio/midi", "mid"}}};
    std::string_view ending = "bin";
    for (const auto& [media, end] : kEndings) {
      if (media == type.media_type) ending = end;
    }
    response.headers.emplace_back("Content-Disposition", attachment(label(name), ending));
  }
  co_return response;
}

}  // namespace hemiola::server
