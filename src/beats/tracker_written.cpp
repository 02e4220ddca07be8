#include "beats/tracker_written.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "beats/bar_phase.h"

namespace hemiola::tracker {
namespace {

constexpr std::size_t kMostBeats = 2'000'000;
constexpr double kHair = 0.25;  // ticks that rounding may be off

struct Shape {
  double beat = 0;  // ticks
  double bar = 0;
  int beats_in_bar = 0;
};

Shape shape_of(Metre metre, int ticks_per_quarter) {
  const bool compound = metre.numerator > 3 && metre.numerator % 3 == 0;
  const double unit = 4.0 * ticks_per_quarter / metre.denominator;
  const int units = compound ? 3 : 1;
  return {unit * units, unit * metre.numerator, metre.numerator / units};
}

}  // namespace

Result<std::vector<WrittenBeat>> written_beats(const Score& score) {
  std::vector<MetreChange> metres = score.metres;
  if (metres.empty()) metres.push_back({Tick(0), estimate_metre(score)});
  if (!score.bar_lines_known) {
    bool moved = false;
    metres = with_true_bar_lines(score, std::move(metres), moved);
  }
  auto first = std::numeric_limits<double>::max(), last = 0.0;
  for (const Track& track : score.tracks) {
    for (const Note& note : track.notes) {
      first = std::min(first, static_cast<double>(note.onset.count()));
      last = std::max(last, static_cast<double>(note.onset.count()));
    }
  }
  std::vector<WrittenBeat> beats;
  for (std::size_t m = 0; m < metres.size(); ++m) {
    Shape shape = shape_of(metres[m].metre, score.ticks_per_quarter);
    const double begin = m == 0 ? 0.0 : static_cast<double>(metres[m].at.count());
    double end = last + 1;
    double from = begin + shape.bar * std::floor(std::max(0.0, first - begin) / shape.bar);
    int place = 0;
    if (m + 1 < metres.size()) {
      const auto next = static_cast<double>(metres[m + 1].at.count());
      const Shape following = shape_of(metres[m + 1].metre, score.ticks_per_quarter);
      if (m == 0 && next < following.bar - kHair) {
        // An upbeat: it counts back from the bar line that follows.
        shape = following;
        const auto whole = static_cast<int>(std::floor((next + kHair) / shape.beat));
        from = next - whole * shape.beat;
        place = shape.beats_in_bar - whole;
      }
      end = std::min(end, next);
    }
    for (; from < end - kHair; from += shape.beat, place = (place + 1) % shape.beats_in_bar) {
      if (from < first - kHair) continue;
      if (!beats.empty() && from < beats.back().tick + 1) continue;
      if (beats.size() == kMostBeats) return fail("more than {} beats", kMostBeats);
      beats.push_back({from, shape.beat, place, shape.beats_in_bar});
    }
  }
  return beats;
}

}  // namespace hemiola::tracker
