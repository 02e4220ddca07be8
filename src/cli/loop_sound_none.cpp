#include "cli/loop_sound.h"

namespace hemiola::cli {

Result<LoopSound> make_loop_sound() {
  return fail("--audio: this is the trainer alone; build without -DHEMIOLA_ONLY=train");
}

}  // namespace hemiola::cli
