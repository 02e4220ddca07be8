// hemiola worker: what `hemiola serve` starts to open files from outside. Not for people.
#include <memory>

#include "cli/command.h"
#include "worker/channel.h"
#include "worker/worker.h"

namespace hemiola::cli {

Action add_worker(CLI::App& app) {
  auto options = std::make_shared<worker::Options>();
  app.group("");  // not in --help
  app.add_option("--connection", options->connection)->required();
  app.add_option("--model", options->model);
  app.add_option("--model-hash", options->model_hash);
  app.add_option("--training", options->training);
  app.add_option("--soundfont", options->soundfont);
  app.add_option("--transcriber", options->transcriber);
  app.add_option("--audiolm", options->audiolm);
  app.add_option("--temp", options->temp);
  app.add_option("--threads", options->threads);
  return [options]() -> Result<int> {
    auto status = worker::run(*options);
    // The server is told why; nobody else listens.
    if (!status)
      (void)worker::Channel(options->connection).send({{"failed", status.error().message}});
    return status;
  };
}

}  // namespace hemiola::cli
