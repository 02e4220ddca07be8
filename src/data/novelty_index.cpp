// Layout, after a magic word, integers LEB128 unless said: number of pieces, pieces; number of file
// hashes, those; number of hashes of canonical notes, those; number of hashes of bars, those;
// number of runs, runs; checksum of all before it (8 bytes).
//   Piece: length of its path, path, 1 if it has an upbeat, number of bars, notes of each bar.
//   Hashes rise and are said by the difference from the one before.
//   Run: its hash likewise, then its note (three bytes, or four where there are 2^24 notes or
//   more).
#include "data/novelty_index.h"

#include <algorithm>
#include <utility>

#include "base/rng.h"
#include "data/byte_io.h"
#include "data/canonical.h"
#include "data/shard.h"

namespace hemiola::data {
namespace {

constexpr std::string_view kMagic = "hemiola novelty 1\n";
constexpr std::uint64_t kHashMask = (std::uint64_t{1} << NoveltyIndex::kHashBits) - 1;
constexpr std::uint32_t kManyNotes = 1 << 24;

using Steps = std::vector<std::uint16_t>;

// Calls each(first step, hash) for the runs that are kept, in order.
template <class Each>
void for_each_kept_run(const Steps& steps, Each each) {
  constexpr std::size_t kRun = NoveltyIndex::kRun, kWindow = NoveltyIndex::kWindow;
  if (steps.size() < kRun) return;
  const std::size_t runs = steps.size() - kRun + 1;
  std::vector<std::uint64_t> hashes(runs), order(runs);
  for (std::size_t i = 0; i < runs; ++i) {
    std::uint64_t hash = 0;
    for (std::size_t j = i; j < i + kRun; ++j) hash = mix64(hash ^ steps[j]);
    hashes[i] = hash & kHashMask;
    order[i] = mix64(hash);  // another, so that what is kept are not the lowest hashes
  }
  std::size_t kept = runs;
  for (std::size_t window = 0; window == 0 || window + kWindow <= runs; ++window) {
    const std::size_t end = std::min(window + kWindow, runs);
    std::size_t least = window;
    for (std::size_t i = window + 1; i < end; ++i) {
      if (order[i] <= order[least]) least = i;  // of equals the last
    }
    if (least != kept) each(kept = least, hashes[least]);
  }
}

std::uint64_t first_bytes(const Sha256Digest& digest) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | digest[i];
  return value;
}

void sort_unique(std::vector<std::uint64_t>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

void write_rising(ByteWriter& to, const std::vector<std::uint64_t>& values) {
  to.varint(values.size());
  std::uint64_t before = 0;
  for (const std::uint64_t value : values) to.varint(value - std::exchange(before, value));
}

void read_rising(ByteReader& from, std::vector<std::uint64_t>& values) {
  values.resize(from.count(1));
  std::uint64_t value = 0;
  for (std::uint64_t& each : values) each = value += from.varint();
}

bool has(const std::vector<std::uint64_t>& rising, std::uint64_t value) {
  return std::binary_search(rising.begin(), rising.end(), value);
}

// The piece that was asked about, and the longest chain of kept runs that it shares.
struct Chain {
  std::uint32_t own_first = 0;  // notes
  std::uint32_t own_last = 0;
  std::uint32_t note = 0;  // in the index, of own_first

  std::uint32_t notes() const { return own_last - own_first + 1; }
};

// A chain that may go on: all with the same difference between a note there and here are one.
struct Open {
  std::int64_t diagonal = 0;
  std::uint32_t own_first = 0;
};

}  // namespace

Result<Bytes> make_novelty_index(std::span<const Dataset> datasets) {
  struct Run {
    std::uint64_t hash;
    std::uint32_t note;
  };
  std::vector<Run> runs;
  std::vector<std::uint64_t> files, notes_hashes, bars;
  Bytes pieces;
  ByteWriter to_pieces(pieces);
  std::size_t count = 0;
  std::uint64_t notes_before = 0;
  for (const Dataset& dataset : datasets) {
    for (std::size_t i = 0; i < dataset.entries().size(); ++i) {
      const Entry& entry = dataset.entries()[i];
      if (entry.outcome == Outcome::kRefused) continue;
      if (dataset.entries()[dataset.original(i)].split != Split::kTrain) continue;
      files.push_back(first_bytes(entry.file_hash));
      notes_hashes.push_back(first_bytes(entry.notes_hash));
    }
    for (const std::uint32_t entry : dataset.entries_of(Split::kTrain)) {
      HEMIOLA_TRY(const GridScore score, dataset.score(entry));
      const std::string& path = dataset.entries()[entry].path;
      const std::vector<CanonicalNote> notes = canonical_notes(score);
      ++count;
      to_pieces.varint(path.size());
      to_pieces.text(path);
      to_pieces.u8(score.has_upbeat ? 1 : 0);
      std::vector<std::uint32_t> of_bar(score.bars.size(), 0);
      for (const std::uint32_t bar : bars_of_notes(score)) ++of_bar[bar];
      to_pieces.varint(of_bar.size());
      for (const std::uint32_t number : of_bar) to_pieces.varint(number);
      for (const std::uint64_t hash : bar_hashes(score)) {
        if (hash != 0) bars.push_back(hash & kHashMask);
      }
      for_each_kept_run(note_steps(notes), [&](std::size_t step, std::uint64_t hash) {
        runs.push_back({hash, static_cast<std::uint32_t>(notes_before + step)});
      });
      notes_before += notes.size();
      if (notes_before >= 0xffffffff) {
        return fail("more than 2^32 notes: too many for one novelty index");
      }
    }
  }
  sort_unique(files);
  sort_unique(notes_hashes);
  sort_unique(bars);
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.note < b.note;
  });

  Bytes out(kMagic.begin(), kMagic.end());
  ByteWriter to(out);
  to.varint(count);
  to.bytes(pieces);
  write_rising(to, files);
  write_rising(to, notes_hashes);
  write_rising(to, bars);
  to.varint(runs.size());
  std::uint64_t before = 0;
  for (const Run& run : runs) {
    to.varint(run.hash - std::exchange(before, run.hash));
    const int note_bytes = notes_before < kManyNotes ? 3 : 4;
    for (int i = 0; i < note_bytes; ++i) to.u8(static_cast<std::uint8_t>(run.note >> (8 * i)));
  }
  to.u64(checksum(out));
  return out;
}

