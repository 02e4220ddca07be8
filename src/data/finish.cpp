#include "data/finish.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>
#include <set>

#include "base/json.h"
#include "base/rng.h"
#include "data/atomic_file.h"
#include "data/catalog.h"
#include "data/dataset.h"
#include "data/labels.h"

namespace hemiola::data {
namespace {

// With fewer groups of pieces than this, nothing is held out by force.
constexpr std::size_t kLeastToHoldOut = 10;

std::uint64_t first_word(const Sha256Digest& hash) {
  std::uint64_t word;
  std::memcpy(&word, hash.data(), sizeof word);
  return word;
}

// What the result depends on, as text.
std::string settings_of(const ImportOptions& options) {
  return fmt::format("validation {} test {} seed {} drop {} group {} least {}",
                     options.split.validation, options.split.test, options.split.seed,
                     options.copies.drop, options.copies.group, options.copies.least_shared);
}

struct Located {
  std::uint32_t shard, piece;
};

class Finisher {
 public:
  Finisher(const Path& out, const ImportOptions& options, std::vector<std::string> names)
      : out_(out), options_(options) {
    catalog_.shards = std::move(names);
    catalog_.styles.emplace_back();  // a piece without styles
  }

  Status run(const std::string& state) {
    for (const std::string& name : catalog_.shards) {
      HEMIOLA_TRY(Shard shard, Shard::open(out_ / kShardFolder / name));
      shards_.push_back(std::move(shard));
    }
    gather();
    drop_exact_copies();
    drop_near_copies();
    HEMIOLA_CHECK(write_manifest());
    HEMIOLA_CHECK(write_file(out_ / kCatalogName, catalog_.bytes()));
    return write_summary(state);
  }

  const Catalog& catalog() const { return catalog_; }

 private:
  PieceView view(const Entry& entry) const {
    return shards_[entry.shard].view().piece(entry.piece);
  }

  // One entry for each file, by path and content.
  void gather() {
    std::vector<Located> located;
    for (std::uint32_t s = 0; s < shards_.size(); ++s) {
      for (std::uint32_t p = 0; p < shards_[s].view().size(); ++p) located.push_back({s, p});
    }
    const auto at = [&](Located where) { return shards_[where.shard].view().piece(where.piece); };
    std::sort(located.begin(), located.end(), [&](Located a, Located b) {
      const PieceView x = at(a), y = at(b);
      if (x.path != y.path) return x.path < y.path;
      if (x.file_hash != y.file_hash) return x.file_hash < y.file_hash;
      return a.shard != b.shard ? a.shard < b.shard : a.piece < b.piece;
    });
    std::map<std::vector<std::string>, std::uint32_t> style_lists = {{{}, 0}};
    for (const Located where : located) {
      const PieceView piece = at(where);
      auto& entries = catalog_.entries;
      if (!entries.empty() && entries.back().path == piece.path &&
          entries.back().file_hash == piece.file_hash) {
        continue;
      }
      Entry entry;
      entry.path = piece.path;
      entry.shard = where.shard;
      entry.piece = where.piece;
      entry.notes = piece.notes;
      entry.bars = piece.bars;
      entry.file_hash = piece.file_hash;
      entry.notes_hash = piece.notes_hash;
      entry.outcome = piece.usable ? Outcome::kAccepted : Outcome::kRefused;
      const auto details = parse_json(piece.details, entry.path);
      if (details && details->is_object()) {
        entry.repaired = details->contains("repairs");
        if (details->contains("labels")) {
          const auto styles = styles_of(labels_from((*details)["labels"]));
          const auto next = static_cast<std::uint32_t>(catalog_.styles.size());
          const auto [list, added] = style_lists.emplace(styles, next);
          if (added) catalog_.styles.push_back(styles);
          entry.styles = list->second;
        }
      }
      entries.push_back(std::move(entry));
    }
  }

