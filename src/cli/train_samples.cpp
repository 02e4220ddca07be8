#include "cli/train_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "cli/command.h"
#include "compose/generate.h"
#include "midi/writer.h"

namespace hemiola::cli {
namespace {

constexpr int kSamples = 2;
constexpr int kMostDraws = 5;

}  // namespace

Status write_samples(const Path& model, const Path& folder, std::int64_t step, int threads) {
  engine::Options options;
  options.threads = threads;
  HEMIOLA_TRY(const Composer composer, Composer::load(model, options));
  GenerateRequest request;
  request.count = kSamples;
  request.keep_stopped = true;
  GenerateCallbacks callbacks;
  callbacks.cancelled = interrupted;
  // At first it may write a bar so dense that no other fits beside it: then others are drawn.
  std::vector<WrittenPiece> samples;
  std::optional<Error> failed;
  for (; samples.size() < kSamples && request.seed < kSamples * kMostDraws && !interrupted();
       request.seed += kSamples) {
    auto pieces = composer.generate(request, callbacks);
    if (!pieces) {
      failed = std::move(pieces.error());
      continue;
    }
    std::ranges::move(*pieces, std::back_inserter(samples));
  }
  if (samples.empty() && failed) return fail(*std::move(failed));
  samples.resize(std::min<std::size_t>(samples.size(), kSamples));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Path path = folder / fmt::format("step-{:06}-{}.mid", step, i + 1);
    HEMIOLA_CHECK(write_file(path, midi::write(samples[i].file)));
  }
  return {};
}

}  // namespace hemiola::cli
