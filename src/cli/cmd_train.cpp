// hemiola train: a data set becomes a model. Puts data, tokenizer, learner and trainer together and
// shows what happens; everything else is in src/data and src/nn.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "cli/command.h"
#include "cli/launch_ranks.h"
#include "cli/train_progress.h"
#include "cli/train_samples.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "data/styles.h"
#include "data/train_tokenizer.h"
#include "model/locate.h"
#include "model/model_folder.h"
#include "model/whole_model.h"
#include "nn/memory_source.h"
#include "nn/ranks.h"
#include "nn/trainer.h"
#include "nn/workers.h"
#include "tokens/tokenizer.h"

namespace hemiola::cli {
namespace {

constexpr const char* kRunFile = "run.json";  // where data and tokenizer came from

struct Arguments {
  nn::TrainOptions train;
  data::Mixture mixture;
  std::string preset = "small";
  int layers = 0, heads = 0, width = 0, context = 0;  // 0: as the preset says
  Path data, out, tokenizer, from, old_data;
  std::string without_style, held_out_style;
  double old_share = 0.3;
  std::uint64_t data_seed = 0;
  int ranks = 0;  // to start here; 0: whatever the environment says
  double rank_timeout = 900;
  nn::RankPlace place;
  nn::Ranks* shared = nullptr;  // the processes that train together, or null
  bool length_given = false;    // --steps, --minutes or --cpu-minutes
  bool resume = false, print_config = false, json = false, plain = false;
};

Json to_json(const nn::HeldOutLoss& loss) {
  return {{"nats_per_token", loss.per_token()},
          {"bits_per_note", loss.bits_per_note()},
          {"bits_per_beat", loss.bits_per_beat()},
          {"documents", loss.documents},
          {"tokens", loss.tokens},
          {"notes", loss.notes}};
}

Json to_json(const nn::TrainSummary& s, const Arguments& a) {
  constexpr const char* kEndings[] = {"finished", "stopped", "early"};
  Json json = {{"run", a.out.string()},
               {"ending", kEndings[static_cast<std::size_t>(s.ending)]},
               {"steps", s.steps},
               {"tokens", s.tokens},
               {"epochs", s.epochs},
               {"seconds", s.seconds},
               {"processor_seconds", s.processor_seconds},
               {"best_step", s.best_step},
               {"device", s.device}};
  if (s.held_out.tokens > 0) json["held_out"] = to_json(s.held_out);
  if (s.held_out_old.tokens > 0) {
    const bool of_style = !a.held_out_style.empty();
    json[of_style ? "held_out_style" : "held_out_old"] = to_json(s.held_out_old);
  }
  if (s.before.tokens > 0) json["held_out_before"] = to_json(s.before);
  if (s.before_old.tokens > 0) json["held_out_old_before"] = to_json(s.before_old);
  return json;
}

std::string to_text(const nn::TrainSummary& s, const Arguments& a) {
  std::string text =
      fmt::format("{} steps, {:.2f} M tokens, {:.2f} passes over the data, {}", s.steps,
                  static_cast<double>(s.tokens) / 1e6, s.epochs, duration_text(s.seconds));
  const auto add = [&](const char* name, const nn::HeldOutLoss& loss) {
    if (loss.tokens == 0) return;
    text += fmt::format("\n{}: {:.4f} nats a token, {:.3f} bits a note, {:.3f} bits a beat", name,
                        loss.per_token(), loss.bits_per_note(), loss.bits_per_beat());
  };
  add("held out", s.held_out);
  add("... before training", s.before);
  add(a.held_out_style.empty() ? "held out, old data" : "held out, of that style", s.held_out_old);
  add("... before training", s.before_old);
  return text + fmt::format("\nmodel: {}", (a.out / "last").string());
}

// What the run needs besides the trainer's own options, kept in the run folder for --resume.
Json run_json(const Arguments& a) {
  std::error_code code;
  const auto absolute = [&](const Path& path) {
    return path.empty() ? std::string() : std::filesystem::absolute(path, code).string();
  };
  const data::Mixture& m = a.mixture;
  return {{"data", absolute(a.data)},
          {"old_data", absolute(a.old_data)},
          {"old_share", a.old_share},
          {"data_seed", a.data_seed},
          {"from", absolute(a.from)},
          {"without_style", a.without_style},
          {"held_out_style", a.held_out_style},
          {"mixture",
           {{"cut_short", m.cut_short},
            {"infill", m.infill},
            {"controls", m.controls},
            {"tell_control", m.tell_control},
            {"chords", m.chords},
            {"count_bars", m.count_bars},
            {"augment", m.augment},
            {"flatten", m.flatten}}}};
}

Status adopt_run_json(Arguments& a, const Json& json, std::string_view where) {
  try {
    if (a.data.empty()) a.data = json.at("data").get<std::string>();
    a.old_data = json.at("old_data").get<std::string>();
    a.from = json.at("from").get<std::string>();
    json.at("old_share").get_to(a.old_share);
    json.at("data_seed").get_to(a.data_seed);
    a.without_style = json.value("without_style", "");  // not in runs begun before it could be
    a.held_out_style = json.value("held_out_style", "");
    const Json& m = json.at("mixture");
    m.at("cut_short").get_to(a.mixture.cut_short);
    m.at("infill").get_to(a.mixture.infill);
    m.at("controls").get_to(a.mixture.controls);
    m.at("tell_control").get_to(a.mixture.tell_control);
    a.mixture.chords = m.value("chords", 0.0);  // runs begun before chords were told
    m.at("count_bars").get_to(a.mixture.count_bars);
    m.at("augment").get_to(a.mixture.augment);
    m.at("flatten").get_to(a.mixture.flatten);
  } catch (const Json::exception& error) {
    return fail("{}: {}", where, error.what());
  }
  return {};
}

Result<ModelConfig> find_config(const Arguments& a) {
  if (!a.from.empty()) {
    HEMIOLA_TRY(const WholeModel model, load_whole_model(a.from));
    return model.weights.config();
  }
  HEMIOLA_TRY(ModelConfig config, preset(a.preset));
  if (a.layers > 0) config.layers = a.layers;
  if (a.heads > 0) config.heads = a.heads;
  if (a.width > 0) config.width = a.width, config.inner = 4 * a.width;
  if (a.context > 0) config.context = a.context;
  HEMIOLA_CHECK(check(config));
  return config;
}

// What is to be trained, from the arguments and, to go on, from the run's folder.
Status settle(Arguments& a) {
  if (a.resume) {
    if (a.length_given) {
      return fail(
          "--resume goes on to the length that the run began with; to train further than that, "
          "start another from its model: --from {}",
          (a.out / "last").string());
    }
    const nn::TrainOptions given = a.train;
    HEMIOLA_TRY(a.train, nn::resumed_options(a.out));
    a.train.device = given.device;
    a.train.threads = given.threads;
    const Path path = a.out / kRunFile;
    HEMIOLA_TRY(const std::string text, read_text(path));
    HEMIOLA_TRY(const Json json, parse_json(text, path.string()));
    HEMIOLA_CHECK(adopt_run_json(a, json, path.string()));
  } else if (nn::has_checkpoint(a.out)) {
    return fail("{}: a run stands there; go on with it (--resume) or choose another folder",
                a.out.string());
  } else {
    HEMIOLA_TRY(a.train.config, find_config(a));
  }
  if (a.data.empty()) return fail("train: name the data set with --data");
  if (a.plain) {
    a.mixture.controls = a.mixture.chords = a.mixture.infill = a.mixture.count_bars = 0;
  }
  if (a.train.length == 0) a.train.length = a.train.config.context;
  return check(a.train);
}

// The same on all ranks: rank 0's folder decides, which the others may not even see.
Status settle_together(Arguments& a) {
  if (a.shared == nullptr) return settle(a);
  Result<std::string> text = std::string();
  if (a.place.rank == 0) {
    if (Status settled = settle(a); !settled) {
      text = fail(std::move(settled.error()));
    } else {
      text = json_text(Json({{"train", nn::options_to_json(a.train)}, {"run", run_json(a)}}));
    }
  }
  HEMIOLA_TRY(const std::string shared, nn::share_text(*a.shared, std::move(text)));
  if (a.place.rank == 0) return {};
  constexpr const char* kWhere = "what rank 0 is to train";
  HEMIOLA_TRY(const Json json, parse_json(shared, kWhere));
  const nn::TrainOptions given = a.train;
  HEMIOLA_TRY(a.train, nn::options_from_json(json.value("train", Json()), kWhere));
  a.train.device = given.device;
  a.train.threads = given.threads;
  return adopt_run_json(a, json.value("run", Json()), kWhere);
}

// The tokenizer named, that of the model to go on from, that of the data set's folder, or one
// learned now; it is kept in the run folder.
Result<tokens::Tokenizer> find_tokenizer(const Arguments& a, const data::Dataset& dataset) {
  const Path kept = a.out / kTokenizerFile;
  if (a.resume) return tokens::Tokenizer::load(kept);
  std::error_code code;
  std::optional<tokens::Tokenizer> found;
  if (!a.tokenizer.empty()) {
    HEMIOLA_TRY(found, tokens::Tokenizer::load(a.tokenizer));
  } else if (!a.from.empty()) {
    HEMIOLA_TRY(const WholeModel model, load_whole_model(a.from));
    HEMIOLA_TRY(found, tokens::Tokenizer::parse(model.tokenizer, a.from.string()));
  } else if (const Path beside = a.data / kTokenizerFile; std::filesystem::exists(beside, code)) {
    HEMIOLA_TRY(found, tokens::Tokenizer::load(beside));
  } else {
    note("no tokenizer given: learning one from the data set");
    data::TokenizerOptions options;
    options.vocabulary = a.train.config.vocabulary;
    options.flatten = a.mixture.flatten;
    HEMIOLA_TRY(found, data::train_tokenizer(dataset, options));
  }
  HEMIOLA_CHECK(found->save(kept));
  return *std::move(found);
}

// The same on all ranks.
Result<tokens::Tokenizer> find_tokenizer_together(const Arguments& a,
                                                  const data::Dataset& dataset) {
  if (a.shared == nullptr) return find_tokenizer(a, dataset);
  Result<std::string> text = std::string();
  if (a.place.rank == 0) {
    const auto found = find_tokenizer(a, dataset);
    if (found) text = found->json();
    if (!found) text = fail(found.error());
  }
  HEMIOLA_TRY(const std::string shared, nn::share_text(*a.shared, std::move(text)));
  return tokens::Tokenizer::parse(shared, "rank 0's tokenizer");
}

// Everything the trainer reads from, with what it stands on.
struct Material {
  std::unique_ptr<data::Dataset> dataset, old_dataset;
  std::unique_ptr<tokens::Tokenizer> tokenizer;
  std::unique_ptr<nn::ExampleSource> train, old_train, mixed;
  std::unique_ptr<nn::EvalSource> held_out, old_held_out;

