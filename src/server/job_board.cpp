#include "server/job_board.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cmath>

#include "server/elsewhere.h"
#include "server/schema.h"

namespace hemiola::server {
namespace {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr int kMostAttempts = 10;              // by one server after another
constexpr int kMostWorkers = 3;                // of one attempt, one after another
constexpr std::size_t kSmallJob = 128;         // bars to write: goes before larger ones
constexpr std::chrono::seconds kLongWait{30};  // after which a large job counts as small
constexpr std::size_t kLogsKept = 64, kLogBytesKept = std::size_t{64} << 20;
constexpr std::chrono::milliseconds kTellEvery{100};

double seconds_since(Clock::time_point time) {
  return std::chrono::duration<double>(Clock::now() - time).count();
}

bool writes_music(const std::string& kind) {
  return kind == "generate" || kind == "continue" || kind == "infill" || kind == "accompany";
}

[[noreturn]] void fail_job(std::string code, std::string message) {
  ApiError error;
  error.code = std::move(code);
  error.message = std::move(message);
  throw error;
}

template <class T>
T taken(Result<T> result) {
  if (!result) fail_job("internal", std::move(result.error().message));
  return std::move(*result);
}

Json origin_of(const std::string& kind, const std::string& job, const Json& entry,
               const Json& request) {
  Json origin = {{"kind", kind == "generate"   ? "generated"
                          : kind == "continue" ? "continued"
                          : kind == "infill"   ? "infilled"
                                               : "accompanied"},
                 {"job", job}};
  for (const char* name : {"first_bar", "last_bar"}) {
    if (entry.contains(name)) origin[name] = entry[name];
  }
  if (request.contains("tracks")) origin["tracks"] = request["tracks"];
  return origin;
}

// Of an entry of a job's pieces.
Json piece_event(const Json& piece) {
  Json event = {{"variation", piece.at("variation")}, {"id", piece.at("piece")}};
  if (piece.contains("tracks")) event["tracks"] = piece["tracks"];
  return event;
}

Json end_json(const JobRow& row) { return {{"state", row.state}, {"error", row.error}}; }

}  // namespace

JobBoard::Lane JobBoard::lane_of(const std::string& kind) {
  return writes_music(kind) || kind == "novelty" || kind == "evaluate" ? Lane::kMusic
                                                                       : Lane::kSound;
}

bool JobBoard::is_large(const Json& request) {
  const std::size_t bars = request.contains("first_bar") && request.contains("last_bar")
                               ? request["last_bar"].get<std::size_t>()
                               : request.value("bars", std::size_t{16});
  return bars * request.value("count", std::size_t{1}) > kSmallJob;
}

Awaitable<void> JobBoard::recover() {
  const auto work = [&store = services_.store] { return store.jobs(100'000, true); };
  auto rows = co_await elsewhere(services_.storage, work);
  if (!rows) throw std::runtime_error(rows.error().message);
  std::reverse(rows->begin(), rows->end());
  for (JobRow& row : *rows) {
    auto active = std::make_shared<Active>();
    active->row = std::move(row);
    active->log = std::make_shared<JobLog>(services_.context);
    active->queued_at = Clock::now();
    active->number = ++accepted_;
    JobRow& job = active->row;
    if (job.attempts >= kMostAttempts) {
      job.error = {
          {"code", "worker_failed"},
          {"message", "The server stopped each time it tried this. It will not try again."}};
      job.state = "failed";
      co_await finish(active);
      continue;
    }
    job.state = "queued";
    active->log->restart(job.attempts + 1, "the server was started again");
    active_.emplace(job.id, active);
  }
  if (!rows->empty()) services_.log.event("recovered", {{"jobs", active_.size()}});
  dispatch();
}

Awaitable<Json> JobBoard::submit(Json request, std::string client) {
  const auto of_client = static_cast<std::size_t>(
      std::count_if(active_.begin(), active_.end(),
                    [&](const auto& entry) { return entry.second->row.client == client; }));
  if (of_client >= limits_.queued_of_client || active_.size() >= limits_.queued) {
    ApiError busy;
    busy.status = 429;
    busy.code = "too_many_requests";
    busy.message = of_client >= limits_.queued_of_client
                       ? "You have as many jobs waiting as one may have. Wait for some to end, or "
                         "stop some."
                       : "The server has more work than it can take. Try again in a moment.";
    busy.retry_after = 2;
    throw busy;
  }
  auto active = std::make_shared<Active>();
  JobRow& row = active->row;
  row.id = new_id();
  row.kind = request["kind"].get<std::string>();
  row.client = std::move(client);
  row.created = utc_now();
  row.state = "queued";
  row.request = std::move(request);
  active->log = std::make_shared<JobLog>(services_.context);
  active->queued_at = Clock::now();
  active->number = ++accepted_;
  // Counted at once, so that a client cannot overtake its limit, but begun only when it is kept.
  active_.emplace(row.id, active);
  JobRow kept = row;
  kept.state = "queued";
  row.state = "accepted";
  const auto work = [&store = services_.store, kept] { return store.add_job(kept); };
  const auto status = co_await elsewhere(services_.storage, work);
  if (!status) {
    active_.erase(row.id);
    throw std::runtime_error(status.error().message);
  }
  row.state = "queued";
  Json event = {{"state", "queued"}, {"position", position(*active)}};
  active->log->add("state", event);
  dispatch();
  co_return job_json(active->row, active.get());
}

std::size_t JobBoard::at_once(Lane lane) const {
  return lane == Lane::kMusic ? limits_.music_at_once : limits_.sound_at_once;
}

// A small job before a large one, then one of the client that has fewest under way, then of the one
// that had least work done for it, then the one that came first. Large jobs leave the last of
// several places to small ones, which so need not wait for their end.
JobBoard::ActivePtr JobBoard::next(Lane lane) const {
  const std::size_t places = at_once(lane);
  const bool last_place = places > 1 && running_[static_cast<std::size_t>(lane)] + 1 == places;
  std::map<std::string_view, int> under_way;  // of each client
  for (const auto& [id, active] : active_) {
    if (active->row.state == "running") ++under_way[active->row.client];
  }
  ActivePtr best;
  const auto rank = [&](const Active& active) {
    const bool large = is_large(active.row.request) && Clock::now() - active.queued_at < kLongWait;
    const auto spent = spent_.find(active.row.client);
    return std::tuple(large, under_way[active.row.client],
                      spent == spent_.end() ? 0.0 : spent->second, active.number);
  };
  for (const auto& [id, active] : active_) {
    if (active->row.state != "queued" || lane_of(active->row.kind) != lane) continue;
    if (last_place && is_large(active->row.request)) continue;
    if (best == nullptr || rank(*active) < rank(*best)) best = active;
  }
  return best;
}

std::size_t JobBoard::position(const Active& active) const {
  std::size_t before = 0;
  for (const auto& [id, other] : active_) {
    if (other->row.state == "queued" && other->number < active.number &&
        lane_of(other->row.kind) == lane_of(active.row.kind)) {
      ++before;
    }
  }
  return before;
}

void JobBoard::dispatch() {
  for (const Lane lane : {Lane::kMusic, Lane::kSound}) {
    std::size_t& running = running_[static_cast<std::size_t>(lane)];
    while (running < at_once(lane)) {
      const ActivePtr active = next(lane);
      if (active == nullptr) break;
      ++running;
      active->row.state = "running";
      asio::co_spawn(services_.context, run(active), asio::detached);
    }
  }
}

Awaitable<void> JobBoard::save(const Active& active) {
  const auto work = [&store = services_.store, row = active.row] { return store.update_job(row); };
  const auto status = co_await elsewhere(services_.storage, work);
  if (!status) services_.log.event("error", {{"message", status.error().message}});
}

Awaitable<void> JobBoard::run(ActivePtr active) {
  JobRow& row = active->row;
  const Lane lane = lane_of(row.kind);
  row.started = utc_now();
  ++row.attempts;
  active->started_at = Clock::now();
  co_await save(*active);
  active->log->add("state", {{"state", "running"}, {"position", nullptr}});
  try {
    co_await do_job(*active);
    row.state = active->cancel.cancelled() ? "cancelled" : "done";
  } catch (const ApiError& error) {
    row.state = active->cancel.cancelled() ? "cancelled" : "failed";
    if (row.state == "failed") row.error = {{"code", error.code}, {"message", error.message}};
  } catch (const std::exception& error) {
    services_.log.event("error", {{"job", row.id}, {"message", error.what()}});
    row.state = "failed";
    row.error = {{"code", "internal"},
                 {"message", "Something went wrong here. Nothing you made was lost."}};
  }
  const double took = seconds_since(active->started_at);
  spent_[row.client] += took;
  if (spent_.size() > 10'000) spent_.clear();
  services_.log.event(
      "job",
      {{"id", row.id},
       {"kind", row.kind},
       {"state", row.state},
       {"seconds", took},
       {"waited", std::chrono::duration<double>(active->started_at - active->queued_at).count()},
       {"error", row.error}});
  --running_[static_cast<std::size_t>(lane)];
  dispatch();
  co_await finish(active);
}

Awaitable<void> JobBoard::finish(ActivePtr active) {
  JobRow& row = active->row;
  row.finished = utc_now();
  ++figures_.ended[{row.kind, row.state}];
  // Kept before it is told: who hears of the end finds it so.
  co_await save(*active);
  active->log->end(end_json(row));
  active_.erase(row.id);
  ended_.emplace_back(row.id, active->log);
  std::size_t bytes = 0;
  for (const auto& [id, log] : ended_) bytes += log->bytes();
  while (ended_.size() > kLogsKept || (bytes > kLogBytesKept && ended_.size() > 1)) {
    bytes -= ended_.front().second->bytes();
    ended_.erase(ended_.begin());
  }
}

Awaitable<Call> JobBoard::call_for(const Active& active) {
  const JobRow& row = active.row;
  Call call;
  call.message = row.request;
  call.message["op"] = writes_music(row.kind) ? "generate" : row.kind;
  call.wall = std::chrono::seconds(1800);
  call.cpu_seconds = 3600;
  call.memory = std::size_t{6} << 30;
  if (const std::string file = row.request.value("file", ""); !file.empty()) {
    call.blobs.push_back(taken(services_.blobs.get(file)));
  }
  const std::string id = row.request.value("piece", "");
  if (id.empty()) co_return call;
  const auto work = [&store = services_.store, id] { return store.piece(id); };
  auto piece = taken(co_await elsewhere(services_.storage, work));
  if (!piece) fail_job("not_found", "The piece is not there any more.");
  call.message["timing"] = piece->timing;
  call.blobs.push_back(taken(services_.blobs.get(piece->midi)));
  co_return call;
}

// What a worker makes of the job. One that is stopped from outside is followed by another, which
// begins anew.
Awaitable<CallResult> JobBoard::ask(Active& active, WorkerPool& pool) {
  JobRow& row = active.row;
  for (int tries = 1;; ++tries) {
    Call call = co_await call_for(active);
    call.on_event = [this, &active](Json& event) { on_event(active, event); };
    auto result = co_await pool.call(std::move(call), &active.cancel);
    if (result) co_return std::move(*result);
    const CallFailure& failure = result.error();
    if (failure.kind != CallFailure::Kind::kKilled || tries == kMostWorkers ||
        active.cancel.cancelled()) {
      const bool refused = failure.kind == CallFailure::Kind::kRefused;
      if (writes_music(row.kind)) {
        fail_job(refused ? "refused" : "worker_failed",
                 refused ? failure.message : "Writing was broken off: " + failure.message);
      }
      fail_job(refused ? "unreadable" : "worker_failed",
               "It could not be done: " + failure.message);
    }
    services_.log.event("worker", {{"job", row.id}, {"ended", failure.message}});
    ++row.attempts;
    active.done = 0;
    active.shares_done.clear();
    active.log->restart(row.attempts, "its worker was stopped from outside");
    co_await save(active);
  }
}

Awaitable<void> JobBoard::do_job(Active& active) {
  const std::string parent = active.row.request.value("piece", "");
  co_await services_.storage_limit.make_room(
      active.row.kind == "render" || active.row.kind == "waveform" ? StorageLimit::Kind::kLarge
                                                                   : StorageLimit::Kind::kSmall);
  if (writes_music(active.row.kind)) {
    co_await do_music(active, parent);
    co_return;
  }
  WorkerPool& pool = active.row.kind == "novelty"    ? services_.music
                     : active.row.kind == "waveform" ? services_.waves
                                                     : services_.files;
  CallResult result = co_await ask(active, pool);
  if (active.row.kind == "transcribe") {
    PieceMaker maker;
    maker.name = active.row.request.value("name", "");
    maker.origin = {{"kind", "transcribed"}, {"job", active.row.id}};
    maker.origin["file"] = active.row.request["file"];
    maker.job = active.row.id;
    maker.variation = 1;
    std::vector<PieceRow> rows = {
        piece_row(result.done.at("pieces").at(0), result.blobs, std::move(maker))};
    std::vector<Json> untold;
    co_await keep_pieces(active, std::move(rows), std::move(untold));
    co_return;
  }
  if (active.row.kind == "evaluate") {
    active.row.outcome["result"] = result.done.at("result");
    active.log->add("result", active.row.outcome["result"]);
    co_return;
  }
  if (active.row.kind == "novelty") {
    const Json novelty = result.done.value("novelty", Json());
    active.row.outcome["result"] = novelty;
    const auto work = [&store = services_.store, parent, novelty] {
      return store.set_novelty(parent, novelty);
    };
    (void)co_await elsewhere(services_.storage, work);
    active.log->add("result", novelty);
    co_return;
  }
  keep_sound(active, result);
}

// A rendered piece, or a waveform with its recipe and its other formats.
void JobBoard::keep_sound(Active& active, const CallResult& result) {
  const Json& done = result.done;
  const Json& request = active.row.request;
  Json sound = sound_file_json(done, request.value("format", "wav"), result.blobs);
  for (const char* name : {"seconds", "sample_rate", "peaks"}) sound[name] = done.at(name);
  if (active.row.kind == "waveform") {
    sound["prompt_seconds"] = done.at("prompt_seconds");
    sound["novelty"] = done.at("novelty");
    sound["others"] = Json::array();
    for (const Json& other : done.at("others")) {
      sound["others"].push_back(
          sound_file_json(other, other.at("format").get<std::string>(), result.blobs));
    }
    sound["recipe"] = {{"model", done.at("model")},      {"model_name", done.at("model_name")},
                       {"seed", request.at("seed")},     {"settings", done.at("settings")},
                       {"version", HEMIOLA_VERSION},     {"seconds", done.at("taken")},
                       {"complete", done.at("complete")}};
  }
  active.row.outcome["sound"] = sound;
  active.log->add("sound", sound);
}

Awaitable<void> JobBoard::do_music(Active& active, const std::string& parent) {
  JobRow& row = active.row;
  const CallResult result = co_await ask(active, services_.music);
  const Json& done = result.done;
  std::vector<PieceRow> rows;
  std::vector<Json> tracks;
  for (const Json& entry : done.at("pieces")) {
    PieceMaker maker;
    maker.name = row.request.value("name", "");
    maker.parent = parent;
    maker.origin = origin_of(row.kind, row.id, entry, row.request);
    maker.recipe = {{"model", done.at("model")},       {"model_name", done.at("model_name")},
                    {"seed", entry.at("seed")},        {"kind", row.kind},
                    {"settings", done.at("settings")}, {"version", HEMIOLA_VERSION},
                    {"seconds", entry.at("seconds")},  {"tokens", entry.at("tokens")},
                    {"complete", entry.at("complete")}};
    maker.job = row.id;
    maker.variation = entry.at("variation").get<int>();
    rows.push_back(piece_row(entry, result.blobs, std::move(maker)));
    tracks.push_back(entry.at("tracks"));
  }
  row.outcome["left_out"] = done.at("left_out");
  co_await keep_pieces(active, std::move(rows), std::move(tracks));
  active.done = 1;
  tell_progress(active, true);
}

// Keeps them, and tells so.
Awaitable<void> JobBoard::keep_pieces(Active& active, std::vector<PieceRow> rows,
                                      std::vector<Json> tracks) {
  const auto work = [&store = services_.store, rows] { return store.add_pieces(rows); };
  const auto ids = taken(co_await elsewhere(services_.storage, work));
  Json pieces = Json::array();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Json piece = {{"variation", rows[i].variation}, {"piece", ids[i]}};
    if (i < tracks.size()) piece["tracks"] = std::move(tracks[i]);
    active.log->add("piece", piece_event(piece));
    pieces.push_back(std::move(piece));
  }
  active.row.outcome["pieces"] = std::move(pieces);
}

// A job is as far as its variations are on average.
void JobBoard::variation_done(Active& active, std::size_t variation, double share) {
  active.shares_done.resize(active.row.request.value("count", std::size_t{1}));
  if (variation < 1 || variation > active.shares_done.size()) return;
  active.shares_done[variation - 1] = std::clamp(share, 0.0, 1.0);
  double sum = 0;
  for (double done : active.shares_done) sum += done;
  active.done = sum / static_cast<double>(active.shares_done.size());
}

// What a worker says is passed on only where it has the form that the API promises.
void JobBoard::on_event(Active& active, Json& event) {
  const Json name = event["event"];
  event.erase("event");
  if (name == "progress") {
    if (event.value("done", Json()).is_number()) {
      active.done = std::clamp(event["done"].get<double>(), 0.0, 1.0);
    } else if (event.value("variation", Json()).is_number_unsigned() &&
               event.value("bars", Json()).is_number_unsigned() &&
               event.value("of", Json()).is_number_unsigned()) {
      const auto variation = event["variation"].get<std::size_t>();
      const double all = event["of"].get<double>();
      variation_done(active, variation, all > 0 ? event["bars"].get<double>() / all : 0);
    }
    tell_progress(active, false);
    return;
  }
  // One that is left out is not to be waited for; one that is drawn again begins anew.
  if ((name == "left_out" || name == "again") &&
      event.value("variation", Json()).is_number_unsigned()) {
    variation_done(active, event["variation"].get<std::size_t>(), name == "left_out" ? 1 : 0);
  }
  for (const char* known : {"track", "bar", "note", "again", "left_out", "audio"}) {
    if (name != known) continue;
    static const Json& schemas = schema_named("Events")["properties"];
    if (!mismatch(event, schemas[known])) active.log->add(known, event);
  }
}

void JobBoard::tell_progress(Active& active, bool always) {
  const auto now = Clock::now();
  if (!always && now - active.told_at < kTellEvery) return;
  active.told_at = now;
  const double took = seconds_since(active.started_at);
  Json left;
  if (active.done > 0.02) left = std::round(took * (1 / active.done - 1) * 10) / 10;
  active.log->add("progress",
                  {{"done", std::round(active.done * 1e4) / 1e4}, {"seconds_left", left}});
}

Json JobBoard::job_json(const JobRow& row, const Active* active) const {
  const auto time = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  const double done = row.state == "done" ? 1 : active != nullptr ? active->done : 0;
  return {
      {"id", row.id},
      {"kind", row.kind},
      {"state", row.state},
      {"created", row.created},
      {"started", time(row.started)},
      {"finished", time(row.finished)},
      {"position", active != nullptr && row.state == "queued" ? Json(position(*active)) : Json()},
      {"progress", {{"done", done}, {"seconds_left", nullptr}}},
      {"request", row.request},
      {"pieces", row.outcome.value("pieces", Json::array())},
      {"left_out", row.outcome.value("left_out", Json::array())},
      {"sound", row.outcome.value("sound", Json())},
      {"result", row.outcome.value("result", Json())},
      {"error", row.error}};
}

Awaitable<Json> JobBoard::find(std::string id) {
  if (const auto found = active_.find(id); found != active_.end()) {
    co_return job_json(found->second->row, found->second.get());
  }
  const auto work = [&store = services_.store, id] { return store.job(id); };
  auto row = taken(co_await elsewhere(services_.storage, work));
  co_return row ? job_json(*row, nullptr) : Json();
}

Awaitable<Json> JobBoard::list(bool only_active) {
  const auto work = [&store = services_.store, only_active] {
    return store.jobs(100, only_active);
  };
  auto rows = taken(co_await elsewhere(services_.storage, work));
  Json jobs = Json::array();
  for (const JobRow& row : rows) {
    const auto found = active_.find(row.id);
    jobs.push_back(found != active_.end() ? job_json(found->second->row, found->second.get())
                                          : job_json(row, nullptr));
  }
  co_return Json{{"jobs", std::move(jobs)}};
}

Awaitable<Json> JobBoard::cancel(std::string id) {
  const auto found = active_.find(id);
  if (found == active_.end()) co_return co_await find(id);
  const ActivePtr active = found->second;
  const bool queued = active->row.state == "queued";
  active->cancel.cancel();
  if (queued) {
    active->row.state = "cancelled";
    co_await finish(active);
  }
  co_return job_json(active->row, active.get());
}

Awaitable<std::shared_ptr<JobLog>> JobBoard::watch(std::string id) {
  if (const auto found = active_.find(id); found != active_.end()) co_return found->second->log;
  for (const auto& [ended, log] : ended_) {
    if (ended == id) co_return log;
  }
  const auto work = [&store = services_.store, id] { return store.job(id); };
  auto row = taken(co_await elsewhere(services_.storage, work));
  if (!row) co_return nullptr;
  // Its notes are forgotten; what came of it is not.
  auto log = std::make_shared<JobLog>(services_.context);
  for (const Json& piece : row->outcome.value("pieces", Json::array())) {
    log->add("piece", piece_event(piece));
  }
  for (const Json& missing : row->outcome.value("left_out", Json::array())) {
    log->add("left_out", missing);
  }
  if (row->outcome.contains("sound")) log->add("sound", row->outcome["sound"]);
  if (row->outcome.contains("result")) log->add("result", row->outcome["result"]);
  log->end(end_json(*row));
  co_return log;
}

JobFigures JobBoard::figures() const {
  JobFigures figures = figures_;
  for (const auto& [id, active] : active_) {
    ++(active->row.state == "running" ? figures.running : figures.queued);
  }
  return figures;
}

}  // namespace hemiola::server
