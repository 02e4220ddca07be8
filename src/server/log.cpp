#include "server/log.h"

#include <cstdio>
#include <string>

#include "server/store.h"

namespace hemiola::server {

void Log::event(std::string_view what, const Json& figures) const {
  if (level_ != LogLevel::kQuiet) write(what, figures);
}

void Log::request(const Json& figures) const {
  if (level_ == LogLevel::kRequests) write("request", figures);
}

void Log::write(std::string_view what, const Json& figures) const {
  Json line = {{"time", utc_now()}, {"what", what}};
  line.update(figures);
  const std::string text = json_text(line, -1, true) + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace hemiola::server
