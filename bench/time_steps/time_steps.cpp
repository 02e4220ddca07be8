// Does it help a model that time is told in beats? The same music with time told in steps of 10 ms,
// to train the same model on, and performances of anything, to compare fairly.
//
//   time_steps steps DATA -o OUT [--seed N]   a data set of DATA's training pieces, all pitched
//       tracks as one; each at its nominal tempo times a factor drawn between 0.8 and 1.25, every
//       time rounded to 10 ms. A step stands where a grid tick would: "bars" are 0.96 s long.
//   time_steps perform IN -o OUT              the MIDI files of a folder as performances: ticks of
//       1 ms, no metre, no tempo, so that nothing is known of their beats.
//
// Train on both sets with `hemiola train --controls 0 --chords 0 --infill 0 --flatten`, generate with
// both models (those of steps with --tempo 252, at which their ticks last 10 ms), make performances
// of these and of real pieces, and compare them by `hemiola stats`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "data/augment.h"
#include "data/convert.h"
#include "data/dataset.h"
#include "data/finish.h"
#include "data/source.h"
#include "data/sources.h"
#include "midi/writer.h"
#include "score/score.h"
#include "score/to_midi.h"

namespace {

using namespace hemiola;

constexpr double kStep = 0.01;  // seconds
constexpr std::size_t kShardPieces = 256;

struct Options {
  Path in, out;
  std::uint64_t seed = 0;
};

// When each tick of a grid score sounds, by the tempos of its bars.
class Clock {
 public:
  Clock(const GridScore& score, double factor) {
    GridTick at{};
    double seconds = 0;
    for (const GridBar& bar : score.bars) {
      bars_.push_back({at, seconds, 60.0 / (24 * kTempos[bar.tempo_class] * factor)});
      const GridTick length = bar_length(bar.metre);
      seconds += length.count() * bars_.back().tick_seconds;
      at += length;
    }
  }
  GridTick step_at(GridTick tick) const {
    auto after = std::upper_bound(bars_.begin(), bars_.end(), tick,
                                  [](GridTick t, const Bar& bar) { return t < bar.begin; });
    const Bar& bar = *std::prev(after);
    const double seconds = bar.seconds + (tick - bar.begin).count() * bar.tick_seconds;
    return GridTick(static_cast<int>(std::lround(seconds / kStep)));
  }

 private:
  struct Bar {
    GridTick begin{};
    double seconds = 0, tick_seconds = 0;
  };
  std::vector<Bar> bars_;
};

// Bars begin with the first note.
GridScore in_steps(const GridScore& score, double factor) {
  const Clock clock(score, factor);
  GridScore steps;
  GridTick first{1 << 30}, last{};
  for (const GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    GridTrack& to = steps.tracks.emplace_back();
    for (GridNote note : track.notes) {
      const GridTick end = clock.step_at(note.onset + note.duration);
      note.onset = clock.step_at(note.onset);
      note.duration = std::clamp(end - note.onset, GridTick(1), kMaxDuration);
      first = std::min(first, note.onset);
      last = std::max(last, note.onset);
      to.notes.push_back(note);
    }
  }
  for (GridTrack& track : steps.tracks) {
    for (GridNote& note : track.notes) note.onset = note.onset - first;
  }
  const GridBar bar{.tempo_class =
                        static_cast<std::uint8_t>(nearest_tempo_class(60 / (24 * kStep)))};
  const int bars = std::max(last - first, GridTick{}).count() / bar_length(bar.metre).count() + 1;
  steps.bars.assign(static_cast<std::size_t>(bars), bar);
  return data::flattened(steps);
}

Status write_shard(const Path& out, std::span<const data::Piece> pieces, std::size_t number) {
  return write_file(out / data::kShardFolder / fmt::format("{:04}{}", number, data::kShardEnding),
                    data::make_shard(pieces));
}

Status make_steps(const Options& options) {
  HEMIOLA_TRY(const data::Dataset dataset, data::Dataset::open(options.in));
  Rng rng(options.seed);
  std::vector<data::Piece> pieces;
  std::size_t shards = 0, made = 0, left_out = 0;
  for (const std::uint32_t entry : dataset.entries_of(data::Split::kTrain)) {
    HEMIOLA_TRY(const GridScore score, dataset.score(entry));
    const GridScore steps = in_steps(score, std::exp2(rng.uniform() * 0.644 - 0.322));
    if (steps.note_count() == 0 || !validate(steps)) {
      ++left_out;
      continue;
    }
    const data::PieceView view = dataset.piece(dataset.entries()[entry]);
    pieces.push_back(data::piece_from_score(steps, std::string(view.path), view.file_hash));
    ++made;
    if (pieces.size() == kShardPieces) {
      HEMIOLA_CHECK(write_shard(options.out, pieces, shards++));
      pieces.clear();
    }
  }
  if (!pieces.empty()) HEMIOLA_CHECK(write_shard(options.out, pieces, shards));
  HEMIOLA_TRY(const data::ImportSummary summary, data::finish_dataset(options.out, {}));
  fmt::print("{} pieces in steps of 10 ms, {} left out; {} train, {} held out\n", made, left_out,
             summary.train, summary.validation + summary.test);
  return {};
}

Status make_performances(const Options& options) {
  HEMIOLA_TRY(const auto sources, data::list_sources({options.in}));
  std::size_t made = 0;
  for (const data::SourceFile& source : sources) {
    HEMIOLA_TRY(const Score score, data::read_score(source.path));
    const TempoMap tempo(score);
    Score performed;
    performed.ticks_per_quarter = 500;  // at 120 quarters a minute: ticks of 1 ms
    performed.tracks = score.tracks;
    for (Track& track : performed.tracks) {
      for (Note& note : track.notes) {
        const auto tick = [&](Tick at) {
          return Tick(std::lround(tempo.seconds_at(at).count() * 1000));
        };
        const Tick end = tick(note.onset + note.duration);
        note.onset = tick(note.onset);
        note.duration = std::max(end - note.onset, Tick(1));
      }
    }
    HEMIOLA_CHECK(write_file(options.out / Path(source.name).filename(),
                             midi::write(midi_from_score(performed))));
    ++made;
  }
  fmt::print("{} performances\n", made);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Music in steps of 10 ms instead of beats, and as performances");
  app.require_subcommand(1);
  CLI::App* steps = app.add_subcommand("steps", "A data set in steps of 10 ms");
  CLI::App* perform = app.add_subcommand("perform", "MIDI files as performances");
  for (CLI::App* sub : {steps, perform}) {
    sub->add_option("IN", options.in)->required();
    sub->add_option("-o,--out", options.out)->required();
  }
  steps->add_option("--seed", options.seed, "Of the tempos");
  CLI11_PARSE(app, argc, argv);
  const Status status = steps->parsed() ? make_steps(options) : make_performances(options);
  if (!status) fmt::print(stderr, "{}\n", status.error().message);
  return status ? 0 : 1;
}
