#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>

#include "server/api.h"
#include "server/blob_store.h"
#include "server/guard.h"
#include "server/http.h"
#include "server/job_log.h"
#include "server/schema.h"
#include "server/store.h"
#include "server/studio_files.h"
#include "server/worker_pool.h"

namespace hemiola::server {
namespace {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "hemiola_server_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { fs::remove_all(path_); }
  const Path& path() const { return path_; }

 private:
  Path path_;
};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Request request_to(std::string method, std::string host, std::string origin = "") {
  Request request;
  request.method = std::move(method);
  request.address = "127.0.0.1";
  request.headers["host"] = std::move(host);
  if (!origin.empty()) request.headers["origin"] = std::move(origin);
  return request;
}

int status_of(Guard& guard, Request request, bool open = false) {
  try {
    guard.admit(request, open);
    return 200;
  } catch (const ApiError& error) {
    return error.status;
  }
}

// RFC 4231, test cases 1, 2 and 6.
TEST(Guard, HmacIsThatOfTheStandard) {
  EXPECT_EQ(hmac_sha256(std::string(20, '\x0b'), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_sha256("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_sha256(std::string(131, '\xaa'),
                        "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Guard, KnowsItsHostsAndPages) {
  GuardOptions options;
  options.hosts = {"studio.example"};
  Guard guard(options);
  EXPECT_EQ(status_of(guard, request_to("GET", "127.0.0.1:8380")), 200);
  EXPECT_EQ(status_of(guard, request_to("GET", "[::1]:8380")), 200);
  EXPECT_EQ(status_of(guard, request_to("GET", "localhost")), 200);
  EXPECT_EQ(status_of(guard, request_to("GET", "Studio.Example")), 200);
  EXPECT_EQ(status_of(guard, request_to("GET", "evil.example")), 403);
  EXPECT_EQ(status_of(guard, request_to("GET", "127.0.0.1.evil.example")), 403);
  EXPECT_EQ(status_of(guard, request_to("GET", "")), 403);
  EXPECT_EQ(status_of(guard, request_to("POST", "localhost:1", "http://localhost:1")), 200);
  EXPECT_EQ(status_of(guard, request_to("POST", "localhost:1", "http://localhost:2")), 403);
  EXPECT_EQ(status_of(guard, request_to("POST", "localhost:1", "null")), 403);
  EXPECT_EQ(status_of(guard, request_to("GET", "localhost:1", "https://evil.example")), 403);
  Request foreign = request_to("POST", "localhost");
  foreign.headers["sec-fetch-site"] = "cross-site";
  EXPECT_EQ(status_of(guard, foreign), 403);
}

TEST(Guard, AsksForTheToken) {
  GuardOptions options;
  options.login = true;
  options.token = "open sesame";
  options.secret = "s";
  Guard guard(options);
  Request request = request_to("GET", "localhost");
  EXPECT_EQ(status_of(guard, request), 401);
  EXPECT_EQ(status_of(guard, request, true), 200);
  request.headers["authorization"] = "Bearer open sesame";
  EXPECT_EQ(status_of(guard, request), 200);
  request.headers["authorization"] = "Bearer open sesami";
  EXPECT_EQ(status_of(guard, request), 401);
  request.headers.erase("authorization");
  EXPECT_THROW(guard.login(request, "no"), ApiError);
  const std::string set = guard.login(request, "open sesame");
  EXPECT_NE(set.find("HttpOnly; SameSite=Strict"), std::string::npos);
  request.headers["cookie"] = "a=b; " + set.substr(0, set.find(';'));
  EXPECT_EQ(status_of(guard, request), 200);
  request.headers["cookie"].back() ^= 1;
  EXPECT_EQ(status_of(guard, request), 401);
}

TEST(Guard, SlowsDownWhoAsksTooOften) {
  GuardOptions options;
  options.client_rate = 1;
  Guard guard(options);
  const Request request = request_to("GET", "localhost");
  int let_in = 0;
  for (int i = 0; i < 100; ++i) let_in += status_of(guard, request) == 200;
  EXPECT_GE(let_in, 4);
  EXPECT_LE(let_in, 10);
  EXPECT_EQ(status_of(guard, request), 429);
}

TEST(Http, ReadsQueriesAndWritesNames) {
  const auto query = parse_query("name=..%2Fa+b&x&y=%zz&=1");
  EXPECT_EQ(query.at("name"), "../a b");
  EXPECT_EQ(query.at("x"), "");
  EXPECT_FALSE(query.contains("y"));
  EXPECT_EQ(attachment("Für \"Elise\"\r\n/..", "mid"),
            "attachment; filename=\"F__r _Elise______.mid\"; "
            "filename*=UTF-8''F%C3%BCr%20%22Elise%22%0D%0A%2F...mid");
}

TEST(Http, AnswersRanges) {
  TempFolder folder;
  auto blobs = open_blob_folder(folder.path());
  const auto blob = (*blobs)->put(bytes_of("0123456789"));
  ASSERT_TRUE(blob);
  const auto part = [&](const std::string& range) {
    Request request;
    request.headers["range"] = range;
    Response response =
        stored_response(request, *(*blobs)->open(blob->hash), "text/plain", "tag", true);
    const auto* body = std::get_if<StoredBody>(&response.body);
    return std::tuple(response.status, body ? body->begin : 0, body ? body->size : 0);
  };
  EXPECT_EQ(part(""), std::tuple(200, 0u, 10u));
  EXPECT_EQ(part("bytes=2-4"), std::tuple(206, 2u, 3u));
  EXPECT_EQ(part("bytes=7-"), std::tuple(206, 7u, 3u));
  EXPECT_EQ(part("bytes=7-100"), std::tuple(206, 7u, 3u));
  EXPECT_EQ(part("bytes=-3"), std::tuple(206, 7u, 3u));
  EXPECT_EQ(part("bytes=10-"), std::tuple(416, 0u, 0u));
  EXPECT_EQ(part("bytes=4-2"), std::tuple(200, 0u, 10u));
  EXPECT_EQ(part("bytes=0-1,3-4"), std::tuple(200, 0u, 10u));
  Request same;
  same.headers["if-none-match"] = "\"tag\"";
  EXPECT_EQ(stored_response(same, *(*blobs)->open(blob->hash), "text/plain", "tag", true).status,
            304);
}

TEST(Blobs, AreKeptOnceAndWhole) {
  TempFolder folder;
  auto blobs = open_blob_folder(folder.path());
  ASSERT_TRUE(blobs);
  // SHA-256 of "abc", FIPS 180-4.
  const std::string hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ((*blobs)->put(bytes_of("abc"))->hash, hash);
  EXPECT_EQ((*blobs)->put(bytes_of("abc"))->hash, hash);
  EXPECT_EQ(*(*blobs)->get(hash), (Bytes{'a', 'b', 'c'}));
  EXPECT_FALSE((*blobs)->open("../../etc/passwd"));
  {
    auto half = (*blobs)->create();
    ASSERT_TRUE((*half)->write(bytes_of("half")));
  }
  EXPECT_TRUE(fs::is_empty(folder.path() / "tmp"));
  EXPECT_EQ((*blobs)->bytes(), 3u);
  EXPECT_EQ(*(*blobs)->sweep(3600, [](const std::string&) { return false; }), 0u);
  EXPECT_EQ(*(*blobs)->sweep(-1, [](const std::string&) { return true; }), 0u);
  EXPECT_EQ(*(*blobs)->sweep(-1, [](const std::string&) { return false; }), 3u);
  EXPECT_FALSE((*blobs)->open(hash));
  EXPECT_EQ((*blobs)->bytes(), 0u);
  EXPECT_TRUE((*blobs)->remove(hash));
  EXPECT_FALSE((*blobs)->remove("../lock"));
}

PieceRow piece_with(std::string id, std::string parent = "") {
  PieceRow piece;
  piece.id = std::move(id);
  piece.name = "name";
  piece.parent = std::move(parent);
  piece.created = utc_now();
  piece.origin = {{"kind", "typed"}};
  piece.summary = {{"bars", 1}};
  piece.timing = {{"mode", "auto"}};
  piece.midi = "m";
  piece.view = "v";
  return piece;
}

TEST(Store, RemembersAcrossOpenings) {
  TempFolder folder;
  const Path file = folder.path() / "x.db";
  const std::string a(32, 'a'), b(32, 'b');
  {
    auto store = open_sqlite(file);
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE((*store)->add_pieces({piece_with(a), piece_with(b, a)}));
    JobRow job;
    job.id = std::string(32, 'c');
    job.kind = "generate";
    job.state = "queued";
    job.request = {{"kind", "generate"}, {"text", "a 'quoted' \n text"}};
    ASSERT_TRUE((*store)->add_job(job));
    ASSERT_TRUE((*store)->rename_piece(a, "Other"));
    ASSERT_TRUE((*store)->add_file({"hash", "name", "midi", "audio/midi", utc_now(), 7}));
    ASSERT_TRUE((*store)->add_file({"hash", "again", "midi", "audio/midi", utc_now(), 7}));
  }
  auto store = open_sqlite(file);
  ASSERT_TRUE(store);
  EXPECT_EQ((*(*store)->piece(a))->name, "Other");
  EXPECT_EQ((*(*store)->piece(b))->parent, a);
  EXPECT_EQ((*store)->lineage(b, 10)->size(), 2u);
  EXPECT_EQ((*(*store)->file("hash"))->name, "again");
  const auto jobs = (*store)->jobs(10, true);
  ASSERT_EQ(jobs->size(), 1u);
  EXPECT_EQ(jobs->front().request["text"], "a 'quoted' \n text");
  EXPECT_FALSE(*(*store)->piece("none"));
}

TEST(Store, KeepsOnePieceOfEachVariation) {
  TempFolder folder;
  auto store = open_sqlite(folder.path() / "x.db");
  PieceRow first = piece_with(std::string(32, 'a')), second = piece_with(std::string(32, 'b'));
  first.job = second.job = "job";
  first.variation = second.variation = 1;
  EXPECT_EQ((*store)->add_pieces({first})->front(), first.id);
  EXPECT_EQ((*store)->add_pieces({second})->front(), first.id);
  EXPECT_EQ((*store)->pieces(10, "", false)->pieces.size(), 1u);
  EXPECT_EQ((*(*store)->piece(first.id))->job, "job");
  EXPECT_EQ((*(*store)->piece(first.id))->variation, 1);
  // All or none.
  EXPECT_FALSE((*store)->add_pieces({piece_with(std::string(32, 'c')), piece_with(first.id)}));
  EXPECT_EQ((*store)->pieces(10, "", false)->pieces.size(), 1u);
}

TEST(Store, ListsInPagesAndForgets) {
  TempFolder folder;
  auto store = open_sqlite(folder.path() / "x.db");
  for (char c : {'a', 'b', 'c'})
    ASSERT_TRUE((*store)->add_pieces({piece_with(std::string(32, c))}));
  const auto first = (*store)->pieces(2, "", false);
  ASSERT_EQ(first->pieces.size(), 2u);
  EXPECT_EQ(first->pieces[0].id[0], 'c');
  const auto rest = (*store)->pieces(2, first->next, false);
  ASSERT_EQ(rest->pieces.size(), 1u);
  EXPECT_EQ(rest->next, "");
  ASSERT_TRUE((*store)->set_deleted(std::string(32, 'b'), true));
  EXPECT_EQ((*store)->pieces(9, "", false)->pieces.size(), 2u);
  EXPECT_EQ((*store)->pieces(9, "", true)->pieces.size(), 3u);
  ASSERT_TRUE((*store)->forget(utc_ago(60)));
  EXPECT_EQ((*store)->pieces(9, "", true)->pieces.size(), 3u);
  ASSERT_TRUE((*store)->forget(utc_ago(-60)));
  EXPECT_EQ((*store)->pieces(9, "", true)->pieces.size(), 2u);
  EXPECT_THAT(*(*store)->wanted_blobs(), testing::UnorderedElementsAre("m", "v"));
}

TEST(Store, ForgetsFilesOfWhichNothingWasMade) {
  TempFolder folder;
  auto store = open_sqlite(folder.path() / "x.db");
  for (const char* hash : {"used", "heard", "asked", "alone"}) {
    ASSERT_TRUE((*store)->add_file({hash, "name", "audio", "audio/wav", utc_now(), 7}));
  }
  PieceRow piece = piece_with(std::string(32, 'a'));
  piece.origin = {{"kind", "imported"}, {"file", "used"}};
  ASSERT_TRUE((*store)->add_pieces({piece}));
  JobRow job;
  job.id = "job";
  job.kind = "transcribe";
  job.state = "queued";
  job.request = {{"kind", "transcribe"}, {"file", "asked"}};
  ASSERT_TRUE((*store)->add_job(job));
  ASSERT_TRUE((*store)->forget(utc_ago(60)));
  EXPECT_TRUE(*(*store)->file("alone"));
  ASSERT_TRUE((*store)->forget(utc_ago(-60)));
  EXPECT_THAT(*(*store)->wanted_blobs(), testing::UnorderedElementsAre("m", "v", "used", "asked"));
}

TEST(Store, KnowsWhatCanBeRenderedAgain) {
  TempFolder folder;
  auto store = open_sqlite(folder.path() / "x.db");
  ASSERT_TRUE((*store)->add_pieces({piece_with(std::string(32, 'a'))}));
  ASSERT_TRUE((*store)->add_file({"upload", "name", "audio", "audio/wav", utc_now(), 7}));
  // "old" is rendered once more, "upload" was handed in as well.
  int number = 0;
  for (const char* blob : {"old", "newer", "old", "upload", "m"}) {
    JobRow job;
    job.id = std::to_string(++number);
    job.kind = "render";
    job.state = "done";
    ASSERT_TRUE((*store)->add_job(job));
    job.outcome["sound"]["blob"] = blob;
    ASSERT_TRUE((*store)->update_job(job));
  }
  EXPECT_THAT(*(*store)->renewable_blobs(), testing::ElementsAre("newer", "old"));
}

std::string field_of(const char* schema, const char* json) {
  const auto wrong = mismatch(*parse_json(json, "test"), schema_named(schema));
  return wrong ? wrong->field + ": " + wrong->reason : std::string();
}

TEST(Schema, TakesWhatTheDescriptionSays) {
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "generate"})"), "");
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "generate", "bars": 8, "seed": "12",
                                       "controls": {"key": "C major"}})"),
            "");
  EXPECT_EQ(field_of("Edit", R"({"op": "add", "track": 1, "notes": [[0, 1, 2, 3]]})"), "");
  EXPECT_EQ(field_of("ChangePiece", R"({"name": "ü"})"), "");
}

