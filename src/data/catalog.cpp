// Layout: magic, version, then counts and strings with LEB128 lengths, and the checksum of all that
// stands before it at the end.
#include "data/catalog.h"

#include <algorithm>
#include <array>

#include "data/byte_io.h"
#include "data/shard.h"

namespace hemiola::data {
namespace {

constexpr std::uint64_t kMagic = 0x0a474c5441434d48;  // "HMCATLG\n"
constexpr std::uint32_t kVersion = 1;
constexpr std::array<std::string_view, 5> kOutcomes = {"accepted", "same file", "same notes",
                                                       "near copy", "refused"};
constexpr std::array<std::string_view, 4> kSplits = {"train", "validation", "test", "none"};

void write_text(ByteWriter& to, std::string_view text) {
  to.varint(text.size());
  to.text(text);
}

std::string read_text(ByteReader& from) {
  const auto bytes = from.bytes(from.count(1));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Sha256Digest read_hash(ByteReader& from) {
  Sha256Digest hash{};
  const auto bytes = from.bytes(hash.size());
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

std::uint32_t read_number(ByteReader& from) { return static_cast<std::uint32_t>(from.varint()); }

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

std::string_view split_name(Split split) { return kSplits[static_cast<std::size_t>(split)]; }

std::optional<Split> split_from(std::string_view name) {
  for (std::size_t i = 0; i < kSplits.size(); ++i) {
    if (kSplits[i] == name) return static_cast<Split>(i);
  }
  return std::nullopt;
}

Bytes Catalog::bytes() const {
  Bytes out;
  ByteWriter to(out);
  to.u64(kMagic);
  to.u32(kVersion);
  to.varint(shards.size());
  for (const std::string& shard : shards) write_text(to, shard);
  to.varint(styles.size());
  for (const auto& list : styles) {
    to.varint(list.size());
    for (const std::string& style : list) write_text(to, style);
  }
  to.varint(entries.size());
  for (const Entry& entry : entries) {
    write_text(to, entry.path);
    to.varint(entry.shard);
    to.varint(entry.piece);
    to.varint(entry.styles);
    to.varint(entry.notes);
    to.varint(entry.bars);
    to.u32(entry.copy_of);
    to.u8(static_cast<std::uint8_t>(entry.outcome));
    to.u8(static_cast<std::uint8_t>(entry.split));
    to.u8(entry.repaired ? 1 : 0);
    to.bytes(entry.file_hash);
    to.bytes(entry.notes_hash);
  }
  to.u64(checksum(out));
  return out;
}

Result<Catalog> Catalog::parse(std::span<const std::uint8_t> bytes) {
  ByteReader from(bytes);
  if (from.u64() != kMagic) return fail("not the catalog of a Hemiola data set");
  if (const std::uint32_t version = from.u32(); version != kVersion) {
    return fail("catalog of version {}, this program reads version {}", version, kVersion);
  }
  if (bytes.size() < 20 ||
      ByteReader(bytes.last(8)).u64() != checksum(bytes.first(bytes.size() - 8))) {
    return fail("catalog is cut or damaged: wrong checksum");
  }
  Catalog catalog;
  for (std::size_t n = from.count(1); n > 0; --n) catalog.shards.push_back(read_text(from));
  for (std::size_t n = from.count(1); n > 0; --n) {
    auto& list = catalog.styles.emplace_back();
    for (std::size_t k = from.count(1); k > 0; --k) list.push_back(read_text(from));
  }
  const std::size_t count = from.count(77);
  catalog.entries.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Entry entry;
    entry.path = read_text(from);
    entry.shard = read_number(from);
    entry.piece = read_number(from);
    entry.styles = read_number(from);
    entry.notes = read_number(from);
    entry.bars = read_number(from);
    entry.copy_of = from.u32();
    const int outcome = from.u8(), split = from.u8();
    entry.repaired = from.u8() != 0;
    entry.file_hash = read_hash(from);
    entry.notes_hash = read_hash(from);
    if (outcome >= static_cast<int>(kOutcomes.size()) ||
        split >= static_cast<int>(kSplits.size()) || entry.shard >= catalog.shards.size() ||
        entry.styles >= catalog.styles.size() ||
        (entry.copy_of != Entry::kNoCopy && entry.copy_of >= count)) {
      return fail("catalog is damaged: entry {}", i);
    }
    entry.outcome = static_cast<Outcome>(outcome);
    entry.split = static_cast<Split>(split);
    catalog.entries.push_back(std::move(entry));
  }
  if (!from.ok() || from.remaining() != 8) return fail("catalog is damaged");
  return catalog;
}

}  // namespace hemiola::data
