#include "cli/novelty_sound.h"

namespace hemiola::cli {

bool is_sound_file(const Path&) { return false; }

Result<int> report_sound_novelty(const SoundNoveltyRequest&) {
  return fail("novelty: this is the trainer alone; build without -DHEMIOLA_ONLY=train");
}

}  // namespace hemiola::cli
