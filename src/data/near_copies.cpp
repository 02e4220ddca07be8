#include "data/near_copies.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/rng.h"

namespace hemiola::data {
namespace {

constexpr std::size_t kRun = 6;     // steps in a hashed run
constexpr std::size_t kWindow = 4;  // of this many runs on end, the smallest hash is kept
// A run that stands in more pieces than this says little: only the first of them are compared
// because of it.
constexpr std::size_t kCommon = 16;
// Of more hashes than this only a sample finds pairs, to bound memory (8 bytes each).
constexpr std::size_t kMostPostings = std::size_t{1} << 23;

struct Step {
  int interval;
  int gap;  // grid ticks
};

// The uppermost (or lowest) note at each onset.
std::vector<Step> line_of(std::span<const GridNote> notes, bool upper) {
  std::vector<Step> steps;
  const GridNote* before = nullptr;
  for (std::size_t i = 0; i < notes.size();) {
    std::size_t last = i;
    while (last + 1 < notes.size() && notes[last + 1].onset == notes[i].onset) ++last;
    const GridNote& note = notes[upper ? i : last];
    if (before != nullptr) {
      steps.push_back({note.pitch - before->pitch, (note.onset - before->onset).count()});
    }
    before = &note;
    i = last + 1;
  }
  return steps;
}

// How a gap relates to the one before it, in half octaves of length: -6 to 6. Half and double note
// values give the same.
int ratio_class(int gap, int before) {
  const double ratio = std::log2(static_cast<double>(gap) / before) * 2;
  return std::clamp(static_cast<int>(std::lround(ratio)), -6, 6);
}

void add_line(std::span<const GridNote> notes, bool upper, std::vector<std::uint32_t>& hashes) {
  const std::vector<Step> steps = line_of(notes, upper);
  if (steps.size() < kRun) return;
  std::vector<std::uint8_t> symbols_rhythm(steps.size(), 0);
  for (std::size_t i = 1; i < steps.size(); ++i) {
    symbols_rhythm[i] = static_cast<std::uint8_t>(ratio_class(steps[i].gap, steps[i - 1].gap) + 6);
  }
  std::vector<std::uint32_t> runs;
  for (std::size_t i = 0; i + kRun <= steps.size(); ++i) {
    std::uint64_t hash = 0;
    bool moves = false;
    for (std::size_t k = 0; k < kRun; ++k) {
      const auto interval = static_cast<std::uint64_t>(steps[i + k].interval + 128);
      const std::uint64_t rhythm = k == 0 ? 0 : symbols_rhythm[i + k];
      hash = mix64(hash ^ (interval << 8 | rhythm));
      moves = moves || steps[i + k].interval != steps[i].interval;
    }
    // A note struck again and again, or a bare scale, is in any piece.
    runs.push_back(moves ? static_cast<std::uint32_t>(hash) : 0xffffffff);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::size_t size = std::min(kWindow, runs.size() - i);
    if (size < kWindow && i > 0) break;
    const std::uint32_t least =
        *std::min_element(runs.begin() + static_cast<std::ptrdiff_t>(i),
                          runs.begin() + static_cast<std::ptrdiff_t>(i + size));
    if (least != 0xffffffff) hashes.push_back(least);
  }
}

bool by_time(const GridNote& a, const GridNote& b) {
  return a.onset != b.onset ? a.onset < b.onset : a.pitch > b.pitch;
}

class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), 0u);
  }
  std::uint32_t find(std::uint32_t item) {
    while (parent_[item] != item) item = parent_[item] = parent_[parent_[item]];
    return item;
  }
  void join(std::uint32_t a, std::uint32_t b) {
    a = find(a);
    b = find(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::uint32_t> parent_;
};

}  // namespace

