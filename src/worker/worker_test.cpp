#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "base/base64.h"
#include "compose/beat_wishes.h"
#include "midi/writer.h"
#include "score/notation.h"
#include "score/to_midi.h"
#include "worker/channel.h"
#include "worker/frames.h"
#include "worker/piece.h"
#include "worker/project.h"
#include "worker/sandbox.h"
#include "worker/tasks.h"

namespace hemiola::worker {
namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Bytes tune_midi() {
  auto grid = read_notation("1=G 3/4 q=120 | 1 3 5 | 6 5 3 | 2 - - |", "tune");
  return midi::write(data::source_from_grid(std::move(*grid), data::SourceKind::kNotation)->file);
}

TEST(Base64, IsThatOfTheStandard) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kVectors = {
      {{"", ""},
       {"f", "Zg=="},
       {"fo", "Zm8="},
       {"foo", "Zm9v"},
       {"foob", "Zm9vYg=="},
       {"fooba", "Zm9vYmE="},
       {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, coded] : kVectors) {
    EXPECT_EQ(to_base64(bytes_of(plain)), coded);
    const auto back = from_base64(coded);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, Bytes(plain.begin(), plain.end()));
  }
  for (const char* wrong : {"Zg=", "Zg", "Z===", "Zm9v!m==", "====", "Zg==Zg=="}) {
    EXPECT_FALSE(from_base64(wrong)) << wrong;
  }
}

TEST(Frames, ComeTogetherFromPiecesOfAnySize) {
  Bytes sent;
  append_message(sent, {{"op", "import"}});
  append_blob(sent, Bytes(kDataPayload + 5, 7));
  append_message(sent, {{"cancel", true}});
  for (const std::size_t step : {std::size_t{1}, std::size_t{4}, std::size_t{5}, sent.size()}) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < sent.size(); at += step) {
      reader.feed(std::span(sent).subspan(at, std::min(step, sent.size() - at)));
      for (;;) {
        auto frame = reader.next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        frames.push_back(std::move(**frame));
      }
    }
    ASSERT_EQ(frames.size(), 5u);
    EXPECT_EQ((*parse_message(frames[0]))["op"], "import");
    EXPECT_EQ(frames[1].payload.size() + frames[2].payload.size(), kDataPayload + 5);
    EXPECT_EQ(frames[3].kind, FrameKind::kEnd);
    EXPECT_EQ((*parse_message(frames[4]))["cancel"], true);
  }
}

TEST(Frames, RefuseWhatIsNotTheProtocol) {
  const auto problem = [](Bytes bytes) {
    FrameReader reader;
    reader.feed(bytes);
    const auto frame = reader.next();
    return frame ? std::string() : frame.error().message;
  };
  EXPECT_EQ(problem({9, 0, 0, 0, 0}), "frame of unknown kind 9");
  EXPECT_NE(problem({1, 0xff, 0xff, 0xff, 0xff}), "");
  EXPECT_NE(problem({3, 1, 0, 0, 0, 0}), "");
  EXPECT_FALSE(parse_message({FrameKind::kMessage, {'[', ']'}}));
  EXPECT_FALSE(parse_message({FrameKind::kMessage, {'{'}}));
}

TEST(Channel, TakesARequestWithItsBlobs) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Channel server(ends[0]), client(ends[1]);
  ASSERT_TRUE(server.send({{"op", "x"}, {"blobs", 2}}));
  ASSERT_TRUE(server.send_blob(bytes_of("first")));
  ASSERT_TRUE(server.send_blob({}));
  const auto request = client.receive();
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->message["op"], "x");
  EXPECT_THAT(request->blobs, testing::ElementsAre(Bytes{'f', 'i', 'r', 's', 't'}, Bytes{}));
  ASSERT_TRUE(server.send({{"op", "y"}, {"blobs", 1000}}));
  EXPECT_FALSE(client.receive());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Channel, HearsACancelAndStopsListening) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Channel server(ends[0]);
  {
    Channel client(ends[1]);
    client.listen_for_cancel();
    ASSERT_TRUE(server.send({{"cancel", true}}));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!client.cancelled() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(client.cancelled());
  }
  // The connection can still be written to, as by a worker that failed.
  EXPECT_TRUE(Channel(ends[1]).send({{"failed", "x"}}));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(Project, RoundTrip) {
  ProjectPiece root, leaf;
  root.name = "root \"quoted\"";
  root.midi = tune_midi();
  root.timing = {{"mode", "written"}, {"find_upbeats", false}};
  root.origin = {{"kind", "typed"}};
  leaf = root;
  leaf.parent = 0;
  leaf.recipe = {{"seed", "7"}};
  const std::string text = write_project({root, leaf});
  EXPECT_TRUE(text.starts_with(kProjectMark));
  const auto back = read_project(text);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ((*back)[0].name, root.name);
  EXPECT_EQ((*back)[1].midi, root.midi);
  EXPECT_EQ((*back)[1].parent, 0);
  EXPECT_EQ((*back)[1].recipe, leaf.recipe);
}

