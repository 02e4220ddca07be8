// hemiola audiolm generate: new sound, from nothing or on from a sound.
#include <algorithm>
#include <memory>

#include "audio/audio.h"
#include "audio/decode.h"
#include "audiolm/generator.h"
#include "cli/audiolm_commands.h"
#include "evaluate/sound_novelty.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  Path model, prompt, out;
  double seconds = 8;
  std::uint64_t seed = 0;
  int count = 1, threads = 0;
  std::optional<float> temperature[4], top_p[4];
  std::optional<int> top_k[4], quantizers;
  bool new_only = false, force = false, json = false;
};

constexpr const char* kStages[] = {"rhythm", "semantic", "coarse", "fine"};

audiolm::StageSampling sampling_of(const Arguments& a, audiolm::StageSampling sampling) {
  engine::SamplerOptions* stages[] = {&sampling.rhythm, &sampling.semantic, &sampling.coarse,
                                      &sampling.fine};
  for (std::size_t i = 0; i < std::size(stages); ++i) {
    stages[i]->temperature = a.temperature[i].value_or(stages[i]->temperature);
    stages[i]->top_k = a.top_k[i].value_or(stages[i]->top_k);
    stages[i]->top_p = a.top_p[i].value_or(stages[i]->top_p);
  }
  sampling.quantizers = a.quantizers.value_or(sampling.quantizers);
  return sampling;
}

// OUT.wav; of several, OUT-1.wav and so on.
Path path_of(const Arguments& a, int index) {
  if (a.count == 1) return a.out;
  return a.out.parent_path() /
         fmt::format("{}-{}{}", a.out.stem().string(), index + 1, a.out.extension().string());
}

Result<Json> make_one(const Arguments& a, const audiolm::Generator& generator,
                      const std::optional<evaluate::SoundIndex>& known,
                      audiolm::SoundRequest request, int index, Progress& progress) {
  request.seed = a.seed + static_cast<std::uint64_t>(index);
  const auto start = std::chrono::steady_clock::now();
  const auto seconds_since_start = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  double first = 0;
  audiolm::SoundCallbacks callbacks;
  callbacks.sound = [&](std::span<const float> samples, double done) {
    if (first == 0 && !samples.empty()) first = seconds_since_start();
    progress.show(index + done, a.count);
    return !interrupted();
  };
  HEMIOLA_TRY(audiolm::WrittenSound written, generator.generate(request, callbacks));
  const double taken = seconds_since_start();
  if (!written.complete) note("stopped; what is there is kept");
  const auto novelty = evaluate::novelty_of_made(
      std::span(written.samples).subspan(written.prompt_samples), known, generator);
  Audio audio{generator.rate(), 1, std::move(written.samples)};
  if (a.new_only) {
    audio.samples.erase(audio.samples.begin(), audio.samples.begin() + static_cast<std::ptrdiff_t>(
                                                                           written.prompt_samples));
  }
  for (float& sample : audio.samples) sample = std::clamp(sample, -1.0f, 1.0f);
  const Path path = path_of(a, index);
  HEMIOLA_CHECK(write_audio(path, audio));
  const double prompt = static_cast<double>(written.prompt_samples) / generator.rate();
  return Json{{"path", path.string()},
              {"seed", request.seed},
              {"seconds_audio", audio.length().count()},
              {"seconds_prompt", prompt},
              {"seconds_taken", taken},
              {"seconds_to_first", first},
              {"complete", written.complete},
              {"novelty", novelty ? evaluate::to_json(*novelty) : Json()}};
}

Result<int> run(const Arguments& a) {
  for (int i = 0; i < a.count; ++i) HEMIOLA_CHECK(may_write(path_of(a, i), a.force));
  HEMIOLA_TRY(const Path bundle, audiolm::locate_audiolm(a.model));
  engine::Options options;
  options.threads = a.threads;
  HEMIOLA_TRY(const audiolm::Generator generator, audiolm::Generator::load(bundle, options));
  HEMIOLA_TRY(const auto known, evaluate::bundled_index(bundle, generator.encoder()));
  audiolm::SoundRequest request;
  request.seconds = a.seconds;
  request.sampling = sampling_of(a, generator.sampling());
  if (!a.prompt.empty()) {
    HEMIOLA_TRY(const Bytes bytes, read_file(a.prompt));
    DecodeOptions decoding;
    decoding.sample_rate = generator.rate();
    decoding.mono = true;
    auto audio = decode_audio(bytes, decoding);
    if (!audio) return fail(std::move(audio.error()).within(a.prompt.string()));
    HEMIOLA_TRY(request.prompt, audiolm::as_prompt(*std::move(audio), generator.rate()));
  }
  catch_interrupts();
  Json sounds = Json::array();
  {
    Progress progress("generate");
    for (int i = 0; i < a.count && !interrupted(); ++i) {
      HEMIOLA_TRY(sounds.emplace_back(), make_one(a, generator, known, request, i, progress));
    }
  }
  if (a.json) {
    print(Json{{"model", generator.sha256()},
               {"settings", to_json(request.sampling)},
               {"sounds", sounds}});
    return 0;
  }
  for (const Json& sound : sounds) {
    const Json& novelty = sound["novelty"];
    note(fmt::format("{}: {} of sound in {}, seed {}{}", sound["path"].get<std::string>(),
                     duration_text(sound["seconds_audio"].get<double>()),
                     duration_text(sound["seconds_taken"].get<double>()),
                     sound["seed"].get<std::uint64_t>(),
                     novelty.is_null()             ? "; not compared with training sound"
                     : novelty["copy"].get<bool>() ? "; a copy of training sound"
                                                   : "; new"));
  }
  return 0;
}

}  // namespace

Action add_audiolm_generate(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option("--model", a->model,
                 "Bundle; else HEMIOLA_AUDIOLM, else the one that came with the program");
  app.add_option("--seconds", a->seconds, "Of new sound")->capture_default_str();
  app.add_option("--prompt", a->prompt, "A sound file to go on from");
  app.add_flag("--new-only", a->new_only, "Leave the prompt out of the result");
  app.add_option("--seed", a->seed, "Another number, other music")->capture_default_str();
  app.add_option("--count", a->count, "So many, with seeds one after another")
      ->check(CLI::Range(1, 10000));
  for (std::size_t i = 0; i < std::size(kStages); ++i) {
    const std::string stage = kStages[i];
    app.add_option("--temperature-" + stage, a->temperature[i], "Instead of the bundle's");
    app.add_option("--top-k-" + stage, a->top_k[i], "Instead of the bundle's; 0: off");
    app.add_option("--top-p-" + stage, a->top_p[i], "Instead of the bundle's; 1: off");
  }
  app.add_option("--quantizers", a->quantizers,
                 "Codes of a frame that are heard, instead of the bundle's; 0: all. As many as the "
                 "coarse stage writes: without the fine stage");
  app.add_option("--threads", a->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  app.add_option("-o,--output", a->out, "OUT.wav, .flac, .ogg or .mp3; of several, OUT-1.wav ...")
      ->required();
  app.add_flag("--force", a->force, "Replace existing files");
  app.add_flag("--json", a->json, "Report as JSON");
  app.footer("Example: hemiola audiolm generate --seconds 10 --prompt loop.flac -o more.wav");
  return [a] { return run(*a); };
}

}  // namespace hemiola::cli
