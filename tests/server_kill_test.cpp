// The server and its workers, killed at any moment while jobs of all kinds run: no accepted job is
// lost, no half file is kept, and what could not be done says so. HEMIOLA_TEST_FULL=1: 50 times.
#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/files.h"
#include "base/hash.h"
#include "base/rng.h"
#include "data/source.h"
#include "tests/server_client.h"

namespace hemiola {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTune =
    "1=G 3/4 q=120 | 1 3 5 | 6 5 3 | 2 2 5 | 1 - - | 1 3 5 | 6 5 3 | 2 2 5 | 1 - - |";

// The worker processes below `pid`: what holds each of them apart, and itself.
std::vector<int> workers_below(int pid) {
  std::vector<int> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const int child = std::atoi(entry.path().filename().c_str());
    if (child == 0) continue;
    const auto stat = read_text(entry.path() / "stat", 4096);
    const auto line = read_text(entry.path() / "cmdline", 65536);
    if (!stat || !line) continue;
    const std::size_t close = stat->rfind(')');
    if (close == std::string::npos || close + 4 >= stat->size()) continue;
    if (std::atoi(stat->c_str() + close + 4) != pid) continue;
    if (line->find("worker") == std::string::npos) continue;
    found.push_back(child);
    for (int deeper : workers_below(child)) found.push_back(deeper);
  }
  return found;
}

class Killed : public testing::Test {
 protected:
  Killed() : server_(folder_.path(), {"--music-jobs", "2", "--sound-jobs", "2"}) {
    piece_ = server_.post("/api/v1/pieces", {{"from", "notation"}, {"text", kTune}}).json()["id"];
    can_ = server_.get("/api/v1/info")["capabilities"];
    kinds_ = {"generate", "continue", "infill", "accompany", "evaluate"};
    if (can_["novelty"] == true) kinds_.push_back("novelty");
    if (can_["render"] != true) return;
    kinds_.push_back("render");
    if (can_["transcribe"] != true) return;
    kinds_.push_back("transcribe");
    const Json sound = server_.finished({{"kind", "render"}, {"piece", piece_}})["sound"];
    const std::string wave = server_.ask("GET", sound["url"].get<std::string>()).body;
    sound_ = server_.ask("POST", "/api/v1/files?name=tune.wav", wave).json()["id"];
  }

  // A job of any kind; false where the server has too many already.
  bool submit() {
    const std::string kind = kinds_[rng_.below(kinds_.size())];
    Json request = {{"kind", kind}};
    if (kind != "generate" && kind != "transcribe") request["piece"] = piece_;
    if (kind == "transcribe") request["file"] = sound_;
    if (kind == "render") request["format"] = rng_.below(2) == 0 ? "wav" : "flac";
    if (kind == "generate" || kind == "continue") request["bars"] = rng_.between(2, 24);
    if (kind == "infill") request["first_bar"] = 3, request["last_bar"] = 5;
    if (kind == "accompany") request["controls"]["instruments"] = "bass";
    const Reply reply = server_.post("/api/v1/jobs", request);
    if (reply.status == 429) return false;
    EXPECT_EQ(reply.status, 202) << reply.body;
    accepted_.push_back(reply.json()["id"].get<std::string>());
    return true;
  }

  void wait_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(rng_.below(400))); }

  // All accepted jobs have ended, and what came of them is whole. How many were given up.
  std::size_t expect_whole() {
    std::size_t given_up = 0;
    std::set<std::string> kinds;
    for (const std::string& id : accepted_) {
      server_.watch(id);
      const Json job = server_.get("/api/v1/jobs/" + id);
      if (job["state"] == "failed") {
        EXPECT_EQ(job["error"]["code"], "worker_failed");
        EXPECT_TRUE(job["pieces"].empty());
        ++given_up;
        continue;
      }
      EXPECT_EQ(job["state"], "done") << json_text(job);
      kinds.insert(job["kind"].get<std::string>());
      if (job["kind"] == "render") {
        const std::string body = server_.ask("GET", job["sound"]["url"].get<std::string>()).body;
        EXPECT_EQ(to_hex(Sha256().update(body).finish()), job["sound"]["blob"]);
      } else if (job["kind"] == "evaluate" || job["kind"] == "novelty") {
        EXPECT_TRUE(job["result"].is_object()) << json_text(job);
      } else {
        EXPECT_EQ(job["pieces"].size(), 1u) << json_text(job);
        for (const Json& entry : job["pieces"]) {
          const Reply midi = server_.ask("GET", fmt::format("/api/v1/pieces/{}/export/mid",
                                                            entry["piece"].get<std::string>()));
          EXPECT_EQ(midi.status, 200);
          EXPECT_TRUE(data::source_from_midi(
              {reinterpret_cast<const std::uint8_t*>(midi.body.data()), midi.body.size()}));
        }
      }
    }
    if (accepted_.size() > 100) {
      EXPECT_EQ(kinds.size(), kinds_.size());
    }
    // Every blob is what its name says.
    for (const auto& item : fs::recursive_directory_iterator(folder_.path() / "blobs")) {
      if (!item.is_regular_file()) continue;
      EXPECT_EQ(to_hex(sha256(*read_file(item.path()))), item.path().filename().string());
    }
    return given_up;
  }

  static std::size_t rounds() { return std::getenv("HEMIOLA_TEST_FULL") != nullptr ? 50 : 4; }

  TempFolder folder_;
  TestServer server_;
  Rng rng_{7};
  Json can_;
  std::vector<std::string> kinds_;
  std::string piece_, sound_;
  std::vector<std::string> accepted_;
};