TEST(Project, RefusesNonsense) {
  for (
      const char* text :
      {"", "{}", "[]", R"({"hemiola_project":2,"pieces":[]})",
       R"({"hemiola_project":1,"pieces":[]})", R"({"hemiola_project":1,"pieces":[{}]})",
       R"({"hemiola_project":1,"pieces":[{"name":"a","midi":"!","origin":{}}]})",
       R"({"hemiola_project":1,"pieces":[{"name":"a","midi":"","origin":{},"parent":0}]})",
       R"({"hemiola_project":1,"pieces":[{"name":"a","midi":"","origin":{},"timing":{"mode":7}}]})"}) {
    EXPECT_FALSE(read_project(text)) << text;
  }
}

TEST(Timing, GivesTheSameGridAgain) {
  const auto source = data::source_from_midi(tune_midi());
  ASSERT_TRUE(source);
  const auto options = timing_from_json(timing_of(*source));
  ASSERT_TRUE(options);
  const auto again = data::source_from_midi(tune_midi(), *options);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->grid(), source->grid());
}

TEST(Timing, KeepsTheNumberOfBars) {
  // A last note that rings for two bars, and two silent bars: the piece has the bars it was given.
  auto grid = *read_notation("1=C 4/4 | 1 1 1 1 | 1 - - - |", "tune");
  grid.tracks[0].notes.back().duration = GridTick(3 * 96);
  for (const std::size_t bars : {2u, 4u}) {
    grid.bars.resize(bars, grid.bars.back());
    const Bytes midi = midi::write(*midi_from_grid(grid));
    const Json timing = {{"mode", "written"}, {"find_upbeats", false}, {"bars", bars}};
    const auto source = open_piece(midi, timing);
    ASSERT_TRUE(source);
    EXPECT_EQ(source->grid(), grid);
    EXPECT_EQ(timing_of(*source), timing);
  }
}

TEST(Timing, BeatsByHandAlignTheNotes) {
  // Quarters at 100 a minute, the first a second after the start: written at 120 they are off.
  Score score;
  score.tempos = {{Tick(0), 500000}};
  Track track;
  for (int i = 0; i < 8; ++i) {
    const double seconds = 1 + i * 0.6;
    track.notes.push_back(
        {Tick(static_cast<int>(seconds * 960)), Tick(400), static_cast<std::uint8_t>(60 + i), 80});
  }
  score.tracks = {track};
  const Bytes midi = midi::write(midi_from_score(score));
  const auto source = data::source_from_midi(midi);
  ASSERT_TRUE(source);
  BeatWishes wishes;
  wishes.tempo = 100;
  wishes.steady = true;
  wishes.metre = Metre{4, 4};
  wishes.first_downbeat = Seconds(1);
  const auto beats = wished_beats(played_notes(source->score), wishes);
  ASSERT_TRUE(beats);
  const auto options = timing_from_json(timing_json(*beats));
  ASSERT_TRUE(options) << options.error().message;
  const auto aligned = data::source_from_midi(midi, *options);
  ASSERT_TRUE(aligned);
  const auto& notes = aligned->grid().tracks[0].notes;
  const auto starts = aligned->grid().bar_starts();
  ASSERT_EQ(notes.size(), 8u);
  EXPECT_THAT(starts, testing::Contains(notes[0].onset));
  EXPECT_THAT(starts, testing::Contains(notes[4].onset));
  for (std::size_t i = 1; i < notes.size(); ++i) {
    EXPECT_EQ((notes[i].onset - notes[i - 1].onset).count(), 24);
  }
}

