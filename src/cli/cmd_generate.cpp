// hemiola generate: new music, from nothing, on from a piece, or inside it.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>

#include "audio/audio.h"
#include "audio/synthesise.h"
#include "cli/command.h"
#include "compose/generate.h"
#include "data/novelty.h"
#include "data/source.h"
#include "midi/writer.h"
#include "model/locate.h"

namespace hemiola::cli {
namespace {

struct Options {
  std::optional<BarSpan> bars;
  int count = 1;
  std::optional<std::uint64_t> seed;
  Path out, model, data, go_on, infill;
  std::optional<int> from_bar;
  std::vector<int> tracks;
  Controls controls;
  engine::SamplerOptions sampling = kDefaultSampling;
  int threads = 0;
  bool render = false, novel = false, force = false, json = false;
};

// "16", or "9-12".
Result<BarSpan> parse_bars(const std::string& text) {
  BarSpan span;
  char rest = 0;
  const int read = std::sscanf(text.c_str(), "%d-%d%c", &span.first, &span.last, &rest);
  if (read == 2) return span;
  if (std::sscanf(text.c_str(), "%d%c", &span.first, &rest) == 1) {
    span.last = span.first;
    return span;
  }
  return fail("--bars {}: expected how many bars to write, or with --infill which, such as 9-12",
              text);
}

Status read_bars(const Options& options, GenerateRequest& request) {
  if (!options.infill.empty()) {
    request.infill = options.bars;
  } else if (options.bars) {
    if (options.bars->first != options.bars->last) {
      return fail("--bars {}-{}: expected how many bars to write; which ones is for --infill",
                  options.bars->first, options.bars->last);
    }
    request.bars = options.bars->first;
  }
  return {};
}

std::string file_name(const Options& options, int number, std::uint64_t seed) {
  const std::string stem = !options.go_on.empty()    ? options.go_on.stem().string() + "-on"
                           : !options.infill.empty() ? options.infill.stem().string() + "-anew"
                                                     : "piece";
  if (options.count == 1) return fmt::format("{}-{}.mid", stem, seed);
  return fmt::format("{}-{:03}-{}.mid", stem, number, seed);
}

Result<int> run(Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto since_start = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  GenerateRequest request;
  HEMIOLA_CHECK(read_bars(options, request));
  request.count = options.count;
  request.controls = options.controls;
  request.sampling = options.sampling;
  request.from_bar = options.from_bar;
  request.tracks = options.tracks;
  request.seed = options.seed.value_or(std::random_device()() & 0x7fffffffu);

  HEMIOLA_TRY(const Path model_path, locate_model(options.model));
  engine::Options engine_options;
  engine_options.threads = options.threads;
  HEMIOLA_TRY(const Composer composer, Composer::load(model_path, engine_options));
  const double load_seconds = since_start();
  std::optional<data::Source> prompt;
  if (!options.go_on.empty() || !options.infill.empty()) {
    HEMIOLA_TRY(prompt, data::read_source(options.go_on.empty() ? options.infill : options.go_on));
    request.prompt = &*prompt;
  }
  std::optional<data::Dataset> dataset;
  if (!options.data.empty()) {
    HEMIOLA_TRY(dataset, data::Dataset::open(options.data));
    request.training = &*dataset;
  } else if (options.novel && composer.training_index() == nullptr) {
    return fail(
        "--novel: {} does not exist, so there is nothing to compare with; name the training data "
        "with --data DIR, or write the index with hemiola dataset export-index",
        data::novelty_index_path(model_path).string());
  }
  request.novel = options.novel;

  catch_interrupts();
  std::vector<WrittenPiece> pieces;
  std::vector<std::pair<int, Error>> left_out;  // variations, from 1
  int asked = 0;
  double first_token_seconds = 0;
  {
    Progress progress("generate");
    GenerateCallbacks callbacks;
    callbacks.progress = [&](int variation, int done, int all) {
      progress.show(variation + static_cast<double>(done) / all, options.count);
    };
    callbacks.cancelled = [&] {
      if (++asked == 2) first_token_seconds = since_start();  // it is asked before each token
      return interrupted();
    };
    callbacks.left_out = [&](int variation, const Error& why) {
      left_out.emplace_back(variation + 1, why);
    };
    HEMIOLA_TRY(pieces, composer.generate(request, callbacks));
  }
  const double generated_seconds = since_start();

  Json rows = Json::array();
  for (const WrittenPiece& piece : pieces) {
    const Path path = options.out / file_name(options, piece.variation + 1, piece.seed);
    HEMIOLA_CHECK(may_write(path, options.force));
    HEMIOLA_CHECK(write_file(path, midi::write(piece.file)));
    Json row = {{"path", path.string()},
                {"seed", piece.seed},
                {"bars", piece.bars},
                {"notes", piece.notes},
                {"tokens", piece.tokens},
                {"seconds", piece.seconds},
                {"longest_gap", piece.longest_gap}};
    row["novelty"] = piece.novelty ? data::to_json(*piece.novelty) : Json();
    if (!options.json) {
      note(fmt::format("{}: {} bars, {} notes in {}{}", path.string(), piece.bars, piece.notes,
                       duration_text(piece.seconds),
                       !piece.novelty             ? "; not compared with training music"
                       : piece.novelty->is_copy() ? "; a copy of training music"
                                                  : "; new"));
    }
    if (options.render) {
      const auto render_start = std::chrono::steady_clock::now();
      HEMIOLA_TRY(Audio audio, synthesise(piece.file));
      HEMIOLA_CHECK(normalise_loudness(audio));
      Path sound = path;
      sound.replace_extension(".wav");
      HEMIOLA_CHECK(may_write(sound, options.force));
      HEMIOLA_CHECK(write_audio(sound, audio));
      row["sound"] = sound.string();
      const double seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - render_start).count();
      if (!options.json) {
        note(fmt::format("{}: {} of sound in {}", sound.string(),
                         duration_text(audio.length().count()), duration_text(seconds)));
      }
    }
    rows.push_back(std::move(row));
  }
  std::ranges::sort(left_out, {}, &std::pair<int, Error>::first);  // as they failed, until here
  Json missing = Json::array();
  for (const auto& [variation, why] : left_out) {
    const std::uint64_t seed = variation_seed(request.seed, variation - 1);
    missing.push_back({{"variation", variation}, {"seed", seed}, {"error", why.message}});
    if (!options.json) {
      note(fmt::format("variation {} (seed {}) left out: {}", variation, seed, why.message));
    }
  }
  if (options.json) {
    print(Json{{"pieces", rows},
               {"left_out", missing},
               {"load_seconds", load_seconds},
               {"first_token_seconds", first_token_seconds},
               {"seconds", since_start()}});
  } else {
    note(fmt::format("model loaded in {}, music written in {}, all in {} (seed {})",
                     duration_text(load_seconds), duration_text(generated_seconds - load_seconds),
                     duration_text(since_start()), request.seed));
  }
  return 0;
}

}  // namespace

