// The beats of what was played, with what a person knows better than the tracker.
#pragma once

#include <optional>
#include <span>

#include "base/result.h"
#include "beats/beat_track.h"
#include "beats/tracker.h"

namespace hemiola {

struct BeatWishes {
  std::optional<double> tempo{};  // beats a minute, about; 20 to 400
  bool steady = false;            // played to a click at exactly `tempo`, which must then be given
  std::optional<Metre> metre{};   // made of whole beats (quarters, dotted ones in compound metre)
  std::optional<Seconds> first_downbeat{};  // a bar begins here; 0 or later
};

// The tracker's beats, led by the wishes. A first downbeat that lies between two beats moves them
// all; with it, or with a metre that the tracker did not find, bars are counted evenly. Fails where
// there are no notes or a wish is out of its range.
Result<BeatTrack> wished_beats(std::span<const PlayedNote> notes, const BeatWishes& wishes);

}  // namespace hemiola
