// Tasks that write music or judge it.
#include <charconv>
#include <cmath>

#include "compose/finish.h"
#include "data/novelty_index.h"
#include "evaluate/note_statistics.h"
#include "midi/writer.h"
#include "score/from_midi.h"
#include "score/instruments.h"
#include "worker/piece.h"
#include "worker/tasks.h"

namespace hemiola::worker {
namespace {

Json novelty_json(const data::Novelty& novelty) {
  Json json = {{"verdict", novelty.is_copy() ? "copy" : "new"}};
  json.update(data::to_json(novelty));
  json.erase("copy");  // the verdict says it
  return json;
}

// What the beats of a performance are once music was added after them.
BeatTrack with_new_beats(const data::Source& prompt, const WrittenPiece& written,
                         std::optional<double> tempo, const Score& score) {
  const auto starts = written.grid.bar_starts();
  const auto first = written.grid.bars.size() - static_cast<std::size_t>(written.bars);
  const TimeMap map = steady_map(prompt, starts[first], tempo);
  const TempoMap tempos(score);
  BeatTrack track = *prompt.beats;
  const Seconds from = tempos.seconds_at(map.source_at(starts[first]));
  // A beat that belongs to the new bars, found a little early, is not one more.
  std::erase_if(track.beats, [&](const auto& beat) { return beat.at > from - Seconds(0.05); });
  for (std::size_t bar = first; bar <= written.grid.bars.size(); ++bar) {
    const bool closing = bar == written.grid.bars.size();
    const Metre metre = written.grid.bars[closing ? bar - 1 : bar].metre;
    const int cells = closing ? 1 : cell_count(metre);
    for (int cell = 0; cell < cells; ++cell) {
      const GridTick at = starts[bar] + cell * cell_length(metre);
      track.beats.push_back({tempos.seconds_at(map.source_at(at)), cell == 0});
    }
  }
  return track;
}

// For each track of the kept piece, the number under which its notes were told: one that stayed
// silent is not kept, so that those after it move up.
Json told_numbers(const std::vector<GridTrack>& told, const Json& kept) {
  std::vector<bool> taken(told.size());
  Json numbers = Json::array();
  for (const Json& track : kept) {
    std::size_t number = 0;
    for (const bool sounding : {true, false}) {
      for (std::size_t i = 0; number == 0 && i < told.size(); ++i) {
        if (taken[i] || told[i].notes.empty() == sounding || track["program"] != told[i].program ||
            track["is_drum"] != told[i].is_drum) {
          continue;
        }
        taken[i] = true;
        number = i + 1;
      }
    }
    numbers.push_back(number);
  }
  return numbers;
}

// Tells the server what is written as it is written.
class Teller {
 public:
  Teller(Channel& channel, const data::Source* prompt, const GenerateRequest& request)
      : channel_(channel), tempo_(request.controls.tempo) {
    if (prompt == nullptr) return;
    upbeat_ = prompt->grid().has_upbeat;
    const TempoMap tempos(prompt->score);
    for (const GridTick start : prompt->grid().bar_starts()) {
      prompt_seconds_.push_back(tempos.seconds_at(prompt->standard.map.source_at(start)).count());
    }
  }

  // Notes go out in the order they are written; a server that is gone ends the work soon.
  GenerateCallbacks callbacks() {
    GenerateCallbacks callbacks;
    callbacks.tracks = [this](int variation, const std::vector<GridTrack>& tracks) {
      for (std::size_t i = 0; i < tracks.size(); ++i) {
        tell({{"event", "track"},
              {"variation", variation + 1},
              {"track", i + 1},
              {"name", instrument_name({tracks[i].program, tracks[i].is_drum})},
              {"program", tracks[i].program},
              {"is_drum", tracks[i].is_drum}});
      }
    };
    callbacks.bar = [this](int variation, int index, GridTick start, const GridBar& bar) {
      const double tempo = tempo_.value_or(kTempos[bar.tempo_class]);
      double& seconds = next_seconds(variation, index);
      tell({{"event", "bar"},
            {"variation", variation + 1},
            {"bar", bar_json(index + (upbeat_ ? 0 : 1), start, bar, seconds, tempo)}});
      seconds += bar_length(bar.metre).count() / double{kGridQuarter.count()} * 60 / tempo;
    };
    callbacks.note = [this](int variation, int track, const GridNote& note) {
      tell({{"event", "note"},
            {"variation", variation + 1},
            {"track", track + 1},
            {"onset", note.onset.count()},
            {"duration", note.duration.count()},
            {"pitch", note.pitch},
            {"velocity", std::max(1, velocity_of_class(note.velocity_class))}});
    };
    callbacks.progress = [this](int variation, int done, int all) {
      tell({{"event", "progress"}, {"variation", variation + 1}, {"bars", done}, {"of", all}});
    };
    callbacks.again = [this](int variation) {
      if (const auto v = static_cast<std::size_t>(variation); v < seconds_.size()) seconds_[v] = -1;
      tell({{"event", "again"}, {"variation", variation + 1}});
    };
    callbacks.left_out = [this](int variation, const Error& why) {
      tell({{"event", "left_out"}, {"variation", variation + 1}, {"message", why.message}});
    };
    callbacks.cancelled = [this] { return channel_.cancelled() || gone_; };
    return callbacks;
  }

