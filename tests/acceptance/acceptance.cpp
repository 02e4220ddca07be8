// acceptance [--quick] [--count N] [--seed S] [--model PATH] [--data DIR] [-o DIR]: writes N pieces
// from nothing, N that go on from a prompt and N with bars of a prompt written anew, under random
// wishes, and checks each from its bytes (written_check.h). Prompts are the shared collections'
// files, raw performances among them, and where those are missing loops made by rules, some played
// freely. Results on stdout, what is wrong on stderr; exit status 1 if anything is.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <map>

#include "base/rng.h"
#include "compose/generate.h"
#include "data/dataset.h"
#include "data/loops.h"
#include "midi/writer.h"
#include "model/locate.h"
#include "score/to_midi.h"
#include "tests/acceptance/written_check.h"
#include "tests/test_data.h"

namespace hemiola::acceptance {
namespace {

using Clock = std::chrono::steady_clock;

enum class Task { kFromNothing, kGoingOn, kInfill };
constexpr std::array<std::string_view, 3> kTaskNames = {"from nothing", "going on", "bars anew"};

// Loops, one in three played with a tempo that comes and goes.
Result<data::Source> loop_prompt(Rng& rng) {
  const data::Loop loop = data::make_loop(rng.next());
  HEMIOLA_TRY(midi::File file, midi_from_grid(loop.score));
  if (rng.chance(0.33)) {
    for (midi::Track& track : file.tracks) {
      for (midi::Event& event : track.events) {
        const double at = static_cast<double>(event.at.count());
        event.at = Tick(std::llround(1.37 * at + 90 * (1 - std::cos(at / 1500))));
      }
    }
  }
  return data::source_from_midi(midi::write(file));
}

// Where performances, tracks of several instruments and keyboard music lie.
class Prompts {
 public:
  Prompts() {
    for (const std::string_view name : {"asap", "multitrack", "pop909", "piano"}) {
      const auto folder = test_data(name);
      if (!folder) continue;
      std::vector<Path>& files = folders_.emplace_back();
      for (const auto& entry : std::filesystem::recursive_directory_iterator(*folder)) {
        const Path& path = entry.path();
        if (path.extension() == ".mid" && path.filename() != "midi_score.mid")
          files.push_back(path);
      }
      std::sort(files.begin(), files.end());
    }
  }

  bool shared() const { return !folders_.empty(); }

  Result<data::Source> draw(Rng& rng, std::string& name) const {
    if (folders_.empty() || rng.chance(0.1)) {
      name = "loop";
      return loop_prompt(rng);
    }
    const auto& files = folders_[rng.below(folders_.size())];
    const Path& path = files[rng.below(files.size())];
    name = path.string();
    return data::read_source(path);
  }

