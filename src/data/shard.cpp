// Layout, little-endian: header (magic, version, number of pieces, size of the file, checksum of
// header and rows, offset and size of each section), then the sections, each at a multiple of 8:
// rows of 128 bytes, text (path and details), grid scores, sketches, note steps, their suffix
// array, bar hashes, bar pieces.
#include "data/shard.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/rng.h"
#include "data/byte_io.h"
#include "data/grid_codec.h"
#include "data/suffix_array.h"

namespace hemiola::data {
namespace {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they are");

constexpr std::uint64_t kMagic = 0x0a44524148534d48;  // "HMSHARD\n"
enum Section { kRows, kText, kGrids, kSketches, kSteps, kSuffixes, kBarHashes, kBarPieces, kCount };
constexpr std::size_t kHeaderSize = 32 + kCount * 16;
constexpr std::size_t kChecksumAt = 24;

struct Row {
  std::uint32_t text_begin = 0, path_size = 0, details_size = 0, usable = 0;
  std::uint32_t grid_begin = 0, grid_size = 0;
  std::uint64_t grid_checksum = 0;
  std::uint32_t sketch_begin = 0, sketch_size = 0;
  std::uint32_t steps_begin = 0, steps_size = 0;
  std::uint32_t notes = 0, bars = 0;
  Sha256Digest file_hash{}, notes_hash{};
  std::uint64_t reserved = 0;
};
static_assert(sizeof(Row) == ShardView::kRowSize);

Row row_at(std::span<const std::uint8_t> rows, std::size_t index) {
  Row row;
  std::memcpy(&row, rows.data() + index * sizeof(Row), sizeof(Row));
  return row;
}

template <class T>
std::span<const std::uint8_t> as_bytes(const std::vector<T>& items) {
  return {reinterpret_cast<const std::uint8_t*>(items.data()), items.size() * sizeof(T)};
}

template <class T>
std::span<const T> as_items(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

std::uint64_t header_checksum(std::span<const std::uint8_t> header,
                              std::span<const std::uint8_t> rows) {
  std::array<std::uint8_t, kHeaderSize> copy;
  std::copy_n(header.begin(), kHeaderSize, copy.begin());
  std::fill_n(copy.begin() + kChecksumAt, 8, std::uint8_t{0});
  return mix64(checksum(copy)) ^ checksum(rows);
}

bool inside(std::uint64_t begin, std::uint64_t size, std::size_t whole) {
  return begin <= whole && size <= whole - begin;
}

}  // namespace

std::uint64_t checksum(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = mix64(bytes.size());
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    sum = mix64(sum ^ word);
  }
  std::uint64_t rest = 0;
  if (i < bytes.size()) std::memcpy(&rest, bytes.data() + i, bytes.size() - i);
  return mix64(sum ^ rest);
}

Bytes make_shard(std::span<const Piece> pieces) {
  std::vector<Row> rows;
  Bytes text, grids;
  std::vector<std::uint32_t> sketches;
  std::vector<std::uint16_t> steps;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> bars;
  for (const Piece& piece : pieces) {
    Row row;
    row.text_begin = static_cast<std::uint32_t>(text.size());
    row.path_size = static_cast<std::uint32_t>(piece.path.size());
    row.details_size = static_cast<std::uint32_t>(piece.details.size());
    row.usable = piece.usable ? 1 : 0;
    row.grid_begin = static_cast<std::uint32_t>(grids.size());
    row.grid_size = static_cast<std::uint32_t>(piece.grid.size());
    row.grid_checksum = checksum(piece.grid);
    row.sketch_begin = static_cast<std::uint32_t>(sketches.size());
    row.sketch_size = static_cast<std::uint32_t>(piece.sketch.size());
    row.steps_begin = static_cast<std::uint32_t>(steps.size());
    row.steps_size = static_cast<std::uint32_t>(piece.steps.size());
    row.notes = piece.notes;
    row.bars = piece.bars;
    row.file_hash = piece.file_hash;
    row.notes_hash = piece.notes_hash;
    text.insert(text.end(), piece.path.begin(), piece.path.end());
    text.insert(text.end(), piece.details.begin(), piece.details.end());
    grids.insert(grids.end(), piece.grid.begin(), piece.grid.end());
    sketches.insert(sketches.end(), piece.sketch.begin(), piece.sketch.end());
    steps.insert(steps.end(), piece.steps.begin(), piece.steps.end());
    steps.push_back(0);
    for (const std::uint64_t hash : piece.bar_hashes) {
      if (hash != 0) bars.emplace_back(hash, static_cast<std::uint32_t>(rows.size()));
    }
    rows.push_back(row);
  }
  std::sort(bars.begin(), bars.end());
  bars.erase(std::unique(bars.begin(), bars.end()), bars.end());
  std::vector<std::uint64_t> bar_hashes;
  std::vector<std::uint32_t> bar_pieces;
  for (const auto& [hash, piece] : bars) {
    bar_hashes.push_back(hash);
    bar_pieces.push_back(piece);
  }
  const std::vector<std::uint32_t> suffixes = suffix_array(steps);

  const std::array<std::span<const std::uint8_t>, kCount> sections = {as_bytes(rows),
                                                                      text,
                                                                      grids,
                                                                      as_bytes(sketches),
                                                                      as_bytes(steps),
                                                                      as_bytes(suffixes),
                                                                      as_bytes(bar_hashes),
                                                                      as_bytes(bar_pieces)};
  std::size_t size = kHeaderSize;
  for (const auto& section : sections) size = (size + section.size() + 7) / 8 * 8;
  Bytes out;
  out.reserve(size);
  ByteWriter to(out);
  to.u64(kMagic);
  to.u32(kShardVersion);
  to.u32(static_cast<std::uint32_t>(rows.size()));
  to.u64(size);
  to.u64(0);
  std::size_t begin = kHeaderSize;
  for (const auto& section : sections) {
    to.u64(begin);
    to.u64(section.size());
    begin = (begin + section.size() + 7) / 8 * 8;
  }
  for (const auto& section : sections) {
    to.bytes(section);
    out.resize((out.size() + 7) / 8 * 8, 0);
  }
  const std::uint64_t sum = header_checksum(out, sections[kRows]);
  std::memcpy(out.data() + kChecksumAt, &sum, sizeof sum);
  return out;
}

Result<ShardView> ShardView::open(std::span<const std::uint8_t> bytes) {
  ByteReader from(bytes);
  if (from.u64() != kMagic) return fail("not a shard of a Hemiola data set");
  const std::uint32_t version = from.u32();
  if (version != kShardVersion) {
    return fail("shard of version {}, this program reads version {}", version, kShardVersion);
  }
  const std::uint32_t pieces = from.u32();
  const std::uint64_t size = from.u64();
  const std::uint64_t sum = from.u64();
  std::array<std::span<const std::uint8_t>, kCount> sections;
  for (auto& section : sections) {
    const std::uint64_t begin = from.u64(), length = from.u64();
    if (!from.ok() || size != bytes.size() || begin % 8 != 0 ||
        !inside(begin, length, bytes.size())) {
      return fail("shard is cut or damaged: {} bytes, {} expected", bytes.size(), size);
    }
    section = bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length));
  }
  if (sections[kRows].size() != pieces * sizeof(Row) ||
      header_checksum(bytes.first(kHeaderSize), sections[kRows]) != sum) {
    return fail("shard is damaged: wrong checksum");
  }
  ShardView shard;
  shard.rows_ = sections[kRows];
  shard.text_ = sections[kText];
  shard.grids_ = sections[kGrids];
  shard.sketches_ = as_items<std::uint32_t>(sections[kSketches]);
  shard.steps_ = as_items<std::uint16_t>(sections[kSteps]);
  shard.suffixes_ = as_items<std::uint32_t>(sections[kSuffixes]);
  shard.bar_hashes_ = as_items<std::uint64_t>(sections[kBarHashes]);
  shard.bar_pieces_ = as_items<std::uint32_t>(sections[kBarPieces]);
  std::uint64_t steps = 0;
  for (std::size_t i = 0; i < pieces; ++i) {
    const Row row = row_at(shard.rows_, i);
    if (!inside(row.text_begin, std::uint64_t{row.path_size} + row.details_size,
                shard.text_.size()) ||
        !inside(row.grid_begin, row.grid_size, shard.grids_.size()) ||
        !inside(row.sketch_begin, row.sketch_size, shard.sketches_.size()) ||
        row.steps_begin != steps) {
      return fail("shard is damaged: piece {} lies outside it", i);
    }
    steps += std::uint64_t{row.steps_size} + 1;
  }
  if (steps != shard.steps_.size() || shard.suffixes_.size() != steps ||
      shard.bar_hashes_.size() != shard.bar_pieces_.size()) {
    return fail("shard is damaged: its novelty index does not fit its pieces");
  }
  return shard;
}