  // The first of those that agree in `key` stays.
  template <class Key>
  void drop_alike(Outcome outcome, Key key) {
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < catalog_.entries.size(); ++i) {
      if (catalog_.entries[i].outcome == Outcome::kAccepted) order.push_back(i);
    }
    const auto hash = [&](std::uint32_t i) -> const Sha256Digest& {
      return key(catalog_.entries[i]);
    };
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return hash(a) != hash(b) ? hash(a) < hash(b) : a < b;
    });
    for (std::size_t i = 0, first = 0; i < order.size(); ++i) {
      if (hash(order[i]) != hash(order[first])) first = i;
      if (i == first) continue;
      catalog_.entries[order[i]].outcome = outcome;
      catalog_.entries[order[i]].copy_of = order[first];
    }
  }

  void drop_exact_copies() {
    drop_alike(
        Outcome::kSameFile, [](const Entry& e) -> const auto& { return e.file_hash; });
    drop_alike(
        Outcome::kSameNotes, [](const Entry& e) -> const auto& { return e.notes_hash; });
  }

  void drop_near_copies() {
    auto& entries = catalog_.entries;
    std::vector<std::uint32_t> order;
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      if (entries[i].outcome == Outcome::kAccepted) order.push_back(i);
    }
    // The fuller piece is preferred: a song to its piano part.
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      if (entries[a].notes != entries[b].notes) return entries[a].notes > entries[b].notes;
      return entries[a].notes_hash < entries[b].notes_hash;
    });
    const auto decisions = find_near_copies(
        order.size(), [&](std::size_t i) { return view(entries[order[i]]).sketch; },
        options_.copies);
    shared_.assign(entries.size(), 0);
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (decisions[i].copy_of == CopyDecision::kNone) continue;
      entries[order[i]].outcome = Outcome::kNearCopy;
      entries[order[i]].copy_of = order[decisions[i].copy_of];
      shared_[order[i]] = decisions[i].shared;
    }
    split(order, decisions);
  }

  void split(const std::vector<std::uint32_t>& order, const std::vector<CopyDecision>& decisions) {
    auto& entries = catalog_.entries;
    std::map<std::uint32_t, double> places;  // of groups
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint64_t hash =
          mix64(first_word(entries[order[i]].notes_hash) ^ mix64(options_.split.seed));
      const double place = static_cast<double>(hash >> 11) * 0x1.0p-53;
      const auto [group, added] = places.emplace(decisions[i].group, place);
      if (!added) group->second = std::min(group->second, place);
    }
    double validation_from = 1 - options_.split.validation - options_.split.test;
    double test_from = 1 - options_.split.test;
    // A small set has a piece of each side all the same: the two last places.
    if (places.size() >= kLeastToHoldOut) {
      std::vector<double> last;
      for (const auto& [group, place] : places) last.push_back(place);
      std::sort(last.begin(), last.end());
      if (options_.split.test > 0) test_from = std::min(test_from, last.back());
      if (options_.split.validation > 0) {
        const auto below_test = std::lower_bound(last.begin(), last.end(), test_from);
        if (below_test != last.begin()) {
          validation_from = std::min(validation_from, *(below_test - 1));
        }
      }
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      Entry& entry = entries[order[i]];
      if (entry.outcome != Outcome::kAccepted) continue;
      const double place = places[decisions[i].group];
      entry.split = place >= test_from         ? Split::kTest
                    : place >= validation_from ? Split::kValidation
                                               : Split::kTrain;
    }
  }

  Status write_manifest() {
    HEMIOLA_TRY(AtomicFile file, AtomicFile::create(out_ / kManifestName));
    for (std::size_t i = 0; i < catalog_.entries.size(); ++i) {
      const Entry& entry = catalog_.entries[i];
      Json line = Json::object();
      line["path"] = entry.path;
      line["outcome"] = outcome_name(entry.outcome);
      if (entry.outcome == Outcome::kAccepted) line["split"] = split_name(entry.split);
      line["file_sha256"] = to_hex(entry.file_hash);
      if (entry.outcome != Outcome::kRefused) {
        line["id"] = to_hex(std::span(entry.notes_hash).first(8));
        line["notes_sha256"] = to_hex(entry.notes_hash);
        line["notes"] = entry.notes;
        line["bars"] = entry.bars;
      }
      if (entry.copy_of != Entry::kNoCopy) line["copy_of"] = catalog_.entries[entry.copy_of].path;
      if (entry.outcome == Outcome::kNearCopy) {
        line["shared"] = static_cast<double>(static_cast<int>(shared_[i] * 1000)) / 1000;
      }
      if (auto details = parse_json(view(entry).details, entry.path); details) {
        for (auto& [key, value] : details->items()) line[key] = value;
      }
      HEMIOLA_CHECK(file.write(json_text(line) + "\n"));
    }
    return file.commit();
  }

  Status write_summary(const std::string& state) {
    Json json = Json::object();
    std::map<std::string_view, std::size_t> outcomes;
    struct Side {
      std::size_t pieces = 0, notes = 0, bars = 0;
    };
    std::array<Side, 3> sides;
    std::map<std::string, std::size_t> styles;
    std::size_t repaired = 0;
    for (const Entry& entry : catalog_.entries) {
      ++outcomes[outcome_name(entry.outcome)];
      if (entry.outcome != Outcome::kAccepted) continue;
      if (entry.repaired) ++repaired;
      Side& side = sides[static_cast<std::size_t>(entry.split)];
      ++side.pieces;
      side.notes += entry.notes;
      side.bars += entry.bars;
      for (const std::string& style : catalog_.styles[entry.styles]) ++styles[style];
    }
    json["files"] = catalog_.entries.size();
    for (const Outcome outcome : {Outcome::kAccepted, Outcome::kSameFile, Outcome::kSameNotes,
                                  Outcome::kNearCopy, Outcome::kRefused}) {
      json["outcomes"][std::string(outcome_name(outcome))] = outcomes[outcome_name(outcome)];
    }
    json["repaired"] = repaired;
    for (const Split side : {Split::kTrain, Split::kValidation, Split::kTest}) {
      const Side& counts = sides[static_cast<std::size_t>(side)];
      json["splits"][std::string(split_name(side))] = {
          {"pieces", counts.pieces}, {"notes", counts.notes}, {"bars", counts.bars}};
    }
    for (const auto& [style, count] : styles) json["styles"][style] = count;
    json["shards"] = catalog_.shards.size();
    json["settings"] = settings_of(options_);
    json["state"] = state;
    return write_text(out_ / kSummaryName, json_text(json, 2) + "\n");
  }

  const Path& out_;
  const ImportOptions& options_;
  Catalog catalog_;
  std::vector<Shard> shards_;
  std::vector<double> shared_;  // of each near copy
};