 private:
  std::vector<std::vector<Path>> folders_;
};

Controls random_controls(Rng& rng, Task task) {
  Controls controls;
  const bool whole = task != Task::kInfill;
  static constexpr std::array<Metre, 11> kMetres = {
      {{4, 4}, {3, 4}, {2, 4}, {6, 8}, {5, 4}, {7, 8}, {12, 8}, {3, 8}, {2, 2}, {9, 8}, {3, 2}}};
  static constexpr std::array<Instrument, 8> kInstruments = {{{0, false},
                                                              {32, false},
                                                              {40, false},
                                                              {73, false},
                                                              {48, false},
                                                              {24, false},
                                                              {56, false},
                                                              {0, true}}};
  if (whole && rng.chance(0.4)) controls.key = Key{rng.between(-6, 6), rng.chance(0.5)};
  controls.in_scale = rng.chance(0.35);
  if (whole && rng.chance(0.4)) controls.metre = kMetres[rng.below(kMetres.size())];
  if (whole && rng.chance(0.4)) controls.tempo = 40 + 180 * rng.uniform();
  if (rng.chance(0.35)) {
    const int low = rng.between(28, 76);
    controls.range = tokens::PitchRange{static_cast<std::uint8_t>(low),
                                        static_cast<std::uint8_t>(low + rng.between(11, 40))};
  }
  if (rng.chance(0.35)) controls.max_polyphony = rng.between(1, 6);
  if (rng.chance(0.3)) controls.density = rng.between(1, 10);
  if (rng.chance(task == Task::kFromNothing ? 0.4 : 0.2)) {
    for (int i = rng.between(1, task == Task::kFromNothing ? 4 : 2); i > 0; --i) {
      controls.instruments.push_back(kInstruments[rng.below(kInstruments.size())]);
    }
  }
  if (rng.chance(0.15)) controls.chords = parse_chords("C:maj A:min F:maj G:7").value();
  return controls;
}

GenerateRequest random_request(Rng& rng, Task task, const data::Source* prompt, int most_bars) {
  GenerateRequest request;
  request.seed = rng.next() >> 11;
  request.prompt = prompt;
  request.bars = rng.between(4, most_bars);
  request.controls = random_controls(rng, task);
  request.sampling.temperature = static_cast<float>(0.8 + 0.3 * rng.uniform());
  if (prompt == nullptr) return request;
  const GridScore& grid = prompt->grid();
  const auto bars = static_cast<int>(grid.bars.size());
  const int number_of_first = grid.has_upbeat ? 0 : 1;
  if (task == Task::kGoingOn) {
    if (bars > 1 && rng.chance(0.5)) request.from_bar = rng.between(1, bars - 1) + number_of_first;
    return request;
  }
  const int first = rng.between(0, bars - 1);
  const int last = std::min(bars - 1, first + rng.between(0, most_bars / 2));
  request.infill = BarSpan{first + number_of_first, last + number_of_first};
  const auto tracks = static_cast<int>(grid.tracks.size());
  if (tracks > 1 && rng.chance(0.5)) request.tracks = {rng.between(1, tracks)};
  return request;
}

struct Tally {
  int pieces = 0, wrong = 0, refused = 0, performances = 0, several_tracks = 0;
  int repeated = 0, silent_last_bars = 0;
  std::size_t notes = 0, bars = 0;
};

struct Options {
  bool quick = false;
  int first = 0, count = 200;
  std::uint64_t seed = 1;
  Path model, data, out;
};

// Of stretches of training pieces, as long as those that are written, the share with a bar more
// than four times in a row.
Result<double> repeated_in_training(const Path& folder, int most_bars) {
  HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(folder));
  const auto entries = dataset.entries_of(data::Split::kTrain);
  if (entries.empty()) return fail("{}: no training pieces", folder.string());
  Rng rng(2);
  constexpr int kStretches = 4000;
  int repeated = 0;
  for (int i = 0; i < kStretches; ++i) {
    HEMIOLA_TRY(const GridScore score, dataset.score(entries[rng.below(entries.size())]));
    const auto bars = static_cast<int>(score.bars.size());
    const int count = std::min(bars, rng.between(4, most_bars));
    repeated += longest_repeat(score, rng.between(0, bars - count), count) > 4 ? 1 : 0;
  }
  return static_cast<double>(repeated) / kStretches;
}

class Run {
 public:
  Run(const Composer& composer, const Options& options) : composer_(composer), options_(options) {}

