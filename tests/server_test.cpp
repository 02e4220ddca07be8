// The server as a whole, with the bundled model: every route, streaming, cancels, hostile files.
// Answers are checked against the description that the server gives.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>

#include "base/files.h"
#include "base/rng.h"
#include "compose/untrained_for_tests.h"
#include "server/schema.h"
#include "tests/server_fixture.h"

namespace hemiola {
namespace {

TEST_F(Server, AnswersAtItsFixedAddresses) {
  EXPECT_EQ(server_->get("/healthz")["status"], "ok");
  EXPECT_EQ(server_->ask("HEAD", "/healthz").status, 200);
  EXPECT_EQ(server_->get("/openapi.json"), server::openapi());
  const std::string metrics = server_->ask("GET", "/metrics").body;
  EXPECT_THAT(metrics, testing::HasSubstr("\nhemiola_jobs_running 0\n"));
  const Json info = server_->get("/api/v1/info");
  expect_form(info, "Info");
  EXPECT_EQ(info["instruments"].size(), 128u);
  EXPECT_GT(info["model"]["parameters"], 1'000'000);
}

// Each operation of the description has a route, and nothing else has.
TEST_F(Server, DoesWhatItsDescriptionSays) {
  const std::set<std::string> methods = {"get", "post", "put", "patch", "delete"};
  for (const auto& [pattern, operations] : server::openapi()["paths"].items()) {
    std::string path = pattern;
    for (std::size_t at; (at = path.find('{')) != std::string::npos;) {
      path.replace(at, path.find('}') - at + 1, std::string(32, '0'));
    }
    for (const std::string& method : methods) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(c - 32);
      const Reply reply = server_->ask(upper, path, method == "get" ? "" : "{}");
      const bool described = operations.contains(method);
      EXPECT_EQ(reply.status != 405, described) << upper << " " << path;
      if (reply.status >= 400) expect_form(reply.json(), "Error");
    }
  }
}

TEST_F(Server, StreamsNotesWhileTheyAreWritten) {
  const auto start = std::chrono::steady_clock::now();
  const Reply accepted = server_->post(
      "/api/v1/jobs", {{"kind", "generate"}, {"bars", 8}, {"seed", "7"}, {"count", 2}});
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  expect_form(accepted.json(), "Job");
  const std::string id = accepted.json()["id"].get<std::string>();
  const auto events = server_->watch(id);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(events.empty());
  const Json& forms = server::schema_named("Events")["properties"];
  std::map<std::string, int> count;
  for (const auto& event : events) {
    ++count[event.name];
    ASSERT_TRUE(forms.contains(event.name)) << event.name;
    EXPECT_FALSE(server::mismatch(event.data, forms[event.name])) << json_text(event.data);
  }
  EXPECT_EQ(events.back().name, "end");
  EXPECT_EQ(events.back().data["state"], "done");
  EXPECT_EQ(count["bar"], 16);
  EXPECT_EQ(count["piece"], 2);
  EXPECT_GT(count["note"], 16);
  RecordProperty("seconds", std::to_string(took.count()));

  const Json job = server_->get("/api/v1/jobs/" + id);
  expect_form(job, "Job");
  EXPECT_EQ(job["progress"]["done"], 1);
  for (std::size_t variation = 0; variation < 2; ++variation) {
    const Json piece = piece_of(job, variation);
    expect_form(piece, "Piece");
    EXPECT_EQ(piece["recipe"]["kind"], "generate");
    // What was told is what is kept, under the numbers that the event says: a track that stayed
    // silent is not kept.
    const auto end = std::find_if(events.begin(), events.end(), [&](const auto& event) {
      return event.name == "piece" && event.data["variation"] == variation + 1;
    });
    ASSERT_NE(end, events.end());
    const Json numbers = end->data["tracks"];
    EXPECT_EQ(job["pieces"][variation]["tracks"], numbers);
    ASSERT_EQ(numbers.size(), piece["view"]["tracks"].size());
    std::multiset<std::string> told, kept;
    for (const auto& event : events) {
      if (event.name != "note" || event.data["variation"] != variation + 1) continue;
      told.insert(fmt::format("{} {} {} {}", json_text(event.data["track"]),
                              json_text(event.data["onset"]), json_text(event.data["pitch"]),
                              json_text(event.data["velocity"])));
    }
    std::size_t number = 0;
    for (const Json& track : piece["view"]["tracks"]) {
      const std::string told_as = json_text(numbers[number++]);
      for (const Json& note : track["notes"]) {
        kept.insert(fmt::format("{} {} {} {}", told_as, json_text(note[0]), json_text(note[2]),
                                json_text(note[3])));
      }
    }
    EXPECT_EQ(told, kept);
  }
  // Who comes back goes on where they were; who comes late misses nothing.
  const std::string half = events[events.size() / 2].id;
  EXPECT_EQ(server_->watch(id, {{"Last-Event-ID", half}}).size(),
            events.size() - events.size() / 2 - 1);
  EXPECT_EQ(server_->watch(id).size(), events.size());
}

// Which variation a piece is says something only beside the job, which a project does not bring.
TEST_F(Server, TellsTheVariationsOfAJobApart) {
  const Json job = server_->finished({{"kind", "generate"}, {"bars", 1}, {"count", 3}});
  ASSERT_EQ(job["pieces"].size(), 3u) << json_text(job);
  std::map<Json, Json> listed;  // origins by the piece's id
  const Json list = server_->get("/api/v1/pieces");
  for (const Json& piece : list["pieces"]) listed[piece["id"]] = piece["origin"];
  for (std::size_t variation = 0; variation < 3; ++variation) {
    const Json piece = piece_of(job, variation);
    EXPECT_EQ(piece["origin"]["job"], job["id"]);
    EXPECT_EQ(piece["origin"]["variation"], variation + 1);
    EXPECT_EQ(listed[piece["id"]], piece["origin"]);
  }

  const std::string last = job["pieces"][2]["piece"].get<std::string>();
  Json project = server_->get("/api/v1/pieces/" + last + "/export/project");
  for (const bool told : {false, true}) {
    if (told) project["pieces"][0]["origin"]["variation"] = 2;
    const Reply opened = import(json_text(project));
    ASSERT_EQ(opened.status, 201) << opened.body;
    const Json origin = opened.json()["origin"];
    EXPECT_EQ(origin["kind"], "generated");
    EXPECT_FALSE(origin.contains("job") || origin.contains("variation")) << json_text(origin);
  }
}

// A track that stays silent is not kept: here perhaps the flute's, whose only bar is cut off. What
// the event says still tells which track is which.
TEST_F(Server, TellsWhatBecameOfItsTracks) {
  Json flute = Json::array(), piano = Json::array();
  for (int beat = 0; beat < 4; ++beat) {
    flute.push_back({288 + 24 * beat, 24, 76 + beat, 80});
    for (int bar = 0; bar < 4; ++bar) piano.push_back({96 * bar + 24 * beat, 24, 60 + bar, 80});
  }
  const Json made = {
      {"from", "notes"},
      {"unit", "ticks"},
      {"tracks", {{{"program", 73}, {"notes", flute}}, {{"program", 0}, {"notes", piano}}}}};
  const Reply parent = server_->post("/api/v1/pieces", made);
  ASSERT_EQ(parent.status, 201) << parent.body;
  for (const char* seed : {"1", "2", "3"}) {
    const Json wish = {{"kind", "continue"},
                       {"piece", parent.json()["id"]},
                       {"from_bar", 4},
                       {"bars", 1},
                       {"seed", seed}};
    const std::string id = server_->post("/api/v1/jobs", wish).json()["id"].get<std::string>();
    std::map<int, Json> told;
    std::map<int, std::size_t> notes = {{2, 12}};  // of the piano, in the bars that stay
    Json numbers;
    for (const auto& event : server_->watch(id)) {
      if (event.name == "track") told[event.data["track"].get<int>()] = event.data;
      if (event.name == "note") ++notes[event.data["track"].get<int>()];
      if (event.name == "piece") numbers = event.data["tracks"];
    }
    const Json piece = piece_of(server_->get("/api/v1/jobs/" + id));
    ASSERT_EQ(piece["tracks"].size(), numbers.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const int number = numbers[i].get<int>();
      EXPECT_EQ(piece["tracks"][i]["program"], told[number]["program"]);
      EXPECT_EQ(piece["view"]["tracks"][i]["notes"].size(), notes[number]);
    }
    EXPECT_EQ(numbers.size(), notes.size());
  }
}

TEST_F(Server, TheSameRecipeMakesTheSamePiece) {
  const Json first = piece_of(server_->finished({{"kind", "generate"}, {"bars", 4}}));
  ASSERT_TRUE(first.is_object());
  Json again = first["recipe"]["settings"];
  again["kind"] = first["recipe"]["kind"];
  again["seed"] = first["recipe"]["seed"];
  EXPECT_EQ(piece_of(server_->finished(again))["midi"], first["midi"]);
}

TEST_F(Server, GoesOnWithoutTouchingWhatIsThere) {
  const Json parent = typed(kTune);
  expect_form(parent, "Piece");
  const Json job = server_->finished(
      {{"kind", "continue"}, {"piece", parent["id"]}, {"bars", 4}, {"name", "goes on"}});
  EXPECT_EQ(job["state"], "done") << json_text(job);
  const Json piece = piece_of(job);
  expect_form(piece, "Piece");
  EXPECT_EQ(piece["name"], "goes on");
  EXPECT_EQ(piece["parent"], parent["id"]);
  EXPECT_EQ(piece["origin"]["first_bar"], 9);
  const Json &old_notes = parent["view"]["tracks"][0]["notes"],
             &new_notes = piece["view"]["tracks"][0]["notes"];
  ASSERT_GE(new_notes.size(), old_notes.size());
  for (std::size_t i = 0; i < old_notes.size(); ++i) EXPECT_EQ(new_notes[i], old_notes[i]);

  const Json anew = piece_of(server_->finished(
      {{"kind", "infill"}, {"piece", parent["id"]}, {"first_bar", 3}, {"last_bar", 4}}));
  expect_form(anew, "Piece");
  for (const Json& note : old_notes) {
    const int onset = note[0].get<int>();
    if (onset >= 144 && onset < 288) continue;
    EXPECT_THAT(anew["view"]["tracks"][0]["notes"], testing::Contains(note));
  }

  const Json band = piece_of(server_->finished(
      {{"kind", "accompany"}, {"piece", parent["id"]}, {"controls", {{"instruments", "bass"}}}}));
  ASSERT_EQ(band["view"]["tracks"].size(), 2u) << json_text(band);
  EXPECT_EQ(band["view"]["tracks"][0]["notes"], old_notes);
}

TEST_F(Server, ACancelKeepsWhatIsWritten) {
  const Reply accepted = server_->post("/api/v1/jobs", {{"kind", "generate"}, {"bars", 500}});
  const std::string id = accepted.json()["id"].get<std::string>();
  server_->watch(id, {}, [](const Event& event) {
    return event.name == "bar" && event.data["bar"]["number"] == 6;
  });
  EXPECT_EQ(server_->ask("DELETE", "/api/v1/jobs/" + id).status, 200);
  server_->watch(id);
  const Json job = server_->get("/api/v1/jobs/" + id);
  EXPECT_EQ(job["state"], "cancelled");
  const Json piece = piece_of(job);
  expect_form(piece, "Piece");
  EXPECT_EQ(piece["recipe"]["complete"], false);
  EXPECT_GE(piece["bars"], 3);
  EXPECT_LT(piece["bars"], 500);
  for (const Json& note : piece["view"]["tracks"][0]["notes"]) {
    const Json& last = piece["view"]["bars"].back();
    EXPECT_LT(note[0].get<int>(), last["start"].get<int>() + last["length"].get<int>());
  }
}

TEST_F(Server, EditsStayAndExportsReadBack) {
  const Json parent = typed(kTune);
  const Reply edited = server_->post(
      "/api/v1/pieces",
      {{"from", "edits"},
       {"parent", parent["id"]},
       {"edits",
        {{{"op", "change"}, {"track", 1}, {"notes", {{{"at", {0, 67}}, {"to", {0, 12, 74, 33}}}}}},
         {{"op", "add_track"}, {"program", 32}},
         {{"op", "add"}, {"track", 2}, {"notes", {{0, 72, 43, 90}, {72, 72, 45, 90}}}},
         {{"op", "tempo"}, {"tempo", 90}}}}});
  ASSERT_EQ(edited.status, 201) << edited.body;
  const Json piece = edited.json();
  expect_form(piece, "Piece");
  EXPECT_EQ(piece["view"]["tracks"][0]["notes"][0], Json::array({0, 12, 74, 33}));
  EXPECT_EQ(piece["view"]["tracks"][1]["notes"].size(), 2u);
  EXPECT_NEAR(piece["tempo"].get<double>(), 90, 0.01);

  const std::string path = "/api/v1/pieces/" + piece["id"].get<std::string>();
  for (const char* format : {"mid", "jianpu", "tokens", "project"}) {
    const Reply file = server_->ask("GET", path + "/export/" + format);
    ASSERT_EQ(file.status, 200) << format << file.body;
    EXPECT_THAT(file.headers.at("content-disposition"), testing::StartsWith("attachment; "));
    const Reply again = import(file.body);
    ASSERT_EQ(again.status, 201) << format << again.body;
    const Json notes = again.json()["view"]["tracks"];
    ASSERT_EQ(notes.size(), 2u) << format;
    const bool exact = std::string_view(format) == "mid" || std::string_view(format) == "project";
    for (std::size_t track = 0; track < 2; ++track) {
      const Json& old = piece["view"]["tracks"][track]["notes"];
      ASSERT_EQ(notes[track]["notes"].size(), old.size()) << format;
      for (std::size_t i = 0; i < old.size(); ++i) {
        Json a = notes[track]["notes"][i], b = old[i];
        // Texts have velocity in classes of eight.
        if (!exact) a[3] = a[3].get<int>() / 8, b[3] = b[3].get<int>() / 8;
        EXPECT_EQ(a, b) << format;
      }
    }
    if (std::string_view(format) == "project") {
      EXPECT_EQ(again.json()["name"], piece["name"]);
      EXPECT_EQ(again.json()["origin"], piece["origin"]);
      EXPECT_TRUE(again.json()["parent"].is_string());
    }
  }
  // A story that is no story is not retold.
  Json project = server_->get(path + "/export/project");
  project["pieces"][0]["origin"] = {{"kind", "stolen"}, {"file", "../x"}};
  project["pieces"][1]["recipe"] = {{"seed", Json::array()}};
  const Json bent = import(json_text(project)).json();
  expect_form(bent, "Piece");
  EXPECT_TRUE(bent["recipe"].is_null());
  const Json root = server_->get("/api/v1/pieces/" + bent["parent"].get<std::string>());
  EXPECT_EQ(root["origin"]["kind"], "imported");
  const Reply score = server_->ask("GET", path + "/export/musicxml");
  EXPECT_THAT(score.body, testing::HasSubstr("<score-partwise"));
  EXPECT_EQ(server_->ask("GET", path + "/export/exe").status, 404);
}

TEST_F(Server, KeepsTheTree) {
  const Json parent = typed(kTune);
  const std::string path = "/api/v1/pieces/" + parent["id"].get<std::string>();
  EXPECT_EQ(server_->ask("PATCH", path, R"({"name": "Ländler"})").json()["name"], "Ländler");
  EXPECT_EQ(server_->ask("DELETE", path).status, 204);
  const auto listed = [&](const char* query) {
    const Json pieces = server_->get(std::string("/api/v1/pieces") + query);
    expect_form(pieces, "Pieces");
    for (const Json& piece : pieces["pieces"]) {
      if (piece["id"] == parent["id"]) return true;
    }
    return false;
  };
  EXPECT_FALSE(listed(""));
  EXPECT_TRUE(listed("?deleted=true"));
  EXPECT_EQ(server_->ask("PATCH", path, R"({"deleted": false})").status, 200);
  EXPECT_TRUE(listed(""));
}

TEST_F(Server, PlayedNotesBecomeAPiece) {
  Json notes = Json::array();
  for (int i = 0; i < 16; ++i) notes.push_back({0.5 * i + 0.01 * (i % 3), 0.4, 60 + i % 5, 80});
  const Reply reply = server_->post("/api/v1/pieces", {{"from", "notes"},
                                                       {"unit", "seconds"},
                                                       {"timing", "written"},
                                                       {"tracks", {{{"notes", notes}}}}});
  ASSERT_EQ(reply.status, 201) << reply.body;
  const Json piece = reply.json();
  EXPECT_EQ(piece["bars"], 4);
  EXPECT_EQ(piece["view"]["tracks"][0]["notes"][5][0], 120);
  const Reply moved = server_->post(
      "/api/v1/pieces", {{"from", "beats"},
                         {"parent", piece["id"]},
                         {"beats", {{"tempo", 120}, {"metre", "3/4"}, {"first_downbeat", 0.5}}}});
  ASSERT_EQ(moved.status, 201) << moved.body;
  EXPECT_EQ(moved.json()["metre"], "3/4");
  EXPECT_EQ(moved.json()["midi"], piece["midi"]);
}

TEST_F(Server, HasAsManyBarsAsWereAskedFor) {
  for (int seed = 1; seed <= 12; ++seed) {
    const Json piece = piece_of(
        server_->finished({{"kind", "generate"}, {"bars", 4}, {"seed", std::to_string(seed)}}));
    EXPECT_EQ(piece["bars"], 4) << seed;
    const Json more =
        piece_of(server_->finished({{"kind", "continue"}, {"piece", piece["id"]}, {"bars", 2}}));
    EXPECT_EQ(more["bars"], 6) << seed;
  }
}

TEST_F(Server, MeasuresAPiece) {
  const Json job = server_->finished({{"kind", "evaluate"}, {"piece", typed(kTune)["id"]}});
  EXPECT_EQ(job["state"], "done") << json_text(job);
  EXPECT_EQ(job["result"]["measures"]["scale_consistency"], 1);
  EXPECT_NEAR(job["result"]["measures"]["pitch_range"].get<double>(), 9, 0.01);
}

TEST_F(Server, SaysWhereNotationIsWrong) {
  const Reply good = server_->post("/api/v1/notation", {{"text", kTune}});
  ASSERT_EQ(good.status, 200) << good.body;
  expect_form(good.json(), "View");
  const Reply bad = server_->post("/api/v1/notation", {{"text", "1=C 4/4\n| 1 1 5 x |"}});
  EXPECT_EQ(bad.status, 422);
  expect_form(bad.json(), "Error");
  EXPECT_EQ(bad.json()["error"]["line"], 2);
  EXPECT_EQ(bad.json()["error"]["column"], 9);
}

TEST_F(Server, RefusesWhatItCannotDoInWords) {
  const auto code = [](const Reply& reply) {
    expect_form(reply.json(), "Error");
    return reply.json()["error"]["code"].get<std::string>();
  };
  EXPECT_EQ(code(server_->ask("POST", "/api/v1/jobs", "{")), "bad_request");
  EXPECT_EQ(code(server_->post("/api/v1/jobs", {{"kind", "generate"}, {"bras", 8}})),
            "bad_request");
  const bool waveform = server_->get("/api/v1/info")["capabilities"]["waveform"].get<bool>();
  EXPECT_EQ(code(server_->post("/api/v1/jobs", {{"kind", "waveform"},
                                                {"piece", std::string(32, '0')},
                                                {"file", std::string(64, '0')}})),
            waveform ? "bad_request" : "not_available");
  EXPECT_EQ(
      code(server_->post("/api/v1/jobs", {{"kind", "continue"}, {"piece", std::string(32, '0')}})),
      "not_found");
  const Json job =
      server_->finished({{"kind", "generate"}, {"controls", {{"style", "no such style"}}}});
  EXPECT_EQ(job["state"], "failed");
  EXPECT_THAT(job["error"]["message"].get<std::string>(), testing::HasSubstr("no such style"));
}

TEST_F(Server, LetsNoOtherSiteIn) {
  EXPECT_EQ(server_->ask("GET", "/api/v1/info", "", {{"Host", "evil.example"}}).status, 403);
  EXPECT_EQ(server_->ask("POST", "/api/v1/jobs", "{}", {{"Origin", "http://evil.example"}}).status,
            403);
  const Reply page = server_->ask("GET", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.headers.at("content-security-policy"), testing::HasSubstr("default-src 'none'"));
  EXPECT_EQ(page.headers.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(server_->ask("GET", "/../../etc/passwd").status, 404);
  EXPECT_EQ(server_->ask("GET", "/..%2f..%2fetc/passwd").status, 404);
  EXPECT_EQ(server_->ask("GET", "/api/v1/files/../../etc/passwd").status, 404);
}

TEST_F(Server, HostileFilesEndInClearErrors) {
  Rng rng(1);
  std::string noise(1 << 20, '\0');
  for (char& c : noise) c = static_cast<char>(rng.next());
  const std::string head("MThd\0\0\0\6\0\1\0\2\1\xe0", 14);
  std::map<std::string, std::string> files = {
      {"noise", noise},
      {"a header and noise", head + noise},
      {"no notes", head + std::string("MTrk\0\0\0\4\0\xff\x2f\0", 12)},
      {"an endless wave", std::string("RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0", 20) + noise},
      {"a zip", std::string("PK\x03\x04") + noise},
      {"deep JSON", "{\"hemiola_project\":1,\"pieces\":" + std::string(500'000, '[')},
      {"a project of nonsense",
       R"({"hemiola_project":1,"pieces":[{"name":"../../x","midi":"TVRoZA==",
         "origin":{"kind":"typed"},"timing":{"mode":"performed","beats":[0,1e300]}}]})"},
      {"endless notation", "1=C 4/4 |" + std::string(2'000'000, '(')},
      {"notation of one long bar", "1=C 32/1 | 1 " + std::string(200'000, '-') + "|"},
      {"tokens", "Form_whole " + std::string(100'000, 'x')},
  };
  for (const auto& [name, bytes] : files) {
    const Reply reply = import(bytes);
    EXPECT_EQ(reply.status, 422) << name << ": " << reply.body.substr(0, 300);
    expect_form(reply.json(), "Error");
    EXPECT_GT(reply.json()["error"]["message"].get<std::string>().size(), 10u) << name;
  }
  // What can be mended is.
  EXPECT_EQ(import(head + std::string("MTrk\xff\xff\xff\xff\0\x90\x3c\x40", 12)).status, 201);
  // Many notes at one place, far apart in time, in as few bytes as can be.
  std::string dense = head + "MTrk";
  std::string events;
  for (int i = 0; i < 200'000; ++i) events += std::string("\xff\xff\xff\x7f\x90\x3c\x40", 7);
  dense += {static_cast<char>(events.size() >> 24), static_cast<char>(events.size() >> 16),
            static_cast<char>(events.size() >> 8), static_cast<char>(events.size())};
  EXPECT_EQ(import(dense + events).status, 422);

  EXPECT_EQ(upload("MThd", "..%2F..%2Fetc%2Fpasswd")["name"], "../../etc/passwd");
  EXPECT_EQ(server_->ask("POST", "/api/v1/files", "").status, 400);
  // Refused before it is sent.
  Socket socket(server_->port());
  socket.send(
      fmt::format("POST /api/v1/files HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n"
                  "Content-Length: 99999999999\r\n\r\n",
                  server_->port()));
  EXPECT_THAT(socket.receive(), testing::StartsWith("HTTP/1.1 413"));
  for (const char* text :
       {"GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\nHost: \r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
        "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
        "chunked\r\n\r\nzz\r\n"}) {
    Socket hostile(server_->port());
    hostile.send(text);
    hostile.receive();
  }
  EXPECT_EQ(server_->get("/healthz")["status"], "ok");
}

TEST(ServerForOthers, AsksForItsToken) {
  TempFolder folder;
  TestServer server(folder.path(), {"--login", "--token", "open sesame"});
  EXPECT_EQ(server.ask("GET", "/healthz").status, 200);
  EXPECT_EQ(server.ask("GET", "/").status, 200);
  EXPECT_EQ(server.ask("GET", "/api/v1/info").status, 401);
  EXPECT_EQ(server.ask("GET", "/metrics").status, 401);
  EXPECT_EQ(server.post("/api/v1/login", {{"token", "no"}}).status, 401);
  const Reply in = server.post("/api/v1/login", {{"token", "open sesame"}});
  ASSERT_EQ(in.status, 204);
  const std::string cookie = in.headers.at("set-cookie");
  EXPECT_EQ(server.ask("GET", "/api/v1/info", "", {{"Cookie", cookie.substr(0, cookie.find(';'))}})
                .status,
            200);
  EXPECT_NE(server.stop(SIGTERM), -1);
}

// A model that comes to bars too dense for its context.
TEST(ServerModel, TellsWhatItLeavesOut) {
  TempFolder folder;
  save_untrained_model(folder.path() / "model", 160);
  const auto data = folder.path() / "data";
  const std::vector<std::string> options = {"--model", (folder.path() / "model").string()};
  const Json wish = {{"kind", "generate"}, {"bars", 4}, {"count", 16}, {"seed", "1"}};
  Json job;
  std::string events;
  {
    TestServer server(data, options);
    job = server.finished(wish);
    events = server.ask("GET", "/api/v1/jobs/" + job["id"].get<std::string>() + "/events").body;
  }
  EXPECT_EQ(job["state"], "done");
  expect_form(job, "Job");
  ASSERT_FALSE(job["left_out"].empty());
  std::set<Json> numbers;
  for (const char* list : {"pieces", "left_out"}) {
    for (const Json& entry : job[list]) numbers.insert(entry["variation"]);
  }
  EXPECT_EQ(numbers.size(), 16u);
  EXPECT_EQ(job["pieces"].size() + job["left_out"].size(), 16u);
  TestServer again(data, options);  // which has forgotten the job's notes
  const std::string told =
      again.ask("GET", "/api/v1/jobs/" + job["id"].get<std::string>() + "/events").body;
  for (const Json& missing : job["left_out"]) {
    EXPECT_THAT(missing["message"].get<std::string>(), testing::HasSubstr("too dense"));
    for (const std::string& stream : {events, told}) {
      EXPECT_THAT(stream, testing::HasSubstr("event: left_out\ndata: " + json_text(missing)));
    }
  }
}

TEST(ServerData, IsUsedByOneServerAtATime) {
  TempFolder folder;
  TestServer server(folder.path());
  const std::string second = fmt::format("{} serve --port 0 --data {} > /dev/null 2>&1",
                                         HEMIOLA_BINARY, folder.path().string());
  EXPECT_EQ(WEXITSTATUS(std::system(second.c_str())), 1);
  const int status = server.stop(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace hemiola
