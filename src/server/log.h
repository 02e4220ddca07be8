// One JSON object a line on stderr: when, what, and its figures. One thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/json.h"

namespace hemiola::server {

enum class LogLevel : std::uint8_t { kQuiet, kUsual, kRequests };

class Log {
 public:
  explicit Log(LogLevel level) : level_(level) {}

  // What an operator wants to know: jobs that ended, workers that crashed.
  void event(std::string_view what, const Json& figures) const;
  // Every request.
  void request(const Json& figures) const;

 private:
  void write(std::string_view what, const Json& figures) const;

  LogLevel level_;
};

}  // namespace hemiola::server
