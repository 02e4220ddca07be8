#include "cli/launch_ranks.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"

namespace hemiola::cli {
namespace {

constexpr auto kGrace = std::chrono::seconds(120);  // for the others to save and end

std::atomic<int> signal_to_pass{0};

void on_signal(int number) { signal_to_pass = number; }

// A port that is free now; rank 0 takes it in a moment.
Result<int> free_port() {
  const int s = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = s >= 0 &&
                     bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                     getsockname(s, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int error = errno;
  if (s >= 0) close(s);
  if (!bound) return fail("--ranks: no port for the ranks to meet on: {}", std::strerror(error));
  return static_cast<int>(ntohs(address.sin_port));
}

// The arguments this program was started with.
Result<std::vector<std::string>> own_arguments() {
  HEMIOLA_TRY(const std::string text, read_text("/proc/self/cmdline"));
  std::vector<std::string> arguments;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\0', begin);
    arguments.push_back(text.substr(begin, end - begin));
    begin = end == std::string::npos ? text.size() : end + 1;
  }
  return arguments;
}

struct Child {
  pid_t pid = -1;
  bool running = false;
};

// In the child between fork and exec: nothing here may allocate.
[[noreturn]] void become_rank(const char* program, char* const* arguments,
                              char* const* environment, pid_t parent) {
  setpgid(0, 0);  // Ctrl-C reaches the parent alone, which passes it on once
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(1);
  execve(program, arguments, environment);
  execve("/proc/self/exe", arguments, environment);  // it was replaced or moved meanwhile
  _exit(127);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_of(int rank, int ranks, int port) {
  std::vector<std::string> result;  // the first of a name counts
  for (const auto& [name, value] :
       {std::pair("RANK", rank), std::pair("LOCAL_RANK", rank), std::pair("WORLD_SIZE", ranks),
        std::pair("LOCAL_WORLD_SIZE", ranks), std::pair("MASTER_PORT", port)}) {
    result.push_back(fmt::format("{}={}", name, value));
  }
  result.emplace_back("MASTER_ADDR=127.0.0.1");
  for (char** each = environ; *each != nullptr; ++each) result.emplace_back(*each);
  return result;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

void signal_all(const std::vector<Child>& children, int number) {
  for (const Child& child : children) {
    if (child.running) kill(child.pid, number);
  }
}

// Waits for all; the rank that ended badly first, or -1.
int wait_for_all(std::vector<Child>& children, int& bad_status) {
  int bad = -1;
  std::chrono::steady_clock::time_point bad_since;
  for (std::size_t left = children.size(); left > 0;) {
    if (const int number = signal_to_pass.exchange(0); number != 0) signal_all(children, number);
    if (bad >= 0 && std::chrono::steady_clock::now() - bad_since > kGrace) {
      signal_all(children, SIGKILL);
    }
    bool any = false;
    for (std::size_t rank = 0; rank < children.size(); ++rank) {
      Child& child = children[rank];
      int status = 0;
      if (!child.running || waitpid(child.pid, &status, WNOHANG) != child.pid) continue;
      child.running = false;
      any = true;
      --left;
      if (status != 0 && bad < 0) {
        bad = static_cast<int>(rank);
        bad_status = status;
        bad_since = std::chrono::steady_clock::now();
      }
    }
    if (!any) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return bad;
}

}  // namespace

Result<int> launch_ranks(int ranks) {
  HEMIOLA_TRY(std::vector<std::string> arguments, own_arguments());
  HEMIOLA_TRY(const int port, free_port());
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  const std::vector<char*> argv = pointers(arguments);
  std::error_code code;
  const Path program = std::filesystem::read_symlink("/proc/self/exe", code);
  const pid_t parent = getpid();
  std::vector<Child> children(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) {
    std::vector<std::string> environment = environment_of(rank, ranks, port);
    const std::vector<char*> envp = pointers(environment);
    Child& child = children[static_cast<std::size_t>(rank)];
    child.pid = fork();
    if (child.pid == 0) become_rank(program.c_str(), argv.data(), envp.data(), parent);
    child.running = child.pid > 0;
    if (!child.running) {
      const int error = errno;
      signal_all(children, SIGKILL);
      return fail("--ranks: process {} could not be started: {}", rank, std::strerror(error));
    }
  }
  int status = 0;
  const int bad = wait_for_all(children, status);
  if (bad < 0) return 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) return 2;
  return fail("rank {} of {} {}", bad, ranks, how_it_ended(status));
}

}  // namespace hemiola::cli