Action add_generate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  auto& o = *options;
  app.add_option("-o,--output", o.out, "folder for the pieces, DIR/NAME.mid")->required();
  auto* bars = add_parsed(app, "--bars", o.bars, parse_bars,
                          "how many new bars, else 16; with --infill which ones, such as 9-12");
  app.add_option("--count", o.count, "variations")->capture_default_str();
  app.add_option("--seed", o.seed, "same seed, same machine class: same piece; default: random");
  app.add_option("--model", o.model,
                 "model folder or file; else HEMIOLA_MODEL, else models/default");
  app.add_option("--data", o.data,
                 "compare each piece with this data set; else with the index beside the model");
  app.add_option("--threads", o.threads, "0: all processors")->capture_default_str();
  app.add_flag("--render", o.render, "write each piece as WAV too");
  app.add_flag("--novel", o.novel, "draw again what is a copy of training music");
  app.add_flag("--force", o.force, "replace existing files");
  app.add_flag("--json", o.json, "report on stdout as JSON");

  auto* go_on =
      app.add_option("--continue", o.go_on, "go on from this piece")->group("From a piece");
  app.add_option("--from-bar", o.from_bar, "go on from before this bar; default: after the last")
      ->needs(go_on)
      ->group("From a piece");
  auto* infill = app.add_option("--infill", o.infill, "write bars of this piece anew")
                     ->excludes(go_on)
                     ->needs(bars)
                     ->group("From a piece");
  app.add_option("--tracks", o.tracks, "only in these tracks, from 1, such as 1,3")
      ->delimiter(',')
      ->needs(infill)
      ->group("From a piece");

  add_parsed(app, "--key", o.controls.key, parse_key, "\"F# minor\"")->group("Controls");
  app.add_flag("--in-scale", o.controls.in_scale, "only notes of the key's scale")
      ->group("Controls");
  add_parsed(app, "--metre", o.controls.metre, parse_metre, "3/4")->group("Controls");
  app.add_option("--tempo", o.controls.tempo, "quarters a minute")
      ->check(CLI::Range(10.0, 400.0))
      ->group("Controls");
  add_parsed(app, "--instruments", o.controls.instruments, parse_instruments,
             "piano,bass,drums; with --infill: added, and play along")
      ->group("Controls");
  add_parsed(app, "--range", o.controls.range, parse_range, "48-84 or C3-C6")->group("Controls");
  app.add_option("--max-polyphony", o.controls.max_polyphony, "notes at once in a track")
      ->check(CLI::Range(1, 128))
      ->group("Controls");
  app.add_option("--density", o.controls.density, "1 (sparse) to 10 (dense)")
      ->check(CLI::Range(1, 10))
      ->group("Controls");
  app.add_option("--style", o.controls.style, "one that the model knows")->group("Controls");
  add_parsed(app, "--chords", o.controls.chords, parse_chords,
             "\"C:maj A:min F:maj G:7\", one a bar, repeated")
      ->group("Controls");

  app.add_option("--temperature", o.sampling.temperature, "0: always the likeliest")
      ->capture_default_str()
      ->group("Sampling");
  app.add_option("--top-k", o.sampling.top_k, "0: off")->capture_default_str()->group("Sampling");
  app.add_option("--top-p", o.sampling.top_p, "1: off")->capture_default_str()->group("Sampling");
  app.add_option("--min-p", o.sampling.min_p, "0: off")->capture_default_str()->group("Sampling");
  app.add_option("--repetition-penalty", o.sampling.repetition_penalty, "1: off")
      ->capture_default_str()
      ->group("Sampling");
  app.footer(
      "Examples:\n"
      "  hemiola generate --bars 16 --key \"G minor\" --metre 3/4 -o out --render\n"
      "  hemiola generate --continue song.mid --from-bar 9 --bars 8 -o out\n"
      "  hemiola generate --infill song.mid --bars 9-12 --tracks 1 -o out\n"
      "  hemiola generate --infill song.mid --bars 1-16 --instruments bass -o out   accompanies");
  return [options] { return run(*options); };
}

}  // namespace hemiola::cli
