// hemiola audiolm purity: what semantic tokens know of the loops' labels, beside plain MFCC.
#include <memory>

#include "audiolm/agreement.h"
#include "audiolm/semantic.h"
#include "audiolm/semantic_units.h"
#include "audiolm/sound_set.h"
#include "cli/audiolm_commands.h"

namespace hemiola::cli {
namespace {

using namespace audiolm;

struct Arguments {
  Path data, semantic;
  std::string split = "test";
  std::uint64_t seed = 0;
  int threads = 0;
  bool json = false;
};

struct Row {
  std::string label;
  Agreement semantic, mfcc;
};

Json to_json(const Agreement& agreement) {
  return {{"purity", agreement.purity}, {"nmi", agreement.information}, {"units", agreement.units}};
}

Result<std::vector<Row>> measure(const Arguments& a, const SemanticEncoder& encoder,
                                 std::size_t& loops) {
  HEMIOLA_TRY(const SoundSet sounds, SoundSet::open(a.data));
  ClusterOptions options;
  options.seed = a.seed;
  options.threads = a.threads;
  options.stop = interrupted;
  HEMIOLA_TRY(const auto mfcc,
              MfccUnits::fit(sounds, sounds.of_split("train"), encoder.units(), options));
  LoopLabels labels;
  std::vector<std::size_t> pieces;
  for (const std::size_t i : sounds.of_split(a.split)) {
    if (labels.add(sounds.piece(i), semantic_frames(sounds.piece(i).samples))) pieces.push_back(i);
  }
  if (pieces.empty()) {
    return fail(
        "{}: no loop with labels in the split \"{}\"; make loops with `hemiola dataset loops "
        "--audio` and gather them with `hemiola audiolm prepare`",
        a.data.string(), a.split);
  }
  std::vector<std::vector<std::int16_t>> ours(pieces.size()), plain(pieces.size());
  HEMIOLA_CHECK(for_each_piece(pieces.size(), a.threads, interrupted, [&](std::size_t i, int) {
    const std::vector<float> sound = sounds.sound(pieces[i]);
    ours[i] = encoder.encode(sound);
    plain[i] = mfcc.find(sound);
  }));
  std::vector<int> semantic_units, mfcc_units;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    semantic_units.insert(semantic_units.end(), ours[i].begin(), ours[i].end());
    mfcc_units.insert(mfcc_units.end(), plain[i].begin(), plain[i].end());
  }
  loops = pieces.size();
  std::vector<Row> rows;
  for (const auto& kind : labels.kinds()) {
    rows.push_back({kind.name, measure_agreement(semantic_units, kind.labels),
                    measure_agreement(mfcc_units, kind.labels)});
  }
  return rows;
}

Result<int> run(const Arguments& a) {
  catch_interrupts();
  HEMIOLA_TRY(const Path file, locate_semantic(a.semantic));
  HEMIOLA_TRY(const auto encoder, SemanticEncoder::load(file));
  std::size_t loops = 0;
  HEMIOLA_TRY(const auto rows, measure(a, encoder, loops));
  if (a.json) {
    Json json = {{"loops", loops},
                 {"frames", rows[0].semantic.frames},
                 {"split", a.split},
                 {"units", encoder.units()},
                 {"sha256", encoder.sha256()}};
    for (const Row& row : rows) {
      json["labels"][row.label] = {{"labels", row.semantic.labels},
                                   {"commonest", row.semantic.commonest},
                                   {"semantic", to_json(row.semantic)},
                                   {"mfcc", to_json(row.mfcc)}};
    }
    print(json);
    return 0;
  }
  std::string text = fmt::format(
      "{} loops of {}, {} frames, {} units\n{:8}{:>8}{:>11}{:>18}{:>18}\n"
      "{:8}{:>8}{:>11}{:>9}{:>9}{:>9}{:>9}",
      loops, a.split, rows[0].semantic.frames, encoder.units(), "", "", "", "purity", "NMI", "",
      "labels", "commonest", "tokens", "MFCC", "tokens", "MFCC");
  for (const Row& row : rows) {
    text += fmt::format("\n{:8}{:8}{:11.3f}{:9.3f}{:9.3f}{:9.3f}{:9.3f}", row.label,
                        row.semantic.labels, row.semantic.commonest, row.semantic.purity,
                        row.mfcc.purity, row.semantic.information, row.mfcc.information);
  }
  print(text);
  return 0;
}

}  // namespace

Action add_audiolm_purity(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option("--audiolm", a->semantic,
                 "semantic.safetensors or a folder that holds it; else HEMIOLA_AUDIOLM, else "
                 "models/audiolm");
  app.add_option("--data", a->data, "Set of loops with labels (hemiola audiolm prepare)")
      ->required();
  app.add_option("--split", a->split, "Of which loops: test, validation or train")
      ->check(CLI::IsMember({"test", "validation", "train"}))
      ->capture_default_str();
  app.add_option("--seed", a->seed, "Of the clusters of MFCC")->capture_default_str();
  app.add_option("--threads", a->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  app.add_flag("--json", a->json, "Report as JSON");
  app.footer(
      "Purity: share of the frames whose label is the commonest one of their token. NMI: mutual "
      "information over the mean entropy. The same number of clusters of MFCC is the baseline.");
  return [a] { return run(*a); };
}

}  // namespace hemiola::cli