  nn::TrainData view(const Arguments& a) const {
    nn::TrainData view;
    view.train = mixed ? mixed.get() : train.get();
    view.held_out = held_out->size() > 0 ? held_out.get() : nullptr;
    view.held_out_old = old_held_out && old_held_out->size() > 0 ? old_held_out.get() : nullptr;
    view.tokenizer = tokenizer->json();
    view.card = fmt::format(
        "# A Hemiola model\n\nGPT-2, {} layers, {} heads, width {}, context {}, vocabulary {}: "
        "{:.1f} M parameters.\nTrained on {} pieces of the data set {}{}.\n",
        a.train.config.layers, a.train.config.heads, a.train.config.width, a.train.config.context,
        a.train.config.vocabulary, static_cast<double>(a.train.config.parameters()) / 1e6,
        dataset->entries_of(data::Split::kTrain).size(), a.data.filename().string(),
        a.from.empty() ? "" : ", going on from " + a.from.filename().string());
    return view;
  }
};

Result<std::unique_ptr<data::Dataset>> open_dataset(const Path& path) {
  HEMIOLA_TRY(data::Dataset dataset, data::Dataset::open(path));
  return std::make_unique<data::Dataset>(std::move(dataset));
}

// The name of a style that some piece has, or which there are.
Status check_style(const data::Dataset& dataset, const std::string& style) {
  const auto known = data::known_styles(dataset);
  if (style.empty() || std::find(known.begin(), known.end(), style) != known.end()) return {};
  return fail("{}: no piece has the style '{}'; there are: {}", dataset.folder().string(), style,
              fmt::join(known, ", "));
}

// What it knew before, it is taken to know still.
void learns(const data::Mixture& mixture, bool from_nothing, LearntWords& learnt) {
  if (from_nothing) learnt = {false, false, false, false};
  learnt.bar_counts |= mixture.count_bars > 0;
  learnt.holes |= mixture.infill > 0;
  learnt.controls |= mixture.controls > 0;
  learnt.chords |= mixture.chords > 0;
}

Status gather(Arguments& a, Material& m) {
  HEMIOLA_TRY(m.dataset, open_dataset(a.data));
  if (a.held_out_style.empty()) a.held_out_style = a.without_style;
  HEMIOLA_CHECK(check_style(*m.dataset, a.without_style));
  HEMIOLA_CHECK(check_style(*m.dataset, a.held_out_style));
  HEMIOLA_TRY(tokens::Tokenizer tokenizer, find_tokenizer_together(a, *m.dataset));
  m.tokenizer = std::make_unique<tokens::Tokenizer>(std::move(tokenizer));
  if (!a.resume && a.from.empty()) {
    a.train.config.vocabulary = m.tokenizer->vocabulary().size();
  }
  if (a.train.config.vocabulary != m.tokenizer->vocabulary().size()) {
    return fail("the tokenizer has {} tokens, the model {}", m.tokenizer->vocabulary().size(),
                a.train.config.vocabulary);
  }
  if (!a.resume && a.from.empty()) a.train.config.preset = a.preset;
  if (!a.resume) learns(a.mixture, a.from.empty(), a.train.config.learnt);
  a.train.config.tokenizer_sha256 = m.tokenizer->sha256();
  data::LoaderOptions loading;
  loading.seed = a.data_seed;
  loading.mixture = a.mixture;
  loading.threads = 1;
  loading.without_style = a.without_style;
  loading.rank = a.place.rank;
  loading.ranks = a.place.ranks;
  data::HeldOutOptions holding;
  holding.length = a.train.length + 1;
  holding.flatten = a.mixture.flatten;
  holding.counts_bars = a.mixture.count_bars > 0;  // words that were never learnt are not asked
  HEMIOLA_TRY(m.train, data::make_loader(*m.dataset, *m.tokenizer, loading));
  holding.without_style = a.without_style;
  HEMIOLA_TRY(m.held_out, data::make_held_out(*m.dataset, *m.tokenizer, holding));
  if (!a.held_out_style.empty()) {
    // A style may have few pieces: those of the test split count too.
    data::HeldOutOptions of_style = holding;
    of_style.splits = {data::Split::kValidation, data::Split::kTest};
    of_style.without_style.clear();
    of_style.only_style = a.held_out_style;
    HEMIOLA_TRY(m.old_held_out, data::make_held_out(*m.dataset, *m.tokenizer, of_style));
  }
  holding.without_style.clear();
  loading.without_style.clear();
  if (a.old_data.empty()) return {};
  HEMIOLA_TRY(m.old_dataset, open_dataset(a.old_data));
  HEMIOLA_TRY(m.old_train, data::make_loader(*m.old_dataset, *m.tokenizer, loading));
  HEMIOLA_TRY(m.old_held_out, data::make_held_out(*m.old_dataset, *m.tokenizer, holding));
  m.mixed = std::make_unique<nn::MixedSource>(*m.train, *m.old_train, a.old_share);
  return {};
}

Result<int> train_here(Arguments& a) {
  const bool first = a.place.rank == 0;  // who writes and speaks
  HEMIOLA_CHECK(settle_together(a));
  Material material;
  HEMIOLA_CHECK(gather(a, material));
  if (first && !a.resume) {
    HEMIOLA_CHECK(write_text(a.out / kRunFile, json_text(run_json(a), 2) + "\n"));
  }
  HEMIOLA_TRY(const auto learner, nn::make_learner(a.train));
  if (first) {
    note(fmt::format("{:.1f} M parameters on {}{}",
                     static_cast<double>(a.train.config.parameters()) / 1e6, learner->device(),
                     a.shared == nullptr
                         ? ""
                         : fmt::format(", {} ranks through {}", a.place.ranks, a.shared->name())));
  }
  Progress progress("train");
  nn::TrainCallbacks callbacks = callbacks_for(progress);
  callbacks.sample = [&a](const Path& model, std::int64_t step) {
    return write_samples(model, a.out / "samples", step, a.train.threads);
  };
  HEMIOLA_TRY(const nn::TrainSummary summary, nn::train(*learner, a.train, material.view(a), a.out,
                                                        {a.resume, a.from, a.shared}, callbacks));
  if (!first) return 0;
  if (a.json) {
    print(to_json(summary, a));
  } else {
    print(to_text(summary, a));
  }
  if (summary.ending == nn::Ending::kStopped) {
    note(
        fmt::format("stopped and saved; go on with: hemiola train --resume -o {}", a.out.string()));
  }
  return 0;
}

// Each rank its share of the machine, where the arguments leave that open.
void take_share(Arguments& a) {
  nn::TrainOptions& t = a.train;
  if (t.threads == 0) t.threads = std::max(1, nn::usable_processors() / a.place.local_ranks);
  if (t.device == "cuda" || (t.device == "auto" && nn::has_gpu())) {
    t.device = fmt::format("cuda:{}", a.place.local_rank);
  }
}

Result<int> train_as_rank(Arguments& a) {
  HEMIOLA_TRY(const auto ranks, nn::join_ranks(a.place));
  a.shared = ranks.get();
  take_share(a);
  return train_here(a);
}

Result<int> run_train(Arguments a) {
  if (!a.from.empty()) {
    HEMIOLA_TRY(a.from, locate_model(a.from));
  }
  if (a.print_config) {
    HEMIOLA_TRY(a.train.config, find_config(a));
    print(config_to_json(a.train.config));
    return 0;
  }
  if (a.out.empty()) return fail("train: name the run's folder with -o");
  HEMIOLA_TRY(a.place, nn::place_from_environment());
  if (a.ranks > 0 && a.place.ranks > 1 && a.ranks != a.place.ranks) {
    return fail("--ranks {}, but WORLD_SIZE says {}; give only one", a.ranks, a.place.ranks);
  }
  if (a.ranks > 1 && a.place.ranks == 1) return launch_ranks(a.ranks);
  catch_interrupts();
  if (a.place.ranks == 1) return train_here(a);
  a.place.timeout_seconds = a.rank_timeout;
  auto status = train_as_rank(a);
  if (status) return status;
  return fail(std::move(status.error()).within(fmt::format("rank {}", a.place.rank)));
}

void add_model_options(CLI::App& app, Arguments& a) {
  std::string names;
  for (const Preset& each : presets()) {
    names += fmt::format("{}{}: {}", names.empty() ? "" : "; ", each.name, each.what);
  }
  app.add_option("--preset", a.preset, names)->capture_default_str();
  app.add_option("--layers", a.layers, "Instead of the preset's");
  app.add_option("--heads", a.heads, "Instead of the preset's");
  app.add_option("--width", a.width, "Instead of the preset's");
  app.add_option("--context", a.context, "Instead of the preset's");
  app.add_flag("--print-config", a.print_config, "Print config.json and end; needs no data");
}

void add_data_options(CLI::App& app, Arguments& a) {
  app.add_option("--data", a.data, "Data set to learn from (hemiola dataset import)");
  app.add_option("--tokenizer", a.tokenizer,
                 "Tokenizer file; default: that of --from, else DATA/tokenizer.json, else learned");
  app.add_option("--from", a.from,
                 "Go on from this model (folder or exported file) with other data");
  auto* old_data =
      app.add_option("--old-data", a.old_data, "Data set of that model, mixed in so that it stays");
  app.add_option("--old-share", a.old_share, "Share of rows from --old-data")
      ->check(CLI::Range(0.0, 0.95))
      ->capture_default_str();
  auto* without = app.add_option("--without-style", a.without_style,
                                 "Leave out pieces of this genre, collection or label; at the end "
                                 "held-out pieces of it are scored alone");
  auto* of_style = app.add_option("--held-out-style", a.held_out_style,
                                  "At the end score held-out pieces of this style alone");
  old_data->excludes(without)->excludes(of_style);
  app.add_option("--data-seed", a.data_seed, "Another number, another order of examples");
  app.add_option("--infill", a.mixture.infill, "Share of examples with holes to fill")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--controls", a.mixture.controls, "Share of examples with control words")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--chords", a.mixture.chords, "Share of examples that state their chords")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--plain", a.plain,
               "No control words, no chords, no holes, bars not counted: to measure a model; it "
               "writes music "
               "from nothing or on from a piece, without style, density, chords or infill");
  app.add_flag("--no-augment{false}", a.mixture.augment, "No transposition, louder or faster");
  app.add_flag("--flatten", a.mixture.flatten, "All pitched tracks as one piano track");
}

