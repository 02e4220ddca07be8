// GridScore <-> tokens. A Tokenizer is a vocabulary (base words, byte-pair merges, reserved ids up
// to its size) and the names of its styles; it is one JSON file, and the SHA-256 of that file is
// its identity. Immutable once made: any number of threads may use one. Masks for sampling are in
// mask.h, the text form in text.h, windows and computed controls in frame.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "score/grid_score.h"
#include "tokens/frame.h"
#include "tokens/words.h"

namespace hemiola::tokens {

inline constexpr int kDefaultVocabulary = 4050;
inline constexpr int kMaxMergedWords = 255;  // base words in one merged token

struct Merge {
  Token left = 0;
  Token right = 0;

  bool operator==(const Merge&) const = default;
};

// Every token as its base words, and the merges as a table. Ids: kWordCount base words, then the
// merges in the order they were learned, then reserved ids that never occur.
class Vocabulary {
 public:
  // Refuses merges that name ids not yet made, come twice, do not fit, or would say what the
  // grammar of a cell cannot.
  static Result<Vocabulary> make(std::vector<Merge> merges, int size);

  int size() const { return size_; }
  // Base words and merges; ids from here to size() - 1 are reserved.
  int used() const { return kWordCount + static_cast<int>(merges_.size()); }
  std::span<const Merge> merges() const { return merges_; }

  // The base words of a token; empty for a reserved one. token < size().
  std::span<const Word> words_of(Token token) const {
    return std::span(words_).subspan(begins_[token], begins_[token + 1u] - begins_[token]);
  }
  // How many notes a token says: its Tone, Down and Drum words. (In a header, where no token is
  // merged, the two Tones after a Range are no notes.)
  int notes_of(Token token) const { return notes_[token]; }

  // Merges the words of one segment in place, earliest merge first, as they were learned; returns
  // how many tokens are left. Near-linear.
  std::size_t merge(std::span<Token> segment) const;

 private:
  Vocabulary() = default;
  std::size_t merge_long(std::span<Token> segment) const;
  Token merged(Token left, Token right) const;  // 0 (Pad) where there is no such merge

  int size_ = 0;
  std::vector<Merge> merges_;
  std::vector<Word> words_;            // expansions of all tokens, one after another
  std::vector<std::uint32_t> begins_;  // (size + 1): where each token's words begin
  std::vector<std::uint8_t> notes_;    // (size)
  std::vector<std::uint64_t> table_;   // open addressing: pair << 16 | token
  int table_shift_ = 0;
  // A bit for each of four times as many slots, set where a pair may be: most pairs are none, and
  // are told so by memory that stays in the first cache.
  std::vector<std::uint64_t> may_merge_;
};

// What encode() gives: the tokens, and where in them things stand. Reusable: clear() keeps memory.
struct Encoded {
  std::vector<Token> tokens;
  std::vector<std::uint32_t> bar_begins;  // index of each bar's first token; not of the fill's bars
  std::uint32_t fill_begin = 0;           // index of Fill; tokens.size() where there is none
  std::uint32_t notes = 0;                // said by the tokens

  void clear();
};

struct Settings {
  int vocabulary = kDefaultVocabulary;  // kWordCount to 65,535
  std::vector<std::string> styles{};    // names of Style_1 ...; at most kStyles; "": not in use
};

class Tokenizer {
 public:
  // Base words only: no merges.
  static Result<Tokenizer> plain(Settings settings = {});
  static Result<Tokenizer> make(std::vector<Merge> merges, Settings settings = {});

  // From the bytes of a tokenizer file; `where` stands in the messages.
  static Result<Tokenizer> parse(std::string_view json, std::string_view where);
  static Result<Tokenizer> load(const Path& path);
  Status save(const Path& path) const;
  const std::string& json() const { return json_; }      // the bytes of the file
  const std::string& sha256() const { return sha256_; }  // of those bytes, 64 hex digits

  const Vocabulary& vocabulary() const { return vocabulary_; }
  const Settings& settings() const { return settings_; }
  // The style's number (1 to kStyles), or 0 where there is none of that name.
  int style(std::string_view name) const;

  // The score must be valid; what the frame says of it must be so (frame.h), else the reason. `out`
  // is overwritten; given again and again, it costs no allocation.
  Status encode(const GridScore& score, const Frame& frame, Encoded& out) const;
  Result<std::vector<Token>> encode(const GridScore& score, const Frame& frame = {}) const;

  // The tokens before the first bar alone, as a prompt; of the tracks, only the instruments count.
  // frame.holes must be empty.
  Result<std::vector<Token>> encode_header(const std::vector<GridTrack>& tracks,
                                           const Frame& frame) const;

  // The exact inverse: decode(encode(s, f)) == {s, canonical(f)}. Any merging of the words is
  // read; every other sequence of words than encode() would write is refused, with the place and
  // what could stand there. Trailing Pad is passed over.
  Result<Decoded> decode(std::span<const Token> tokens) const;

 private:
  explicit Tokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  Vocabulary vocabulary_;
  Settings settings_;
  std::string json_;
  std::string sha256_;
};

// Learns merges: give it every piece of a corpus (in any order: the result is the same), then
// finish. Not for several threads at once.
class MergeTrainer {
 public:
  MergeTrainer();
  ~MergeTrainer();
  MergeTrainer(MergeTrainer&&) noexcept;
  MergeTrainer& operator=(MergeTrainer&&) noexcept;

  void add(const GridScore& score);  // must be valid
  // Merges of at least two occurrences, most frequent first, until the vocabulary is full.
  Result<Tokenizer> finish(Settings settings = {}) const;

 private:
  struct Counts;
  std::unique_ptr<Counts> counts_;
};

}  // namespace hemiola::tokens
