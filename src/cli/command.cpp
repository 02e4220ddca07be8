#include "cli/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace hemiola::cli {
namespace {

volatile std::sig_atomic_t interrupt_count = 0;

void on_interrupt(int) {
  interrupt_count = interrupt_count + 1;
  if (interrupt_count > 1) std::_Exit(130);
}

}  // namespace

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
}

void print(const Json& json) { print(std::string_view(json_text(json))); }

void note(std::string_view text) { fmt::print(stderr, "{}\n", text); }

std::string duration_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

bool Progress::due() {
  static const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto now = std::chrono::steady_clock::now();
  const auto pause = terminal ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30000);
  if (shown_ ? now - last_ < pause : !terminal && now - start_ < pause) return false;
  last_ = now;
  return true;
}

void Progress::line(std::string_view text) {
  if (!due()) return;
  shown_ = true;
  if (::isatty(STDERR_FILENO) != 0) {
    fmt::print(stderr, "\r\x1b[K{}: {}", what_, text);
  } else {
    fmt::print(stderr, "{}: {}\n", what_, text);
  }
  std::fflush(stderr);
}

void Progress::show(double done, double total, std::string_view detail) {
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double share = total > 0 ? done / total : 0;
  std::string text = fmt::format("{:3.0f} %", 100 * share);
  if (share > 0.01 && share < 1) {
    text += fmt::format(", {} left", duration_text(seconds * (1 - share) / share));
  }
  if (!detail.empty()) text += fmt::format(", {}", detail);
  line(text);
}

Progress::~Progress() {
  if (shown_ && ::isatty(STDERR_FILENO) != 0) std::fputs("\r\x1b[K", stderr);
}

Status may_write(const Path& path, bool force) {
  std::error_code code;
  if (!force && std::filesystem::exists(path, code)) {
    return fail("{}: stands already; name another output or give --force to replace it",
                path.string());
  }
  return {};
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return interrupt_count > 0; }

}  // namespace hemiola::cli
