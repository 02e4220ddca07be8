// A data set on disk, opened for reading: the catalog, and the shards it names, mapped. Immutable
// and safe for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "data/catalog.h"
#include "data/shard.h"
#include "score/grid_score.h"

namespace hemiola::data {

inline constexpr const char* kCatalogName = "catalog.bin";
inline constexpr const char* kManifestName = "manifest.jsonl";
inline constexpr const char* kSummaryName = "summary.json";
inline constexpr const char* kShardFolder = "shards";
inline constexpr const char* kShardEnding = ".shard";

// A shard file, mapped.
class Shard {
 public:
  static Result<Shard> open(const Path& path);
  const ShardView& view() const { return view_; }

 private:
  Shard(MappedFile file, ShardView view) : file_(std::move(file)), view_(view) {}

  MappedFile file_;
  ShardView view_;
};

class Dataset {
 public:
  static Result<Dataset> open(const Path& folder);

  const Path& folder() const { return folder_; }
  const Catalog& catalog() const { return catalog_; }
  const std::vector<Entry>& entries() const { return catalog_.entries; }
  const std::vector<Shard>& shards() const { return shards_; }
  const std::vector<std::string>& styles(const Entry& entry) const {
    return catalog_.styles[entry.styles];
  }

  // Accepted entries of that side, in the order of the manifest.
  std::vector<std::uint32_t> entries_of(Split split) const;
  Result<GridScore> score(std::size_t entry) const;
  PieceView piece(const Entry& entry) const {
    return shards_[entry.shard].view().piece(entry.piece);
  }
  // The accepted entry that a copy stands for; itself where it is accepted or refused.
  std::size_t original(std::size_t entry) const;
  // The entry of a shard's piece.
  std::size_t entry_of(std::size_t shard, std::size_t piece) const {
    return entry_of_piece_[shard][piece];
  }

  // Identity of the content: changes when pieces or their split do. 64 hex digits.
  const std::string& identity() const { return identity_; }

 private:
  Dataset() = default;

  Path folder_;
  Catalog catalog_;
  std::vector<Shard> shards_;
  std::vector<std::vector<std::uint32_t>> entry_of_piece_;
  std::string identity_;
};

}  // namespace hemiola::data
