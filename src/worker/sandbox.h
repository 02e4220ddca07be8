// How a worker is held apart from everything else. Two walls: bubblewrap gives it a world without
// network, with a read-only file system and a temporary folder of its own; and, before it sees
// anything from outside, the worker gives up privileges, sets limits on itself and filters its
// system calls. The second wall stands everywhere, the first where user namespaces are allowed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace hemiola::worker {

struct Limits {
  unsigned cpu_seconds = 60;                     // of processor time, all threads together
  std::size_t memory = std::size_t{2} << 30;     // bytes of address space
  std::size_t file_size = std::size_t{2} << 30;  // bytes of any one file it writes
  unsigned open_files = 64;
};

// No new privileges, then limits, then the filter: no network, no other programs, no other
// process, no mounts. For the calling process, all its threads, for good.
Status restrict_self(const Limits& limits);
// Lowers limits further, for one request.
Status lower_limits(const Limits& limits);

// Whether bubblewrap works here: an empty path where it does not, and `why`.
Path find_bubblewrap(std::string& why);

// The command line that runs `command` in bubblewrap's world. `visible`: files and folders outside
// /usr that it must see, read only.
std::vector<std::string> in_bubblewrap(const Path& bubblewrap,
                                       const std::vector<std::string>& command,
                                       const std::vector<Path>& visible);

}  // namespace hemiola::worker