PieceView ShardView::piece(std::size_t index) const {
  const Row row = row_at(rows_, index);
  const auto* text = reinterpret_cast<const char*>(text_.data()) + row.text_begin;
  PieceView view;
  view.path = {text, row.path_size};
  view.details = {text + row.path_size, row.details_size};
  view.file_hash = row.file_hash;
  view.notes_hash = row.notes_hash;
  view.usable = row.usable != 0;
  view.notes = row.notes;
  view.bars = row.bars;
  view.grid = grids_.subspan(row.grid_begin, row.grid_size);
  view.grid_checksum = row.grid_checksum;
  view.sketch = sketches_.subspan(row.sketch_begin, row.sketch_size);
  view.steps_begin = row.steps_begin;
  view.steps_size = row.steps_size;
  return view;
}

std::size_t ShardView::piece_at_step(std::uint32_t position) const {
  std::size_t low = 0, high = size();
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    (row_at(rows_, middle).steps_begin <= position ? low : high) = middle;
  }
  return low;
}

Result<GridScore> PieceView::score() const {
  if (!usable) return fail("{}: was refused, it has no score", path);
  if (checksum(grid) != grid_checksum) return fail("{}: damaged in the data set", path);
  auto score = decode_grid(grid);
  if (!score) return fail(std::move(score.error()).within(path));
  return score;
}

}  // namespace hemiola::data