TEST(Schema, NamesWhatIsWrong) {
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "generate", "bars": 0})"),
            "bars: is too small: at least 1");
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "generate", "bras": 1})"),
            "bras: is not known here");
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "generate", "controls": {"density": "4"}})"),
            "controls.density: expected integer, got string");
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "continue", "piece": "../x"})").substr(0, 6),
            "piece:");
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "continue"})"), "piece: is missing");
  EXPECT_EQ(field_of("JobRequest", R"({"kind": "sing"})").substr(0, 21), "kind: expected one of");
  EXPECT_EQ(field_of("JobRequest", "7").substr(0, 5), "kind:");
  EXPECT_EQ(field_of("Edit", R"({"op": "add", "track": 1, "notes": [[0, 1, 2]]})"),
            "notes[0]: is too short: at least 4");
}

TEST(Sniff, KnowsFilesByHowTheyBegin) {
  const auto type = [](std::string_view text) { return sniff(bytes_of(text)).type; };
  EXPECT_EQ(type("MThd....."), "midi");
  EXPECT_EQ(type("RIFF....RMIDdata"), "midi");
  EXPECT_EQ(type("RIFF....WAVEfmt "), "audio");
  EXPECT_EQ(type("\x1a\x45\xdf\xa3...."), "audio");
  EXPECT_EQ(type("1=C 4/4 | 1 1 5 5 |"), "notation");
  EXPECT_EQ(type("Form_whole Track_1 Program_0"), "tokens");
  EXPECT_EQ(type("{\"hemiola_project\":1,"), "project");
  EXPECT_EQ(type(std::string_view("\0\0\0\0", 4)), "unknown");
  EXPECT_EQ(type("PK\x03\x04"), "unknown");
}

