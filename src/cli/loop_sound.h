// The sound of procedural loops: which build has it is decided by the file that is linked
// (loop_sound.cpp, or loop_sound_none.cpp in the trainer alone).
#pragma once

#include <functional>

#include "data/loops.h"

namespace hemiola::cli {

// What writes a loop as 16 kHz mono FLAC beside its MIDI file, unless it is there already. The file
// is exactly as long as the loop's four bars: what still sounds after them is laid over the
// beginning, so that it repeats without a seam. Any number of threads at once.
using LoopSound = std::function<Status(const data::Loop&, const midi::File&, const Path&)>;
Result<LoopSound> make_loop_sound();

}  // namespace hemiola::cli
