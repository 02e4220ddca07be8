#include "data/novelty.h"

#include <algorithm>
#include <span>

#include "data/canonical.h"

namespace hemiola::data {
namespace {

using Steps = std::span<const std::uint16_t>;

bool trains(const Dataset& dataset, std::size_t entry) {
  return dataset.entries()[dataset.original(entry)].split == Split::kTrain;
}

std::size_t common_prefix(Steps a, Steps b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t n = 0;
  while (n < most && a[n] == b[n]) ++n;
  return n;
}

struct Match {
  std::size_t steps = 0;
  std::size_t own = 0;  // first step in the piece that was asked about
  std::size_t shard = 0;
  std::size_t position = 0;  // in the shard's steps
};

// The longest run that a shard's training pieces share with `query`, if longer than `best`.
class RunFinder {
 public:
  RunFinder(const Dataset& dataset, std::size_t shard)
      : dataset_(dataset), shard_(shard), view_(dataset.shards()[shard].view()) {
    for (std::size_t piece = 0; piece < view_.size(); ++piece) {
      const Entry& entry = dataset.entries()[dataset.entry_of(shard, piece)];
      trains_.push_back(entry.split == Split::kTrain);
    }
  }

  void look(Steps query, Match& best) const {
    for (std::size_t own = 0; own + best.steps < query.size(); ++own) {
      const Steps wanted = query.subspan(own);
      const Steps all = view_.steps();
      const auto order = view_.suffixes();
      const auto place = std::lower_bound(
          order.begin(), order.end(), wanted, [&](std::uint32_t suffix, Steps text) {
            const Steps there = suffix_at(all, suffix);
            return std::lexicographical_compare(there.begin(), there.end(), text.begin(),
                                                text.end());
          });
      // The longest matches are the neighbours; the nearest of a training piece counts.
      for (auto after = place; after != order.end(); ++after) {
        if (!consider(wanted, own, *after, best)) break;
      }
      for (auto before = place; before != order.begin();) {
        if (!consider(wanted, own, *--before, best)) break;
      }
    }
  }

 private:
  static Steps suffix_at(Steps all, std::uint32_t position) {
    return position < all.size() ? all.subspan(position) : Steps();
  }

  // False where nothing further away can be better.
  bool consider(Steps wanted, std::size_t own, std::uint32_t position, Match& best) const {
    const std::size_t steps = common_prefix(wanted, suffix_at(view_.steps(), position));
    if (steps <= best.steps) return false;
    const std::size_t piece = view_.piece_at_step(position);
    if (piece >= trains_.size() || !trains_[piece]) return true;
    best = {.steps = steps, .own = own, .shard = shard_, .position = position};
    return false;
  }

  const Dataset& dataset_;
  std::size_t shard_;
  const ShardView& view_;
  std::vector<bool> trains_;
};

bool bar_is_known(const Dataset& dataset, std::uint64_t hash) {
  for (std::size_t shard = 0; shard < dataset.shards().size(); ++shard) {
    const ShardView& view = dataset.shards()[shard].view();
    const auto hashes = view.bar_hashes();
    auto place = std::lower_bound(hashes.begin(), hashes.end(), hash);
    for (; place != hashes.end() && *place == hash; ++place) {
      const std::uint32_t piece =
          view.bar_pieces()[static_cast<std::size_t>(place - hashes.begin())];
      if (piece >= view.size()) continue;
      if (dataset.entries()[dataset.entry_of(shard, piece)].split == Split::kTrain) return true;
    }
  }
  return false;
}

BarRange bars_of_run(const GridScore& score, std::size_t first_note, std::size_t notes) {
  const auto bars = bars_of_notes(score);
  if (first_note >= bars.size()) return {};
  const std::size_t last = std::min(bars.size(), first_note + notes) - 1;
  const int numbered_from = score.has_upbeat ? 0 : 1;
  return {static_cast<int>(bars[first_note]) + numbered_from,
          static_cast<int>(bars[last]) + numbered_from};
}

Json to_json(const BarRange& bars) { return Json::array({bars.first, bars.last}); }

}  // namespace

bool Novelty::is_copy() const {
  const std::uint32_t run = longest_run.notes;
  return exact_file || exact_notes || run + run_slack / 2 >= kCopiedRun ||
         (run >= kLeastRun && 2 * run > notes) || (notes >= kLeastRun && copied_bars > kCopiedBars);
}

Novelty novelty(const GridScore& score, const Dataset& dataset,
                const std::optional<Sha256Digest>& file_hash) {
  Novelty result;
  const std::vector<CanonicalNote> notes = canonical_notes(score);
  result.notes = static_cast<std::uint32_t>(notes.size());
  if (notes.empty()) return result;
  const Sha256Digest notes_hash = canonical_hash(notes);
  for (std::size_t i = 0; i < dataset.entries().size(); ++i) {
    const Entry& entry = dataset.entries()[i];
    if (entry.outcome == Outcome::kRefused) continue;
    const bool same_file = file_hash && entry.file_hash == *file_hash;
    const bool same_notes = entry.notes_hash == notes_hash;
    if ((!same_file && !same_notes) || !trains(dataset, i)) continue;
    result.exact_file = result.exact_file || same_file;
    result.exact_notes = result.exact_notes || same_notes;
  }

  const std::vector<std::uint16_t> steps = note_steps(notes);
  Match best;
  for (std::size_t shard = 0; shard < dataset.shards().size(); ++shard) {
    RunFinder(dataset, shard).look(steps, best);
  }
  if (best.steps > 0) {
    const ShardView& view = dataset.shards()[best.shard].view();
    const std::size_t piece = view.piece_at_step(static_cast<std::uint32_t>(best.position));
    const std::size_t entry = dataset.entry_of(best.shard, piece);
    SharedRun& run = result.longest_run;
    run.notes = static_cast<std::uint32_t>(best.steps) + 1;
    run.piece = dataset.entries()[entry].path;
    run.own_bars = bars_of_run(score, best.own, run.notes);
    if (const auto source = dataset.score(entry)) {
      run.bars = bars_of_run(*source, best.position - view.piece(piece).steps_begin, run.notes);
    }
  }

  std::size_t bars = 0, known = 0;
  for (const std::uint64_t hash : bar_hashes(score)) {
    if (hash == 0) continue;
    ++bars;
    known += bar_is_known(dataset, hash) ? 1 : 0;
  }
  if (bars > 0) result.copied_bars = static_cast<double>(known) / static_cast<double>(bars);
  return result;
}

Json to_json(const Novelty& novelty) {
  Json json = Json::object();
  json["exact_file"] = novelty.exact_file;
  json["exact_notes"] = novelty.exact_notes;
  const SharedRun& run = novelty.longest_run;
  json["longest_run"] = {{"notes", run.notes},
                         {"notes_at_most", run.notes + novelty.run_slack},
                         {"piece", nullptr},
                         {"bars", nullptr}};
  if (run.notes > 0) {
    json["longest_run"]["piece"] = run.piece;
    json["longest_run"]["bars"] = to_json(run.bars);
    json["longest_run"]["own_bars"] = to_json(run.own_bars);
  }
  json["copied_bars"] = novelty.copied_bars;
  json["notes"] = novelty.notes;
  json["copy"] = novelty.is_copy();
  return json;
}

}  // namespace hemiola::data