class KeptEvents final : public EventWriter {
 public:
  Awaitable<bool> write(std::string part) override {
    text += part;
    co_return true;
  }
  std::string text;
};

TEST(JobLog, WhoComesLateMissesNothing) {
  boost::asio::io_context context;
  auto log = std::make_shared<JobLog>(context);
  KeptEvents early, late;
  const auto watch = [&](KeptEvents& events, std::string after) {
    boost::asio::co_spawn(context, JobLog::watch(log, std::move(after), events),
                          boost::asio::detached);
  };
  log->add("note", {{"pitch", 60}});
  watch(early, "");
  context.poll();
  log->add("note", {{"pitch", 62}});
  context.poll();
  watch(late, "1-1");
  log->end({{"state", "done"}});
  context.run();
  EXPECT_EQ(early.text,
            "id: 1-1\nevent: note\ndata: {\"pitch\":60}\n\n"
            "id: 1-2\nevent: note\ndata: {\"pitch\":62}\n\n"
            "id: 1-3\nevent: end\ndata: {\"state\":\"done\"}\n\n");
  EXPECT_EQ(late.text, early.text.substr(early.text.find("id: 1-2")));
}

TEST(JobLog, PartsOfASoundGoAtTheEnd) {
  boost::asio::io_context context;
  auto log = std::make_shared<JobLog>(context);
  KeptEvents early, late;
  boost::asio::co_spawn(context, JobLog::watch(log, "", early), boost::asio::detached);
  log->add("audio", {{"pcm", std::string(10000, 'A')}});
  context.poll();
  const std::size_t before = log->bytes();
  log->end(Json::object());
  boost::asio::co_spawn(context, JobLog::watch(log, "", late), boost::asio::detached);
  context.run();
  EXPECT_NE(early.text.find("AAAA"), std::string::npos);
  EXPECT_LT(log->bytes(), before / 10);
  EXPECT_EQ(late.text, ": over\n\nid: 1-2\nevent: end\ndata: {}\n\n");
  EXPECT_TRUE(early.text.ends_with("id: 1-2\nevent: end\ndata: {}\n\n"));
}