Result<NoveltyIndex> NoveltyIndex::parse(std::span<const std::uint8_t> bytes,
                                         std::string_view where) {
  const auto damaged = [&] {
    return fail(
        "{}: not a novelty index, or damaged; make it anew with: hemiola dataset "
        "export-index DATA -o FILE",
        where);
  };
  if (bytes.size() < kMagic.size() + 8 ||
      !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()) ||
      ByteReader(bytes.last(8)).u64() != checksum(bytes.first(bytes.size() - 8))) {
    return damaged();
  }
  NoveltyIndex index;
  ByteReader from(bytes.subspan(kMagic.size(), bytes.size() - kMagic.size() - 8));
  std::uint64_t notes = 0;
  index.pieces_.resize(from.count(3));
  for (Piece& piece : index.pieces_) {
    const auto path = from.bytes(from.count(1));
    piece.path.assign(path.begin(), path.end());
    piece.first_note = static_cast<std::uint32_t>(notes);
    piece.first_bar = static_cast<std::uint32_t>(index.bar_ends_.size());
    piece.has_upbeat = from.u8() != 0;
    for (std::size_t bars = from.count(1); bars > 0; --bars) {
      notes += from.varint();
      index.bar_ends_.push_back(static_cast<std::uint32_t>(notes));
    }
    if (notes > 0xffffffff) return damaged();
  }
  read_rising(from, index.files_);
  read_rising(from, index.notes_);
  read_rising(from, index.bars_);
  index.runs_.resize(from.count(4));
  std::uint64_t hash = 0;
  for (Run& run : index.runs_) {
    run.hash = hash += from.varint();
    const auto note = from.bytes(notes < kManyNotes ? 3 : 4);
    for (std::size_t i = note.size(); i > 0; --i) run.note = run.note << 8 | note[i - 1];
    if (run.note >= notes) return damaged();
  }
  if (!from.ok() || from.remaining() != 0) return damaged();
  return index;
}

