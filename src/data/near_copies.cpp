#include "data/near_copies.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "base/rng.h"

namespace hemiola::data {
namespace {

constexpr std::size_t kRun = 6;     // steps in a hashed run
constexpr std::size_t kWindow = 4;  // of this many runs on end, the smallest hash is kept
// A run that stands in more pieces than this says little: it links only the first of them to the
// others.
constexpr std::size_t kCommon = 16;
// Of all hashes, this many (with their pieces) are looked at in one go, to bound memory.
constexpr std::size_t kPostingsAtOnce = std::size_t{1} << 23;

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

std::vector<CopyDecision> find_near_copies(
    std::size_t count, const std::function<std::span<const std::uint32_t>(std::size_t)>& sketch,
    const CopyThresholds& thresholds) {
  // In how many hashes two pieces agree, for all pairs that agree at all: looked for in one range
  // of hashes after the other.
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += sketch(i).size();
  const std::size_t ranges = total / kPostingsAtOnce + 1;
  std::unordered_map<std::uint64_t, std::uint32_t> shared;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> postings;
  for (std::size_t range = 0; range < ranges; ++range) {
    const std::uint64_t low = (std::uint64_t{range} << 32) / ranges;
    const std::uint64_t high = ((std::uint64_t{range} + 1) << 32) / ranges;
    postings.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const auto hashes = sketch(i);
      for (auto hash = std::lower_bound(hashes.begin(), hashes.end(), low);
           hash != hashes.end() && *hash < high; ++hash) {
        postings.emplace_back(*hash, static_cast<std::uint32_t>(i));
      }
    }
    std::sort(postings.begin(), postings.end());
    for (std::size_t begin = 0; begin < postings.size();) {
      std::size_t end = begin + 1;
      while (end < postings.size() && postings[end].first == postings[begin].first) ++end;
      for (std::size_t a = begin; a < std::min(end, begin + kCommon); ++a) {
        for (std::size_t b = a + 1; b < end; ++b) {
          ++shared[std::uint64_t{postings[b].second} << 32 | postings[a].second];
        }
      }
      begin = end;
    }
  }

  struct Link {
    std::uint32_t later, earlier;
    double share;
  };
  std::vector<Link> links;
  for (const auto& [pair, common] : shared) {
    if (common < thresholds.least_shared) continue;
    const auto later = static_cast<std::uint32_t>(pair >> 32);
    const auto earlier = static_cast<std::uint32_t>(pair);
    const auto smaller = std::min(sketch(later).size(), sketch(earlier).size());
    const double share = static_cast<double>(common) / static_cast<double>(smaller);
    if (share >= thresholds.group) links.push_back({later, earlier, share});
  }
  std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) {
    return a.later != b.later ? a.later < b.later : a.earlier < b.earlier;
  });

  std::vector<CopyDecision> decisions(count);
  Groups groups(count);
  for (const Link& link : links) {
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
