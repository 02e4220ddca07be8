#include "server/guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/hash.h"
#include "server/store.h"

namespace hemiola::server {
namespace {

constexpr std::string_view kSession = "hemiola_session", kClient = "hemiola_client";
constexpr std::int64_t kSessionSeconds = 30 * 24 * 3600;

constexpr std::size_t kMostBuckets = 20'000;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

// The host of "host:port", without the port and without brackets.
std::string host_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    return lower(authority.substr(1, authority.find(']') - 1));
  }
  return lower(authority.substr(0, authority.find(':')));
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

ApiError forbidden(std::string message) {
  ApiError error;
  error.status = 403;
  error.code = "forbidden";
  error.message = std::move(message);
  return error;
}

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::array<std::uint8_t, 64> inner{}, outer{};
  if (key.size() > inner.size()) {
    const Sha256Digest digest = Sha256().update(key).finish();
    std::copy(digest.begin(), digest.end(), inner.begin());
  } else {
    std::copy(key.begin(), key.end(), inner.begin());
  }
  outer = inner;
  for (std::uint8_t& byte : inner) byte ^= 0x36;
  for (std::uint8_t& byte : outer) byte ^= 0x5c;
  const Sha256Digest digest = Sha256().update(inner).update(text).finish();
  return to_hex(Sha256().update(outer).update(digest).finish());
}

bool same_secret(std::string_view a, std::string_view b) {
  // The lengths are no secret.
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

std::string_view cookie(std::string_view header, std::string_view name) {
  while (!header.empty()) {
    std::string_view pair = header.substr(0, header.find(';'));
    header.remove_prefix(std::min(pair.size() + 1, header.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return pair.substr(name.size() + 1);
    }
  }
  return {};
}

void Guard::check_host(const Request& request) const {
  // A page of another site whose name was pointed here (DNS rebinding) comes with that name; an
  // address in Host cannot have been.
  const std::string host = host_of(request.header("host"));
  if (host == "localhost" || is_address(host)) return;
  if (std::find(options_.hosts.begin(), options_.hosts.end(), host) != options_.hosts.end()) return;
  throw forbidden(fmt::format(
      "This server does not answer to the name '{}'. Start it with --allow-host {} if it should.",
      host.substr(0, 100), host.substr(0, 100)));
}

void Guard::check_origin(const Request& request) const {
  const std::string_view origin = request.header("origin");
  const std::string_view site = request.header("sec-fetch-site");
  const bool reads = request.method == "GET" || request.method == "HEAD";
  bool foreign = !reads && (site == "cross-site" || site == "same-site");
  if (!origin.empty()) {
    const std::size_t scheme = origin.find("://");
    foreign = foreign || scheme == std::string_view::npos ||
              lower(origin.substr(scheme + 3)) != lower(request.header("host"));
  }
  if (foreign) throw forbidden("Pages of other sites may not use this server.");
}

std::string Guard::signature(std::string_view text) const {
  // Changing the token ends all sessions.
  return hmac_sha256(options_.secret + options_.token, text);
}

bool Guard::logged_in(const Request& request) const {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view authorization = request.header("authorization");
  if (authorization.starts_with(kBearer)) {
    return same_secret(authorization.substr(kBearer.size()), options_.token);
  }
  const std::string_view session = cookie(request.header("cookie"), kSession);
  const std::size_t dot = session.find('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view until = session.substr(0, dot);
  std::int64_t seconds = 0;
  std::from_chars(until.data(), until.data() + until.size(), seconds);
  return same_secret(session.substr(dot + 1), signature(until)) && seconds > now_seconds();
}

void Guard::spend(const std::string& who, double rate, double cost) {
  const auto now = Clock::now();
  if (buckets_.size() > kMostBuckets) {
    // Those that are full again by now say nothing.
    std::erase_if(buckets_, [&](const auto& entry) {
      return now - entry.second.at > std::chrono::seconds(60);
    });
  }
  const double most = 4 * rate;
  auto [found, is_new] = buckets_.try_emplace(who, Bucket{most, now});
  Bucket& bucket = found->second;
  const std::chrono::duration<double> passed = now - bucket.at;
  bucket.left = std::min(most, bucket.left + passed.count() * rate);
  bucket.at = now;
  if (bucket.left < cost) {
    ApiError error;
    error.status = 429;
    error.code = "too_many_requests";
    error.message = "Too many requests. Nothing was lost; try again in a moment.";
    error.retry_after = static_cast<int>(std::ceil((cost - bucket.left) / rate));
    throw error;
  }
  bucket.left -= cost;
}

void Guard::admit(Request& request, bool open) {
  check_host(request);
  check_origin(request);
  const std::string_view id = cookie(request.header("cookie"), kClient);
  request.client = is_id(id) ? std::string(id) : request.address;
  spend("address " + request.address, options_.address_rate, 1);
  spend("client " + request.client, options_.client_rate, 1);
  if (options_.login && !open && !logged_in(request)) {
    ApiError error;
    error.status = 401;
    error.code = "unauthorised";
    error.message = "Log in with the token that the server printed when it started.";
    throw error;
  }
}

std::string Guard::login(const Request& request, std::string_view token) {
  if (options_.login && !same_secret(token, options_.token)) {
    spend("login " + request.address, 0.5, 1);  // after a few, one every two seconds
    ApiError error;
    error.status = 401;
    error.code = "unauthorised";
    error.message = "That is not the token. The server printed it when it started.";
    throw error;
  }
  const std::string until = std::to_string(now_seconds() + kSessionSeconds);
  return fmt::format("{}={}.{}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}", kSession, until,
                     signature(until), kSessionSeconds);
}

std::string Guard::logout_cookie() {
  return fmt::format("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", kSession);
}

std::string Guard::client_cookie(const Request& request) {
  if (is_id(cookie(request.header("cookie"), kClient))) return {};
  return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000", kClient,
                     new_id());
}

}  // namespace hemiola::server