  int all() {
    const auto start = Clock::now();
    if (!prompts_.shared()) {
      fmt::print(stderr, "no shared collections (HEMIOLA_TEST_DATA): prompts are made by rules\n");
    }
    for (const Task task : {Task::kFromNothing, Task::kGoingOn, Task::kInfill}) {
      for (int i = 0; i < options_.count; ++i) one(task, options_.first + i);
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    fmt::print("{:<14}{:>8}{:>8}{:>9}{:>8}{:>8}{:>14}{:>16}{:>12}{:>14}\n", "", "pieces", "bars",
               "notes", "wrong", "refused", "performances", "several tracks", "repeated",
               "silent ends");
    int wrong = 0;
    for (std::size_t t = 0; t < tallies_.size(); ++t) {
      const Tally& tally = tallies_[t];
      fmt::print("{:<14}{:>8}{:>8}{:>9}{:>8}{:>8}{:>14}{:>16}{:>12}{:>14}\n", kTaskNames[t],
                 tally.pieces, tally.bars, tally.notes, tally.wrong, tally.refused,
                 tally.performances, tally.several_tracks, tally.repeated, tally.silent_last_bars);
      wrong += tally.wrong;
    }
    for (const auto& [reason, times] : refusals_)
      fmt::print("refused {} times: {}\n", times, reason);
    if (!options_.data.empty()) {
      const auto share = repeated_in_training(options_.data, most_bars());
      if (!share) return fmt::print(stderr, "{}\n", share.error().message), 1;
      fmt::print("repeated in the training data: {:.1f} % of stretches\n", 100 * *share);
    }
    fmt::print("{:.0f} s\n", seconds);
    return wrong == 0 ? 0 : 1;
  }

 private:
  int most_bars() const { return options_.quick ? 6 : 24; }

  void one(Task task, int number) {
    Tally& tally = tallies_[static_cast<std::size_t>(task)];
    Rng rng(mix64(options_.seed) ^
            mix64(static_cast<std::uint64_t>(number) * 3 + static_cast<std::uint64_t>(task)));
    std::string name = "nothing";
    std::optional<data::Source> prompt;
    while (task != Task::kFromNothing && !prompt) {
      if (auto drawn = prompts_.draw(rng, name)) prompt = *std::move(drawn);
    }
    const GenerateRequest request =
        random_request(rng, task, prompt ? &*prompt : nullptr, most_bars());
    const auto pieces = composer_.generate(request);
    ++tally.pieces;
    const std::string what =
        fmt::format("{} {} ({}, {})", kTaskNames[static_cast<std::size_t>(task)], number, name,
                    json_text(controls_to_json(request.controls)));
    if (!pieces) {
      ++tally.refused;
      ++refusals_[pieces.error().message];
      fmt::print(stderr, "{}: refused: {}\n", what, pieces.error().message);
      return;
    }
    if (prompt) {
      tally.performances += prompt->standard.report.performed ? 1 : 0;
      tally.several_tracks += prompt->grid().tracks.size() > 1 ? 1 : 0;
    }
    const Bytes bytes = midi::write(pieces->front().file);
    if (!options_.out.empty()) {
      const Path path = options_.out / fmt::format("{}-{:03}.mid", static_cast<int>(task), number);
      if (const auto status = write_file(path, bytes); !status) {
        fmt::print(stderr, "{}\n", status.error().message);
      }
    }
    Findings findings = check_written(request, bytes);
    if (findings.new_notes != pieces->front().notes) {
      findings.wrong.push_back(fmt::format("{} new notes in the file, {} were written",
                                           findings.new_notes, pieces->front().notes));
    }
    tally.notes += findings.new_notes;
    tally.bars += static_cast<std::size_t>(findings.bars);
    tally.silent_last_bars += findings.silent_last_bar ? 1 : 0;
    if (findings.longest_repeat > 4) {
      ++tally.repeated;
      fmt::print(stderr, "{}: a bar {} times in a row\n", what, findings.longest_repeat);
    }
    if (findings.wrong.empty()) return;
    ++tally.wrong;
    for (const std::string& each : findings.wrong) fmt::print(stderr, "{}: {}\n", what, each);
  }

  const Composer& composer_;
  const Options& options_;
  Prompts prompts_;
  std::array<Tally, 3> tallies_{};
  std::map<std::string, int> refusals_;
};

}  // namespace
}  // namespace hemiola::acceptance

int main(int argc, char** argv) {
  using namespace hemiola;
  acceptance::Options options;
  CLI::App app("Writes pieces under random wishes and checks every one of them.");
  app.add_flag("--quick", options.quick, "Short pieces");
  app.add_option("--count", options.count, "Of each kind")->capture_default_str();
  app.add_option("--first", options.first, "Number of the first, to repeat one that was wrong");
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--model", options.model, "Else HEMIOLA_MODEL, else models/default");
  app.add_option("--data", options.data, "Training data, for how often bars repeat there");
  app.add_option("-o,--output", options.out, "Keep the files in this folder");
  CLI11_PARSE(app, argc, argv);
  const auto composer =
      locate_model(options.model).and_then([](const Path& path) { return Composer::load(path); });
  if (!composer) return fmt::print(stderr, "{}\n", composer.error().message), 1;
  return acceptance::Run(*composer, options).all();
}
