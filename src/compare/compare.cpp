#include "compare/compare.h"

#include <ctime>

#include "audio/synthesise.h"
#include "audiolm/semantic.h"
#include "base/hash.h"
#include "compare/make_sets.h"
#include "compare/measure.h"
#include "compare/report.h"
#include "compare/training_log.h"
#include "data/import.h"
#include "evaluate/published_models.h"
#include "model/locate.h"
#include "model/model_folder.h"

namespace hemiola::compare {
namespace {

using evaluate::SetOfSounds;

Result<std::string> file_sha256(const Path& path) {
  HEMIOLA_TRY(const MappedFile file, MappedFile::open(path));
  return to_hex(sha256(file.bytes()));
}

// Of an exported file, or of a model folder's weights; the tokenizer has its own hash.
Result<std::string> model_sha256(const Path& model) {
  return file_sha256(std::filesystem::is_directory(model) ? model / kWeightsFile : model);
}

struct Lens {
  std::unique_ptr<evaluate::Embedding> embedding;
  std::string sha256;
};

Result<Path> locate_weights(const CompareOptions& options, std::string_view name) {
  std::error_code code;
  for (const auto& model : evaluate::published_models()) {
    const Path path = options.weights / model.file;
    if (options.weights.empty() || model.name != name) continue;
    if (!std::filesystem::exists(path, code)) return fail("{}: not there", path.string());
    return path;
  }
  if (name == "semantic" && !options.audiolm.empty()) {
    return audiolm::locate_semantic(options.audiolm);  // of the bundle that is compared
  }
  return evaluate::locate_embedding(name);
}

// The embeddings asked for, or all that there are; `absent` says of the others why not.
Result<std::vector<Lens>> open_lenses(const CompareOptions& options, Json& absent) {
  std::vector<Lens> lenses;
  const bool chosen = !options.embeddings.empty();
  for (const std::string_view name : evaluate::embedding_names()) {
    if (chosen && std::find(options.embeddings.begin(), options.embeddings.end(), name) ==
                      options.embeddings.end()) {
      continue;
    }
    auto path = locate_weights(options, name);
    if (!path) {
      if (chosen) return fail(std::move(path.error()));
      absent[std::string(name)] = path.error().message;
      continue;
    }
    Lens& lens = lenses.emplace_back();
    HEMIOLA_TRY(lens.embedding, evaluate::open_embedding(name, *path));
    HEMIOLA_TRY(lens.sha256, file_sha256(*path));
  }
  if (lenses.empty()) {
    return fail("no embedding's weights are there; add some with: hemiola models add musicnn FILE");
  }
  return lenses;
}

// What decides the sets. A folder made with other settings is refused; what it did not say yet is
// added.
Status keep_settings(const CompareOptions& options, const Json& settings) {
  const Path path = options.out / "settings.json";
  std::error_code code;
  Json all = Json::object();
  if (std::filesystem::exists(path, code)) {
    HEMIOLA_TRY(const std::string text, read_text(path));
    HEMIOLA_TRY(const Json before, parse_json(text, path.string()));
    if (!before.is_object()) return fail("{}: expected an object", path.string());
    for (const auto& [name, value] : before.items()) {
      if (settings.contains(name) && settings[name] != value) {
        return fail("{}: a comparison with {} {} stands here, this one has {}; name another folder",
                    options.out.string(), name, json_text(value), json_text(settings[name]));
      }
      all[name] = value;
    }
  }
  all.update(settings);
  return write_text(path, json_text(all, 2) + "\n");
}

// The training loops as a data set, which novelty is measured against.
Result<data::Dataset> training_dataset(const CompareOptions& options, const LoopFolder& loops) {
  const Path folder = options.out / "training";
  data::ImportOptions importing;
  importing.threads = options.threads;
  importing.split = {.validation = 0, .test = 0};
  importing.progress = [&](std::size_t done, std::size_t) {
    if (options.progress) options.progress("indexing training loops", done, loops.training.size());
  };
  importing.stop = [&] {
    return options.progress && options.progress("indexing training loops", 0, 0);
  };
  std::vector<Path> files;
  for (const LoopEntry& loop : loops.training) files.push_back(loops.folder / (loop.name + ".mid"));
  HEMIOLA_TRY([[maybe_unused]] const auto summary, data::import_dataset(files, folder, importing));
  return data::Dataset::open(folder);
}

Json describe(const std::vector<NamedSet>& sets) {
  Json json = Json::object();
  for (const NamedSet& set : sets) {
    json[set.name] = {{"pieces", set.files.pieces},
                      {"music_seconds", set.files.music_seconds},
                      {"sha256", set.files.sha256}};
    if (!set.left_out.empty()) json[set.name]["left_out"] = set.left_out;
  }
  return json;
}

// Seconds of music for each second of work, where pieces were written here.
Json speeds(const std::vector<NamedSet>& sets) {
  Json json = Json::object();
  for (const NamedSet& set : sets) {
    if (set.name != "symbolic" && set.name != "ngram" && set.name != "audiolm") continue;
    if (set.files.writing_seconds <= 0) continue;  // sound that was there already
    const PieceSet& files = set.files;
    json[set.name] = {
        {"music_seconds", files.music_seconds},
        {"writing_seconds", files.writing_seconds},
        {"sound_seconds", files.sound_seconds},
        {"real_time_factor", files.music_seconds / (files.writing_seconds + files.sound_seconds)},
        {"real_time_factor_writing", files.music_seconds / std::max(1e-9, files.writing_seconds)}};
  }
  return json;
}

std::string utc_date() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::tm tm{};
  gmtime_r(&now, &tm);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
  return text;
}

}  // namespace

