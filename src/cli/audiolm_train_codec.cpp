// hemiola audiolm train codec: a set of sounds -> a codec.
#include <algorithm>
#include <memory>

#include "audiolm/sound_set.h"
#include "cli/audiolm_commands.h"
#include "model/codec_file.h"
#include "nn/codec_trainer.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  std::string data, out, preset = "small";
  nn::CodecTrainOptions train;
  int clips = 32;  // held out
  double crop_seconds = 1;
  bool resume = false, json = false;
};

constexpr std::size_t kClipSeconds = 4;

Result<nn::CodecData> data_of(const audiolm::SoundSet& set, const Arguments& a) {
  std::vector<std::size_t> pieces = set.of_split("train");
  std::erase_if(pieces, [&](std::size_t i) {
    return set.piece(i).samples < static_cast<std::size_t>(a.train.samples);
  });
  if (pieces.empty()) {
    return fail("{}: no piece to train on is as long as a crop of {} samples", a.data,
                a.train.samples);
  }
  nn::CodecData data;
  data.crop = [&set, pieces](Rng& rng, std::span<float> crop) {
    const auto numbers = set.samples(pieces[rng.below(pieces.size())]);
    const std::size_t start = rng.below(numbers.size() - crop.size() + 1);
    std::transform(numbers.begin() + static_cast<std::ptrdiff_t>(start),
                   numbers.begin() + static_cast<std::ptrdiff_t>(start + crop.size()), crop.begin(),
                   [](std::int16_t x) { return static_cast<float>(x) / 32768.0f; });
  };
  const auto hop = static_cast<std::size_t>(a.train.shape.hop);
  for (const std::size_t i : set.of_split("validation")) {
    if (data.held_out.size() >= static_cast<std::size_t>(a.clips)) break;
    std::vector<float> sound = set.sound(i);
    sound.resize(std::min(sound.size(), kClipSeconds * audiolm::kSoundRate) / hop * hop);
    if (sound.size() >= 2048) data.held_out.push_back(std::move(sound));
  }
  if (data.held_out.empty()) return fail("{}: nothing is held out for validation", a.data);
  return data;
}

Result<int> run(Arguments& a) {
  HEMIOLA_TRY(a.train.shape, codec_preset(a.preset));
  if (!a.train.from.empty()) {
    HEMIOLA_TRY(const Bytes bytes, read_file(a.train.from));
    HEMIOLA_TRY(const CodecWeights codec, read_codec(bytes, a.train.from.string()));
    a.train.shape = codec.shape;
  }
  if (a.train.shape.rate != audiolm::kSoundRate) return fail("the codec is for another rate");
  const int hop = a.train.shape.hop;
  a.train.samples =
      std::max(1, static_cast<int>(a.crop_seconds * audiolm::kSoundRate / hop + 0.5)) * hop;
  HEMIOLA_CHECK(nn::check(a.train));
  HEMIOLA_TRY(const audiolm::SoundSet set, audiolm::SoundSet::open(a.data));
  HEMIOLA_TRY(const nn::CodecData data, data_of(set, a));
  catch_interrupts();
  Progress progress("codec");
  nn::CodecCallbacks callbacks;
  callbacks.stop = interrupted;
  callbacks.note = [](const std::string& line) { note(line); };
  callbacks.progress = [&](double done, const std::string& line) { progress.show(done, 1, line); };
  HEMIOLA_TRY(const nn::CodecSummary summary,
              nn::train_codec(a.train, data, a.out, a.resume, callbacks));
  if (a.json) {
    print(Json{{"finished", summary.finished},
               {"steps", summary.steps},
               {"seconds", summary.seconds},
               {"processor_seconds", summary.processor_seconds},
               {"mel", summary.held_out.mel},
               {"si_sdr", summary.held_out.si_sdr},
               {"perplexity", summary.held_out.perplexity}});
  } else {
    print(fmt::format("{}: {} steps, {}; held out: mel {:.4f}, SI-SDR {:.2f} dB{}", a.out,
                      summary.steps, duration_text(summary.seconds), summary.held_out.mel,
                      summary.held_out.si_sdr,
                      summary.finished ? "" : "; stopped, --resume goes on"));
  }
  return 0;
}

}  // namespace

Action add_audiolm_train_codec(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  nn::CodecTrainOptions& t = a->train;
  app.add_option("--data", a->data, "A set of sounds (`hemiola audiolm prepare`)")->required();
  app.add_option("-o,--out", a->out, "The run's folder: checkpoint, codec.safetensors, metrics")
      ->required();
  app.add_flag("--resume", a->resume, "Go on with the run in --out");
  auto* from = app.add_option("--from", t.from,
                              "Go on from this codec.safetensors; with --adversarial 1 only its "
                              "decoder learns, and codes made before stay valid")
                   ->check(CLI::ExistingFile);
  app.add_option("--preset", a->preset, "small, or paper")->capture_default_str()->excludes(from);
  const auto budget = [&](const char* name, const char* what, nn::Budget kind) {
    return app.add_option_function<double>(
        name,
        [a, kind](const double& amount) {
          a->train.budget = kind;
          a->train.amount = amount;
        },
        what);
  };
  auto* steps = budget("--steps", "Length of the run in steps", nn::Budget::kSteps);
  auto* minutes = budget("--minutes", "Length of the run in minutes; 60", nn::Budget::kMinutes);
  auto* processor = budget("--cpu-minutes", "Length of the run in processor minutes",
                           nn::Budget::kProcessorMinutes);
  steps->excludes(minutes)->excludes(processor);
  minutes->excludes(processor);
  app.add_option("--rows", t.rows, "Crops of a step")->capture_default_str();
  app.add_option("--crop", a->crop_seconds, "Length of a crop in seconds")->capture_default_str();
  app.add_option("--rate", t.update.rate, "Highest learning rate")->capture_default_str();
  app.add_option("--warmup", t.warmup_steps, "Steps until the full rate")->capture_default_str();
  app.add_option("--quantise-after", t.quantise_after, "Steps before the codebooks begin")
      ->capture_default_str();
  app.add_option("--adversarial", t.adversarial_share,
                 "Last share of the run: the decoder alone, against a discriminator")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--adversarial-rate", t.adversarial_rate, "Highest rate of that phase")
      ->capture_default_str();
  app.add_option("--quantizers", t.update.codes,
                 "Decode from the first so many codes of each frame; 0: from all")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--fewer", t.update.fewer_codes,
                 "Share of crops that are decoded from a drawn number of codes instead")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--wave-weight", t.update.wave_weight, "Of the waveform's loss")
      ->capture_default_str();
  app.add_option("--evaluate-every", t.evaluate_every, "Steps")->capture_default_str();
  app.add_option("--clips", a->clips, "Held-out clips of up to 4 s")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--checkpoint-minutes", t.checkpoint_minutes)->capture_default_str();
  app.add_option("--seed", t.seed, "Of weights and crops")->capture_default_str();
  app.add_option("--threads", t.threads, "0: one for each processor")->capture_default_str();
  app.add_option("--device", t.device, "cpu, cuda or cuda:N")->capture_default_str();
  app.add_flag("--json", a->json, "Report as JSON");
  return [a] { return run(*a); };
}

}  // namespace hemiola::cli
