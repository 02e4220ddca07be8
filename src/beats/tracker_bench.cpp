// How good the beat tracker is, and how fast: mean F-measures of beats and downbeats (70 ms,
// nothing trimmed at the start) on annotated performances, beside a guess of constant tempo, and
// milliseconds a piece; and how well bars of the standardised performances agree. Reads the folders
// `asap` and `pop909` of the shared test data, or of the folder that is named as the first
// argument.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.h"
#include "beats/alignment.h"
#include "beats/standardise.h"
#include "beats/tracker.h"
#include "midi/reader.h"
#include "score/from_midi.h"
#include "tests/test_data.h"

namespace {

using namespace hemiola;

struct Marks {
  std::vector<double> beats, downbeats;  // seconds

  void add(double at, bool downbeat) {
    beats.push_back(at);
    if (downbeat) downbeats.push_back(at);
  }
};

// Both rising. Each mark is matched once, with one at most 70 ms away.
double f_measure(const std::vector<double>& truth, const std::vector<double>& found) {
  constexpr double kWindow = 0.07;
  std::size_t i = 0, j = 0, matched = 0;
  while (i < truth.size() && j < found.size()) {
    if (std::abs(truth[i] - found[j]) <= kWindow) {
      ++matched, ++i, ++j;
    } else if (truth[i] < found[j]) {
      ++i;
    } else {
      ++j;
    }
  }
  const std::size_t all = truth.size() + found.size();
  return all == 0 ? 0 : 2.0 * static_cast<double>(matched) / static_cast<double>(all);
}

// The commonest interval between onsets up to two seconds, in 10 ms steps, doubled or halved into
// 0.35 to 0.9 s; on from the first onset, every fourth a downbeat.
Marks constant_tempo(const std::vector<double>& onsets) {
  std::map<int, double> counts;
  for (std::size_t i = 0; i < onsets.size(); ++i) {
    for (std::size_t j = i + 1; j < onsets.size() && onsets[j] - onsets[i] < 2; ++j) {
      const int step = static_cast<int>(std::lround((onsets[j] - onsets[i]) * 100));
      if (step >= 5) counts[step] += 1;
    }
  }
  double length = 0.5, most = 0;
  for (const auto& [step, count] : counts) {
    if (count > most) most = count, length = step * 0.01;
  }
  while (length < 0.35) length *= 2;
  while (length > 0.9) length /= 2;
  Marks marks;
  for (int i = 0; onsets.front() + i * length <= onsets.back(); ++i) {
    marks.add(onsets.front() + i * length, i % 4 == 0);
  }
  return marks;
}

struct Piece {
  std::string name;
  Score score;
  Marks truth;
  std::optional<Metre> metre;  // the first that is annotated
};

std::optional<Score> read_score(const Path& path) {
  const auto bytes = read_file(path);
  if (!bytes) return std::nullopt;
  const auto file = midi::read(*bytes);
  if (!file) return std::nullopt;
  auto score = score_from_midi(*file);
  if (!score) return std::nullopt;
  return std::move(*score);
}

// ASAP: "time<tab>time<tab>b" or "db", on a downbeat with ",metre,key" where they change.
Marks read_asap(const std::string& text, std::optional<Metre>& metre) {
  Marks marks;
  std::istringstream lines(text);
  double at = 0, again = 0;
  for (std::string line, kind; std::getline(lines, line);) {
    std::istringstream words(line);
    if (!(words >> at >> again >> kind)) continue;
    marks.add(at, kind.starts_with("db"));
    Metre said;
    if (!metre && std::sscanf(kind.c_str(), "db,%d/%d", &said.numerator, &said.denominator) == 2) {
      metre = said;
    }
  }
  return marks;
}

// POP909: "time in two in four", the last two 1 on a downbeat of bars of two or four beats (or of
// half a bar or a whole one).
Marks read_pop909(const std::string& text) {
  Marks marks;
  std::istringstream lines(text);
  for (double at = 0, half = 0, whole = 0; lines >> at >> half >> whole;) marks.add(at, whole > 0);
  return marks;
}

std::vector<Piece> read_pieces(const Path& folder, bool pop909) {
  std::vector<Piece> pieces;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    Path midi;
    if (pop909 && name == "beat_midi.txt") {
      const Path song = entry.path().parent_path();
      midi = song / (song.filename().string() + ".mid");
    } else if (!pop909 && name.ends_with("_annotations.txt") && !name.starts_with("midi_score")) {
      midi = entry.path().parent_path() / (name.substr(0, name.size() - 16) + ".mid");
    } else {
      continue;
    }
    const auto text = read_text(entry.path());
    auto score = read_score(midi);
    if (!text || !score) continue;
    const std::string group = midi.parent_path().lexically_relative(folder).string();
    Piece piece{group, std::move(*score), {}, {}};
    piece.truth = pop909 ? read_pop909(*text) : read_asap(*text, piece.metre);
    pieces.push_back(std::move(piece));
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.name < b.name; });
  return pieces;
}

struct Mean {
  double sum = 0;
  int count = 0;

  void add(double value) { sum += value, ++count; }
  double value() const { return count == 0 ? 0 : sum / count; }
};

struct Figures {
  Mean beat, downbeat, guessed_beat, guessed_downbeat;
  Mean told_beat, told_downbeat;  // of beats_of(), which takes some for written music
};

// What becomes of performances on the grid.
struct OnGrid {
  Mean milliseconds, snap, bars_right, beats_in_bar_right;
  int refused = 0;

  void add(const Piece& piece);
  void show() const;
};

