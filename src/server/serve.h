// The whole server, from its data folder to the signal that ends it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "server/log.h"

namespace hemiola::server {

struct ServeOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8380;  // 0: a free one
  Path data;                  // folder of all that is kept
  Path model;                 // empty: as everywhere (locate_model)
  Path training;              // data set to compare pieces with; empty: none
  Path soundfont;             // empty: the usual one
  Path transcriber;           // its weights; empty: the usual ones
  Path audiolm;               // the waveform model's folder; empty: as everywhere
  Path web;                   // the built page; empty: the one beside the program
  std::string token;          // of log-in; empty: made once and kept in the data folder
  bool login = false;         // ask for it on loopback too
  std::vector<std::string> allowed_hosts;
  double keep_days = 30;  // of what was deleted, and of jobs that ended
  int threads = 0;        // of one that writes music; 0: by processors and music_jobs
  // How many jobs are done at once; 0: one for every two processors, two at least.
  int music_jobs = 0, sound_jobs = 0;
  double storage = 20;      // gigabytes of all that is kept; 0: no limit
  double client_rate = 50;  // requests a second
  LogLevel log = LogLevel::kUsual;
  // Told once the server answers: its address, and what a person should know (isolation, log-in).
  std::function<void(const std::string& address, const std::vector<std::string>& notes)> ready;
};

// Until SIGINT or SIGTERM.
Status serve(const ServeOptions& options);

// Where data is kept when nobody says: XDG_DATA_HOME/hemiola or ~/.local/share/hemiola.
Path default_data_folder();

}  // namespace hemiola::server
