#include "data/dataset.h"

namespace hemiola::data {

Result<Shard> Shard::open(const Path& path) {
  HEMIOLA_TRY(MappedFile file, MappedFile::open(path));
  auto view = ShardView::open(file.bytes());
  if (!view) return fail(std::move(view.error()).within(path.string()));
  return Shard(std::move(file), *view);
}

Result<Dataset> Dataset::open(const Path& folder) {
  Dataset dataset;
  dataset.folder_ = folder;
  std::error_code code;
  const Path path = folder / kCatalogName;
  if (!std::filesystem::exists(path, code)) {
    return fail("{}: not a data set (no {}); make one with: hemiola dataset import PATH... -o {}",
                folder.string(), kCatalogName, folder.string());
  }
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
  auto catalog = Catalog::parse(file.bytes());
  if (!catalog) return fail(std::move(catalog.error()).within(path.string()));
  dataset.catalog_ = std::move(*catalog);
  for (const std::string& name : dataset.catalog_.shards) {
    HEMIOLA_TRY(Shard shard, Shard::open(folder / kShardFolder / name));
    dataset.entry_of_piece_.emplace_back(shard.view().size(), 0);
    dataset.shards_.push_back(std::move(shard));
  }
  Sha256 identity;
  for (std::size_t i = 0; i < dataset.entries().size(); ++i) {
    const Entry& entry = dataset.entries()[i];
    auto& pieces = dataset.entry_of_piece_[entry.shard];
    if (entry.piece >= pieces.size()) {
      return fail("{}: entry {} is not in its shard; import again", path.string(), entry.path);
    }
    pieces[entry.piece] = static_cast<std::uint32_t>(i);
    if (entry.outcome != Outcome::kAccepted) continue;
    identity.update(entry.notes_hash).update(split_name(entry.split));
  }
  dataset.identity_ = to_hex(identity.finish());
  return dataset;
}

std::vector<std::uint32_t> Dataset::entries_of(Split split) const {
  std::vector<std::uint32_t> found;
  for (std::size_t i = 0; i < entries().size(); ++i) {
    const Entry& entry = entries()[i];
    if (entry.outcome == Outcome::kAccepted && entry.split == split) {
      found.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return found;
}

Result<GridScore> Dataset::score(std::size_t entry) const {
  return piece(entries()[entry]).score();
}

std::size_t Dataset::original(std::size_t entry) const {
  for (std::size_t hops = 0; hops < entries().size(); ++hops) {
    const Entry& here = entries()[entry];
    if (here.copy_of == Entry::kNoCopy) break;
    entry = here.copy_of;
  }
  return entry;
}

}  // namespace hemiola::data
