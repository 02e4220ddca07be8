#include "server/studio_files.h"

#include <algorithm>
#include <array>

#include "base/hash.h"

namespace hemiola::server {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".webmanifest", "application/manifest+json"},
    {".wasm", "application/wasm"},
    {".woff2", "font/woff2"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".txt", "text/plain; charset=utf-8"},
    {".md", "text/plain; charset=utf-8"},
    {".wav", "audio/wav"},
}};

constexpr std::string_view kNotBuilt =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Hemiola</title>"
    "<h1>Hemiola</h1><p>The server runs, but its page has not been built. Run <code>make build"
    "</code> in the checkout, then reload this page.</p><p>The API is described in "
    "<a href=\"/openapi.json\">/openapi.json</a>.</p></html>";

std::string_view type_of(std::string_view name) {
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

}  // namespace

void StudioFiles::look() {
  std::error_code code;
  const auto written = fs::last_write_time(folder_ / "index.html", code);
  if (code) {
    files_.clear();
    return;
  }
  if (written == seen_ && !files_.empty()) return;
  files_.clear();
  seen_ = written;
  for (const auto& item : fs::recursive_directory_iterator(folder_, code)) {
    if (!item.is_regular_file(code)) continue;
    auto text = read_text(item.path());
    if (!text) continue;
    std::string name = "/" + item.path().lexically_relative(folder_).generic_string();
    auto bytes = std::make_shared<const std::string>(std::move(*text));
    if (name.ends_with(".gz") || name.ends_with(".br")) {
      Stored& file = files_[name.substr(0, name.size() - 3)];
      (name.ends_with(".gz") ? file.gzip : file.brotli) = std::move(bytes);
      continue;
    }
    Stored& file = files_[name];
    file.tag = to_hex(Sha256().update(*bytes).finish()).substr(0, 32);
    file.media_type = type_of(name);
    file.for_ever = name.starts_with("/assets/");
    file.plain = std::move(bytes);
  }
  std::erase_if(files_, [](const auto& entry) { return entry.second.plain == nullptr; });
  if (const auto index = files_.find("/index.html"); index != files_.end()) {
    files_["/"] = index->second;
  }
}

Response StudioFiles::answer(const Request& request) {
  // Only a page that is opened may find that there is a new build.
  if (request.path == "/" || files_.empty()) look();
  Response response;
  const auto found = files_.find(request.path);
  if (found == files_.end()) {
    if (request.path == "/") {
      response.headers = {{"Content-Type", "text/html; charset=utf-8"},
                          {"Cache-Control", "no-store"}};
      response.body = std::string(kNotBuilt);
      return response;
    }
    ApiError error;
    error.status = 404;
    error.code = "not_found";
    error.message = "There is no such page.";
    throw error;
  }
  const Stored& file = found->second;
  const std::string tag = fmt::format("\"{}\"", file.tag);
  response.headers = {
      {"Content-Type", file.media_type},
      {"ETag", tag},
      {"Vary", "Accept-Encoding"},
      {"Cache-Control", file.for_ever ? "public, max-age=31536000, immutable" : "no-cache"}};
  if (request.header("if-none-match") == tag) {
    response.status = 304;
    return response;
  }
  const std::string_view takes = request.header("accept-encoding");
  const auto& brotli = file.brotli;
  const auto& gzip = file.gzip;
  if (brotli != nullptr && takes.find("br") != std::string_view::npos) {
    response.headers.emplace_back("Content-Encoding", "br");
    response.body = brotli;
  } else if (gzip != nullptr && takes.find("gzip") != std::string_view::npos) {
    response.headers.emplace_back("Content-Encoding", "gzip");
    response.body = gzip;
  } else {
    response.body = file.plain;
  }
  return response;
}

Path find_studio(const Path& given) {
  if (!given.empty()) return given;
  std::error_code code;
  const Path program = fs::read_symlink("/proc/self/exe", code);
  if (code) return {};
  const Path installed = program.parent_path().parent_path() / "share/hemiola/web";
  if (fs::exists(installed / "index.html", code)) return installed;
  // build/PRESET/hemiola in a checkout; the page may be built later.
  for (Path folder = program.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    if (fs::exists(folder / "web", code)) return folder / "web/dist";
  }
  return {};
}

}  // namespace hemiola::server