void OnGrid::add(const Piece& piece) {
  StandardiseOptions options;
  options.timing = Timing::kPerformed;
  const auto start = std::chrono::steady_clock::now();
  const auto standard = standardise(piece.score, options);
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  milliseconds.add(taken.count());
  if (!standard) {
    fmt::print("  refused: {}: {}\n", piece.name, standard.error().message);
    ++refused;
    return;
  }
  snap.add(standard->report.mean_snap);
  const TempoMap tempo(piece.score);
  const std::vector<GridTick> starts = standard->grid.bar_starts();
  std::map<int, std::size_t> counts;  // bars by their number of beats
  std::size_t bars = 0, right = 0;
  for (std::size_t i = 0; i < standard->grid.bars.size(); ++i) {
    ++counts[cell_count(standard->grid.bars[i].metre)];
    const double at = tempo.seconds_at(standard->map.source_at(starts[i])).count();
    const std::vector<double>& truth = piece.truth.downbeats;
    if (truth.empty() || at < truth.front() - 0.07 || at > truth.back() + 0.07) continue;
    const auto near = std::lower_bound(truth.begin(), truth.end(), at - 0.07);
    ++bars;
    if (near != truth.end() && *near <= at + 0.07) ++right;
  }
  if (bars > 0) bars_right.add(static_cast<double>(right) / static_cast<double>(bars));
  if (!piece.metre) return;
  const auto usual = std::max_element(counts.begin(), counts.end(),
                                      [](auto& a, auto& b) { return a.second < b.second; });
  beats_in_bar_right.add(usual->first == cell_count(*piece.metre) ? 1 : 0);
}

void OnGrid::show() const {
  fmt::print(
      "  on the grid: {:.2f} ticks of 1/24 beat from it on average; {:.1f} % of bars begin on a "
      "downbeat; {:.1f} ms a piece; {} refused\n",
      snap.value(), 100 * bars_right.value(), milliseconds.value(), refused);
  if (beats_in_bar_right.count == 0) return;
  fmt::print("  beats to the bar as first annotated in {:.1f} %\n",
             100 * beats_in_bar_right.value());
}

void measure(const Path& folder, bool pop909) {
  OnGrid on_grid;
  const std::vector<Piece> pieces = read_pieces(folder, pop909);
  Figures all;
  std::map<std::string, Figures> parts;  // by composer
  Mean milliseconds, confidence_good, confidence_bad, written;
  double slowest = 0, music = 0;
  for (const Piece& piece : pieces) {
    const auto start = std::chrono::steady_clock::now();
    const auto track = track_beats(piece.score);
    const std::chrono::duration<double, std::milli> taken =
        std::chrono::steady_clock::now() - start;
    if (!track) continue;
    on_grid.add(piece);
    milliseconds.add(taken.count());
    slowest = std::max(slowest, taken.count());
    written.add(measure_alignment(piece.score).is_aligned() ? 1 : 0);

    Marks found;
    for (const BeatTrack::Beat& beat : track->beats) found.add(beat.at.count(), beat.downbeat);
    Marks told;
    if (const auto beats = beats_of(piece.score)) {
      for (const BeatTrack::Beat& beat : *beats) told.add(beat.at.count(), beat.downbeat);
    }
    std::vector<double> onsets;
    const TempoMap tempo(piece.score);
    for (const Track& voice : piece.score.tracks) {
      for (const Note& note : voice.notes) onsets.push_back(tempo.seconds_at(note.onset).count());
    }
    std::sort(onsets.begin(), onsets.end());
    music += onsets.back() - onsets.front();
    const Marks guess = constant_tempo(onsets);
    const double beat = f_measure(piece.truth.beats, found.beats);
    (beat > 0.7 ? confidence_good : confidence_bad).add(track->confidence);
    for (Figures* figures : {&all, &parts[piece.name.substr(0, piece.name.find('/'))]}) {
      figures->beat.add(beat);
      figures->downbeat.add(f_measure(piece.truth.downbeats, found.downbeats));
      figures->guessed_beat.add(f_measure(piece.truth.beats, guess.beats));
      figures->guessed_downbeat.add(f_measure(piece.truth.downbeats, guess.downbeats));
      figures->told_beat.add(f_measure(piece.truth.beats, told.beats));
      figures->told_downbeat.add(f_measure(piece.truth.downbeats, told.downbeats));
    }
  }
  const auto line = [](const std::string& name, const Figures& figures) {
    fmt::print(
        "{:<16} {:4} pieces  beat {:.3f}  downbeat {:.3f}   as told {:.3f} / {:.3f}   constant "
        "tempo {:.3f} / {:.3f}\n",
        name, figures.beat.count, figures.beat.value(), figures.downbeat.value(),
        figures.told_beat.value(), figures.told_downbeat.value(), figures.guessed_beat.value(),
        figures.guessed_downbeat.value());
  };
  line(folder.filename().string(), all);
  if (!pop909) {
    for (const auto& [name, figures] : parts) line("  " + name, figures);
  }
  fmt::print(
      "  {:.1f} ms a piece (slowest {:.0f} ms), {:.1f} ms for five minutes of music; confidence "
      "{:.2f}"
      " where beats are right (F > 0.7), else {:.2f}; {:.0f} % taken for written music\n",
      milliseconds.value(), slowest, milliseconds.sum / music * 300, confidence_good.value(),
      confidence_bad.value(), 100 * written.value());
  on_grid.show();
}

}  // namespace

int main(int argc, char** argv) {
  bool any = false;
  for (const char* name : {"asap", "pop909"}) {
    const auto folder = argc > 1 ? std::optional(Path(argv[1]) / name) : test_data(name);
    std::error_code code;
    if (!folder || !std::filesystem::is_directory(*folder, code)) continue;
    measure(*folder, std::string_view(name) == "pop909");
    any = true;
  }
  if (!any) std::fputs("no test data: name the folder that holds asap/ or pop909/\n", stderr);
  return any ? 0 : 1;
}
