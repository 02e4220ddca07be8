// What users of one server share: its workers, fairly, and its room.
#include <gmock/gmock.h>

#include "tests/server_client.h"

namespace hemiola {
namespace {

std::string client(char digit) { return "hemiola_client=" + std::string(32, digit); }

std::string submit(TestServer& server, char who, const Json& request) {
  const Reply reply =
      server.ask("POST", "/api/v1/jobs", json_text(request), {{"Cookie", client(who)}});
  EXPECT_EQ(reply.status, 202) << reply.body;
  return reply.json()["id"].get<std::string>();
}

Json job(TestServer& server, const std::string& id) { return server.get("/api/v1/jobs/" + id); }

TEST(ServerShared, LargeJobsOfOneLeaveAPlaceForSmallOnesOfAnother) {
  TempFolder folder;
  TestServer server(folder.path(), {"--music-jobs", "2"});
  const Json large = {{"kind", "generate"}, {"bars", 500}, {"count", 8}};
  const std::string first = submit(server, 'a', large), second = submit(server, 'a', large);
  const std::string small = submit(server, 'b', {{"kind", "generate"}, {"bars", 2}});
  server.watch(small);
  EXPECT_EQ(job(server, small)["state"], "done");
  EXPECT_EQ(job(server, first)["state"], "running");
  EXPECT_EQ(job(server, second)["state"], "queued");
  for (const std::string& id : {first, second}) server.ask("DELETE", "/api/v1/jobs/" + id);
}

TEST(ServerShared, TheTurnGoesToWhoHasFewestUnderWay) {
  TempFolder folder;
  TestServer server(folder.path(), {"--music-jobs", "2"});
  // Both places are taken by one who has more waiting; then another comes.
  const Json piece = {{"kind", "generate"}, {"bars", 128}};
  std::vector<std::string> many;
  for (int i = 0; i < 5; ++i) many.push_back(submit(server, 'a', piece));
  const std::string other = submit(server, 'b', {{"kind", "generate"}, {"bars", 4}});
  server.watch(other);
  const std::string turn = job(server, other)["started"].get<std::string>();
  int before = 0;
  for (const std::string& id : many) {
    const Json started = job(server, id)["started"];
    before += started.is_string() && started.get<std::string>() < turn;
  }
  EXPECT_EQ(before, 2);
  for (const std::string& id : many) server.ask("DELETE", "/api/v1/jobs/" + id);
}

TEST(ServerShared, AsManyRunAtOnceAsAreAskedFor) {
  TempFolder folder;
  TestServer server(folder.path(), {"--music-jobs", "3"});
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(submit(server, 'a', {{"kind", "generate"}, {"bars", 60}, {"count", 2}}));
  }
  for (int i = 0; i < 3; ++i) {
    server.watch(ids[static_cast<std::size_t>(i)], {},
                 [](const Event& event) { return event.name == "note"; });
  }
  const std::string metrics = server.ask("GET", "/metrics").body;
  EXPECT_THAT(metrics, testing::HasSubstr("\nhemiola_jobs_running 3\n"));
  for (const std::string& id : ids) server.ask("DELETE", "/api/v1/jobs/" + id);
}

class Storage : public testing::Test {
 protected:
  static constexpr std::size_t kLimit = 3'000'000;
  Storage() : server_(folder_.path(), {"--storage", "0.003"}) {}

  std::uint64_t used() {
    const std::string metrics = server_.ask("GET", "/metrics").body;
    constexpr std::string_view kName = "\nhemiola_storage_bytes ";
    return std::strtoull(metrics.c_str() + metrics.find(kName) + kName.size(), nullptr, 10);
  }
  Reply upload(std::size_t bytes, char fill) {
    return server_.ask("POST", "/api/v1/files?name=x", std::string(bytes, fill));
  }

  TempFolder folder_;
  TestServer server_;
};

TEST_F(Storage, RefusesUploadsThatDoNotFit) {
  EXPECT_EQ(upload(2'000'000, 'a').status, 201);
  EXPECT_EQ(upload(2'000'000, 'a').status, 507) << "what is to come is not known to be the same";
  const Reply full = upload(1'500'000, 'b');
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(full.json()["error"]["code"], "storage_full");
  EXPECT_THAT(full.json()["error"]["message"].get<std::string>(),
              testing::HasSubstr("Nothing you made is lost"));
  EXPECT_EQ(used(), 2'000'000u) << "nothing of what was refused stays";
  EXPECT_EQ(upload(900'000, 'c').status, 201);
  // Work goes on where nothing large fits.
  const Reply typed =
      server_.post("/api/v1/pieces", {{"from", "notation"}, {"text", "1=C 4/4 | 1 2 3 4 |"}});
  EXPECT_EQ(typed.status, 201) << typed.body;
  // What is kept is counted again at the next start.
  const std::uint64_t before = used();
  server_.stop(SIGTERM);
  server_.start();
  EXPECT_EQ(used(), before);
}

TEST_F(Storage, OldSoundsMakeRoomForNewOnes) {
  if (server_.get("/api/v1/info")["capabilities"]["render"] == false) {
    GTEST_SKIP() << "no soundfont here";
  }
  // More than fits together.
  std::vector<std::string> urls;
  std::size_t bytes = 0;
  for (const char key : std::string_view("CDEFGAB")) {
    const Reply typed = server_.post(
        "/api/v1/pieces",
        {{"from", "notation"}, {"text", fmt::format("1={} 4/4 q=200 | 1 3 5 1' |", key)}});
    ASSERT_EQ(typed.status, 201) << typed.body;
    const Json done = server_.finished({{"kind", "render"}, {"piece", typed.json()["id"]}});
    ASSERT_EQ(done["state"], "done") << json_text(done);
    bytes += done["sound"]["bytes"].get<std::size_t>();
    urls.push_back(done["sound"]["url"].get<std::string>());
  }
  ASSERT_GT(bytes, kLimit + kLimit / 4);
  EXPECT_EQ(server_.ask("GET", urls.back()).status, 200);
  const Reply gone = server_.ask("GET", urls.front());
  ASSERT_EQ(gone.status, 404);
  EXPECT_THAT(gone.body, testing::HasSubstr("Render it again"));
  // An upload drives out the rest of them, but no piece.
  EXPECT_EQ(upload(kLimit - 200'000, 'a').status, 201);
  EXPECT_EQ(server_.ask("GET", urls.back()).status, 404);
  for (const Json& piece : server_.get("/api/v1/pieces")["pieces"]) {
    EXPECT_EQ(server_.ask("GET", "/api/v1/pieces/" + piece["id"].get<std::string>()).status, 200);
  }
}

}  // namespace
}  // namespace hemiola
