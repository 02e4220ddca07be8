#include "cli/train_progress.h"

namespace hemiola::cli {

nn::TrainCallbacks callbacks_for(Progress& progress) {
  nn::TrainCallbacks call;
  call.stop = interrupted;
  call.note = [](std::string_view line) { note(line); };
  call.progress = [&progress](const nn::TrainProgress& p) {
    progress.line(fmt::format(
        "{:3.0f} %, {} left, step {}, {:.2f} passes, loss {:.3f}, {:.0f} tokens/s", 100 * p.done,
        duration_text(p.seconds_left), p.step, p.epochs, p.loss, p.tokens_per_second));
  };
  return call;
}

}  // namespace hemiola::cli
