// The server and sound: rendered, gone on from, streamed while it is written, turned into notes.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>

#include "base/base64.h"
#include "base/hash.h"
#include "server/schema.h"
#include "tests/server_fixture.h"

namespace hemiola {
namespace {

TEST_F(Server, RendersAndServesParts) {
  const Json info = server_->get("/api/v1/info");
  if (info["capabilities"]["render"] == false) GTEST_SKIP() << "no soundfont here";
  const Json job = server_->finished({{"kind", "render"},
                                      {"piece", typed("1=C 4/4 q=200 | 1 3 5 1' |")["id"]},
                                      {"format", "flac"}});
  ASSERT_EQ(job["state"], "done") << json_text(job);
  expect_form(job["sound"], "Sound");
  const std::string url = job["sound"]["url"].get<std::string>();
  const Reply all = server_->ask("GET", url);
  EXPECT_EQ(all.headers.at("content-type"), "audio/flac");
  EXPECT_EQ(all.body.size(), job["sound"]["bytes"]);
  const Sha256Digest digest = Sha256().update(all.body).finish();
  EXPECT_EQ(to_hex(digest), job["sound"]["blob"]);
  const Reply part = server_->ask("GET", url, "", {{"Range", "bytes=1-3"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, all.body.substr(1, 3));
  const Reply font = server_->ask("GET", "/soundfont.sf3", "", {{"Range", "bytes=0-3"}});
  EXPECT_EQ(font.body, "RIFF");
}

TEST_F(Server, GoesOnAsSound) {
  const Json can = server_->get("/api/v1/info")["capabilities"];
  if (can["waveform"] == false || can["render"] == false) {
    GTEST_SKIP() << "no soundfont, or no waveform model here";
  }
  const Json tune = typed(kTune);
  const auto written = [&](Json request) {
    request["kind"] = "waveform";
    request["seconds"] = 1.5;
    const Json job = server_->finished(request);
    EXPECT_EQ(job["state"], "done") << json_text(job);
    expect_form(job, "Job");
    EXPECT_EQ(job["sound"]["recipe"]["seed"], job["request"]["seed"]);
    return job["sound"];
  };
  // The same prompt and seed: the same sound. From nothing: another, and no prompt in it.
  const Json first = written({{"piece", tune["id"]}, {"seed", "7"}});
  EXPECT_EQ(written({{"piece", tune["id"]}, {"seed", "7"}})["blob"], first["blob"]);
  EXPECT_GT(first["prompt_seconds"], 1);
  EXPECT_NEAR(first["seconds"].get<double>(), first["prompt_seconds"].get<double>() + 1.5, 0.01);
  const Json alone = written(Json::object());
  EXPECT_EQ(alone["prompt_seconds"], 0);
  EXPECT_NE(alone["blob"], first["blob"]);
  const std::string wave = server_->ask("GET", first["url"].get<std::string>()).body;
  EXPECT_EQ(wave.substr(0, 4), "RIFF");
  ASSERT_EQ(first["others"].size(), 2u);
  for (const Json& other : first["others"]) {
    const Reply reply = server_->ask("GET", other["url"].get<std::string>());
    EXPECT_EQ(reply.headers.at("content-type"), other["media_type"].get<std::string>());
    EXPECT_EQ(reply.body.size(), other["bytes"]);
  }
  // A sound that was handed in is a prompt too; what is no sound is refused in words.
  EXPECT_GT(written({{"file", upload(wave, "loop.wav")["id"]}})["prompt_seconds"], 1);
  const Json broken = server_->finished(
      {{"kind", "waveform"}, {"file", upload("RIFF....WAVEnothing", "no.wav")["id"]}});
  EXPECT_EQ(broken["state"], "failed");
  EXPECT_EQ(broken["error"]["code"], "unreadable");
}

TEST_F(Server, SendsSoundWhileItIsWritten) {
  if (server_->get("/api/v1/info")["capabilities"]["waveform"] == false) {
    GTEST_SKIP() << "no waveform model here";
  }
  const Json wish = {{"kind", "waveform"}, {"seconds", 3.5}, {"seed", "3"}};
  const std::string id = server_->post("/api/v1/jobs", wish).json()["id"].get<std::string>();
  const Json& form = server::schema_named("Events")["properties"]["audio"];
  std::vector<std::int16_t> sent;
  int parts = 0;
  for (const auto& event : server_->watch(id)) {
    if (event.name != "audio") continue;
    ++parts;
    EXPECT_FALSE(server::mismatch(event.data, form));
    EXPECT_EQ(event.data["start"], sent.size());
    EXPECT_EQ(event.data["of"], 3.5 * event.data["sample_rate"].get<double>());
    const auto pcm = from_base64(event.data["pcm"].get<std::string>());
    ASSERT_TRUE(pcm);
    for (std::size_t i = 0; i + 1 < pcm->size(); i += 2) {
      sent.push_back(static_cast<std::int16_t>((*pcm)[i] | (*pcm)[i + 1] << 8));
    }
  }
  EXPECT_GE(parts, 3);
  const Json job = server_->get("/api/v1/jobs/" + id);
  EXPECT_EQ(job["sound"]["recipe"]["complete"], true);
  // It is the sound that is kept, but for rounding.
  const std::string wave = server_->ask("GET", job["sound"]["url"].get<std::string>()).body;
  const std::size_t data = wave.find("data") + 8;
  ASSERT_EQ((wave.size() - data) / 2, sent.size());
  int apart = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    std::int16_t kept = 0;
    std::memcpy(&kept, wave.data() + data + 2 * i, 2);
    apart = std::max(apart, std::abs(kept - sent[i]));
  }
  EXPECT_LE(apart, 2);
  // Afterwards the parts are gone, the sound is told.
  for (const auto& event : server_->watch(id)) EXPECT_NE(event.name, "audio");

  // Stopped, it keeps what it has.
  const Json longer = {{"kind", "waveform"}, {"seconds", 60}};
  const std::string other = server_->post("/api/v1/jobs", longer).json()["id"].get<std::string>();
  server_->watch(other, {}, [](const auto& event) { return event.name == "audio"; });
  server_->ask("DELETE", "/api/v1/jobs/" + other);
  server_->watch(other);
  const Json stopped = server_->get("/api/v1/jobs/" + other);
  EXPECT_EQ(stopped["state"], "cancelled");
  ASSERT_TRUE(stopped["sound"].is_object()) << json_text(stopped);
  EXPECT_GT(stopped["sound"]["seconds"], 0.5);
  EXPECT_LT(stopped["sound"]["seconds"], 60);
  EXPECT_EQ(stopped["sound"]["recipe"]["complete"], false);
}

TEST_F(Server, WritesDownWhatItHears) {
  const Json can = server_->get("/api/v1/info")["capabilities"];
  if (can["transcribe"] == false || can["render"] == false) {
    GTEST_SKIP() << "no soundfont, or no transcriber's weights here";
  }
  const Json tune = typed(kTune);
  const Json sound = server_->finished({{"kind", "render"}, {"piece", tune["id"]}})["sound"];
  const std::string wave = server_->ask("GET", sound["url"].get<std::string>()).body;
  const Json file = upload(wave, "hum.wav");
  EXPECT_EQ(file["type"], "audio");
  EXPECT_EQ(
      server_->ask("GET", fmt::format("/api/v1/files/{}/content", file["id"].get<std::string>()))
          .body,
      wave);
  const Json job = server_->finished({{"kind", "transcribe"}, {"file", file["id"]}});
  ASSERT_EQ(job["state"], "done") << json_text(job);
  const Json heard = piece_of(job);
  expect_form(heard, "Piece");
  EXPECT_EQ(heard["origin"]["kind"], "transcribed");
  EXPECT_EQ(heard["origin"]["variation"], 1);
  EXPECT_FALSE(heard["view"]["beats"].empty());
  std::multiset<int> sung, written;
  for (const Json& note : tune["view"]["tracks"][0]["notes"]) sung.insert(note[2].get<int>());
  for (const Json& note : heard["view"]["tracks"][0]["notes"]) written.insert(note[2].get<int>());
  std::vector<int> both;
  std::set_intersection(sung.begin(), sung.end(), written.begin(), written.end(),
                        std::back_inserter(both));
  EXPECT_GE(both.size() * 10, sung.size() * 8);

  // A person knows better: the notes are aligned anew, and bars of the file with them.
  const Reply moved = server_->post(
      "/api/v1/pieces", {{"from", "beats"},
                         {"parent", heard["id"]},
                         {"beats", {{"tempo", 120}, {"metre", "3/4"}, {"first_downbeat", 0}}}});
  ASSERT_EQ(moved.status, 201) << moved.body;
  EXPECT_EQ(moved.json()["metre"], "3/4");
  EXPECT_NEAR(moved.json()["tempo"].get<double>(), 120, 2);
  EXPECT_EQ(piece_of(server_->finished(
                {{"kind", "continue"}, {"piece", moved.json()["id"]}, {"bars", 2}}))["parent"],
            moved.json()["id"]);

  const Json broken = server_->finished(
      {{"kind", "transcribe"}, {"file", upload("RIFF\xff\xff\xff\xffWAVEfmt ")["id"]}});
  EXPECT_EQ(broken["state"], "failed");
  EXPECT_EQ(broken["error"]["code"], "unreadable");
}

}  // namespace
}  // namespace hemiola
