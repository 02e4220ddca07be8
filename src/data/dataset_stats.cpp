#include "data/dataset_stats.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "score/instruments.h"

namespace hemiola::data {
namespace {

using Counts = std::map<std::string, std::size_t>;

// Most first.
Json to_json(const Counts& counts, std::size_t most = 24) {
  std::vector<std::pair<std::string, std::size_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  Json json = Json::object();
  for (std::size_t i = 0; i < order.size() && i < most; ++i) json[order[i].first] = order[i].second;
  if (order.size() > most) {
    std::size_t rest = 0;
    for (std::size_t i = most; i < order.size(); ++i) rest += order[i].second;
    json["others"] = rest;
  }
  return json;
}

double seconds_of(const GridScore& score) {
  double seconds = 0;
  for (const GridBar& bar : score.bars) {
    seconds += bar_length(bar.metre).count() / 24.0 * 60 / kTempos[bar.tempo_class];
  }
  return seconds;
}

Json quantiles(std::vector<std::size_t> values) {
  std::sort(values.begin(), values.end());
  Json json = Json::object();
  if (values.empty()) return json;
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  json["least"] = values.front();
  json["median"] = at(0.5);
  json["nine_tenths"] = at(0.9);
  json["most"] = values.back();
  return json;
}

struct Tally {
  std::size_t pieces = 0, notes = 0, bars = 0;
  double hours = 0;
};

}  // namespace

Result<Json> dataset_stats(const Dataset& dataset) {
  Counts outcomes, styles, metres, keys, tempos, instruments, tracks;
  std::map<Split, Tally> splits;
  std::vector<std::size_t> notes, bars;
  for (std::size_t i = 0; i < dataset.entries().size(); ++i) {
    const Entry& entry = dataset.entries()[i];
    ++outcomes[std::string(outcome_name(entry.outcome))];
    if (entry.outcome != Outcome::kAccepted) continue;
    HEMIOLA_TRY(const GridScore score, dataset.score(i));
    Tally& tally = splits[entry.split];
    ++tally.pieces;
    tally.notes += entry.notes;
    tally.bars += entry.bars;
    tally.hours += seconds_of(score) / 3600;
    notes.push_back(entry.notes);
    bars.push_back(entry.bars);
    for (const std::string& style : dataset.styles(entry)) ++styles[style];
    const GridBar& bar = score.bars.front();
    ++metres[fmt::format("{}/{}", bar.metre.numerator, bar.metre.denominator)];
    ++keys[bar.key ? fmt::format("{} {}{}", std::abs(bar.key->fifths),
                                 bar.key->fifths < 0 ? "flats" : "sharps",
                                 bar.key->minor ? ", minor" : "")
                   : "none"];
    ++tempos[std::to_string(kTempos[bar.tempo_class])];
    ++tracks[std::to_string(score.tracks.size())];
    for (const GridTrack& track : score.tracks) {
      ++instruments[std::string(instrument_name({track.program, track.is_drum}))];
    }
  }
  Json json = Json::object();
  json["files"] = dataset.entries().size();
  json["outcomes"] = to_json(outcomes);
  for (const auto& [split, tally] : splits) {
    json["splits"][std::string(split_name(split))] = {{"pieces", tally.pieces},
                                                      {"notes", tally.notes},
                                                      {"bars", tally.bars},
                                                      {"hours", tally.hours}};
  }
  json["notes_a_piece"] = quantiles(notes);
  json["bars_a_piece"] = quantiles(bars);
  json["styles"] = to_json(styles);
  json["metres"] = to_json(metres);
  json["keys"] = to_json(keys, 31);
  json["tempos"] = to_json(tempos);
  json["tracks"] = to_json(tracks);
  json["instruments"] = to_json(instruments);
  json["identity"] = dataset.identity();
  return json;
}

}  // namespace hemiola::data
