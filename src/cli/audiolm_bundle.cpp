// hemiola audiolm bundle: codec, encoder and stages as one folder that generate and the studio use.
#include <memory>

#include "audiolm/generator.h"
#include "cli/audiolm_commands.h"
#include "cli/novelty_sound.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  audiolm::BundleRequest request;
  Path card, out, data;
  std::vector<float> temperatures{0.6f, 0.8f, 0.6f};
  std::vector<float> top_p{1, 1, 1};
};

Result<int> run(Arguments a) {
  HEMIOLA_TRY(a.request.card, read_text(a.card));
  engine::SamplerOptions* stages[] = {&a.request.sampling.semantic, &a.request.sampling.coarse,
                                      &a.request.sampling.fine};
  for (std::size_t i = 0; i < 3; ++i) {
    stages[i]->temperature = a.temperatures[i];
    stages[i]->top_p = a.top_p[i];
    HEMIOLA_CHECK(check(*stages[i]));
  }
  HEMIOLA_CHECK(check(a.request.sampling.rhythm));
  HEMIOLA_CHECK(audiolm::write_bundle(a.out, a.request));
  if (!a.data.empty()) HEMIOLA_CHECK(write_sound_index(a.data, a.out));
  std::uintmax_t bytes = 0;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(a.out, code)) {
    bytes += entry.file_size();
  }
  note(fmt::format("{}: {:.1f} MB", a.out.string(), static_cast<double>(bytes) / 1e6));
  return 0;
}

}  // namespace

Action add_audiolm_bundle(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option("--codec", a->request.codec, "codec.safetensors")->required();
  app.add_option("--semantic", a->request.semantic, "semantic.safetensors")->required();
  app.add_option("--lm-semantic", a->request.semantic_stage,
                 "Model folder, such as RUN/last, or that part of another bundle")
      ->required();
  app.add_option("--lm-coarse", a->request.coarse_stage, "Likewise")->required();
  app.add_option("--lm-fine", a->request.fine_stage, "Likewise")->required();
  app.add_option("--lm-rhythm", a->request.rhythm_stage,
                 "Likewise, for a semantic stage that was trained with classes (--semantic)");
  app.add_option("--name", a->request.name, "What it is called")->capture_default_str();
  app.add_option("--card", a->card, "card.md: data, settings, losses, licence")->required();
  app.add_option("--temperatures", a->temperatures, "Semantic, coarse, fine: what suits them")
      ->expected(3)
      ->delimiter(',');
  app.add_option(
         "--rhythm-temperature", a->request.sampling.rhythm.temperature,
         "With --lm-rhythm. Under 0.85 beginnings become too few, since most frames have none")
      ->capture_default_str();
  app.add_option("--rhythm-top-p", a->request.sampling.rhythm.top_p, "With --lm-rhythm")
      ->capture_default_str();
  app.add_option("--top-p", a->top_p, "Semantic, coarse, fine")->expected(3)->delimiter(',');
  app.add_option("--quantizers", a->request.sampling.quantizers,
                 "Codes of a frame that are heard; 0: all. As many as the coarse stage writes: "
                 "without the fine stage");
  app.add_option("--data", a->data,
                 "The set of sounds that the parts were trained on: an index of it goes into the "
                 "bundle, so that what is made is compared with it");
  app.add_option("-o,--out", a->out, "The bundle's folder")->required();
  return [a] { return run(std::move(*a)); };
}

}  // namespace hemiola::cli
