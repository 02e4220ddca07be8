// How far the bytes of a track make sense when they are read on from a given place: what the
// lenient reader decides by when bytes are damaged and several readings are possible. Internal to
// src/midi.
#pragma once

#include <bitset>

#include "midi/bytes.h"

namespace hemiola::midi {

using StatusSet = std::bitset<256>;

// At most this much doubt, and the bytes are taken to be events; more, and they are taken to be
// damaged.
inline constexpr int kPlausible = 6;
// Among damaged bytes more certainty is asked of what is to be an event again.
inline constexpr int kCertain = 0;

struct Lookahead {
  const Byte* end;        // of the track, as far as is known
  const Byte* file_end;   // chunks may follow between
  const StatusSet* seen;  // statuses that the track has had
};

// The doubt about the next events (a dozen at most) when a delta time begins at p and `running` is
// the status that a data byte continues (0: none). Looks at a bounded number of bytes.
int doubt(const Byte* p, unsigned running, const Lookahead& ahead);

// The same when p is already behind the delta time, or where it is lost.
int doubt_after_delta(const Byte* p, unsigned running, const Lookahead& ahead);

}  // namespace hemiola::midi
