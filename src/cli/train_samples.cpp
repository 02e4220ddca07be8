#include "cli/train_samples.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "compose/generate.h"
#include "midi/writer.h"

namespace hemiola::cli {

Status write_samples(const Path& model, const Path& folder, std::int64_t step, int threads) {
  engine::Options options;
  options.threads = threads;
  HEMIOLA_TRY(const Composer composer, Composer::load(model, options));
  GenerateRequest request;
  request.count = 2;
  request.keep_stopped = true;
  GenerateCallbacks callbacks;
  callbacks.cancelled = interrupted;
  auto pieces = composer.generate(request, callbacks);
  // At first it may write a bar so dense that no other fits beside it.
  for (request.seed = 2; !pieces && request.seed < 10 && !interrupted(); request.seed += 2) {
    pieces = composer.generate(request, callbacks);
  }
  if (!pieces) return fail(std::move(pieces.error()));
  for (std::size_t i = 0; i < pieces->size(); ++i) {
    const Path path = folder / fmt::format("step-{:06}-{}.mid", step, i + 1);
    HEMIOLA_CHECK(write_file(path, midi::write((*pieces)[i].file)));
  }
  return {};
}

}  // namespace hemiola::cli
