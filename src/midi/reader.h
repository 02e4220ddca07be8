// Reads Standard MIDI Files (formats 0, 1, 2; plain or wrapped in RIFF) into events. Lenient by
// default: what can be mended is mended and noted in File::repairs, so that a file is refused only
// when no header and no track can be found in it. Strict: the first thing wrong refuses the file,
// with its offset. Time and memory are linear in the input, whatever the bytes are: a File takes at
// most about 13 times its bytes (six times is usual), and half as much again while it is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/files.h"
#include "base/result.h"
#include "midi/events.h"

namespace hemiola::midi {

struct ReadLimits {
  std::size_t bytes = kDefaultReadLimit;  // larger input is refused; never more than 2^32 - 1
  std::size_t tracks = 65535;             // more are refused
  std::size_t repairs_kept = 64;          // described in File::repairs; all are counted
};

struct ReadOptions {
  bool strict = false;
  ReadLimits limits;
};

Result<File> read(std::span<const std::uint8_t> bytes, const ReadOptions& options = {});

// The same for a file on disk; errors begin with its path.
Result<File> read(const Path& path, const ReadOptions& options = {});

}  // namespace hemiola::midi
