// The built page (web/dist), from memory: every file is found when the page is first asked for, and
// again when its index.html changes; no path is ever made from what a client asks.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/files.h"
#include "server/http.h"

namespace hemiola::server {

class StudioFiles {
 public:
  // An empty folder: there is none, and the page says how to get it.
  explicit StudioFiles(Path folder) : folder_(std::move(folder)) {}

  Response answer(const Request& request);

 private:
  struct Stored {
    std::shared_ptr<const std::string> plain, gzip, brotli;  // null: not there
    std::string media_type, tag;
    bool for_ever = false;  // its name changes with its content
  };

  void look();

  Path folder_;
  std::filesystem::file_time_type seen_{};
  std::map<std::string, Stored, std::less<>> files_;  // by the path in the address
};

// `given` if it is not empty; else the page beside the program: share/hemiola/web, or web/dist of
// the checkout that it was built in. Empty where there is none.
Path find_studio(const Path& given);

}  // namespace hemiola::server