void add_training_options(CLI::App& app, Arguments& a) {
  nn::TrainOptions& t = a.train;
  nn::UpdateSettings& u = t.update;
  const auto budget = [&](const char* name, const char* what, nn::Budget kind) {
    return app.add_option_function<double>(
        name,
        [&a, kind](const double& amount) {
          a.train.budget = kind;
          a.train.amount = amount;
          a.length_given = true;
        },
        what);
  };
  auto* steps = budget("--steps", "Length of the run in updates", nn::Budget::kSteps);
  auto* minutes = budget("--minutes", "Length of the run in minutes", nn::Budget::kMinutes);
  auto* processor = budget("--cpu-minutes", "Length of the run in processor minutes",
                           nn::Budget::kProcessorMinutes);
  steps->excludes(minutes)->excludes(processor);
  minutes->excludes(processor);
  app.add_option("--length", t.length, "Tokens of a row; 0: the context")->capture_default_str();
  app.add_option("--batch-tokens", t.batch_tokens, "Tokens of an update")->capture_default_str();
  app.add_option("--micro-tokens", t.micro_tokens, "At most so many at once; less memory")
      ->capture_default_str();
  app.add_option("--short-length", t.short_length, "Shorter rows at first");
  app.add_option("--short-until", t.short_until, "For this share of the run");
  app.add_option("--optimiser", u.optimiser, "adamw, or muon for the weight matrices")
      ->transform(CLI::CheckedTransformer(std::map<std::string, nn::Optimiser>{
          {"adamw", nn::Optimiser::kAdamW}, {"muon", nn::Optimiser::kMuon}}));
  app.add_option("--rate", u.rate, "Highest learning rate")->capture_default_str();
  app.add_option("--schedule", t.schedule, "cosine, or stable (constant, then straight down)")
      ->transform(CLI::CheckedTransformer(std::map<std::string, nn::Schedule>{
          {"cosine", nn::Schedule::kCosine}, {"stable", nn::Schedule::kStableDecay}}));
  app.add_option("--warmup", t.warmup_steps, "Steps until the full rate")->capture_default_str();
  app.add_option("--decay-share", t.decay_share, "Last share of the run; with stable")
      ->capture_default_str();
  app.add_option("--weight-decay", u.decay)->capture_default_str();
  app.add_option("--dropout", u.dropout)->capture_default_str();
  app.add_option("--clip", u.clip, "Largest gradient norm; 0: none")->capture_default_str();
  app.add_option("--ema", t.average_decay, "Average the weights with this decay; 0: no")
      ->capture_default_str();
  app.add_option("--seed", t.seed, "Of weights and dropout");
  app.add_option("--evaluate-every", t.evaluate_every, "Steps")->capture_default_str();
  app.add_option("--evaluate-tokens", t.evaluate_tokens, "Scored each time; 0: all")
      ->capture_default_str();
  app.add_option("--sample-every", t.sample_every,
                 "Steps between two samples, OUT/samples/step-N-1.mid and -2; one more at the end; "
                 "0: none")
      ->capture_default_str();
  app.add_option("--patience", t.patience, "Evaluations without a better one; 0: no limit");
  app.add_option("--checkpoint-minutes", t.checkpoint_minutes)->capture_default_str();
  app.add_option("--device", t.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
  app.add_option("--precision", t.precision, "auto, fp32 or bf16 matrix products")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, nn::cpu::Precision>{{"auto", nn::cpu::Precision::kAuto},
                                                    {"fp32", nn::cpu::Precision::kFp32},
                                                    {"bf16", nn::cpu::Precision::kBf16}}));
  app.add_option("--threads", t.threads, "0: one for each processor");
  app.add_option("--ranks", a.ranks,
                 "Train in so many processes of this machine, each with its share of every batch; "
                 "several machines: as torchrun starts them (RANK, WORLD_SIZE, LOCAL_RANK, "
                 "MASTER_ADDR, MASTER_PORT)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--rank-timeout", a.rank_timeout, "Seconds of silence after which a rank is lost")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
}

}  // namespace

Action add_train(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  a->train.length = 0;
  a->train.sample_every = 500;
  app.add_option("-o,--out", a->out,
                 "The run's folder: checkpoint, models, metrics, loss curve, samples");
  app.add_flag("--resume", a->resume, "Go on with the run in --out as it was begun");
  app.add_flag("--json", a->json, "Report as JSON");
  add_model_options(app, *a);
  add_data_options(app, *a);
  add_training_options(app, *a);
  return [a] { return run_train(*a); };
}

}  // namespace hemiola::cli