TEST(View, SaysWhatTheFileSays) {
  const auto source = data::source_from_midi(tune_midi());
  ASSERT_TRUE(source);
  const Json view = view_of(*source);
  ASSERT_EQ(view["bars"].size(), 3u);
  EXPECT_EQ(view["bars"][1]["number"], 2);
  EXPECT_EQ(view["bars"][1]["start"], 72);
  EXPECT_EQ(view["bars"][1]["metre"], "3/4");
  EXPECT_EQ(view["bars"][1]["key"], "G major");
  EXPECT_NEAR(view["bars"][1]["seconds"].get<double>(), 1.5, 1e-3);
  EXPECT_NEAR(view["bars"][1]["tempo"].get<double>(), 120, 1e-3);
  EXPECT_EQ(view["tracks"][0]["notes"][0], Json::array({0, 24, 67, 76}));
  EXPECT_NEAR(view["seconds"].get<double>(), 4.5, 0.1);
}

TEST(GenerateRequest, ReadsTheApiAndSaysWhatIsWrong) {
  const auto read = [](const char* text) {
    return generate_request_from_json(*parse_json(text, "test"));
  };
  const auto request = read(
      R"({"kind": "infill", "first_bar": 2, "last_bar": 3, "tracks": [1], "count": 3,
          "seed": "18446744073709551615", "sampling": {"temperature": 0.5},
          "controls": {"density": 3}})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->infill->first, 2);
  EXPECT_EQ(request->infill->last, 3);
  EXPECT_EQ(request->seed, ~std::uint64_t{0});
  EXPECT_EQ(request->count, 3);
  EXPECT_FLOAT_EQ(request->sampling.temperature, 0.5f);
  EXPECT_EQ(settings_json(*request)["controls"]["density"], 3);
  for (const char* wrong :
       {R"({"bars": 0})", R"({"bars": 1.5})", R"({"seed": "-1"})", R"({"seed": 5})",
        R"({"controls": {"metre": "3/5"}})", R"({"sampling": {"heat": 1}})",
        R"({"kind": "infill"})", R"({"kind": "accompany"})", R"({"sampling": {"top_p": 7}})"}) {
    EXPECT_FALSE(read(wrong)) << wrong;
  }
}

// In a child, which is given up afterwards: what each of these calls says once the walls stand.
int errno_in_sandbox(const std::function<long()>& call) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!restrict_self({})) ::_exit(200);
    errno = 0;
    const long result = call();
    ::_exit(result >= 0 ? 0 : errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Sandbox, LetsAWorkerComputeAndNothingElse) {
  EXPECT_EQ(errno_in_sandbox([] { return ::getpid(); }), 0);
  EXPECT_EQ(errno_in_sandbox([] { return ::socket(AF_INET, SOCK_STREAM, 0); }), EPERM);
  EXPECT_EQ(errno_in_sandbox([] { return ::fork(); }), EPERM);
  EXPECT_EQ(errno_in_sandbox([] { return ::execl("/bin/true", "true", nullptr); }), EPERM);
  EXPECT_EQ(errno_in_sandbox([] { return ::kill(::getppid(), 0); }), EPERM);
}

TEST(Sandbox, BubblewrapHidesTheRest) {
  std::string why;
  const Path bubblewrap = find_bubblewrap(why);
  if (bubblewrap.empty()) GTEST_SKIP() << why;
  const auto status_of = [&](const std::string& script) {
    std::string line;
    for (const std::string& word : in_bubblewrap(bubblewrap, {"/bin/sh", "-c", script}, {})) {
      line += "'" + word + "' ";
    }
    return WEXITSTATUS(std::system((line + ">/dev/null 2>&1").c_str()));
  };
  EXPECT_EQ(status_of("echo x > /tmp/x && test -e /usr/bin/env"), 0);
  EXPECT_NE(status_of("echo x > /usr/x"), 0);
  EXPECT_NE(status_of("test -e /home -o -e /root -o -e /var"), 0);
  EXPECT_NE(status_of("test $(ls /sys/class/net 2>/dev/null | wc -l) -gt 1"), 0);
}

}  // namespace
}  // namespace hemiola::worker
