#include "server/store.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <ctime>
#include <stdexcept>

#include "base/hash.h"

namespace hemiola::server {
namespace {

std::string utc(std::chrono::system_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto since = std::chrono::duration_cast<milliseconds>(time.time_since_epoch());
  const std::time_t seconds = since.count() / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     since.count() % 1000);
}

}  // namespace

std::string utc_now() { return utc(std::chrono::system_clock::now()); }

std::string utc_ago(double seconds) {
  return utc(std::chrono::system_clock::now() -
             std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

std::string new_id() {
  std::array<std::uint8_t, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw std::runtime_error("the system gives no random numbers");
  }
  return to_hex(bytes);
}

bool is_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace hemiola::server