TEST_F(Killed, TheServerLosesNoJobThatItAccepted) {
  for (std::size_t round = 0; round < rounds(); ++round) {
    for (int i = 0; i < 3; ++i) submit();
    wait_a_moment();
    server_.stop(SIGKILL);
    server_.start();
  }
  EXPECT_GE(accepted_.size(), 12u);
  // A job that was under way ten times when the server was killed is given up; four are at once.
  EXPECT_LE(expect_whole() * 10, 4 * rounds());
}

TEST_F(Killed, WorkersLoseNoJobThatWasAccepted) {
  std::size_t kills = 0;
  for (std::size_t round = 0; round < rounds(); ++round) {
    for (int i = 0; i < 3; ++i) submit();
    wait_a_moment();
    const auto workers = workers_below(server_.pid());
    ASSERT_FALSE(workers.empty());
    const bool all = rng_.below(4) == 0;
    const std::size_t one = rng_.below(workers.size());
    for (std::size_t i = 0; i < workers.size(); ++i) {
      if (all || i == one) ++kills, ::kill(workers[i], SIGKILL);
    }
    // What is asked outside of jobs is done, or is refused with words.
    const Reply reply = server_.post("/api/v1/pieces", {{"from", "notation"}, {"text", kTune}});
    if (reply.status != 201) {
      EXPECT_EQ(reply.status, 503) << reply.body;
      EXPECT_THAT(reply.body, testing::HasSubstr("try again"));
    }
  }
  EXPECT_EQ(accepted_.size(), 3 * rounds());
  // A job is given up when its worker was killed three times.
  EXPECT_LE(expect_whole() * 3, kills);
  EXPECT_EQ(server_.get("/healthz")["status"], "ok");
}

TEST(KilledWorker, ThatIsStoppedEachTimeFailsItsJobAndNothingElse) {
  TempFolder folder;
  TestServer server(folder.path());
  const Reply accepted =
      server.post("/api/v1/jobs", {{"kind", "generate"}, {"bars", 500}, {"count", 4}});
  const std::string id = accepted.json()["id"].get<std::string>();
  int restarts = 0;
  std::vector<Event> events;
  for (int i = 0; i < 3; ++i) {
    events = server.watch(id, {}, [](const Event& event) { return event.name == "note"; });
    for (const Event& event : events) restarts += event.name == "restart";
    // One round may kill two of its workers: the next one had begun it already.
    ASSERT_FALSE(events.empty());
    if (events.back().name == "end") break;
    for (int worker : workers_below(server.pid())) ::kill(worker, SIGKILL);
    // Not before this one is gone: its notes are told until then.
    events = server.watch(id, {{"Last-Event-ID", events.back().id}},
                          [](const Event& event) { return event.name == "restart"; });
  }
  EXPECT_EQ(restarts, 2);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().data["state"], "failed");
  EXPECT_THAT(events.back().data["error"]["message"].get<std::string>(),
              testing::HasSubstr("stopped from outside"));
  EXPECT_EQ(server.finished({{"kind", "generate"}, {"bars", 2}})["state"], "done");
}

TEST(KilledWorker, ThatCrashesFailsItsJobAtOnce) {
  TempFolder folder;
  TestServer server(folder.path());
  const Reply accepted = server.post("/api/v1/jobs", {{"kind", "generate"}, {"bars", 500}});
  const std::string id = accepted.json()["id"].get<std::string>();
  server.watch(id, {}, [](const Event& event) { return event.name == "note"; });
  for (int worker : workers_below(server.pid())) ::kill(worker, SIGSEGV);
  const auto events = server.watch(id);
  ASSERT_FALSE(events.empty());
  EXPECT_THAT(events.back().data["error"]["message"].get<std::string>(),
              testing::HasSubstr("it crashed (signal 11)"));
  // Those that waited crashed too, and nobody's job fails of it.
  EXPECT_EQ(server.finished({{"kind", "generate"}, {"bars", 2}})["state"], "done");
}

TEST(KilledWorker, ThatHadNotBegunIsFollowedByAnother) {
  TempFolder folder;
  TestServer server(folder.path());
  // Held, so that the request is sent to one that has not read it when it crashes.
  const std::vector<int> held = workers_below(server.pid());
  ASSERT_FALSE(held.empty());
  for (int worker : held) ::kill(worker, SIGSTOP);
  const Reply accepted = server.post("/api/v1/jobs", {{"kind", "generate"}, {"bars", 2}});
  const std::string id = accepted.json()["id"].get<std::string>();
  server.watch(id, {}, [](const Event& event) { return event.data["state"] == "running"; });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(server.get("/api/v1/jobs/" + id)["state"], "running");
  for (int worker : held) ::kill(worker, SIGSEGV), ::kill(worker, SIGCONT);
  const auto events = server.watch(id);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().data["state"], "done") << json_text(events.back().data);
  for (const Event& event : events) EXPECT_NE(event.name, "restart");
}

}  // namespace
}  // namespace hemiola