std::string state_of(const std::vector<std::string>& names, const ImportOptions& options) {
  Sha256 hash;
  hash.update("catalog 1\n").update(settings_of(options)).update("\n");
  for (const std::string& name : names) hash.update(name).update("\n");
  return to_hex(hash.finish());
}

bool is_finished(const Path& out, const std::string& state) {
  const auto text = read_text(out / kSummaryName);
  if (!text) return false;
  const auto json = parse_json(*text, kSummaryName);
  std::error_code code;
  return json && json->is_object() && json->contains("state") && (*json)["state"] == state &&
         std::filesystem::exists(out / kManifestName, code);
}

ImportSummary summary_of(const Catalog& catalog, const std::vector<Shard>* shards) {
  ImportSummary summary;
  summary.files = catalog.entries.size();
  for (const Entry& entry : catalog.entries) {
    switch (entry.outcome) {
      case Outcome::kAccepted:
        ++summary.accepted;
        summary.repaired += entry.repaired ? 1 : 0;
        summary.notes += entry.notes;
        summary.bars += entry.bars;
        ++(entry.split == Split::kTrain        ? summary.train
           : entry.split == Split::kValidation ? summary.validation
                                               : summary.test);
        break;
      case Outcome::kSameFile:
        ++summary.same_file;
        break;
      case Outcome::kSameNotes:
        ++summary.same_notes;
        break;
      case Outcome::kNearCopy:
        ++summary.near_copies;
        break;
      case Outcome::kRefused: {
        const auto details =
            parse_json((*shards)[entry.shard].view().piece(entry.piece).details, entry.path);
        const bool told =
            details && details->contains("reason") && (*details)["reason"].is_string();
        summary.refused.push_back(
            {entry.path, told ? (*details)["reason"].get<std::string>() : "no reason kept"});
        break;
      }
    }
  }
  summary.duplicates = summary.same_file + summary.same_notes + summary.near_copies;
  return summary;
}

}  // namespace

Result<std::vector<std::string>> shard_names(const Path& out) {
  std::vector<std::string> names;
  std::error_code code;
  for (std::filesystem::directory_iterator item(out / kShardFolder, code), end;
       !code && item != end; item.increment(code)) {
    if (item->path().extension() == kShardEnding) names.push_back(item->path().filename().string());
  }
  if (code) return fail("{}: cannot list: {}", (out / kShardFolder).string(), code.message());
  std::sort(names.begin(), names.end());
  return names;
}

Result<ImportSummary> finish_dataset(const Path& out, const ImportOptions& options) {
  HEMIOLA_TRY(std::vector<std::string> names, shard_names(out));
  const std::string state = state_of(names, options);
  if (!is_finished(out, state) || !Dataset::open(out)) {
    HEMIOLA_CHECK(Finisher(out, options, std::move(names)).run(state));
  }
  HEMIOLA_TRY(const Dataset dataset, Dataset::open(out));
  return summary_of(dataset.catalog(), &dataset.shards());
}

}  // namespace hemiola::data
