// A data set's training pieces as one small file that goes with a model, so that new music can be
// compared with what the model learnt from where the data set is not at hand. It holds hashes of
// short runs of notes and of bars, how many notes each bar has, and the pieces' names: no note can
// be read back from it.
//
// Of the runs of kRun steps (canonical.h) that begin at kWindow neighbouring notes one is kept, by
// winnowing (Schleimer, Wilkerson and Aiken 2003). Two consequences:
//   - every run of kSureNotes notes or more that a piece shares with a training piece is found;
//   - kept runs overlap their neighbours, so that a chain of them is shared note for note. The
//     shared run may only be longer, by kSlack notes at the most.
// A hash has kHashBits bits: a run or a bar is wrongly taken for known with a probability of
// (hashes in the index) / 2^kHashBits, which is 1 in 20,000 for a million of them; a copy is not
// called by one run, but by a chain of several at one place, and so never by accident.
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
#include "data/dataset.h"
#include "data/novelty.h"
#include "score/grid_score.h"

namespace hemiola::data {

class NoveltyIndex {
 public:
  static constexpr std::size_t kRun = 12;     // steps
  static constexpr std::size_t kWindow = 12;  // at most kRun, so that kept runs overlap
  static constexpr std::size_t kSureNotes = kRun + kWindow;
  static constexpr std::size_t kSlack = 2 * (kWindow - 1);
  static constexpr int kHashBits = 34;

  static Result<NoveltyIndex> load(const Path& path);
  // `where` starts each message.
  static Result<NoveltyIndex> parse(std::span<const std::uint8_t> bytes, std::string_view where);

  std::size_t pieces() const { return pieces_.size(); }
  std::size_t runs() const { return runs_.size(); }
  std::size_t bars() const { return bars_.size(); }

 private:
  friend Novelty novelty(const GridScore& score, const NoveltyIndex& index,
                         const std::optional<Sha256Digest>& file_hash);

  struct Piece {
    std::string path;
    std::uint32_t first_note = 0;  // among those of all pieces
    std::uint32_t first_bar = 0;   // into bar_ends_
    bool has_upbeat = false;
  };
  // A kept run, and the note it begins at, counted through all pieces.
  struct Run {
    std::uint64_t hash = 0;
    std::uint32_t note = 0;
  };

  BarRange bars_of(const Piece& piece, std::uint32_t first_note, std::uint32_t last_note) const;

  std::vector<Piece> pieces_;
  std::vector<std::uint32_t> bar_ends_;       // of each bar of each piece: one past its last note
  std::vector<Run> runs_;                     // by hash, then note
  std::vector<std::uint64_t> bars_;           // hashes, rising
  std::vector<std::uint64_t> files_, notes_;  // the first 8 bytes of SHA-256, rising
};

// The index of the training pieces of all of them.
Result<Bytes> make_novelty_index(std::span<const Dataset> datasets);

// As novelty() of a data set, but that longest_run says at least how long it is, and run_slack by
// how much more it may be. Bars are those of the run as found.
Novelty novelty(const GridScore& score, const NoveltyIndex& index,
                const std::optional<Sha256Digest>& file_hash = std::nullopt);

// Where a model's index stands: DIR/training.novelty of a model folder, FILE.novelty in the place
// of FILE.hemiola of an exported file.
Path novelty_index_path(const Path& model);

}  // namespace hemiola::data
