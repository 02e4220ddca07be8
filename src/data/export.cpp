#include "data/export.h"

#include <set>
#include <string>

#include "data/augment.h"
#include "midi/writer.h"
#include "score/to_midi.h"

namespace hemiola::data {
namespace {

// The path below OUT, with nothing in it that leads out of it.
Path safe_path(const std::string& path) {
  Path safe;
  for (const Path& part : Path(path)) {
    std::string name = part.string();
    if (name.empty() || name == "/" || name == "." || name == "..") continue;
    for (char& c : name) {
      if (c == '\\' || static_cast<unsigned char>(c) < ' ') c = '_';
    }
    safe /= name;
  }
  if (safe.empty()) safe = "piece";
  return safe.replace_extension();
}

}  // namespace

Result<ExportSummary> export_midi(const Dataset& dataset, const Path& out,
                                  const ExportOptions& options) {
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < dataset.entries().size(); ++i) {
    const Entry& entry = dataset.entries()[i];
    if (entry.outcome != Outcome::kAccepted) continue;
    if (options.split && entry.split != *options.split) continue;
    if (options.most > 0 && chosen.size() == options.most) break;
    chosen.push_back(i);
  }
  ExportSummary summary;
  std::set<Path> taken;
  for (const std::size_t i : chosen) {
    if (options.progress && options.progress(summary.files, chosen.size())) return fail("stopped");
    const Entry& entry = dataset.entries()[i];
    HEMIOLA_TRY(GridScore score, dataset.score(i));
    if (options.flatten) score = flattened(score);
    Path path = out / safe_path(entry.path);
    // Two files of one name, such as a.mid and a.midi, or an older one that was changed.
    if (!taken.insert(path).second) {
      path += fmt::format("-{}", to_hex(std::span(entry.notes_hash).first(4)));
      taken.insert(path);
    }
    path += ".mid";
    HEMIOLA_TRY(const midi::File file, midi_from_grid(score));
    HEMIOLA_CHECK(write_file(path, midi::write(file)));
    ++summary.files;
    summary.notes += score.note_count();
  }
  return summary;
}

}  // namespace hemiola::data
