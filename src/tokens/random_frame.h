// Random frames for property tests: everything that a frame can say of a window.
#pragma once

#include "base/rng.h"
#include "tokens/frame.h"

namespace hemiola::tokens {

// `frame` gives form and bars_after; the rest is drawn.
inline Frame random_frame(Rng& rng, const GridScore& score, Frame frame) {
  frame.counts_bars = rng.chance(0.7);
  for (int style = 1; style <= kStyles; ++style) {
    if (rng.chance(0.02)) frame.styles.push_back(static_cast<std::uint8_t>(style));
  }
  if (rng.chance(0.5)) {
    for (const GridTrack& track : score.tracks) {
      TrackControls& controls = frame.controls.emplace_back();
      if (rng.chance(0.5)) controls.density = rng.between(1, kDensityClasses);
      if (rng.chance(0.5)) controls.polyphony = rng.between(1, kMaxPolyphonyWord);
      if (rng.chance(0.5) && !track.is_drum) {
        const int low = rng.between(0, 127);
        controls.range = PitchRange{static_cast<std::uint8_t>(low),
                                    static_cast<std::uint8_t>(rng.between(low, 127))};
      }
    }
  }
  if (rng.chance(0.5)) {
    const double share = rng.uniform();
    for (std::size_t bar = 0; bar < score.bars.size(); ++bar) {
      for (std::size_t track = 0; track < score.tracks.size(); ++track) {
        if (rng.chance(share)) {
          frame.holes.push_back({static_cast<int>(bar), static_cast<int>(track)});
        }
      }
    }
  }
  return frame;
}

}  // namespace hemiola::tokens
