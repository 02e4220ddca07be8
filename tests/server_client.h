// A server in a process of its own, and a plain client that talks to it over a socket: no library,
// so that hostile bytes can be sent and nothing is mended on the way.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"

extern char** environ;

namespace hemiola {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "hemiola_serve_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  Json json() const {
    auto json = parse_json(body, "the answer");
    return json ? *json : Json();
  }
};

class Socket {
 public:
  explicit Socket(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval patience{120, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { ::close(fd_); }

  bool send(std::string_view text) {
    while (connected_ && !text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return connected_;
  }
  // What comes next; empty at the end.
  std::string receive() {
    std::string part(65536, '\0');
    const ssize_t got = ::recv(fd_, part.data(), part.size(), 0);
    part.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return part;
  }

 private:
  int fd_;
  bool connected_ = false;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Event {
  std::string id, name;
  Json data;
};

class TestServer {
 public:
  explicit TestServer(std::filesystem::path data, std::vector<std::string> more = {})
      : data_(std::move(data)), more_(std::move(more)) {
    start();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer() { stop(SIGTERM); }

  void start() {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    std::vector<std::string> words = {HEMIOLA_BINARY, "serve", "--port",        "0",
                                      "--data",       data_,   "--client-rate", "10000"};
    words.insert(words.end(), more_.begin(), more_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    ASSERT_EQ(::posix_spawn(&pid_, words[0].c_str(), &actions, nullptr, arguments.data(), environ),
              0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    log_ = ends[0];
    said_.clear();
    constexpr std::string_view kReady = "listening on http://127.0.0.1:";
    std::size_t at = std::string::npos;
    for (std::array<char, 4096> part;
         at == std::string::npos || said_.find('\n', at) == std::string::npos;
         at = said_.find(kReady)) {
      const ssize_t got = ::read(log_, part.data(), part.size());
      ASSERT_GT(got, 0) << "the server ended: " << said_;
      said_.append(part.data(), static_cast<std::size_t>(got));
    }
    port_ = std::atoi(said_.c_str() + at + kReady.size());
    // Read on, so that it never waits for us.
    ::fcntl(log_, F_SETFL, O_NONBLOCK);
  }

  int stop(int signal) {
    if (pid_ == 0) return 0;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ::close(log_);
    pid_ = 0;
    return status;
  }

  int port() const { return port_; }
  int pid() const { return pid_; }
  const std::string& said() const { return said_; }

  Reply ask(std::string_view method, std::string_view path, std::string_view body = "",
            const Headers& headers = {}) {
    drain_log();
    Socket socket(port_);
    std::string head = fmt::format("{} {} HTTP/1.1\r\nConnection: close\r\n", method, path);
    bool host = false;
    for (const auto& [name, value] : headers) {
      head += name + ": " + value + "\r\n";
      host = host || name == "Host";
    }
    if (!host) head += fmt::format("Host: 127.0.0.1:{}\r\n", port_);
    if (!body.empty() || method == "POST") {
      head += fmt::format("Content-Length: {}\r\n", body.size());
    }
    socket.send(head + "\r\n");
    socket.send(body);
    std::string all;
    for (std::string part = socket.receive(); !part.empty(); part = socket.receive()) all += part;
    return parse(all);
  }
  Json get(std::string_view path) { return ask("GET", path).json(); }
  Reply post(std::string_view path, const Json& body) { return ask("POST", path, json_text(body)); }

  // All events of a job to its end, or until `until` says that it is enough.
  std::vector<Event> watch(const std::string& job, const Headers& headers = {},
                           const std::function<bool(const Event&)>& until = {}) {
    Socket socket(port_);
    std::string head =
        fmt::format("GET /api/v1/jobs/{}/events HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", job, port_);
    for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
    socket.send(head + "\r\n");
    std::vector<Event> events;
    std::string text;
    bool in_body = false;
    for (std::string part = socket.receive(); !part.empty(); part = socket.receive()) {
      text += part;
      if (!in_body) {
        const std::size_t end = text.find("\r\n\r\n");
        if (end == std::string::npos) continue;
        text.erase(0, end + 4);
        in_body = true;
      }
      for (std::size_t end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n")) {
        const std::string block = text.substr(0, end);
        text.erase(0, end + 2);
        if (block.starts_with(":")) continue;
        events.push_back(parse_event(block));
        if (until && until(events.back())) return events;
      }
    }
    return events;
  }

  // Submits a job, waits for its end and returns it as it then is.
  Json finished(const Json& request) {
    const Reply accepted = post("/api/v1/jobs", request);
    EXPECT_EQ(accepted.status, 202) << accepted.body;
    if (accepted.status != 202) return {};
    const std::string id = accepted.json()["id"].get<std::string>();
    watch(id);
    return get("/api/v1/jobs/" + id);
  }

 private:
  static Reply parse(const std::string& all) {
    Reply reply;
    const std::size_t end = all.find("\r\n\r\n");
    if (!all.starts_with("HTTP/1.1 ") || end == std::string::npos) return reply;
    reply.status = std::atoi(all.c_str() + 9);
    reply.body = all.substr(end + 4);
    std::size_t at = all.find("\r\n") + 2;
    while (at < end) {
      const std::size_t line = all.find("\r\n", at);
      const std::size_t colon = all.find(": ", at);
      std::string name = all.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      reply.headers[name] = all.substr(colon + 2, line - colon - 2);
      at = line + 2;
    }
    return reply;
  }

  static Event parse_event(const std::string& block) {
    Event event;
    std::size_t at = 0;
    while (at < block.size()) {
      const std::size_t line = std::min(block.find('\n', at), block.size());
      const std::string text = block.substr(at, line - at);
      if (text.starts_with("id: ")) event.id = text.substr(4);
      if (text.starts_with("event: ")) event.name = text.substr(7);
      if (text.starts_with("data: ")) event.data = *parse_json(text.substr(6), "event");
      at = line + 1;
    }
    return event;
  }

  void drain_log() {
    std::array<char, 65536> part;
    for (ssize_t got; (got = ::read(log_, part.data(), part.size())) > 0;) {
      said_.append(part.data(), static_cast<std::size_t>(got));
    }
  }

  std::filesystem::path data_;
  std::vector<std::string> more_;
  pid_t pid_ = 0;
  int port_ = 0, log_ = -1;
  std::string said_;
};

}  // namespace hemiola
