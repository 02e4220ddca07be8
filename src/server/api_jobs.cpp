// Routes of jobs.
#include <sys/random.h>

#include "server/api.h"
#include "server/elsewhere.h"
#include "worker/tasks.h"

namespace hemiola::server {
namespace {

// Small enough to be read aloud, and for a program that knows only doubles.
std::string new_seed() {
  std::uint32_t seed = 0;
  if (::getrandom(&seed, sizeof seed, 0) != sizeof seed) {
    throw std::runtime_error("the system gives no random numbers");
  }
  return std::to_string(seed & 0x7fffffffu);
}

// One prompt at most; a piece is heard through the soundfont.
void check_waveform(Json& wish, const Json& here) {
  if (wish.contains("piece") && wish.contains("file")) {
    throw_api_error(400, "bad_request", "A sound goes on from a piece or from a file, not both.");
  }
  if (wish.contains("piece") && here["render"] != Json(true)) {
    throw_api_error(501, "not_available",
                    "There is no soundfont here to hear the piece with; install Debian's "
                    "musescore-general-soundfont-small.");
  }
  if (!wish.contains("seed")) wish["seed"] = new_seed();
}

}  // namespace

Awaitable<Response> Api::list_jobs(Request& request) {
  const bool active = request.query_or("active", "false") == "true";
  const Json jobs = co_await jobs_.list(active);
  co_return json_response(jobs);
}

Awaitable<Response> Api::create_job(Request& request) {
  Json wish = checked_body(request, "JobRequest");
  const std::string kind = wish["kind"].get<std::string>();
  const Json& here = facts_.info["capabilities"];
  if (kind == "transcribe" || kind == "waveform" || kind == "evaluate" || kind == "novelty" ||
      kind == "render") {
    if (here[kind] != Json(true)) {
      throw_api_error(501, "not_available",
                      kind == "novelty"
                          ? "There is no training data here to compare with. Start the server with "
                            "--training DIR."
                      : kind == "render" ? "There is no soundfont here; install Debian's "
                                           "musescore-general-soundfont-small."
                      : kind == "transcribe"
                          ? "The transcriber's weights are not here; scripts/fetch_transcriber.sh "
                            "gets them."
                      : kind == "waveform"
                          ? "The waveform model is not here. Start the server with --audiolm DIR."
                          : fmt::format("This server cannot do that ({}) yet.", kind));
    }
    if (kind == "waveform") check_waveform(wish, here);
  } else {
    const auto checked = worker::generate_request_from_json(wish);
    if (!checked) throw_api_error(400, "bad_request", checked.error().message);
    if (!wish.contains("seed")) wish["seed"] = new_seed();
  }
  if (wish.contains("piece")) co_await piece_named(wish["piece"].get<std::string>());
  if (wish.contains("file")) co_await file_named(wish["file"].get<std::string>());
  const Json job = co_await jobs_.submit(std::move(wish), request.client);
  Response response = json_response(job, 202);
  response.headers.emplace_back("Location", "/api/v1/jobs/" + job["id"].get<std::string>());
  co_return response;
}

Awaitable<Response> Api::get_job(Request& request) {
  Json job;
  if (is_id(request.parameters[0])) job = co_await jobs_.find(request.parameters[0]);
  if (job.is_null()) throw_api_error(404, "not_found", "There is no such job any more.");
  co_return json_response(job);
}

Awaitable<Response> Api::cancel_job(Request& request) {
  Json job;
  if (is_id(request.parameters[0])) job = co_await jobs_.cancel(request.parameters[0]);
  if (job.is_null()) throw_api_error(404, "not_found", "There is no such job any more.");
  co_return json_response(job);
}

Awaitable<Response> Api::job_events(Request& request) {
  std::shared_ptr<JobLog> log;
  if (is_id(request.parameters[0])) log = co_await jobs_.watch(request.parameters[0]);
  if (log == nullptr) throw_api_error(404, "not_found", "There is no such job any more.");
  std::string after(request.header("last-event-id"));
  if (after.empty()) after = request.query_or("after", "");
  Response response;
  response.headers = {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}};
  response.body = EventStream([log, after](EventWriter& writer) -> Awaitable<void> {
    return JobLog::watch(log, after, writer);
  });
  co_return response;
}

}  // namespace hemiola::server
