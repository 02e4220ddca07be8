// Writes Standard MIDI Files. The same File always gives the same bytes, and read() gives back
// every event of a File that read() made.
#pragma once

#include "base/files.h"
#include "midi/events.h"

namespace hemiola::midi {

struct WriteOptions {
  bool running_status = true;  // leave out a status byte that repeats the one before
};

// Any File can be written. What the format cannot say is brought within it: data is cut to 7 bits,
// time that falls stands still, a gap of 2^28 ticks or more is bridged by empty texts (and one over
// 2^32 cut to that), an end of track is added at the end and left out elsewhere, several tracks in
// format 0 become format 1.
Bytes write(const File& file, const WriteOptions& options = {});

}  // namespace hemiola::midi
