// Imports in a process of its own, for tests that kill it or take the disk away:
// data_import_helper OUT FILE_SIZE_LIMIT THREADS PATH... (limit 0: none).
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "data/import.h"

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  if (const auto limit = std::strtoul(argv[2], nullptr, 10); limit > 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit files{limit, limit};
    ::setrlimit(RLIMIT_FSIZE, &files);
  }
  hemiola::data::ImportOptions options;
  options.threads = std::atoi(argv[3]);
  const auto summary = hemiola::data::import_dataset({argv + 4, argv + argc}, argv[1], options);
  if (summary) return 0;
  std::puts(summary.error().message.c_str());
  return 1;
}
