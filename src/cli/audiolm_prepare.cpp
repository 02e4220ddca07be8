// hemiola audiolm prepare: a folder of loops or of any sound files -> a set of sounds.
#include <memory>

#include "audiolm/sound_set.h"
#include "cli/audiolm_commands.h"
#include "evaluate/fad.h"

namespace hemiola::cli {
namespace {

struct Arguments {
  std::string folder, out;
  bool json = false;
};

Result<std::vector<audiolm::SoundSource>> sources_of(const Path& folder) {
  std::error_code code;
  if (std::filesystem::exists(folder / "labels.jsonl", code)) return audiolm::loop_sources(folder);
  HEMIOLA_TRY(const std::vector<Path> files, evaluate::list_files(folder, evaluate::is_sound_name));
  std::vector<audiolm::SoundSource> sources;
  for (const Path& file : files) {
    sources.push_back({file, std::filesystem::relative(file, folder, code).string(), ""});
  }
  return sources;
}

Result<int> run(const Arguments& arguments) {
  catch_interrupts();
  HEMIOLA_TRY(const auto sources, sources_of(arguments.folder));
  Progress progress("prepare");
  HEMIOLA_TRY(const audiolm::WrittenSounds written,
              audiolm::write_sound_set(sources, arguments.out, [&](std::size_t done) {
                progress.show(static_cast<double>(done), static_cast<double>(sources.size()));
                return interrupted();
              }));
  const double seconds = static_cast<double>(written.samples) / audiolm::kSoundRate;
  if (arguments.json) {
    Json json = {
        {"pieces", written.pieces}, {"seconds_audio", seconds}, {"skipped", Json::array()}};
    for (const auto& file : written.skipped) {
      json["skipped"].push_back({{"path", file.path}, {"reason", file.reason}});
    }
    print(json);
    return 0;
  }
  for (const auto& file : written.skipped) note(fmt::format("{}: {}", file.path, file.reason));
  print(fmt::format("{}: {} pieces, {} of sound; {} files were left out", arguments.out,
                    written.pieces, duration_text(seconds), written.skipped.size()));
  return 0;
}

}  // namespace

Action add_audiolm_prepare(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  app.add_option("FOLDER", arguments->folder,
                 "Loops with their sound (`hemiola dataset loops --audio`), or any sound files")
      ->required();
  app.add_option("-o,--out", arguments->out, "The set's folder")->required();
  app.add_flag("--json", arguments->json, "Report as JSON");
  return [arguments] { return run(*arguments); };
}

}  // namespace hemiola::cli