 private:
  void tell(const Json& event) { gone_ = gone_ || !channel_.send(event); }

  double& next_seconds(int variation, int index) {
    const auto v = static_cast<std::size_t>(variation);
    if (seconds_.size() <= v) seconds_.resize(v + 1, -1);
    if (seconds_[v] < 0) {
      const auto i = static_cast<std::size_t>(index);
      seconds_[v] = i < prompt_seconds_.size() ? prompt_seconds_[i] : 0;
    }
    return seconds_[v];
  }

  Channel& channel_;
  std::optional<double> tempo_;
  bool upbeat_ = false;
  bool gone_ = false;
  std::vector<double> prompt_seconds_;  // when each bar of the prompt begins
  std::vector<double> seconds_;         // by variation: when its next bar begins
};

}  // namespace

Result<GenerateRequest> generate_request_from_json(const Json& json) {
  GenerateRequest request;
  const auto whole = [&](const char* name, int low, int high) -> Result<std::optional<int>> {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return std::optional<int>();
    if (!found->is_number_integer() || found->get<double>() < low || found->get<double>() > high) {
      return fail("{}: expected a whole number from {} to {}", name, low, high);
    }
    return std::optional<int>(found->get<int>());
  };
  const std::string kind = json.value("kind", "generate");
  HEMIOLA_TRY(const auto bars, whole("bars", 1, 512));
  HEMIOLA_TRY(const auto count, whole("count", 1, 16));
  HEMIOLA_TRY(const auto first, whole("first_bar", 0, 100'000));
  HEMIOLA_TRY(const auto last, whole("last_bar", 0, 100'000));
  HEMIOLA_TRY(request.from_bar, whole("from_bar", 0, 100'000));
  request.bars = bars.value_or(request.bars);
  request.count = count.value_or(1);
  if (kind == "infill" && (!first || !last)) return fail("first_bar, last_bar: say which bars");
  if (first && last) request.infill = BarSpan{*first, *last};
  if (const auto seed = json.find("seed"); seed != json.end() && !seed->is_null()) {
    const std::string text = seed->is_string() ? seed->get<std::string>() : "";
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), request.seed);
    if (text.empty() || code != std::errc() || end != text.data() + text.size()) {
      return fail("seed: expected a whole number from 0 to 2^64 - 1, as a text");
    }
  }
  if (const auto controls = json.find("controls"); controls != json.end()) {
    HEMIOLA_TRY(request.controls, controls_from_json(*controls));
  }
  if (kind == "accompany" && request.controls.instruments.empty()) {
    return fail("controls.instruments: say which instruments are to play along");
  }
  request.sampling.temperature = 0.95f;
  request.sampling.top_p = 0.97f;
  if (const auto sampling = json.find("sampling"); sampling != json.end()) {
    if (!sampling->is_object()) return fail("sampling: expected an object");
    for (const auto& [name, value] : sampling->items()) {
      if (!value.is_number()) return fail("sampling.{}: expected a number", name);
      const double number = value.get<double>();
      if (!(number >= 0 && number <= 1e6)) return fail("sampling.{}: out of range", name);
      if (name == "temperature") {
        request.sampling.temperature = static_cast<float>(number);
      } else if (name == "top_k") {
        request.sampling.top_k = static_cast<int>(number);
      } else if (name == "top_p") {
        request.sampling.top_p = static_cast<float>(number);
      } else if (name == "min_p") {
        request.sampling.min_p = static_cast<float>(number);
      } else if (name == "repetition_penalty") {
        request.sampling.repetition_penalty = static_cast<float>(number);
      } else {
        return fail("sampling.{}: not known", name);
      }
    }
  }
  if (auto status = engine::check(request.sampling); !status) {
    return fail(std::move(status.error()).within("sampling"));
  }
  if (const auto tracks = json.find("tracks"); tracks != json.end() && !tracks->is_null()) {
    if (!tracks->is_array()) return fail("tracks: expected a list of numbers from 1");
    for (const Json& track : *tracks) {
      if (!track.is_number_unsigned() || track.get<std::size_t>() > kMaxTracks) {
        return fail("tracks: expected numbers from 1 to {}", kMaxTracks);
      }
      request.tracks.push_back(track.get<int>());
    }
  }
  request.keep_stopped = true;
  return request;
}

Json settings_json(const GenerateRequest& request) {
  const auto& sampling = request.sampling;
  const auto tidy = [](float value) { return std::round(double{value} * 1e6) / 1e6; };
  Json json = {{"bars", request.bars},
               {"count", request.count},
               {"controls", controls_to_json(request.controls)},
               {"sampling",
                {{"temperature", tidy(sampling.temperature)},
                 {"top_k", sampling.top_k},
                 {"top_p", tidy(sampling.top_p)},
                 {"min_p", tidy(sampling.min_p)},
                 {"repetition_penalty", tidy(sampling.repetition_penalty)}}}};
  if (request.from_bar) json["from_bar"] = *request.from_bar;
  if (request.infill) {
    json.erase("bars");
    json["first_bar"] = request.infill->first;
    json["last_bar"] = request.infill->last;
  }
  if (!request.tracks.empty()) json["tracks"] = request.tracks;
  return json;
}

Result<Json> Task::describe() {
  if (!equipment_.composer) return fail("this worker has no model");
  const Composer& composer = *equipment_.composer;
  Json styles = Json::array();
  for (const std::string& style : composer.tokenizer().settings().styles) {
    if (!style.empty()) styles.push_back(style);
  }
  return Json{{"name", equipment_.model_name},
              {"parameters", composer.model().config().parameters()},
              {"hash", equipment_.model_hash},
              {"precision", std::string(engine::name(composer.model().precision()))},
              {"context", composer.model().config().context},
              {"styles", std::move(styles)},
              {"card", composer.model().card()}};
}

Result<Json> Task::written_piece(const WrittenPiece& written, const data::Source* prompt,
                                 const GenerateRequest& request) {
  Json timing = {{"mode", "written"}, {"find_upbeats", false}};
  if (prompt != nullptr) {
    timing = timing_of(*prompt);
    if (prompt->beats && !request.infill) {
      HEMIOLA_TRY(const Score score, score_from_midi(written.file));
      timing = timing_json(with_new_beats(*prompt, written, request.controls.tempo, score));
    }
  }
  timing["bars"] = written.grid.bars.size();
  HEMIOLA_TRY(Json piece, hand_over(midi::write(written.file), timing));
  const int first = request.infill ? request.infill->first
                                   : static_cast<int>(written.grid.bars.size()) - written.bars +
                                         (written.grid.has_upbeat ? 0 : 1);
  piece["first_bar"] = first;
  piece["last_bar"] = first + written.bars - 1;
  piece["seed"] = std::to_string(written.seed);
  piece["tokens"] = written.tokens;
  piece["seconds"] = written.seconds;
  piece["complete"] = !written.stopped;
  piece["tracks"] = told_numbers(written.grid.tracks, piece["summary"]["tracks"]);
  return piece;
}

Result<Json> Task::generate() {
  if (!equipment_.composer) return fail("this worker has no model");
  HEMIOLA_TRY(GenerateRequest request, generate_request_from_json(request_.message));
  std::optional<data::Source> prompt;
  if (!request_.blobs.empty()) {
    HEMIOLA_TRY(prompt, piece());
    request.prompt = &*prompt;
    if (request_.message.value("kind", "") == "accompany" && !request.infill) {
      const int from = prompt->grid().has_upbeat ? 0 : 1;
      const auto bars = static_cast<int>(prompt->grid().bars.size());
      request.infill = BarSpan{from, from + bars - 1};
    }
  }
  request.novel = request_.message.value("novel", Json(false)) == Json(true);
  if (equipment_.training) request.training = &*equipment_.training;
  Teller teller(channel_, request.prompt, request);
  GenerateCallbacks callbacks = teller.callbacks();
  Json left_out = Json::array();
  callbacks.left_out = [&, tell = callbacks.left_out](int variation, const Error& why) {
    left_out.push_back({{"variation", variation + 1}, {"message", why.message}});
    tell(variation, why);
  };
  HEMIOLA_TRY(std::vector<WrittenPiece> pieces, equipment_.composer->generate(request, callbacks));
  Json results = Json::array();
  for (const WrittenPiece& written : pieces) {
    HEMIOLA_TRY(Json piece, written_piece(written, request.prompt, request));
    piece["variation"] = written.variation + 1;
    piece["novelty"] = written.novelty ? novelty_json(*written.novelty) : Json();
    results.push_back(std::move(piece));
  }
  return Json{{"pieces", std::move(results)},
              {"left_out", std::move(left_out)},
              {"settings", settings_json(request)},
              {"model", equipment_.model_hash},
              {"model_name", equipment_.model_name}};
}

Result<Json> Task::evaluate() {
  HEMIOLA_TRY(const data::Source source, piece());
  HEMIOLA_TRY(const auto measured, evaluate::measure_notes(source.grid()));
  Json measures = Json::object();
  for (std::size_t i = 0; i < evaluate::kNoteMeasures.size(); ++i) {
    const double value = measured.values[i];
    measures[std::string(evaluate::kNoteMeasures[i])] = std::isnan(value) ? Json() : Json(value);
  }
  return Json{{"result", {{"measures", std::move(measures)}}}};
}

Result<Json> Task::novelty() {
  HEMIOLA_TRY(const data::Source source, piece());
  HEMIOLA_TRY(const Bytes midi, blob(0));
  if (equipment_.training) {
    return Json{{"novelty",
                 novelty_json(data::novelty(source.grid(), *equipment_.training, sha256(midi)))}};
  }
  const data::NoveltyIndex* index =
      equipment_.composer ? equipment_.composer->training_index() : nullptr;
  if (index == nullptr) return fail("there is no training data to compare with");
  return Json{{"novelty", novelty_json(data::novelty(source.grid(), *index, sha256(midi)))}};
}

}  // namespace hemiola::worker
