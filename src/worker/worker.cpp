#include "worker/worker.h"

#include "audio/synthesise.h"
#include "worker/channel.h"
#include "worker/sandbox.h"
#include "worker/tasks.h"

namespace hemiola::worker {
namespace {

Limits limits_of(const Json& message) {
  Limits limits;
  limits.cpu_seconds = message.value("cpu_seconds", limits.cpu_seconds);
  limits.memory = message.value("memory", limits.memory);
  return limits;
}

// The piano, which takes FluidSynth a second to unpack: most pieces are for it, and none should
// wait so long before it is heard.
void hold_piano(HeldSamples& samples) {
  midi::Event program;
  program.kind = midi::EventKind::kProgram;
  midi::File file;
  file.tracks.resize(1);
  file.tracks[0].events = {program};
  samples.hold(file);
}

}  // namespace

Result<int> run(const Options& options) {
  Equipment equipment;
  equipment.soundfont = options.soundfont;
  equipment.temp = options.temp;
  if (!options.model.empty()) {
    engine::Options engine_options;
    engine_options.threads = options.threads;
    HEMIOLA_TRY(equipment.composer, Composer::load(options.model, engine_options));
    equipment.model_name = options.model.stem().string();
    equipment.model_hash = options.model_hash;
  }
  if (!options.transcriber.empty()) {
    HEMIOLA_TRY(equipment.transcriber, Transcriber::load(options.transcriber));
  }
  if (!options.audiolm.empty()) {
    engine::Options engine_options;
    engine_options.threads = options.threads;
    HEMIOLA_TRY(equipment.waveforms, audiolm::Generator::load(options.audiolm, engine_options));
    HEMIOLA_TRY(equipment.sounds,
                evaluate::bundled_index(options.audiolm, equipment.waveforms->encoder()));
  }
  std::optional<HeldSamples> samples;
  if (!options.audiolm.empty() && !options.soundfont.empty()) {
    // A soundfont that cannot be read fails the jobs that want it, with its own message.
    if (auto opened = HeldSamples::open(options.soundfont)) {
      samples.emplace(std::move(*opened));
      hold_piano(*samples);
    }
  }
  if (!options.training.empty()) {
    HEMIOLA_TRY(equipment.training, data::Dataset::open(options.training));
  }
  Limits most;
  most.cpu_seconds = 3600;
  most.memory = std::size_t{16} << 30;
  HEMIOLA_CHECK(restrict_self(most));
  Channel channel(options.connection);
  HEMIOLA_CHECK(channel.send({{"ready", true}}));
  HEMIOLA_TRY(Request request, channel.receive());
  HEMIOLA_CHECK(channel.send({{"begun", true}}));
  HEMIOLA_CHECK(lower_limits(limits_of(request.message)));
  channel.listen_for_cancel();
  Task task(equipment, channel, std::move(request));
  Result<Json> result = fail("");
  try {
    result = task.run();
  } catch (const std::bad_alloc&) {
    result = fail("it takes more memory than is allowed");
  }
  if (result) {
    HEMIOLA_CHECK(channel.send({{"done", std::move(*result)}}));
  } else {
    HEMIOLA_CHECK(channel.send({{"failed", result.error().message}}));
  }
  return 0;
}

}  // namespace hemiola::worker
