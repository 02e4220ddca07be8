// Who may ask for what: Host and Origin checks against pages of other sites, log-in with a token
// where the server is reached from elsewhere, limits on how often one may ask. One thread.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>
#include <vector>

#include "server/http.h"

namespace hemiola::server {

struct GuardOptions {
  bool login = false;              // the API asks for the token
  std::string token;               // of login
  std::string secret;              // signs cookies; 32 random bytes
  std::vector<std::string> hosts;  // names besides localhost and addresses, in lower case
  double client_rate = 50;         // requests a second of one client, with bursts of four times it
  double address_rate = 1000;      // of all clients at one address
};

class Guard {
 public:
  explicit Guard(GuardOptions options) : options_(std::move(options)) {}

  // Finds out who asks, and throws an ApiError where they may not. `open`: needs no log-in.
  void admit(Request& request, bool open);

  // The Set-Cookie of a session; throws where the token is wrong.
  std::string login(const Request& request, std::string_view token);
  static std::string logout_cookie();
  // The Set-Cookie that tells clients at one address apart; empty where they are told apart.
  static std::string client_cookie(const Request& request);

  bool needs_login() const { return options_.login; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Bucket {
    double left = 0;
    Clock::time_point at{};
  };

  void check_host(const Request& request) const;
  void check_origin(const Request& request) const;
  bool logged_in(const Request& request) const;
  std::string signature(std::string_view text) const;
  void spend(const std::string& who, double rate, double cost);

  GuardOptions options_;
  std::unordered_map<std::string, Bucket> buckets_;
};

// HMAC-SHA-256 (RFC 2104), hexadecimal.
std::string hmac_sha256(std::string_view key, std::string_view text);
// Takes the same time wherever the texts differ.
bool same_secret(std::string_view a, std::string_view b);
// The value of a cookie; empty where there is none.
std::string_view cookie(std::string_view header, std::string_view name);

}  // namespace hemiola::server