Result<NoveltyIndex> NoveltyIndex::load(const Path& path) {
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
  return parse(file.bytes(), path.string());
}

BarRange NoveltyIndex::bars_of(const Piece& piece, std::uint32_t first_note,
                               std::uint32_t last_note) const {
  const auto begin = bar_ends_.begin() + piece.first_bar;
  const auto bar = [&](std::uint32_t note) {
    const auto found = std::upper_bound(begin, bar_ends_.end(), note);
    return static_cast<int>(found - begin) + (piece.has_upbeat ? 0 : 1);
  };
  return {bar(first_note), bar(last_note)};
}

Novelty novelty(const GridScore& score, const NoveltyIndex& index,
                const std::optional<Sha256Digest>& file_hash) {
  Novelty result;
  const std::vector<CanonicalNote> notes = canonical_notes(score);
  result.notes = static_cast<std::uint32_t>(notes.size());
  if (notes.empty()) return result;
  result.exact_file = file_hash && has(index.files_, first_bytes(*file_hash));
  result.exact_notes = has(index.notes_, first_bytes(canonical_hash(notes)));

  // Open chains and matches both rise by diagonal: one pass over both goes on with those chains
  // that this run belongs to as well. The others end: between two runs that are kept here, there is
  // none that a training piece with the same notes would not have kept too.
  Chain best;
  bool any = false;
  std::vector<Open> open, going_on;
  for_each_kept_run(note_steps(notes), [&](std::size_t step, std::uint64_t hash) {
    const auto [first, last] = std::equal_range(
        index.runs_.begin(), index.runs_.end(), NoveltyIndex::Run{hash, 0},
        [](const NoveltyIndex::Run& a, const NoveltyIndex::Run& b) { return a.hash < b.hash; });
    const auto own = static_cast<std::uint32_t>(step);
    going_on.clear();
    auto chain = open.begin();
    for (auto match = first; match != last; ++match) {
      const std::int64_t diagonal = std::int64_t{match->note} - own;
      while (chain != open.end() && chain->diagonal < diagonal) ++chain;
      const bool goes_on = chain != open.end() && chain->diagonal == diagonal;
      going_on.push_back({diagonal, goes_on ? chain->own_first : own});
      const std::uint32_t own_first = going_on.back().own_first;
      const Chain found{own_first, own + static_cast<std::uint32_t>(NoveltyIndex::kRun),
                        static_cast<std::uint32_t>(diagonal + own_first)};
      if (!any || found.notes() > best.notes()) best = found;
      any = true;
    }
    std::swap(open, going_on);
  });
  if (any) {
    const auto piece = std::upper_bound(index.pieces_.begin(), index.pieces_.end(), best.note,
                                        [](std::uint32_t note, const NoveltyIndex::Piece& each) {
                                          return note < each.first_note;
                                        }) -
                       1;
    SharedRun& run = result.longest_run;
    run.notes = best.notes();
    run.piece = piece->path;
    run.bars = index.bars_of(*piece, best.note, best.note + run.notes - 1);
    const auto own_bars = bars_of_notes(score);
    const int from = score.has_upbeat ? 0 : 1;
    run.own_bars = {static_cast<int>(own_bars[best.own_first]) + from,
                    static_cast<int>(own_bars[best.own_last]) + from};
  }
  result.run_slack = std::min(result.notes - result.longest_run.notes,
                              static_cast<std::uint32_t>(NoveltyIndex::kSlack));

  std::size_t bars = 0, known = 0;
  for (const std::uint64_t hash : bar_hashes(score)) {
    if (hash == 0) continue;
    ++bars;
    known += has(index.bars_, hash & kHashMask) ? 1 : 0;
  }
  if (bars > 0) result.copied_bars = static_cast<double>(known) / static_cast<double>(bars);
  return result;
}

Path novelty_index_path(const Path& model) {
  std::error_code code;
  if (std::filesystem::is_directory(model, code)) return model / "training.novelty";
  Path beside = model;
  return beside.replace_extension(".novelty");
}

}  // namespace hemiola::data