std::vector<std::uint32_t> copy_sketch(const GridScore& score) {
  std::vector<std::uint32_t> hashes;
  std::vector<GridNote> all;
  std::size_t melodic = 0;
  for (const GridTrack& track : score.tracks) {
    if (track.is_drum || track.notes.empty()) continue;
    ++melodic;
    all.insert(all.end(), track.notes.begin(), track.notes.end());
  }
  std::sort(all.begin(), all.end(), by_time);
  add_line(all, true, hashes);
  add_line(all, false, hashes);
  if (melodic > 1) {
    for (const GridTrack& track : score.tracks) {
      if (track.is_drum) continue;
      add_line(track.notes, true, hashes);
      add_line(track.notes, false, hashes);
    }
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

namespace {

// Which pieces have a hash: all hashes, or a sample of them where they are very many.
class Index {
 public:
  Index(std::size_t count, const SketchOf& sketch) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) total += sketch(i).size();
    sample_ = total / kMostPostings + 1;
    for (std::size_t i = 0; i < count; ++i) {
      for (const std::uint32_t hash : sketch(i)) {
        if (hash % sample_ == 0) postings_.emplace_back(hash, static_cast<std::uint32_t>(i));
      }
    }
    std::sort(postings_.begin(), postings_.end());
  }

  std::uint32_t sample() const { return static_cast<std::uint32_t>(sample_); }

  // Calls found(piece) for each earlier piece that has the hash; of a common hash, for the first.
  template <class Found>
  void earlier(std::uint32_t hash, std::uint32_t piece, Found found) const {
    if (hash % sample_ != 0) return;
    auto posting = std::lower_bound(postings_.begin(), postings_.end(), std::pair(hash, 0u));
    for (std::size_t n = 0; n < kCommon && posting != postings_.end() && posting->first == hash &&
                            posting->second < piece;
         ++n, ++posting) {
      found(posting->second);
    }
  }

 private:
  std::size_t sample_ = 1;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> postings_;  // hash, piece
};

std::size_t in_common(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::size_t common = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    common += a[i] == b[j] ? 1 : 0;
    const bool next_a = a[i] <= b[j], next_b = b[j] <= a[i];
    i += next_a ? 1 : 0;
    j += next_b ? 1 : 0;
  }
  return common;
}

struct Link {
  std::uint32_t later, earlier;
  double share;
};

std::vector<Link> find_links(std::size_t count, const SketchOf& sketch,
                             const CopyThresholds& thresholds) {
  const Index index(count, sketch);
  const std::uint32_t enough = std::max(1u, thresholds.least_shared / index.sample());
  std::vector<std::uint32_t> agree(count, 0);  // hashes that piece i has in common with each
  std::vector<std::uint32_t> touched;
  std::vector<Link> links;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (const std::uint32_t hash : sketch(i)) {
      index.earlier(hash, i, [&](std::uint32_t earlier) {
        if (agree[earlier]++ == 0) touched.push_back(earlier);
      });
    }
    std::sort(touched.begin(), touched.end());
    for (const std::uint32_t earlier : touched) {
      if (std::exchange(agree[earlier], 0) < enough) continue;
      const auto a = sketch(i), b = sketch(earlier);
      const std::size_t common = in_common(a, b);
      const double share =
          static_cast<double>(common) / static_cast<double>(std::min(a.size(), b.size()));
      if (common >= thresholds.least_shared && share >= thresholds.group) {
        links.push_back({i, earlier, share});
      }
    }
    touched.clear();
  }
  return links;
}

}  // namespace

std::vector<CopyDecision> find_near_copies(std::size_t count, const SketchOf& sketch,
                                           const CopyThresholds& thresholds) {
  std::vector<CopyDecision> decisions(count);
  Groups groups(count);
  for (const Link& link : find_links(count, sketch, thresholds)) {
    groups.join(link.later, link.earlier);
    CopyDecision& decision = decisions[link.later];
    const bool earlier_kept = decisions[link.earlier].copy_of == CopyDecision::kNone;
    if (earlier_kept && link.share >= thresholds.drop && link.share > decision.shared) {
      decision.copy_of = link.earlier;
      decision.shared = link.share;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    decisions[i].group = groups.find(static_cast<std::uint32_t>(i));
  }
  return decisions;
}

}  // namespace hemiola::data
