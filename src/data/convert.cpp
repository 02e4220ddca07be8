#include "data/convert.h"

#include "base/json.h"
#include "beats/standardise.h"
#include "data/canonical.h"
#include "data/grid_codec.h"
#include "data/labels.h"
#include "data/near_copies.h"
#include "midi/reader.h"
#include "score/from_midi.h"

namespace hemiola::data {
namespace {

constexpr std::size_t kMostRepairsTold = 4;

Json details_of(std::string_view path) {
  Json details = Json::object();
  details["labels"] = to_json(labels_of(path));
  return details;
}

double rounded(double value) {
  return static_cast<double>(static_cast<long>(value * 1000 + 0.5)) / 1000;
}

Json report_of(const StandardiseReport& report) {
  Json json = Json::object();
  json["timing"] = report.performed ? "performed" : "aligned";
  json["on_grid"] = rounded(report.on_grid);
  json["mean_snap"] = rounded(report.mean_snap);
  json["max_snap"] = rounded(report.max_snap);
  if (report.metre_source != MetreSource::kFile) {
    json["metre"] = report.metre_source == MetreSource::kEstimated ? "estimated" : "from beats";
  }
  if (report.moved_bar_lines) json["moved_bar_lines"] = true;
  if (report.performed) json["beat_confidence"] = rounded(report.beat_confidence);
  for (std::size_t i = 0; i < kLossKinds; ++i) {
    if (report.losses[i] != 0)
      json[std::string(loss_name(static_cast<Loss>(i)))] = report.losses[i];
  }
  return json;
}

// What was wrong in the file and could be mended, in words.
Json repairs_of(const midi::File& file, const FromMidiReport& report) {
  Json repairs = Json::array();
  for (std::size_t i = 0; i < file.repairs.size() && i < kMostRepairsTold; ++i) {
    repairs.push_back(file.repairs[i].what);
  }
  if (file.repairs.size() > kMostRepairsTold) {
    repairs.push_back(fmt::format("and {} more", file.repairs.size() - kMostRepairsTold));
  }
  const auto count = [&](std::size_t number, const char* what) {
    if (number != 0) repairs.push_back(fmt::format("{} {}", number, what));
  };
  count(report.zero_length_notes, "notes of no length");
  count(report.unmatched_note_ons, "notes without an end");
  count(report.bad_tempos, "impossible tempos");
  count(report.bad_metres, "impossible metres");
  count(report.bad_keys, "impossible keys");
  return repairs;
}

void describe(const GridScore& score, Piece& piece) {
  piece.usable = true;
  encode_grid(score, piece.grid);
  const std::vector<CanonicalNote> notes = canonical_notes(score);
  piece.notes_hash = canonical_hash(notes);
  piece.notes = static_cast<std::uint32_t>(score.note_count());
  piece.bars = static_cast<std::uint32_t>(score.bars.size());
  piece.sketch = copy_sketch(score);
  piece.steps = note_steps(notes);
  piece.bar_hashes = bar_hashes(score);
}

// Fills the piece, or says why not.
Status read_into(std::span<const std::uint8_t> bytes, Piece& piece, Json& details) {
  HEMIOLA_TRY(const midi::File file, midi::read(bytes));
  FromMidiReport from_midi;
  HEMIOLA_TRY(const Score score, score_from_midi(file, {}, &from_midi));
  HEMIOLA_TRY(const Standardised standard, standardise(score, {.for_data = true}));
  HEMIOLA_CHECK(validate(standard.grid));
  describe(standard.grid, piece);
  if (const Json repairs = repairs_of(file, from_midi); !repairs.empty()) {
    details["repairs"] = repairs;
  }
  details["report"] = report_of(standard.report);
  return {};
}

}  // namespace

Piece convert(std::span<const std::uint8_t> bytes, std::string path) {
  Piece piece;
  Json details = details_of(path);
  piece.path = std::move(path);
  piece.file_hash = sha256(bytes);
  if (const Status status = read_into(bytes, piece, details); !status) {
    details["reason"] = status.error().message;
  }
  piece.details = json_text(details);
  return piece;
}

Piece refused(std::string path, const std::string& reason) {
  Piece piece;
  Json details = details_of(path);
  details["reason"] = reason;
  piece.path = std::move(path);
  piece.details = json_text(details);
  return piece;
}

Piece piece_from_score(const GridScore& score, std::string path, const Sha256Digest& file_hash) {
  Piece piece;
  piece.details = json_text(details_of(path));
  piece.path = std::move(path);
  piece.file_hash = file_hash;
  describe(score, piece);
  return piece;
}

}  // namespace hemiola::data
