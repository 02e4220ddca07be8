#include "worker/piece.h"

#include <algorithm>
#include <cmath>

#include "compose/controls.h"
#include "compose/edit.h"
#include "score/analysis.h"
#include "score/instruments.h"

namespace hemiola::worker {
namespace {

constexpr std::size_t kMostBeats = 200'000;
constexpr std::size_t kMostBars = 20'000;

double rounded(double value, double steps) { return std::round(value * steps) / steps; }

double seconds_at(const data::Source& source, const TempoMap& tempos, GridTick at) {
  return tempos.seconds_at(source.standard.map.source_at(at)).count();
}

std::string mood_of(const Json& view) {
  const Json& bar = view["bars"].front();
  std::string key = bar["key"].is_string() ? bar["key"].get<std::string>() : "";
  const double tempo = bar["tempo"].get<double>();
  const bool minor = key.ends_with("minor");
  const std::string_view pace = tempo < 72    ? (minor ? "Sombre" : "Calm")
                                : tempo < 112 ? (minor ? "Pensive" : "Gentle")
                                : tempo < 144 ? (minor ? "Restless" : "Bright")
                                              : (minor ? "Stormy" : "Lively");
  const std::string metre = bar["metre"].get<std::string>();
  const std::string_view kind = metre == "3/4"   ? "waltz"
                                : metre == "6/8" ? "jig"
                                : metre == "2/4" ? "march"
                                                 : "piece";
  if (key.empty()) return fmt::format("{} {}", pace, kind);
  // As it is read, not as it is typed.
  if (key[1] == 'b') key.replace(1, 1, "♭");
  if (key[1] == '#') key.replace(1, 1, "♯");
  return fmt::format("{} {} in {}", pace, kind, key);
}

}  // namespace

std::string metre_text(Metre metre) {
  return fmt::format("{}/{}", metre.numerator, metre.denominator);
}

Result<data::SourceOptions> timing_from_json(const Json& json) {
  data::SourceOptions options;
  if (json.is_null()) return options;
  if (!json.is_object()) return fail("timing: expected an object");
  const Json mode = json.value("mode", Json("auto"));
  options.find_upbeats = json.value("find_upbeats", Json(true)) != Json(false);
  if (mode == "auto") return options;
  if (mode == "written") {
    options.timing = Timing::kAligned;
    return options;
  }
  if (mode != "performed") return fail("timing: mode {} is not known", json_text(mode));
  options.timing = Timing::kPerformed;
  const Json beats = json.value("beats", Json());
  if (beats.is_null()) return options;
  const Json downbeats = json.value("downbeats", Json::array());
  const Json metre = json.value("metre", Json("4/4")), sure = json.value("confidence", Json(1.0));
  if (!beats.is_array() || beats.size() < 2 || beats.size() > kMostBeats || !downbeats.is_array() ||
      !metre.is_string() || !sure.is_number()) {
    return fail("timing: expected beats, downbeats, metre and confidence");
  }
  BeatTrack track;
  HEMIOLA_TRY(track.metre, parse_metre(metre.get<std::string>()));
  track.confidence = sure.get<double>();
  for (const Json& beat : beats) {
    const Seconds at(beat.is_number() ? beat.get<double>() : NAN);
    if (!(std::abs(at.count()) < 1e6) || (!track.beats.empty() && at <= track.beats.back().at)) {
      return fail("timing: beats are seconds, each later than the one before");
    }
    track.beats.push_back({at, false});
  }
  for (const Json& index : downbeats) {
    if (!index.is_number_unsigned() || index.get<std::size_t>() >= track.beats.size()) {
      return fail("timing: downbeats are numbers of beats, from 0");
    }
    track.beats[index.get<std::size_t>()].downbeat = true;
  }
  options.beats = std::move(track);
  return options;
}

Json timing_json(const BeatTrack& track) {
  Json beats = Json::array(), downbeats = Json::array();
  for (std::size_t i = 0; i < track.beats.size(); ++i) {
    beats.push_back(track.beats[i].at.count());
    if (track.beats[i].downbeat) downbeats.push_back(i);
  }
  return {{"mode", "performed"},
          {"beats", std::move(beats)},
          {"downbeats", std::move(downbeats)},
          {"metre", metre_text(track.metre)},
          {"confidence", track.confidence}};
}

Json timing_of(const data::Source& source) {
  Json timing = {{"mode", "written"}, {"find_upbeats", source.standard.report.moved_bar_lines}};
  if (source.beats) timing = timing_json(*source.beats);
  timing["bars"] = source.grid().bars.size();
  return timing;
}

Result<data::Source> open_piece(std::span<const std::uint8_t> midi, const Json& timing) {
  HEMIOLA_TRY(const auto options, timing_from_json(timing));
  HEMIOLA_TRY(data::Source source, data::source_from_midi(midi, options));
  const Json bars = timing.is_object() ? timing.value("bars", Json()) : Json();
  if (!bars.is_number_unsigned() || bars.get<std::size_t>() > kMostBars) return source;
  GridScore& grid = source.standard.grid;
  GridTick last(0);
  for (const GridTrack& track : grid.tracks) {
    if (!track.notes.empty()) last = std::max(last, track.notes.back().onset);
  }
  const auto starts = grid.bar_starts();
  std::size_t needed = 1;
  while (needed < grid.bars.size() && starts[needed] <= last) ++needed;
  const GridBar closing = grid.bars.back();
  grid.bars.resize(std::max(needed, bars.get<std::size_t>()), closing);
  return source;
}

std::vector<PlayedNote> played_notes(const Score& score) {
  const TempoMap tempos(score);
  std::vector<PlayedNote> notes;
  for (const Track& track : score.tracks) {
    for (const Note& note : track.notes) {
      const Seconds onset = tempos.seconds_at(note.onset);
      const Seconds end = tempos.seconds_at(note.onset + note.duration);
      notes.push_back({onset, end - onset, note.pitch, note.velocity, track.is_drum});
    }
  }
  return notes;
}

Json bar_json(int number, GridTick start, const GridBar& bar, double seconds, double tempo) {
  return {
      {"number", number},
      {"start", start.count()},
      {"length", bar_length(bar.metre).count()},
      {"seconds", rounded(seconds, 1e6)},
      {"metre", metre_text(bar.metre)},
      {"key", bar.key ? Json(key_text(*bar.key)) : Json()},
      {"tempo", rounded(tempo, 1e3)},
      {"chord", bar.chord ? Json(chord_text(*bar.chord)) : Json()},
      {"chord_at_middle", bar.chord_at_middle ? Json(chord_text(*bar.chord_at_middle)) : Json()}};
}

Json view_of(const data::Source& source) {
  GridScore grid = source.grid();
  complete_keys(grid, false);
  complete_chords(grid);
  const TempoMap tempos(source.score);
  const auto starts = grid.bar_starts();
  Json bars = Json::array();
  for (std::size_t i = 0; i < grid.bars.size(); ++i) {
    const double from = seconds_at(source, tempos, starts[i]);
    const double until = seconds_at(source, tempos, starts[i + 1]);
    const double quarters =
        static_cast<double>((starts[i + 1] - starts[i]).count()) / kGridQuarter.count();
    const double tempo = until > from ? 60 * quarters / (until - from) : 120;
    bars.push_back(bar_json(static_cast<int>(i) + (grid.has_upbeat ? 0 : 1), starts[i],
                            grid.bars[i], from, tempo));
  }
  const NotesOfFile originals = notes_of_file(source);
  Json tracks = Json::array();
  for (std::size_t t = 0; t < grid.tracks.size(); ++t) {
    const GridTrack& track = grid.tracks[t];
    Json notes = Json::array();
    for (std::size_t n = 0; n < track.notes.size(); ++n) {
      const GridNote& note = track.notes[n];
      int velocity = std::max(1, velocity_of_class(note.velocity_class));
      if (!originals[t][n].empty()) {
        const NoteOfFile& first = originals[t][n].front();
        velocity = source.score.tracks[first.track].notes[first.note].velocity;
      }
      notes.push_back({note.onset.count(), note.duration.count(), note.pitch, velocity});
    }
    std::string name = source.score.tracks[source.standard.sources[t].front()].name;
    if (name.empty()) name = instrument_name({track.program, track.is_drum});
    tracks.push_back({{"name", std::move(name)},
                      {"program", track.program},
                      {"is_drum", track.is_drum},
                      {"notes", std::move(notes)}});
  }
  Json beats = Json::array();
  if (source.beats) {
    for (const auto& beat : source.beats->beats) beats.push_back(rounded(beat.at.count(), 1e4));
  }
  const double end = std::max(tempos.seconds_at(source.score.end()).count(),
                              seconds_at(source, tempos, starts.back()));
  std::string report = source.standard.report.summary();
  if (source.file.repair_count() > 0) {
    report += fmt::format("; {} places in the file were mended", source.file.repair_count());
  }
  return {{"ticks_per_quarter", kGridQuarter.count()},
          {"has_upbeat", grid.has_upbeat},
          {"unwritten_rest", grid.unwritten_rest().count()},
          {"seconds", rounded(end, 1e3)},
          {"bars", std::move(bars)},
          {"tracks", std::move(tracks)},
          {"performed", source.standard.report.performed},
          {"beats", std::move(beats)},
          {"report", std::move(report)}};
}

Json summary_of(const data::Source& source, const Json& view) {
  const Json& first = view["bars"].front();
  Json tracks = Json::array();
  for (const Json& track : view["tracks"]) {
    tracks.push_back(
        {{"name", track["name"]}, {"program", track["program"]}, {"is_drum", track["is_drum"]}});
  }
  return {{"bars", view["bars"].size()},    {"notes", source.grid().note_count()},
          {"seconds", view["seconds"]},     {"key", first["key"]},
          {"metre", first["metre"]},        {"tempo", first["tempo"]},
          {"tracks", std::move(tracks)},    {"title", source.score.title},
          {"suggested_name", mood_of(view)}};
}

}  // namespace hemiola::worker
