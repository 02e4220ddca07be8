// Notes what is wrong in a file while it is read. Lenient: the repair is noted and reading goes on.
// Strict: the first one is the error. Internal to src/midi.
#pragma once

#include <utility>

#include "midi/bytes.h"
#include "midi/reader.h"

namespace hemiola::midi {

class Mender {
 public:
  Mender(const Byte* base, const ReadOptions& options, File& file)
      : base_(base), options_(options), file_(file) {}

  void set_track(int track) { track_ = track; }

  // False when the repair must not be made: reading is strict and ends with the error.
  template <class... Args>
  [[nodiscard]] bool mend(RepairKind kind, const Byte* where, fmt::format_string<Args...> format,
                          Args&&... args) {
    ++file_.repair_counts[static_cast<std::size_t>(kind)];
    if (options_.strict) return refuse(where, format, std::forward<Args>(args)...);
    if (file_.repairs.size() < options_.limits.repairs_kept) {
      file_.repairs.push_back(
          {kind, offset(where), track_, fmt::format(format, std::forward<Args>(args)...)});
    }
    return true;
  }

  // What cannot be mended. Always false.
  template <class... Args>
  [[nodiscard]] bool refuse(const Byte* where, fmt::format_string<Args...> format, Args&&... args) {
    auto what = fmt::format(format, std::forward<Args>(args)...);
    error_ = {track_ < 0 ? fmt::format("byte {}: {}", offset(where), what)
                         : fmt::format("byte {} (track {}): {}", offset(where), track_ + 1, what)};
    return false;
  }

  Error take_error() { return std::move(error_); }

 private:
  std::size_t offset(const Byte* where) const { return static_cast<std::size_t>(where - base_); }

  const Byte* base_;
  const ReadOptions& options_;
  File& file_;
  int track_ = -1;
  Error error_;
};

}  // namespace hemiola::midi
