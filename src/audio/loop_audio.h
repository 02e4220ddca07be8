// A short piece as sound that repeats without a seam: procedural loops, and whatever is to be
// compared with them, all go this way.
#pragma once

#include "audio/audio.h"
#include "audio/synthesise.h"
#include "midi/events.h"

namespace hemiola {

// One channel at `sample_rate`, exactly `length` long (to the sample): what still sounds after it
// is laid over the beginning. Brought to the usual loudness.
Result<Audio> synthesise_loop(const midi::File& file, Seconds length, int sample_rate);

}  // namespace hemiola