TEST(JobLog, ARestartBeginsAnew) {
  boost::asio::io_context context;
  auto log = std::make_shared<JobLog>(context);
  log->add("note", {{"pitch", 60}});
  log->restart(2, "again");
  log->end(Json::object());
  KeptEvents events;
  boost::asio::co_spawn(context, JobLog::watch(log, "1-1", events), boost::asio::detached);
  context.run();
  EXPECT_TRUE(events.text.starts_with("id: 2-1\nevent: restart\n")) << events.text;
  EXPECT_EQ(events.text.find("pitch"), std::string::npos);
}

// What comes of a call where each worker is this shell script, which talks on its standard input.
struct ShellCall {
  bool done = false;
  CallFailure failure;
  PoolFigures figures;
};
ShellCall call_shell(const std::string& script) {
  TempFolder folder;
  auto blobs = open_blob_folder(folder.path() / "blobs");
  boost::asio::io_context context;
  const std::string first = "mkdir " + (folder.path() / "first").string() + " 2>/dev/null";
  WorkerPool pool(context, **blobs, {"/bin/sh", "-c", "first() { " + first + "; }; " + script}, 0,
                  1);
  ShellCall result;
  const auto ask = [&]() -> Awaitable<void> {
    Call call;
    call.message["op"] = "describe";
    // A shell reads to the end of a line: so to the end of the request.
    call.blobs.push_back({'\n'});
    auto answer = co_await pool.call(std::move(call));
    result.done = answer.has_value();
    if (!answer) result.failure = answer.error();
  };
  boost::asio::co_spawn(context, ask(), boost::asio::detached);
  context.run();
  result.figures = pool.figures();
  return result;
}

