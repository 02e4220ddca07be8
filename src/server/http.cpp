#include "server/http.h"

#include <algorithm>
#include <charconv>

namespace hemiola::server {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '.' || c == '_';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

struct ByteRange {
  std::uint64_t begin = 0, size = 0;
};

// "bytes=a-b", "bytes=a-", "bytes=-n". Anything else, several ranges included: nullopt, and all is
// sent. A size of 0: cannot be satisfied.
std::optional<ByteRange> parse_range(std::string_view text, std::uint64_t size) {
  if (!text.starts_with("bytes=") || text.find(',') != std::string_view::npos) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || code != std::errc() || end != digits.data() + digits.size()) {
      return std::nullopt;
    }
    return value;
  };
  const auto first = number(text.substr(0, dash)), last = number(text.substr(dash + 1));
  if (first) {
    if (dash + 1 < text.size() && (!last || *last < *first)) return std::nullopt;
    if (*first >= size) return ByteRange{0, 0};
    return ByteRange{*first, std::min(size, last ? *last + 1 : size) - *first};
  }
  if (dash != 0 || !last) return std::nullopt;
  const std::uint64_t tail = std::min(size, *last);
  return ByteRange{size - tail, tail};
}

}  // namespace

Json ApiError::json() const {
  Json error = {{"code", code}, {"message", message}};
  if (line) error["line"] = *line;
  if (column) error["column"] = *column;
  if (!field.empty()) error["field"] = field;
  return {{"error", std::move(error)}};
}

std::string_view Request::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

std::string_view Request::query_or(std::string_view name, std::string_view otherwise) const {
  const auto found = query.find(name);
  return found == query.end() ? otherwise : found->second;
}

Response json_response(const Json& json, int status) {
  Response response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = json_text(json);
  return response;
}

Response error_response(const ApiError& error) {
  Response response = json_response(error.json(), error.status);
  if (error.retry_after) {
    response.headers.emplace_back("Retry-After", std::to_string(*error.retry_after));
  }
  return response;
}

Response stored_response(const Request& request, std::shared_ptr<const BlobReader> reader,
                         std::string_view media_type, std::string_view tag, bool for_ever) {
  Response response;
  const std::string etag = fmt::format("\"{}\"", tag);
  response.headers = {
      {"Content-Type", std::string(media_type)},
      {"ETag", etag},
      {"Accept-Ranges", "bytes"},
      {"Cache-Control", for_ever ? "private, max-age=31536000, immutable" : "private, no-cache"}};
  if (request.header("if-none-match") == etag) {
    response.status = 304;
    return response;
  }
  const std::uint64_t size = reader->size();
  ByteRange range{0, size};
  if (const auto asked = parse_range(request.header("range"), size)) {
    if (asked->size == 0) {
      response.status = 416;
      response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
      return response;
    }
    range = *asked;
    response.status = 206;
    response.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", range.begin,
                                                               range.begin + range.size - 1, size));
  }
  response.body = StoredBody{std::move(reader), range.begin, range.size};
  return response;
}

std::string attachment(std::string_view name, std::string_view ending) {
  std::string plain;
  for (const char c : name) {
    const bool safe = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == ' ' || c == '-' || c == '_';
    plain += safe ? c : '_';
  }
  if (plain.empty()) plain = "piece";
  return fmt::format("attachment; filename=\"{}.{}\"; filename*=UTF-8''{}.{}", plain, ending,
                     percent_encoded(name.empty() ? plain : name), ending);
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::map<std::string, std::string, std::less<>> parse_query(std::string_view text) {
  std::map<std::string, std::string, std::less<>> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = decoded(pair.substr(0, equals));
    const auto value = decoded(pair.substr(std::min(equals + 1, pair.size())));
    if (name && value) query.insert_or_assign(*name, *value);
  }
  return query;
}

}  // namespace hemiola::server
