// Routes of pieces.
#include <array>
#include <charconv>

#include "server/api.h"
#include "server/elsewhere.h"
#include "server/schema.h"
#include "worker/project.h"

namespace hemiola::server {
namespace {

constexpr std::size_t kMostLineage = worker::kMostProjectPieces;

// The variation is told from the store, so that pieces kept before it was told have it as well.
Json origin_json(const PieceRow& piece) {
  Json origin = piece.origin;
  if (!piece.job.empty()) origin["variation"] = piece.variation;
  return origin;
}

Json summary_json(const PieceRow& piece) {
  const Json& summary = piece.summary;
  return {{"id", piece.id},
          {"name", piece.name},
          {"parent", piece.parent.empty() ? Json() : Json(piece.parent)},
          {"created", piece.created},
          {"deleted", !piece.deleted.empty()},
          {"origin", origin_json(piece)},
          {"bars", summary["bars"]},
          {"notes", summary["notes"]},
          {"seconds", summary["seconds"]},
          {"key", summary["key"]},
          {"metre", summary["metre"]},
          {"tempo", summary["tempo"]},
          {"tracks", summary["tracks"]},
          {"midi", piece.midi},
          {"recipe", piece.recipe},
          {"novelty", piece.novelty}};
}

// "notation:3:7: message" and the like.
[[noreturn]] void throw_unreadable(std::string message) {
  ApiError error;
  error.status = 422;
  error.code = "unreadable";
  for (const std::string_view name : {"notation:", "tokens:"}) {
    if (!message.starts_with(name)) continue;
    const char* at = message.data() + name.size();
    const char* end = message.data() + message.size();
    int line = 0, column = 0;
    const auto first = std::from_chars(at, end, line);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') break;
    const auto second = std::from_chars(first.ptr + 1, end, column);
    if (second.ec != std::errc() || second.ptr == end || *second.ptr != ':') break;
    error.line = line;
    error.column = column;
    message = std::string(second.ptr + 1, end);
    while (message.starts_with(' ')) message.erase(0, 1);
    break;
  }
  error.message = std::move(message);
  throw error;
}

bool fits(const Json& json, const char* schema) { return !mismatch(json, schema_named(schema)); }

std::string stem(const std::string& name) {
  const std::size_t slash = name.find_last_of("/\\");
  const std::string base = slash == std::string::npos ? name : name.substr(slash + 1);
  const std::size_t dot = base.rfind('.');
  return dot == std::string::npos || dot == 0 ? base : base.substr(0, dot);
}

Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

struct ExportFormat {
  std::string_view name, ending, media_type;
};
constexpr std::array<ExportFormat, 5> kExports = {{
    {"mid", "mid", "audio/midi"},
    {"musicxml", "musicxml", "application/vnd.recordare.musicxml+xml"},
    {"jianpu", "jianpu", "text/plain; charset=utf-8"},
    {"tokens", "tokens", "text/plain; charset=utf-8"},
    {"project", "hemiola.json", "application/json"},
}};

}  // namespace

Awaitable<PieceRow> Api::piece_named(std::string id) {
  if (!is_id(id)) throw_api_error(404, "not_found", "There is no such piece.");
  const auto work = [&store = services_.store, id] { return store.piece(id); };
  auto piece = value_of(co_await elsewhere(services_.storage, work));
  if (!piece) throw_api_error(404, "not_found", "There is no such piece any more.");
  co_return std::move(*piece);
}

Awaitable<CallResult> Api::ask_worker(Call call) {
  auto result = co_await services_.files.call(std::move(call));
  if (result) co_return std::move(*result);
  if (result.error().kind == CallFailure::Kind::kRefused) {
    throw_unreadable(std::move(result.error().message));
  }
  services_.log.event("worker", {{"ended", result.error().message}});
  if (result.error().kind == CallFailure::Kind::kKilled) {
    throw_api_error(503, "worker_failed",
                    "What reads files here was stopped from outside. Nothing was lost; try again.");
  }
  throw_api_error(422, "worker_failed",
                  fmt::format("This could not be read: {}. Nothing else was affected.",
                              result.error().message));
}

Awaitable<Response> Api::piece_response(PieceRow piece, int status) {
  const auto work = [&blobs = services_.blobs, hash = piece.view] { return blobs.get(hash); };
  const Bytes view = value_of(co_await elsewhere(services_.storage, work));
  Response response = json_response(Json::object(), status);
  // The view is JSON already: it is put in its place as it is.
  std::string text = json_text(summary_json(piece));
  text.back() = ',';
  text += "\"view\":";
  text.append(view.begin(), view.end());
  text += '}';
  response.body = std::move(text);
  co_return response;
}

Awaitable<Response> Api::list_pieces(Request& request) {
  std::size_t limit = 1000;
  const std::string_view given = request.query_or("limit", "1000");
  std::from_chars(given.data(), given.data() + given.size(), limit);
  if (limit < 1 || limit > 1000) {
    throw_api_error(400, "bad_request", "limit: expected a number from 1 to 1000");
  }
  const std::string before(request.query_or("before", ""));
  const bool deleted = request.query_or("deleted", "false") == "true";
  const auto work = [&store = services_.store, limit, before, deleted] {
    return store.pieces(limit, before, deleted);
  };
  auto list = value_of(co_await elsewhere(services_.storage, work));
  Json pieces = Json::array();
  for (const PieceRow& piece : list.pieces) pieces.push_back(summary_json(piece));
  Json answer = {{"pieces", std::move(pieces)},
                 {"next", list.next.empty() ? Json() : Json(list.next)}};
  co_return json_response(answer);
}

Awaitable<PieceRow> Api::keep(CallResult result, std::string name, std::string parent,
                              Json origin) {
  std::vector<PieceRow> rows;
  for (const Json& entry : result.done.at("pieces")) {
    PieceMaker maker;
    maker.name = name;
    maker.parent = parent;
    maker.origin = origin;
    if (entry.contains("parent")) {
      // Of a project: it tells its own story, as far as that has the form of one.
      const int index = entry.at("parent").get<int>();
      maker.parent.clear();
      if (index >= 0 && static_cast<std::size_t>(index) < rows.size()) {
        maker.parent = rows[static_cast<std::size_t>(index)].id;
      }
      maker.name = entry.at("name").get<std::string>().substr(0, 200);
      if (fits(entry.at("recipe"), "Recipe")) maker.recipe = entry["recipe"];
      if (fits(entry.at("origin"), "Origin")) maker.origin = entry["origin"];
      maker.origin.erase("job");        // of another server, or long ended
      maker.origin.erase("variation");  // of that job
    }
    if (maker.name.empty() && entry["summary"].value("title", Json()).is_string()) {
      maker.name = entry["summary"]["title"].get<std::string>();
    }
    rows.push_back(piece_row(entry, result.blobs, std::move(maker)));
  }
  if (rows.empty()) throw std::runtime_error("a worker's answer has no piece");
  const auto work = [&store = services_.store, rows] { return store.add_pieces(rows); };
  value_of(co_await elsewhere(services_.storage, work));
  co_return std::move(rows.back());
}

Awaitable<CallResult> Api::create_from(const Json& wish, std::string& name, std::string& parent,
                                       Json& origin) {
  Call call;
  call.message = Json::object();
  const std::string from = wish["from"].get<std::string>();
  const Json timing = {{"mode", wish.value("timing", "auto")}};
  if (from == "file") {
    const FileRow file = co_await file_named(wish["file"].get<std::string>());
    if (file.type == "audio") {
      throw_api_error(422, "unsupported_type",
                      "This is a recording. Ask for a transcribe job to make a piece of it.");
    }
    if (file.type == "unknown") {
      throw_api_error(422, "unsupported_type",
                      "This is neither a MIDI file nor numbered notation, token text or a Hemiola "
                      "project. Save it as a MIDI file (.mid) and try again.");
    }
    if (name.empty()) name = stem(file.name);
    call.message["op"] = "import";
    call.message["type"] = file.type;
    call.message["timing"] = timing;
    call.blobs.push_back(value_of(services_.blobs.get(file.hash)));
    origin = {{"kind", "imported"}, {"file", file.hash}};
  } else if (from == "notation") {
    call.message["op"] = "import";
    call.message["type"] = "notation";
    call.blobs.push_back(bytes_of(wish["text"].get<std::string>()));
    parent = wish.value("parent", "");
    origin = {{"kind", "typed"}};
  } else if (from == "notes") {
    call.message = wish;
    call.message["op"] = "notes";
    call.message["timing"] = timing;
    origin = {{"kind", "played"}};
  } else {
    parent = wish["parent"].get<std::string>();
    const PieceRow piece = co_await piece_named(parent);
    if (name.empty()) name = piece.name;
    call.message["op"] = from;
    call.message[from] = wish[from];
    call.message["timing"] = piece.timing;
    call.blobs.push_back(value_of(services_.blobs.get(piece.midi)));
    origin = {{"kind", from == "edits" ? "edited" : "realigned"}};
    if (from == "edits") origin["edits"] = wish["edits"].size();
  }
  if (!parent.empty()) co_await piece_named(parent);
  co_return co_await ask_worker(std::move(call));
}

Awaitable<Response> Api::create_piece(Request& request) {
  const Json wish = checked_body(request, "CreatePiece");
  co_await services_.storage_limit.make_room(StorageLimit::Kind::kSmall);
  std::string name = wish.value("name", ""), parent;
  Json origin;
  CallResult result = co_await create_from(wish, name, parent, origin);
  PieceRow piece =
      co_await keep(std::move(result), std::move(name), std::move(parent), std::move(origin));
  co_return co_await piece_response(std::move(piece), 201);
}

Awaitable<Response> Api::get_piece(Request& request) {
  PieceRow piece = co_await piece_named(request.parameters[0]);
  co_return co_await piece_response(std::move(piece), 200);
}

Awaitable<Response> Api::change_piece(Request& request) {
  PieceRow piece = co_await piece_named(request.parameters[0]);
  const Json change = checked_body(request, "ChangePiece");
  const auto work = [&store = services_.store, id = piece.id, change]() -> Status {
    if (change.contains("name")) {
      HEMIOLA_CHECK(store.rename_piece(id, change["name"].get<std::string>()));
    }
    if (change.contains("deleted")) {
      HEMIOLA_CHECK(store.set_deleted(id, change["deleted"].get<bool>()));
    }
    return {};
  };
  value_of(co_await elsewhere(services_.storage, work));
  piece = co_await piece_named(piece.id);
  co_return json_response(summary_json(piece));
}

Awaitable<Response> Api::delete_piece(Request& request) {
  const PieceRow piece = co_await piece_named(request.parameters[0]);
  const auto work = [&store = services_.store, id = piece.id] {
    return store.set_deleted(id, true);
  };
  value_of(co_await elsewhere(services_.storage, work));
  Response response;
  response.status = 204;
  co_return response;
}

Awaitable<std::string> Api::project_of(std::string id) {
  const auto work = [&store = services_.store, &blobs = services_.blobs,
                     id]() -> Result<std::string> {
    HEMIOLA_TRY(const std::vector<PieceRow> line, store.lineage(id, kMostLineage));
    std::vector<worker::ProjectPiece> pieces;
    for (auto row = line.rbegin(); row != line.rend(); ++row) {
      worker::ProjectPiece piece;
      piece.name = row->name;
      piece.parent = static_cast<int>(pieces.size()) - 1;
      HEMIOLA_TRY(piece.midi, blobs.get(row->midi));
      piece.timing = row->timing;
      piece.origin = row->origin;
      piece.recipe = row->recipe;
      pieces.push_back(std::move(piece));
    }
    return worker::write_project(pieces);
  };
  co_return value_of(co_await elsewhere(services_.storage, work));
}

Awaitable<Response> Api::export_piece(Request& request) {
  const PieceRow piece = co_await piece_named(request.parameters[0]);
  const ExportFormat* format = nullptr;
  for (const ExportFormat& known : kExports) {
    if (known.name == request.parameters[1]) format = &known;
  }
  if (format == nullptr) {
    throw_api_error(404, "not_found",
                    "There are mid, musicxml, jianpu, tokens and project; sound comes from a "
                    "render job.");
  }
  Response response;
  if (format->name == "mid") {
    auto reader = value_of(services_.blobs.open(piece.midi));
    response = stored_response(request, std::move(reader), format->media_type, piece.midi, false);
  } else if (format->name == "project") {
    response.headers = {{"Content-Type", std::string(format->media_type)}};
    response.body = co_await project_of(piece.id);
  } else {
    Call call;
    call.message = {{"op", "export"},
                    {"format", std::string(format->name)},
                    {"title", piece.name},
                    {"timing", piece.timing}};
    call.blobs.push_back(value_of(services_.blobs.get(piece.midi)));
    call.store_blobs = false;
    CallResult result = co_await ask_worker(std::move(call));
    if (result.blobs.empty()) throw std::runtime_error("a worker's answer has no file");
    response.headers = {{"Content-Type", std::string(format->media_type)}};
    response.body = std::string(result.blobs[0].bytes.begin(), result.blobs[0].bytes.end());
  }
  response.headers.emplace_back("Content-Disposition", attachment(piece.name, format->ending));
  co_return response;
}

Awaitable<Response> Api::preview_notation(Request& request) {
  const Json body = checked_body(request, "Notation");
  Call call;
  call.message = {{"op", "notation"}};
  call.blobs.push_back(bytes_of(body["text"].get<std::string>()));
  call.wall = std::chrono::seconds(10);
  call.store_blobs = false;
  const CallResult result = co_await ask_worker(std::move(call));
  co_return json_response(result.done.at("view"));
}

}  // namespace hemiola::server
