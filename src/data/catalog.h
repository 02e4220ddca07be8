// The catalog of a data set: one entry for each file that was ever offered, in the order of the
// manifest, with what became of it and on which side of the split it stands. It is the manifest as
// a binary file, so that opening a data set parses no text.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/hash.h"
#include "base/result.h"

namespace hemiola::data {

enum class Outcome : std::uint8_t {
  kAccepted,
  kSameFile,   // the same bytes as an accepted or dropped one before it
  kSameNotes,  // the same canonical notes
  kNearCopy,   // nearly the same notes, or a part of another piece
  kRefused,
};
std::string_view outcome_name(Outcome outcome);  // "accepted", "same file", ...

enum class Split : std::uint8_t { kTrain, kValidation, kTest, kNone };
std::string_view split_name(Split split);  // "train", "validation", "test", "none"
std::optional<Split> split_from(std::string_view name);

struct Entry {
  static constexpr std::uint32_t kNoCopy = 0xffffffff;

  std::string path;
  std::uint32_t shard = 0;   // index into Catalog::shards
  std::uint32_t piece = 0;   // index into the shard
  std::uint32_t styles = 0;  // index into Catalog::styles
  std::uint32_t notes = 0;
  std::uint32_t bars = 0;
  std::uint32_t copy_of = kNoCopy;  // index of the entry it is a copy of
  Outcome outcome = Outcome::kRefused;
  Split split = Split::kNone;  // kNone unless accepted
  bool repaired = false;
  Sha256Digest file_hash{};
  Sha256Digest notes_hash{};
};

struct Catalog {
  std::vector<std::string> shards;               // file names, rising
  std::vector<std::vector<std::string>> styles;  // lists of style names that occur
  std::vector<Entry> entries;

  Bytes bytes() const;
  static Result<Catalog> parse(std::span<const std::uint8_t> bytes);
};

}  // namespace hemiola::data
