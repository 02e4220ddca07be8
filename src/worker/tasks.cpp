#include "worker/tasks.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "compose/beat_wishes.h"
#include "compose/controls.h"
#include "compose/edit.h"
#include "midi/reader.h"
#include "midi/writer.h"
#include "score/musicxml.h"
#include "score/notation.h"
#include "score/to_midi.h"
#include "tokens/text.h"
#include "worker/piece.h"
#include "worker/project.h"

namespace hemiola::worker {
namespace {

std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

const Json kWritten = {{"mode", "written"}, {"find_upbeats", false}};

// Of what we wrote from a grid: with its silent bars at the end.
Json timing_of_written(const data::Source& source) {
  Json timing = kWritten;
  timing["bars"] = source.grid().bars.size();
  return timing;
}

// A number of a played note.
Result<double> part_of(const Json& note, std::size_t index, double low, double high) {
  if (!note.is_array() || note.size() != 4 || !note[index].is_number()) {
    return fail("a note: expected [onset, duration, pitch, velocity]");
  }
  const double value = note[index].get<double>();
  if (!(value >= low && value <= high)) {
    return fail("a note: {} is not between {} and {}", value, low, high);
  }
  return value;
}

}  // namespace

Result<Json> Task::run() {
  const Json op = request_.message.value("op", Json());
  if (op == "describe") return describe();
  if (op == "import") return import();
  if (op == "notes") return notes();
  if (op == "edits") return edits();
  if (op == "beats") return beats();
  if (op == "notation") return notation();
  if (op == "export") return export_piece();
  if (op == "generate") return generate();
  if (op == "novelty") return novelty();
  if (op == "render") return render();
  if (op == "transcribe") return transcribe();
  if (op == "evaluate") return evaluate();
  if (op == "waveform") return waveform();
  return fail("the worker does not know how to {}", json_text(op));
}

Result<Bytes> Task::blob(std::size_t index) const {
  if (index >= request_.blobs.size()) return fail("blob {} is missing", index);
  return request_.blobs[index];
}

Result<std::size_t> Task::send(std::span<const std::uint8_t> bytes) {
  HEMIOLA_CHECK(channel_.send_blob(bytes));
  return sent_++;
}

Result<data::Source> Task::piece() const {
  HEMIOLA_TRY(const Bytes midi, blob(0));
  return open_piece(midi, request_.message.value("timing", Json()));
}

Result<Json> Task::hand_over(const data::Source& source, std::span<const std::uint8_t> midi) {
  const Json view = view_of(source);
  HEMIOLA_TRY(const std::size_t file, send(midi));
  HEMIOLA_TRY(const std::size_t shown, send(bytes_of(json_text(view))));
  return Json{{"midi", file},
              {"view", shown},
              {"timing", timing_of(source)},
              {"summary", summary_of(source, view)}};
}

Result<Json> Task::hand_over(std::span<const std::uint8_t> midi, const Json& timing) {
  HEMIOLA_TRY(const data::Source source, open_piece(midi, timing));
  // What had to be mended is kept mended, so that other programs can read it.
  if (source.file.repair_count() > 0) return hand_over(source, midi::write(source.file));
  return hand_over(source, midi);
}

Result<Json> Task::import() {
  HEMIOLA_TRY(const Bytes bytes, blob(0));
  const Json type = request_.message.value("type", Json());
  Json pieces = Json::array();
  if (type == "project") {
    HEMIOLA_TRY(const auto project, read_project(text_of(bytes)));
    for (const ProjectPiece& piece : project) {
      HEMIOLA_TRY(Json entry, hand_over(piece.midi, piece.timing));
      entry["name"] = piece.name;
      entry["parent"] = piece.parent;
      entry["origin"] = piece.origin;
      entry["recipe"] = piece.recipe;
      pieces.push_back(std::move(entry));
    }
  } else if (type == "notation") {
    HEMIOLA_TRY(GridScore grid, read_notation(text_of(bytes), "notation"));
    HEMIOLA_TRY(const auto source,
                data::source_from_grid(std::move(grid), data::SourceKind::kNotation));
    HEMIOLA_TRY(pieces.emplace_back(),
                hand_over(midi::write(source.file), timing_of_written(source)));
  } else if (type == "tokens") {
    HEMIOLA_TRY(tokens::Decoded decoded, tokens::parse_text(text_of(bytes), "tokens"));
    HEMIOLA_TRY(const auto source,
                data::source_from_grid(std::move(decoded.score), data::SourceKind::kTokens));
    HEMIOLA_TRY(pieces.emplace_back(),
                hand_over(midi::write(source.file), timing_of_written(source)));
  } else {
    HEMIOLA_TRY(pieces.emplace_back(), hand_over(bytes, request_.message.value("timing", Json())));
  }
  return Json{{"pieces", std::move(pieces)}};
}

Result<Json> Task::notes() {
  const Json& request = request_.message;
  const double tempo = request.value("tempo", 120.0);
  const bool in_seconds = request.value("unit", "ticks") == "seconds";
  Score score;
  score.tempos = {{Tick(0), static_cast<std::int32_t>(std::lround(6e7 / tempo))}};
  HEMIOLA_TRY(const Metre metre, parse_metre(request.value("metre", "4/4")));
  score.metres = {{Tick(0), metre}};
  if (request.contains("key")) {
    HEMIOLA_TRY(const Key key, parse_key(request["key"].get<std::string>()));
    score.keys = {{Tick(0), key}};
  }
  const double per_unit = in_seconds ? tempo / 60 * score.ticks_per_quarter
                                     : score.ticks_per_quarter / double{kGridQuarter.count()};
  const double longest = in_seconds ? 7200 : 1 << 22;
  int channel = 0;
  for (const Json& given : request["tracks"]) {
    Track track;
    track.is_drum = given.value("is_drum", false);
    track.program = given.value("program", 0);
    track.name = given.value("name", "");
    if (channel == 9) ++channel;
    track.channel = track.is_drum ? 9 : channel++ % 16;
    for (const Json& note : given["notes"]) {
      HEMIOLA_TRY(const double onset, part_of(note, 0, 0, longest));
      HEMIOLA_TRY(const double duration, part_of(note, 1, 0, longest));
      HEMIOLA_TRY(const double pitch, part_of(note, 2, 0, 127));
      HEMIOLA_TRY(const double velocity, part_of(note, 3, 1, 127));
      track.notes.push_back({Tick(std::llround(onset * per_unit)),
                             Tick(std::max(1LL, std::llround(duration * per_unit))),
                             static_cast<std::uint8_t>(pitch),
                             static_cast<std::uint8_t>(velocity)});
    }
    std::stable_sort(track.notes.begin(), track.notes.end(), [](const Note& a, const Note& b) {
      return a.onset != b.onset ? a.onset < b.onset : a.pitch < b.pitch;
    });
    score.tracks.push_back(std::move(track));
  }
  if (score.note_count() == 0) return fail("no notes were played");
  Json timing = request.value("timing", Json());
  if (!in_seconds || timing.is_null()) timing = kWritten;
  HEMIOLA_TRY(Json piece, hand_over(midi::write(midi_from_score(score)), timing));
  return Json{{"pieces", Json::array({std::move(piece)})}};
}

Result<Json> Task::edits() {
  HEMIOLA_TRY(const data::Source source, piece());
  HEMIOLA_TRY(const auto edits, edits_from_json(request_.message.value("edits", Json())));
  HEMIOLA_TRY(const Edited edited, edit_piece(source, edits));
  Json timing = timing_of(source);
  if (source.beats) {
    BeatTrack beats = *source.beats;
    for (auto& beat : beats.beats) beat.at = Seconds(beat.at.count() * edited.time_scale);
    timing.update(timing_json(beats));
  }
  HEMIOLA_TRY(Json piece, hand_over(midi::write(edited.file), timing));
  return Json{{"pieces", Json::array({std::move(piece)})}};
}

Result<Json> Task::beats() {
  HEMIOLA_TRY(const data::Source source, piece());
  const Json& wish = request_.message["beats"];
  BeatWishes wishes;
  wishes.tempo = wish["tempo"].get<double>();
  wishes.steady = wish.value("steady", true);
  HEMIOLA_TRY(wishes.metre, parse_metre(wish["metre"].get<std::string>()));
  wishes.first_downbeat = Seconds(wish["first_downbeat"].get<double>());
  Json timing = request_.message.value("timing", Json());
  if (timing.is_object() && timing.value("heard", Json()) == Json(true)) {
    // The bar lines of a recording's file are ours to move.
    std::vector<TranscribedNote> notes;
    for (const PlayedNote& note : played_notes(source.score)) {
      notes.push_back(
          {note.onset, note.duration, note.pitch, static_cast<float>(note.velocity) / 127, {}});
    }
    HEMIOLA_TRY(const HeardPiece heard, piece_from_notes(notes, wishes));
    return heard_piece(heard);
  }
  HEMIOLA_TRY(const BeatTrack track, wished_beats(played_notes(source.score), wishes));
  HEMIOLA_TRY(const Bytes midi, blob(0));
  HEMIOLA_TRY(Json piece, hand_over(midi, timing_json(track)));
  return Json{{"pieces", Json::array({std::move(piece)})}};
}

Result<Json> Task::heard_piece(const HeardPiece& heard) {
  HEMIOLA_TRY(Json piece, hand_over(midi::write(heard.source.file), timing_json(heard.beats)));
  piece["timing"]["heard"] = true;
  return Json{{"pieces", Json::array({std::move(piece)})}};
}

Result<Json> Task::notation() {
  HEMIOLA_TRY(const Bytes text, blob(0));
  HEMIOLA_TRY(GridScore grid, read_notation(text_of(text), "notation"));
  HEMIOLA_TRY(const auto source,
              data::source_from_grid(std::move(grid), data::SourceKind::kNotation));
  return Json{{"view", view_of(source)}};
}

Result<Json> Task::export_piece() {
  HEMIOLA_TRY(const data::Source source, piece());
  const Json format = request_.message.value("format", Json());
  const std::string title = request_.message.value("title", "");
  std::string text;
  if (format == "musicxml") {
    MusicXmlOptions options;
    options.title = title;
    HEMIOLA_TRY(text, write_musicxml(source.grid(), options));
  } else if (format == "jianpu") {
    NotationOptions options;
    options.title = title;
    HEMIOLA_TRY(text, write_notation(source.grid(), options));
  } else if (format == "tokens") {
    text = tokens::to_text(source.grid());
  } else {
    return fail("format {} is not known", json_text(format));
  }
  HEMIOLA_TRY(const std::size_t sent, send(bytes_of(text)));
  return Json{{"blob", sent}};
}

}  // namespace hemiola::worker