TEST(WorkerPool, GivesARequestToAnotherOnlyIfTheFirstHadNotBegun) {
  const std::string begin = "read -r request; printf '\\1\\16\\0\\0\\0{\"begun\":true}' >&0; ";
  const std::string end = "printf '\\1\\13\\0\\0\\0{\"done\":{}}' >&0";
  const ShellCall second = call_shell("if first; then kill -SEGV $$; fi; " + begin + end);
  EXPECT_TRUE(second.done) << second.failure.message;
  EXPECT_EQ(second.figures.started, 2u);
  EXPECT_EQ(second.figures.ended_badly, 0u);
  // Each dies before it has the request: there is an end to it.
  const ShellCall none = call_shell("kill -SEGV $$");
  EXPECT_EQ(none.failure.message, "it crashed (signal 11)");
  EXPECT_EQ(none.figures.started, 3u);
  EXPECT_EQ(none.figures.ended_badly, 1u);
  const ShellCall stopped = call_shell("kill -KILL $$");
  EXPECT_EQ(stopped.failure.kind, CallFailure::Kind::kKilled);
  EXPECT_EQ(stopped.figures.started, 3u);
  // One dies of it.
  const ShellCall poisoned = call_shell(begin + "kill -SEGV $$");
  EXPECT_EQ(poisoned.failure.message, "it crashed (signal 11)");
  EXPECT_EQ(poisoned.figures.started, 1u);
  // One gives up by itself: the next would too.
  const ShellCall gave_up = call_shell("exit 1");
  EXPECT_EQ(gave_up.failure.kind, CallFailure::Kind::kEnded);
  EXPECT_EQ(gave_up.figures.started, 1u);
}

