// What every command shares: how it is declared, how it reports, how it writes its outputs. A
// command is one file, cmd_NAME.cpp, that defines `Action add_NAME(CLI::App&)`: it declares the
// options and returns what is to be done once they are parsed. Results go to stdout, all else to
// stderr; exit status 0, 1 (failed) or 2 (usage).
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::cli {

// The exit status, or the error to print.
using Action = std::function<Result<int>()>;

struct Command {
  const char* name;
  const char* summary;
  Action (*add)(CLI::App& app);  // nullptr: known, but not in this build
  const char* absent;            // why not, and what to do
};
std::span<const Command> commands();  // in the order of --help

// stdout: text and JSON exactly as given, with a newline.
void print(std::string_view text);
inline void print(const std::string& text) { print(std::string_view(text)); }
inline void print(const char* text) { print(std::string_view(text)); }
void print(const Json& json);

// stderr: one line for the person who waits.
void note(std::string_view text);

// "12.3 s", "4 min 10 s", "2 h 05 min".
std::string duration_text(double seconds);

// A line on stderr, rewritten at most ten times a second on a terminal, and at most every 30
// seconds elsewhere. The destructor ends the line.
class Progress {
 public:
  explicit Progress(std::string what) : what_(std::move(what)) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void show(double done, double total, std::string_view detail = "");
  void line(std::string_view text);  // the whole line as given

 private:
  bool due();

  std::string what_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
  bool shown_ = false;
};

// An option that is read by `parse`, a function from text to Result<T>; what it refuses is wrong
// usage.
template <class T, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, T& to, Parse parse,
                        const std::string& help) {
  return app.add_option_function<std::string>(
      name,
      [&to, parse](const std::string& text) {
        auto value = parse(text);
        if (!value) throw CLI::ValidationError(value.error().message);
        to = *std::move(value);
      },
      help);
}

// An output that stands already is refused unless `force`.
Status may_write(const Path& path, bool force);

// Set by Ctrl-C once `catch_interrupts` was called; a second Ctrl-C ends the program.
void catch_interrupts();
bool interrupted();

}  // namespace hemiola::cli
