// hemiola audiolm oracle: what each part of AudioLM does to sounds that are known.
#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "audio/audio.h"
#include "audiolm/oracle.h"
#include "audiolm/sound_set.h"
#include "beats/tracker.h"
#include "cli/audiolm_commands.h"
#include "evaluate/temporal.h"

namespace hemiola::cli {
namespace {

constexpr double kPromptSeconds = 4, kNewSeconds = 8;  // of what goes on
constexpr double kTempoTolerance = 0.04;               // as usual in tempo estimation

struct Arguments {
  Path model, data, out;
  std::string split = "validation";
  std::size_t count = 10;
  std::uint64_t seed = 0;
  int threads = 0;
  bool json = false;
};

// What was measured of one way of making sound, over all pieces.
struct Row {
  audiolm::SoundDistance sum;
  std::size_t measured = 0;          // sounds in `sum`
  std::size_t tempi = 0, right = 0;  // sounds of known tempo, and where the tracker finds it

  void add(const audiolm::SoundDistance& one) {
    sum.mel_db += one.mel_db;
    sum.spectrum_db += one.spectrum_db;
    sum.level_db += one.level_db;
    sum.chroma += one.chroma;
    sum.units += one.units;
    ++measured;
  }
};

// Whether the beat tracker hears this tempo, or half or twice of it.
bool has_tempo(std::span<const float> sound, double tempo) {
  const auto track = track_beats(evaluate::find_onsets(sound));
  if (!track || track->beats.size() < 4) return false;
  std::vector<double> intervals;
  for (std::size_t i = 1; i < track->beats.size(); ++i) {
    intervals.push_back((track->beats[i].at - track->beats[i - 1].at).count());
  }
  std::nth_element(intervals.begin(),
                   intervals.begin() + static_cast<std::ptrdiff_t>(intervals.size() / 2),
                   intervals.end());
  const double heard = 60 / intervals[intervals.size() / 2];
  for (const double factor : {0.5, 1.0, 2.0}) {
    if (std::abs(heard / (factor * tempo) - 1) < kTempoTolerance) return true;
  }
  return false;
}

void add_tempo(Row& row, std::span<const float> sound, double tempo) {
  if (tempo <= 0) return;
  ++row.tempi;
  row.right += has_tempo(sound, tempo) ? 1 : 0;
}

Json to_json(const Row& row) {
  Json json = Json::object();
  const auto n = static_cast<double>(row.measured);
  if (row.measured > 0) {
    json = {{"mel_db", row.sum.mel_db / n},
            {"spectrum_db", row.sum.spectrum_db / n},
            {"level_db", row.sum.level_db / n},
            {"chroma", row.sum.chroma / n},
            {"units", row.sum.units / n}};
  }
  if (row.tempi > 0) {
    json["tempo"] = static_cast<double>(row.right) / static_cast<double>(row.tempi);
  }
  return json;
}

Status keep(const Path& folder, const std::string& name, int rate, std::vector<float> samples) {
  if (folder.empty()) return {};
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return fail("{}: cannot create the folder: {}", folder.string(), code.message());
  for (float& sample : samples) sample = std::clamp(sample, -1.0f, 1.0f);
  return write_audio(folder / (name + ".wav"), {rate, 1, std::move(samples)});
}

using Rows = std::map<std::string, Row>;

Status measure(const Arguments& a, const audiolm::Generator& generator,
               const audiolm::SoundSet& set, std::size_t index, std::size_t piece, Rows& rows) {
  const std::vector<float> truth = set.sound(piece);
  const double tempo = set.piece(piece).labels.value("tempo", 0.0);
  const std::string number = fmt::format("{:03}", index + 1);
  add_tempo(rows["true"], truth, tempo);
  HEMIOLA_CHECK(keep(a.out, number + "-true", generator.rate(), truth));
  for (const audiolm::Given given : audiolm::kGiven) {
    if (given == audiolm::Given::kRhythm && !generator.stages().rhythm) continue;
    HEMIOLA_TRY(const std::vector<float> made, made_from(generator, truth, given, a.seed + index));
    Row& row = rows[std::string(name(given))];
    row.add(distance(generator.encoder(), truth, made));
    add_tempo(row, made, tempo);
    HEMIOLA_CHECK(keep(a.out, fmt::format("{}-{}", number, name(given)), generator.rate(), made));
  }
  audiolm::SoundRequest request;
  request.seconds = kNewSeconds;
  request.seed = a.seed + index;
  request.sampling = generator.sampling();
  const auto heard = static_cast<std::size_t>(kPromptSeconds * generator.rate());
  request.prompt.assign(truth.begin(),
                        truth.begin() + static_cast<std::ptrdiff_t>(std::min(heard, truth.size())));
  HEMIOLA_TRY(const audiolm::WrittenSound written, generator.generate(request, {}));
  add_tempo(rows["continued"], std::span(written.samples).subspan(written.prompt_samples), tempo);
  return keep(a.out, number + "-continued", generator.rate(), written.samples);
}

std::string to_text(const Json& report) {
  std::string text = fmt::format("{:12} {:>8} {:>12} {:>9} {:>7} {:>6} {:>6}", "", "mel dB",
                                 "spectrum dB", "level dB", "chroma", "units", "tempo");
  for (const auto& [name, row] : report["rows"].items()) {
    const auto cell = [&row](const char* field, int digits) {
      return row.contains(field) ? fmt::format("{:.{}f}", row[field].get<double>(), digits) : "";
    };
    text += fmt::format("\n{:12} {:>8} {:>12} {:>9} {:>7} {:>6} {:>6}", name, cell("mel_db", 2),
                        cell("spectrum_db", 2), cell("level_db", 2), cell("chroma", 3),
                        cell("units", 3), cell("tempo", 2));
  }
  return text;
}

Result<int> run(const Arguments& a) {
  HEMIOLA_TRY(const Path bundle, audiolm::locate_audiolm(a.model));
  engine::Options options;
  options.threads = a.threads;
  HEMIOLA_TRY(const audiolm::Generator generator, audiolm::Generator::load(bundle, options));
  HEMIOLA_TRY(const audiolm::SoundSet set, audiolm::SoundSet::open(a.data));
  std::vector<std::size_t> pieces = set.of_split(a.split);
  if (pieces.empty()) return fail("{}: no pieces in the split {}", a.data.string(), a.split);
  pieces.resize(std::min(pieces.size(), a.count));
  catch_interrupts();
  Rows rows;
  {
    Progress progress("oracle");
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (interrupted()) return fail("stopped");
      HEMIOLA_CHECK(measure(a, generator, set, i, pieces[i], rows));
      progress.show(static_cast<double>(i + 1), static_cast<double>(pieces.size()));
    }
  }
  Json report = {{"model", generator.sha256()},
                 {"split", a.split},
                 {"pieces", pieces.size()},
                 {"rows", Json::object()}};
  for (const char* each : {"true", "codes", "units+coarse", "units", "rhythm", "continued"}) {
    if (const auto row = rows.find(each); row != rows.end()) {
      report["rows"][each] = to_json(row->second);
    }
  }
  if (a.json) {
    print(report);
  } else {
    print(to_text(report));
  }
  return 0;
}

}  // namespace

Action add_audiolm_oracle(CLI::App& app) {
  auto a = std::make_shared<Arguments>();
  app.add_option("--model", a->model,
                 "Bundle; else HEMIOLA_AUDIOLM, else the one that came with the program");
  app.add_option("--data", a->data, "A set of sound (`hemiola audiolm prepare`)")->required();
  app.add_option("--split", a->split, "train, validation or test")->capture_default_str();
  app.add_option("-n,--count", a->count, "So many of its pieces")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("-o,--out", a->out, "A folder for the sounds; else they are only measured");
  app.add_option("--seed", a->seed)->capture_default_str();
  app.add_option("--threads", a->threads, "0: one for each processor")->check(CLI::Range(0, 1024));
  app.add_flag("--json", a->json, "Report as JSON");
  app.footer(
      "codes: the codec alone; units+coarse: the fine stage writes the rest; units: the coarse "
      "stage too; rhythm: the semantic stage too; continued: 8 s after the first 4. mel: moment by "
      "moment; spectrum: mean over time; chroma: cosine of pitch classes; units: share that is "
      "heard again; tempo: share in which the beat tracker finds the label's.");
  return [a] { return run(*a); };
}

}  // namespace hemiola::cli
