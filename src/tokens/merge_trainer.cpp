// Byte-pair merges: the most frequent pair of neighbours inside a segment becomes a token, again
// and again. Counts are kept up to date around each merge instead of being taken anew, over the
// distinct segments only; a queue with stale entries finds the next pair. Ties go to the lower ids,
// so that the order of the pieces does not matter.
#include <algorithm>
#include <queue>
#include <string>
#include <unordered_map>

#include "base/rng.h"
#include "tokens/tokenizer.h"
#include "tokens/write_words.h"

namespace hemiola::tokens {
namespace {

using Segment = std::u16string;

struct SegmentHash {
  std::size_t operator()(const Segment& segment) const {
    std::uint64_t hash = segment.size();
    for (const char16_t word : segment) hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return mix64(hash);
  }
};

struct PairHash {
  std::size_t operator()(std::uint32_t pair) const { return mix64(pair); }
};

constexpr std::uint32_t pack(Token left, Token right) {
  return static_cast<std::uint32_t>(left) << 16 | right;
}

struct PairCount {
  std::int64_t count = 0;
  std::vector<std::uint32_t> segments;  // where it stands or stood
};

struct Candidate {
  std::int64_t count = 0;
  std::uint32_t pair = 0;
  bool operator<(const Candidate& other) const {
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Learner {
 public:
  explicit Learner(const std::unordered_map<Segment, std::int64_t, SegmentHash>& counts) {
    segments_.reserve(counts.size());
    for (const auto& [words, weight] : counts) {
      segments_.push_back({{words.begin(), words.end()}, weight});
    }
    for (std::uint32_t i = 0; i < segments_.size(); ++i) {
      const auto& [tokens, weight] = segments_[i];
      for (std::size_t j = 0; j + 1 < tokens.size(); ++j) {
        add(pack(tokens[j], tokens[j + 1]), weight, i);
      }
    }
    for (const auto& [pair, state] : pairs_) queue_.push({state.count, pair});
  }

  std::vector<Merge> learn(std::size_t wanted) {
    std::vector<Merge> merges;
    while (merges.size() < wanted && !queue_.empty()) {
      const auto [count, pair] = queue_.top();
      queue_.pop();
      const std::int64_t now = pairs_[pair].count;
      if (now != count) continue;  // stale: pushed again whenever it changed
      if (now < 2) break;
      const Merge merge{static_cast<Token>(pair >> 16), static_cast<Token>(pair & 0xffff)};
      apply(merge, static_cast<Token>(kWordCount + static_cast<int>(merges.size())));
      merges.push_back(merge);
    }
    return merges;
  }

 private:
  struct Weighted {
    std::vector<Token> tokens;
    std::int64_t weight = 0;
  };

  void add(std::uint32_t pair, std::int64_t weight, std::uint32_t segment) {
    PairCount& state = pairs_[pair];
    state.count += weight;
    if (state.segments.empty() || state.segments.back() != segment) {
      state.segments.push_back(segment);
    }
  }

  void apply(Merge merge, Token made) {
    const std::uint32_t pair = pack(merge.left, merge.right);
    const std::vector<std::uint32_t> where = std::move(pairs_[pair].segments);
    touched_.clear();
    for (const std::uint32_t index : where) replace(index, merge, made);
    pairs_.erase(pair);
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    for (const std::uint32_t changed : touched_) {
      if (changed == pair) continue;
      if (const auto found = pairs_.find(changed); found != pairs_.end()) {
        queue_.push({found->second.count, changed});
      }
    }
  }

  // Replaces the pair throughout one segment and corrects the counts of its neighbours.
  void replace(std::uint32_t index, Merge merge, Token made) {
    auto& [tokens, weight] = segments_[index];
    const auto drop = [&, w = weight](Token left, Token right) {
      const std::uint32_t pair = pack(left, right);
      pairs_[pair].count -= w;
      touched_.push_back(pair);
    };
    std::size_t kept = 0;
    for (std::size_t i = 0; i < tokens.size();) {
      if (i + 1 == tokens.size() || tokens[i] != merge.left || tokens[i + 1] != merge.right) {
        tokens[kept++] = tokens[i++];
        continue;
      }
      if (kept > 0) {
        drop(tokens[kept - 1], merge.left);
        add(pack(tokens[kept - 1], made), weight, index);
        touched_.push_back(pack(tokens[kept - 1], made));
      }
      tokens[kept++] = made;
      i += 2;
      if (i < tokens.size()) {
        drop(merge.right, tokens[i]);
        add(pack(made, tokens[i]), weight, index);
        touched_.push_back(pack(made, tokens[i]));
      }
    }
    tokens.resize(kept);
  }

  std::vector<Weighted> segments_;
  std::unordered_map<std::uint32_t, PairCount, PairHash> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<std::uint32_t> touched_;
};

}  // namespace

struct MergeTrainer::Counts {
  std::unordered_map<Segment, std::int64_t, SegmentHash> segments;
};

MergeTrainer::MergeTrainer() : counts_(std::make_unique<Counts>()) {}
MergeTrainer::~MergeTrainer() = default;
MergeTrainer::MergeTrainer(MergeTrainer&&) noexcept = default;
MergeTrainer& MergeTrainer::operator=(MergeTrainer&&) noexcept = default;

void MergeTrainer::add(const GridScore& score) {
  struct Sink {
    Counts& counts;
    Segment key;

    void word(Word) {}
    void bar() {}
    void fill() {}
    void segment(std::span<Word> words) {
      key.assign(words.begin(), words.end());
      ++counts.segments[key];
    }
  } sink{*counts_, {}};
  const Frame frame;
  WordWriter(score, frame, sink).write();
}

Result<Tokenizer> MergeTrainer::finish(Settings settings) const {
  if (settings.vocabulary < kWordCount) {
    return fail("vocabulary of {}: expected {} to 65535", settings.vocabulary, kWordCount);
  }
  auto merges =
      Learner(counts_->segments).learn(static_cast<std::size_t>(settings.vocabulary - kWordCount));
  return Tokenizer::make(std::move(merges), std::move(settings));
}

}  // namespace hemiola::tokens
