#include "data/examples.h"

#include <algorithm>

#include "data/augment.h"
#include "data/windows.h"
#include "score/analysis.h"

namespace hemiola::data {
namespace {

using tokens::Encoded;
using tokens::Frame;
using tokens::Hole;
using tokens::Tokenizer;

void augment(GridScore& piece, const Mixture& mixture, Rng& rng) {
  const auto [low, high] =
      transposition_range(piece, -mixture.transpose_down, mixture.transpose_up);
  if (low <= high) transpose(piece, rng.between(low, high));
  shift_velocity(piece, rng.between(-mixture.velocity_classes, mixture.velocity_classes));
  shift_tempo(piece, rng.between(-mixture.tempo_classes, mixture.tempo_classes));
}

// States the chords that the notes make. The person who asks for chords names one a bar, mostly,
// and often not for every bar.
void tell_chords(GridScore& score, Rng& rng) {
  complete_chords(score);
  const bool halves = rng.chance(0.4);
  const double share = rng.chance(0.6) ? 1 : rng.uniform();  // of bars
  for (GridBar& bar : score.bars) {
    const bool told = rng.chance(share);
    if (!told) bar.chord.reset();
    if (!told || !halves) bar.chord_at_middle.reset();
  }
}

// Some bars of some tracks, at least one.
std::vector<Hole> draw_holes(const GridScore& score, Rng& rng) {
  const int bars = static_cast<int>(score.bars.size());
  const int tracks = static_cast<int>(score.tracks.size());
  const int length = std::max(1, rng.between(1, std::max(1, bars * 2 / 3)));
  const int first = rng.between(0, bars - length);
  std::vector<char> of_track(static_cast<std::size_t>(tracks), 0);
  of_track[rng.below(of_track.size())] = 1;
  double share = 0;  // of scattered cells
  int from = first, to = first + length;
  switch (rng.below(4)) {
    case 0:  // a stretch of bars, all tracks
      std::fill(of_track.begin(), of_track.end(), 1);
      break;
    case 1:  // a stretch of bars, some tracks
      for (char& chosen : of_track) chosen = static_cast<char>(chosen != 0 || rng.chance(0.5));
      break;
    case 2:  // one track throughout
      from = 0;
      to = bars;
      break;
    default:
      share = 0.1 + 0.4 * rng.uniform();
  }
  std::vector<Hole> holes;
  for (int bar = 0; bar < bars; ++bar) {
    for (int track = 0; track < tracks; ++track) {
      const bool chosen =
          share > 0 ? rng.chance(share)
                    : bar >= from && bar < to && of_track[static_cast<std::size_t>(track)] != 0;
      if (chosen) holes.push_back({bar, track});
    }
  }
  if (holes.empty()) holes.push_back({first, 0});
  return holes;
}

class DocumentMaker {
 public:
  DocumentMaker(const GridScore& piece, const std::vector<std::string>& styles,
                const Tokenizer& tokenizer, const Mixture& mixture, int length, Rng& rng,
                std::vector<Document>& out)
      : piece_(piece),
        mixture_(mixture),
        tokenizer_(tokenizer),
        most_(length + 1),
        rng_(rng),
        out_(out) {
    for (const std::string& name : styles) {
      if (const int style = tokenizer.style(name); style != 0) {
        styles_.push_back(static_cast<std::uint8_t>(style));
      }
    }
    std::sort(styles_.begin(), styles_.end());
    styles_.erase(std::unique(styles_.begin(), styles_.end()), styles_.end());
  }

  Status run() {
    HEMIOLA_TRY(const BarCosts costs, BarCosts::measure(piece_, tokenizer_));
    const int bars = costs.bars();
    int budget = most_;
    if (costs.window(0, bars) > most_) {
      // The first window ends somewhere in the first context, so that each pass cuts elsewhere.
      budget = most_ / 4 + static_cast<int>(rng_.below(static_cast<std::uint64_t>(most_ * 3 / 4)));
    } else if (bars > 1 && rng_.chance(mixture_.cut_short)) {
      const int total = costs.window(0, bars);
      budget = static_cast<int>(rng_.below(static_cast<std::uint64_t>(total)));
    }
    for (int first = 0; first < bars;) {
      const bool infill = !piece_.tracks.empty() && rng_.chance(mixture_.infill);
      // Holes and what fills them name bars and tracks once more.
      const int count = costs.fitting(first, infill ? budget * 9 / 10 : budget);
      HEMIOLA_TRY(const int taken, make(first, count, infill));
      first += taken;
      budget = most_;
    }
    return {};
  }

 private:
  // The document of a window, with fewer bars where it turns out too long; returns how many.
  Result<int> make(int first, int count, bool infill) {
    const bool controls = rng_.chance(mixture_.controls);
    const bool count_bars = rng_.chance(mixture_.count_bars);
    const bool chords = rng_.chance(mixture_.chords);
    for (;;) {
      GridScore score = tokens::window(piece_, first, count);
      if (chords) tell_chords(score, rng_);
      Frame frame = tokens::window_frame(piece_, first, count);
      frame.counts_bars = count_bars;
      if (controls) add_controls(score, frame);
      if (infill) frame.holes = draw_holes(score, rng_);
      HEMIOLA_CHECK(tokenizer_.encode(score, frame, encoded_));
      const auto size = static_cast<int>(encoded_.tokens.size());
      if (size > most_ && count > 1) {
        count = std::clamp(count * most_ / size, 1, count - 1);
        continue;
      }
      const int kept = std::min(size, most_);
      out_.push_back({{encoded_.tokens.begin(), encoded_.tokens.begin() + kept}});
      return count;
    }
  }

  void add_controls(const GridScore& score, Frame& frame) {
    for (const std::uint8_t style : styles_) {
      if (rng_.chance(mixture_.tell_control)) frame.styles.push_back(style);
    }
    const bool density = rng_.chance(mixture_.tell_control);
    const bool polyphony = rng_.chance(mixture_.tell_control);
    const bool range = rng_.chance(mixture_.tell_control);
    if (!density && !polyphony && !range) return;
    for (int track = 0; track < static_cast<int>(score.tracks.size()); ++track) {
      tokens::TrackControls measured = tokens::measure_controls(score, track);
      if (!density) measured.density.reset();
      if (!polyphony) measured.polyphony.reset();
      if (!range) measured.range.reset();
      // Sometimes a wish concerns one track and not another.
      frame.controls.push_back(rng_.chance(0.85) ? measured : tokens::TrackControls{});
    }
  }

  const GridScore& piece_;
  const Mixture& mixture_;
  const Tokenizer& tokenizer_;
  const int most_;  // tokens of a document
  Rng& rng_;
  std::vector<Document>& out_;
  std::vector<std::uint8_t> styles_;
  Encoded encoded_;
};

}  // namespace

Status make_documents(const GridScore& piece, const std::vector<std::string>& styles,
                      const tokens::Tokenizer& tokenizer, const Mixture& mixture, int length,
                      Rng& rng, std::vector<Document>& out) {
  GridScore score = mixture.flatten ? flattened(piece) : piece;
  if (mixture.augment) augment(score, mixture, rng);
  return DocumentMaker(score, styles, tokenizer, mixture, length, rng, out).run();
}

}  // namespace hemiola::data
