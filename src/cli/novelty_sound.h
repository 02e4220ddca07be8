// Novelty of sound files: which build has it is decided by the file that is linked
// (novelty_sound.cpp, or novelty_sound_none.cpp in the trainer alone).
#pragma once

#include "cli/command.h"

namespace hemiola::cli {

struct SoundNoveltyRequest {
  Path file, data;  // a set of sounds (hemiola audiolm prepare)
  Path audiolm;     // a folder with semantic.safetensors and, where codes matter, codec.safetensors
  bool json = false;
};

bool is_sound_file(const Path& path);  // by its name

// Without `data`, the index of the bundle is asked; with it, one that is written into the set's
// folder the first time. Prints its report.
Result<int> report_sound_novelty(const SoundNoveltyRequest& request);

// The index of a set of sounds, for the parts of a bundle, into the bundle.
Status write_sound_index(const Path& data, const Path& bundle);

}  // namespace hemiola::cli