TEST(StudioFiles, ServesWhatIsThereAndNothingElse) {
  TempFolder folder;
  ASSERT_TRUE(write_text(folder.path() / "web/index.html", "<p>one"));
  ASSERT_TRUE(write_text(folder.path() / "web/assets/a-1.js", "let a"));
  ASSERT_TRUE(write_text(folder.path() / "web/assets/a-1.js.gz", "zipped"));
  ASSERT_TRUE(write_text(folder.path() / "secret", "s"));
  StudioFiles studio(folder.path() / "web");
  Request request;
  request.path = "/";
  Response response = studio.answer(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.headers,
              testing::Contains(std::pair<std::string, std::string>("Cache-Control", "no-cache")));
  request.path = "/assets/a-1.js";
  EXPECT_THAT(studio.answer(request).headers,
              testing::Contains(std::pair<std::string, std::string>(
                  "Content-Type", "text/javascript; charset=utf-8")));
  request.headers["accept-encoding"] = "gzip, br";
  EXPECT_EQ(*std::get<std::shared_ptr<const std::string>>(studio.answer(request).body), "zipped");
  for (const char* path :
       {"/../secret", "/assets/../../secret", "//", "/assets", "/a-1.js", "/assets/a-1.js.gz"}) {
    request.path = path;
    EXPECT_THROW(studio.answer(request), ApiError) << path;
  }
}

}  // namespace
}  // namespace hemiola::server
