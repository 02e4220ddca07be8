// In a build without training: what `hemiola audiolm train` says there.
#include "cli/audiolm_commands.h"

namespace hemiola::cli {

Action add_audiolm_train(CLI::App& app) {
  app.allow_extras();
  return []() -> Result<int> {
    return fail("audiolm train: this build trains nothing; configure with -DHEMIOLA_NN=ON");
  };
}

}  // namespace hemiola::cli
