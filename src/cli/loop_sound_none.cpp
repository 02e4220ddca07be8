#include "cli/loop_sound.h"

namespace hemiola::cli {

Status write_loop_sound(const data::Loop&, const midi::File&, const Path&) {
  return fail("--audio: this is the trainer alone; build without -DHEMIOLA_ONLY=train");
}

}  // namespace hemiola::cli