Result<Json> compare(const CompareOptions& options) {
  HEMIOLA_TRY(const LoopFolder loops, open_loops(options.loops));
  HEMIOLA_TRY(const Path model, locate_model(options.model));
  Json absent = Json::object();
  HEMIOLA_TRY(const std::vector<Lens> lenses, open_lenses(options, absent));
  engine::Options engine_options;
  engine_options.threads = options.threads;
  HEMIOLA_TRY(const Composer composer, Composer::load(model, engine_options));
  HEMIOLA_TRY(const std::string model_hash, model_sha256(model));
  HEMIOLA_TRY(const Path soundfont, default_soundfont());
  HEMIOLA_TRY(const std::string soundfont_hash, file_sha256(soundfont));

  Json settings = {{"count", options.count},
                   {"seed", options.seed},
                   {"styles", options.styles},
                   {"ngram_order", options.ngram_order},
                   {"known", options.known},
                   {"loops_sha256", loops.sha256},
                   {"model_sha256", model_hash},
                   {"tokenizer_sha256", composer.tokenizer().sha256()},
                   {"soundfont_sha256", soundfont_hash}};
  std::optional<audiolm::Generator> generator;
  std::optional<audiolm::Codec> codec;
  if (!options.audiolm.empty()) {
    HEMIOLA_TRY(generator, audiolm::Generator::load(options.audiolm, engine_options));
    settings["audiolm"] = generator->sha256();
  } else if (!options.audiolm_sounds.empty()) {
    settings["audiolm"] = "sounds of " + options.audiolm_sounds.filename().string();
  }
  if (!options.codec.empty()) {
    HEMIOLA_TRY(codec, audiolm::Codec::load(options.codec));
  }
  const audiolm::Codec* wearing = codec ? &*codec : generator ? &generator->codec() : nullptr;
  int heard = 0;
  if (wearing != nullptr) {
    heard = codec ? codec->shape().quantizers
                  : generator->sampling().heard(generator->stages().coarse.layout.shape());
    HEMIOLA_TRY(settings["codec_sha256"],
                file_sha256(codec ? options.codec : options.audiolm / audiolm::kBundleParts[0]));
    settings["codec_quantizers"] = heard;
  }
  HEMIOLA_CHECK(keep_settings(options, settings));
  settings["axes"] = options.axes;
  settings["sampling"] = {{"temperature", kDefaultSampling.temperature},
                          {"top_p", kDefaultSampling.top_p}};
  settings["loops"] = options.loops.filename().string();
  settings["model"] = model.filename().string();
  settings["model_card"] = composer.model().card();
  for (const Lens& lens : lenses) {
    settings["embeddings_sha256"][std::string(lens.embedding->name())] = lens.sha256;
  }

  const int threads =
      options.threads > 0 ? options.threads : engine::ThreadPool::usable_processors();
  engine::ThreadPool pool(threads);
  const Material material{options, loops, composer, generator ? &*generator : nullptr,
                          wearing, heard, pool};
  HEMIOLA_TRY(const std::vector<NamedSet> sets, make_sets(material));
  HEMIOLA_TRY(const PieceSet known, make_known_set(material));

  const auto showing = [&](std::string what) {
    return [&options, what = std::move(what)](std::size_t done, std::size_t total) {
      return options.progress && options.progress(what, done, total);
    };
  };
  Json report = {{"format", "hemiola comparison"}, {"version", 1}};
  report["settings"] = settings;
  report["sets"] = describe(sets);
  evaluate::FadOptions measuring;
  measuring.threads = threads;
  measuring.seed = options.seed;
  for (const Lens& lens : lenses) {
    const std::string name(lens.embedding->name());
    std::map<std::string, SetOfSounds> sounds;
    for (const NamedSet& set : sets) {
      measuring.progress = showing(fmt::format("{} of {}", name, set.name));
      HEMIOLA_TRY(sounds[set.name],
                  embed_set(set.files, *lens.embedding,
                            options.out / "frames" / name / (set.name + ".safetensors"),
                            lens.sha256 + set.files.sha256, measuring));
    }
    if (&lens == &lenses.front()) {
      measuring.progress = showing(name + " of training loops");
      HEMIOLA_TRY(
          const SetOfSounds trained,
          embed_set(known, *lens.embedding, options.out / "frames" / name / "known.safetensors",
                    lens.sha256 + known.sha256, measuring));
      report["novelty"]["sound"] = measure_sound_novelty(sounds, trained, options.seed);
      report["novelty"]["embedding"] = name;
    }
    const auto dimensions = static_cast<std::size_t>(lens.embedding->dimensions());
    measuring.axes = options.axes > 0 && dimensions > options.axes ? options.axes : 0;
    if (options.progress && options.progress("distances by " + name, 0, 1)) return fail("stopped");
    report["distances"][name] = measure_distances(sounds, measuring);
  }
  report["absent_embeddings"] = absent;

  evaluate::StatisticsOptions counting;
  counting.threads = threads;
  counting.seed = options.seed;
  counting.progress = showing("notes");
  HEMIOLA_TRY(report["notes"], measure_note_sets(sets, counting));
  counting.progress = showing("time");
  HEMIOLA_TRY(report["time"], measure_time_sets(sets, counting));
  HEMIOLA_TRY(const data::Dataset training, training_dataset(options, loops));
  HEMIOLA_TRY(report["novelty"]["notes"], measure_note_novelty(sets, training, options.seed));
  report["training"] = Json::object();
  for (const auto& [name, folder] : options.runs) {
    HEMIOLA_TRY(report["training"][name], read_training(folder));
  }
  // What differs from run to run stands here and nowhere else.
  report["timing"] = {{"date", utc_date()}, {"threads", threads}, {"speeds", speeds(sets)}};
  HEMIOLA_CHECK(write_text(options.out / "report.json", json_text(report, 2) + "\n"));
  HEMIOLA_TRY(const Json media, gather_media(sets, options.heard));
  HEMIOLA_CHECK(write_text(options.out / "report.html", report_page(report, media)));
  return report;
}

}  // namespace hemiola::compare
