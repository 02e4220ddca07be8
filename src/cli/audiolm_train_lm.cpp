// hemiola audiolm train lm: one of the stages, a GPT-2 over the cached tokens, by the trainer
// that the symbolic model has too.
#include <map>
#include <memory>

#include "audiolm/semantic.h"
#include "audiolm/stage_source.h"
#include "cli/audiolm_commands.h"
#include "cli/train_progress.h"
#include "model/model_folder.h"
#include "model/whole_model.h"
#include "nn/trainer.h"

namespace hemiola::cli {
namespace {

constexpr const char* kFreshFolder = "fresh";  // the weights that the run begins with
constexpr const char* kReportFile = "report.json";
constexpr std::size_t kScoredWindows = 256;  // for the perplexity of each quantizer

struct Arguments {
  nn::TrainOptions train;
  Path tokens, out, semantic, from;
  std::string stage, preset = "small";
  int classes = 24;
  int coarse = 0, layers = 0, heads = 0, width = 0;  // 0: as the preset says
  double window = 0;                                 // seconds; 0: as the preset says
  double misled = 0;
  std::uint64_t data_seed = 0;
  bool resume = false, json = false;
};

struct Preset {
  int layers, heads, width, coarse;
  double windows[4];  // seconds: rhythm, semantic, coarse, fine
};
const std::map<std::string, Preset>& lm_presets() {
  static const std::map<std::string, Preset> presets = {
      {"small", {6, 4, 256, 3, {8, 8, 4, 1}}},
      {"paper", {12, 16, 1024, 4, {30, 30, 10, 3}}},
  };
  return presets;
}

// What the run begins with, of a model that is gone on with: its layout stays, and so does its
// shape.
Result<audiolm::Layout> begin_from(Arguments& a, audiolm::Stage stage,
                                   const audiolm::TokenCache& cache) {
  const std::string from = a.from.string();
  HEMIOLA_TRY(const WholeModel model, load_whole_model(a.from));
  HEMIOLA_TRY(audiolm::LayoutText text, audiolm::parse_layout(model.tokenizer, from));
  if (text.layout.stage() != stage) {
    return fail("{}: the {} stage, and --stage says {}", from, name(text.layout.stage()),
                name(stage));
  }
  const auto other = [](const std::string& trained, const std::string& now) {
    return !trained.empty() && trained != now;  // empty: this stage knows no such tokens
  };
  if (other(text.codec_sha256, cache.origin().codec_sha256) ||
      other(text.semantic_sha256, cache.origin().semantic_sha256)) {
    return fail("{}: was trained on tokens of another codec or encoder than those of {}", from,
                a.tokens.string());
  }
  if (!a.resume) a.train.config = model.weights.config();
  return std::move(text.layout);
}

Result<audiolm::Layout> layout_for(const Arguments& a, audiolm::Stage stage,
                                   const audiolm::TokenCache& cache) {
  const Preset& preset = lm_presets().at(a.preset);
  audiolm::TokenShape shape = cache.origin().shape;
  shape.coarse = a.coarse > 0 ? a.coarse : preset.coarse;
  HEMIOLA_CHECK(audiolm::check(shape));
  const double seconds = a.window > 0 ? a.window : preset.windows[static_cast<std::size_t>(stage)];
  audiolm::UnitClasses classes;
  const bool rhythm = stage == audiolm::Stage::kRhythm;
  if (rhythm && a.semantic.empty()) {
    return fail("the rhythm stage needs --semantic, the encoder that made the tokens");
  }
  if (!a.semantic.empty() && (rhythm || stage == audiolm::Stage::kSemantic)) {
    HEMIOLA_TRY(const Path file, audiolm::locate_semantic(a.semantic));
    HEMIOLA_TRY(const auto encoder, audiolm::SemanticEncoder::load(file));
    if (encoder.sha256() != cache.origin().semantic_sha256) {
      return fail("{}: not the encoder that made the tokens of {}", file.string(),
                  a.tokens.string());
    }
    std::vector<std::uint64_t> counts(static_cast<std::size_t>(encoder.units()));
    for (const std::size_t piece : cache.of_split(audiolm::Split::kTrain)) {
      for (const std::int16_t unit : cache.units(piece)) ++counts[static_cast<std::size_t>(unit)];
    }
    HEMIOLA_TRY(classes, encoder.rise_classes(a.classes, counts));
  }
  return audiolm::Layout(stage, shape, static_cast<int>(seconds * audiolm::kUnitsPerSecond + 0.5),
                         std::move(classes));
}

// The shape of a model that begins with fresh weights.
void fit_shape(Arguments& a, const audiolm::Layout& layout) {
  const Preset& preset = lm_presets().at(a.preset);
  ModelConfig& config = a.train.config;
  config.preset = a.preset;
  config.layers = a.layers > 0 ? a.layers : preset.layers;
  config.heads = a.heads > 0 ? a.heads : preset.heads;
  config.width = a.width > 0 ? a.width : preset.width;
  config.inner = 4 * config.width;
  config.vocabulary = layout.vocabulary();
  config.context = std::max(1024, layout.length());
}

// A row: as many whole windows as 1024 tokens hold, at least one.
void fit_rows(Arguments& a, const audiolm::Layout& layout) {
  const int window = layout.length() - 1;
  a.train.length = std::max(1, 1024 / window) * window;
  a.train.micro_tokens = std::max(a.train.micro_tokens, a.train.length);
}

std::string card_for(const Arguments& a, const audiolm::Layout& layout,
                     const audiolm::TokenCache& cache) {
  const ModelConfig& c = a.train.config;
  return fmt::format(
      "# A stage of AudioLM: {}\n\nGPT-2, {} layers, {} heads, width {}, vocabulary {}: {:.1f} M "
      "parameters. Windows of {} s. Trained on the tokens of {} pieces ({}).\n",
      name(layout.stage()), c.layers, c.heads, c.width, c.vocabulary,
      static_cast<double>(c.parameters()) / 1e6,
      static_cast<double>(layout.window()) / audiolm::kUnitsPerSecond,
      cache.of_split(audiolm::Split::kTrain).size(), cache.origin().sound);
}

// Fresh weights are those of the layout: their places know the time.
Status write_fresh(const Arguments& a, const audiolm::Layout& layout, const std::string& text,
                   const Path& folder) {
  const OwnedWeights weights = layout.fresh_weights(a.train.config, a.train.seed);
  ModelToSave model;
  model.config = a.train.config;
  model.weights = weights.views();
  model.tokenizer = text;
  return save_model_folder(folder, model);
}

Json report_of(const Arguments& a, const audiolm::Layout& layout, const nn::TrainSummary& summary,
               const std::vector<audiolm::QuantizerLoss>& losses) {
  Json json = {{"stage", name(layout.stage())},
               {"run", a.out.string()},
               {"parameters", a.train.config.parameters()},
               {"steps", summary.steps},
               {"tokens", summary.tokens},
               {"epochs", summary.epochs},
               {"seconds", summary.seconds},
               {"processor_seconds", summary.processor_seconds},
               {"device", summary.device},
               {"validation", Json::array()}};
  double nats = 0;
  std::int64_t tokens = 0;
  for (const auto& loss : losses) {
    nats += loss.nats;
    tokens += loss.tokens;
    Json each = {{"perplexity", loss.perplexity()}, {"tokens", loss.tokens}};
    switch (layout.stage()) {
      case audiolm::Stage::kRhythm:
        each["of"] = "classes of units";
        break;
      case audiolm::Stage::kSemantic:
        each["of"] = "units";
        break;
      default:
        each["of"] = fmt::format("quantizer {}", loss.quantizer + 1);
    }
    json["validation"].push_back(std::move(each));
  }
  json["nats_per_token"] = tokens > 0 ? nats / static_cast<double>(tokens) : 0.0;
  return json;
}

std::string to_text(const Json& report) {
  std::string text =
      fmt::format("{} stage: {} steps, {:.2f} passes over the data, {}",
                  report["stage"].get<std::string>(), report["steps"].get<std::int64_t>(),
                  report["epochs"].get<double>(), duration_text(report["seconds"].get<double>()));
  for (const Json& each : report["validation"]) {
    text += fmt::format("\nvalidation perplexity, {}: {:.2f}", each["of"].get<std::string>(),
                        each["perplexity"].get<double>());
  }
  return text;
}

Result<int> run(Arguments a) {
  HEMIOLA_TRY(const audiolm::Stage stage, audiolm::stage_named(a.stage));
  HEMIOLA_TRY(const audiolm::TokenCache cache, audiolm::TokenCache::open(a.tokens));
  HEMIOLA_TRY(const audiolm::Layout layout,
              a.from.empty() ? layout_for(a, stage, cache) : begin_from(a, stage, cache));
  const std::string text =
      to_text(layout, cache.origin().codec_sha256, cache.origin().semantic_sha256);
  if (a.resume) {
    const nn::TrainOptions given = a.train;
    HEMIOLA_TRY(a.train, nn::resumed_options(a.out));
    a.train.threads = given.threads;
    if (a.train.config.tokenizer_sha256 != tokenizer_hash(text)) {
      return fail("{}: the run began with other tokens, stage or window", a.out.string());
    }
  } else {
    if (a.from.empty()) fit_shape(a, layout);
    fit_rows(a, layout);
    a.train.config.tokenizer_sha256 = tokenizer_hash(text);
    HEMIOLA_CHECK(check(a.train));
    if (a.from.empty()) HEMIOLA_CHECK(write_fresh(a, layout, text, a.out / kFreshFolder));
  }
  HEMIOLA_TRY(const auto source,
              audiolm::StageSource::create(cache, layout, a.data_seed, a.misled));
  const audiolm::StageHeldOut held_out(cache, layout);
  nn::TrainData data;
  data.train = source.get();
  data.held_out = held_out.size() > 0 ? &held_out : nullptr;
  data.tokenizer = text;
  data.card = card_for(a, layout, cache);
  HEMIOLA_TRY(const auto learner, nn::make_learner(a.train));
  note(fmt::format("{} stage: {:.1f} M parameters on {}", a.stage,
                   static_cast<double>(a.train.config.parameters()) / 1e6, learner->device()));
  catch_interrupts();
  Progress progress("train");
  HEMIOLA_TRY(const nn::TrainSummary summary,
              nn::train(*learner, a.train, data, a.out,
                        {a.resume, a.from.empty() ? a.out / kFreshFolder : a.from},
                        callbacks_for(progress)));
  if (summary.ending == nn::Ending::kStopped) {
    note("stopped and saved; go on with the same command and --resume");
    return 0;
  }
  const auto score = [&](const nn::Batch& batch) {
    return learner->score(batch, a.train.average_decay > 0);
  };
  const auto losses = held_out_by_quantizer(held_out, layout, score, kScoredWindows);
  const Json report = report_of(a, layout, summary, losses);
  HEMIOLA_CHECK(write_text(a.out / kReportFile, json_text(report, 2) + "\n"));
  if (a.json) {
    print(report);
  } else {
    print(to_text(report));
  }
  return 0;
}

void add_length_options(CLI::App& app, nn::TrainOptions& t) {
  const auto budget = [&](const char* name, const char* what, nn::Budget kind) {
    return app.add_option_function<double>(
        name, [&t, kind](const double& amount) { t.budget = kind, t.amount = amount; }, what);
  };
  auto* steps = budget("--steps", "Length of the run in updates", nn::Budget::kSteps);
  auto* minutes = budget("--minutes", "Length of the run in minutes", nn::Budget::kMinutes);
  auto* processor = budget("--cpu-minutes", "Length of the run in processor minutes",
                           nn::Budget::kProcessorMinutes);
  steps->excludes(minutes)->excludes(processor);
  minutes->excludes(processor);
}

}  // namespace

Action add_audiolm_train_lm(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  nn::TrainOptions& t = a->train;
  t.batch_tokens = 4096;
  t.update.optimiser = nn::Optimiser::kMuon;
  t.update.rate = 2.5e-3F;
  t.average_decay = 0.998;
  t.warmup_steps = 50;
  std::vector<std::string> presets;
  for (const auto& [name, preset] : lm_presets()) presets.push_back(name);
  app.add_option("--stage", a->stage, "rhythm, semantic, coarse or fine")
      ->required()
      ->check(CLI::IsMember({"rhythm", "semantic", "coarse", "fine"}));
  app.add_option("--tokens", a->tokens, "What `hemiola audiolm tokens` wrote")->required();
  app.add_option("-o,--out", a->out, "The run's folder: checkpoint, models, metrics, loss curve")
      ->required();
  app.add_flag("--resume", a->resume, "Go on with the run in --out as it was begun");
  auto* from = app.add_option("--from", a->from,
                              "Go on from this stage (a run's model folder, or a bundle's file), "
                              "with its shape, window and classes")
                   ->check(CLI::ExistingPath);
  app.add_option("--preset", a->preset, "small: 6 layers, 4 heads, width 256; paper: 12, 16, 1024")
      ->check(CLI::IsMember(presets))
      ->capture_default_str()
      ->excludes(from);
  app.add_option("--layers", a->layers, "Instead of the preset's")->excludes(from);
  app.add_option("--heads", a->heads, "Instead of the preset's")->excludes(from);
  app.add_option("--width", a->width, "Instead of the preset's")->excludes(from);
  app.add_option("--window", a->window, "Seconds of a window, instead of the preset's")
      ->check(CLI::Range(0.2, 120.0))
      ->excludes(from);
  app.add_option("--coarse", a->coarse, "Quantizers of the coarse stage, instead of the preset's")
      ->excludes(from);
  app.add_option("--semantic", a->semantic,
                 "For the rhythm stage, and for a semantic stage that goes by it: the encoder that "
                 "made the tokens (semantic.safetensors). Rhythm is the class of each unit's rises")
      ->check(CLI::ExistingPath)
      ->excludes(from);
  app.add_option("--classes", a->classes,
                 "With --semantic: about how many classes; the same for both stages")
      ->check(CLI::Range(2, 1024))
      ->capture_default_str()
      ->excludes(from);
  app.add_option("--mislead", a->misled,
                 "Share of its own past that a stage is shown from another moment of the piece, so "
                 "that it learns to go by what conditions it")
      ->check(CLI::Range(0.0, 0.9));
  add_length_options(app, t);
  app.add_option("--batch-tokens", t.batch_tokens, "Tokens of an update")->capture_default_str();
  app.add_option("--micro-tokens", t.micro_tokens, "At most so many at once; less memory")
      ->capture_default_str();
  app.add_option("--optimiser", t.update.optimiser, "muon for the weight matrices, or adamw")
      ->transform(CLI::CheckedTransformer(std::map<std::string, nn::Optimiser>{
          {"adamw", nn::Optimiser::kAdamW}, {"muon", nn::Optimiser::kMuon}}));
  app.add_option("--rate", t.update.rate, "Highest learning rate")->capture_default_str();
  app.add_option("--dropout", t.update.dropout)->capture_default_str();
  app.add_option("--ema", t.average_decay, "Average the weights with this decay; 0: no")
      ->capture_default_str();
  app.add_option("--seed", t.seed, "Of weights and dropout");
  app.add_option("--data-seed", a->data_seed, "Another number, other windows");
  app.add_option("--evaluate-every", t.evaluate_every, "Steps")->capture_default_str();
  app.add_option("--evaluate-tokens", t.evaluate_tokens, "Scored each time; 0: all")
      ->capture_default_str();
  app.add_option("--threads", t.threads, "0: one for each processor");
  app.add_flag("--json", a->json, "Report as JSON");
  return [a] { return run(*a); };
}

}  // namespace hemiola::cli
