// A shard: some hundreds of pieces in one file that is mapped, never parsed. Each piece has what
// its source said (path, labels, report; refused files too, with the reason), its grid score, its
// sketch for near copies, and its notes in the novelty index: note steps with their suffix array,
// and hashes of bars. A shard is written once, whole, and depends on nothing but its pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/hash.h"
#include "base/result.h"
#include "score/grid_score.h"

namespace hemiola::data {

inline constexpr std::uint32_t kShardVersion = 1;

// One offered file on its way into a shard.
struct Piece {
  std::string path;     // as the manifest names it
  std::string details;  // one line of JSON: labels, repairs, report or reason
  Sha256Digest file_hash{};
  bool usable = false;  // the rest is empty where not

  Bytes grid{};  // encode_grid
  Sha256Digest notes_hash{};
  std::uint32_t notes = 0;
  std::uint32_t bars = 0;
  std::vector<std::uint32_t> sketch{};
  std::vector<std::uint16_t> steps{};
  std::vector<std::uint64_t> bar_hashes{};  // one a bar, 0 where none begins
};

// A piece of a shard that is mapped: views into it.
struct PieceView {
  std::string_view path;
  std::string_view details;
  Sha256Digest file_hash{};
  Sha256Digest notes_hash{};
  bool usable = false;
  std::uint32_t notes = 0;
  std::uint32_t bars = 0;
  std::span<const std::uint8_t> grid;
  std::uint64_t grid_checksum = 0;
  std::span<const std::uint32_t> sketch;
  std::uint32_t steps_begin = 0;  // into ShardView::steps()
  std::uint32_t steps_size = 0;

  Result<GridScore> score() const;
};

// Reads a shard in place. The bytes must outlive it and be aligned to 8.
class ShardView {
 public:
  // Checks everything that later calls rely on, but for the grid scores themselves (score()).
  static Result<ShardView> open(std::span<const std::uint8_t> bytes);

  std::size_t size() const { return rows_.size() / kRowSize; }
  PieceView piece(std::size_t index) const;

  // All pieces' note steps, a 0 after each piece, and the order of their suffixes.
  std::span<const std::uint16_t> steps() const { return steps_; }
  std::span<const std::uint32_t> suffixes() const { return suffixes_; }
  // The piece that a position in steps() belongs to.
  std::size_t piece_at_step(std::uint32_t position) const;

  // Hashes of all bars with notes, rising, and the piece each is from.
  std::span<const std::uint64_t> bar_hashes() const { return bar_hashes_; }
  std::span<const std::uint32_t> bar_pieces() const { return bar_pieces_; }

  static constexpr std::size_t kRowSize = 128;

 private:
  std::span<const std::uint8_t> rows_;
  std::span<const std::uint8_t> text_;
  std::span<const std::uint8_t> grids_;
  std::span<const std::uint32_t> sketches_;
  std::span<const std::uint16_t> steps_;
  std::span<const std::uint32_t> suffixes_;
  std::span<const std::uint64_t> bar_hashes_;
  std::span<const std::uint32_t> bar_pieces_;
};

// The bytes of a shard. The same pieces give the same bytes.
Bytes make_shard(std::span<const Piece> pieces);

// A fast 64-bit checksum against damage.
std::uint64_t checksum(std::span<const std::uint8_t> bytes);

}  // namespace hemiola::data
