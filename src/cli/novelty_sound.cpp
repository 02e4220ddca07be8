#include "cli/novelty_sound.h"

#include <optional>

#include "audiolm/generator.h"
#include "evaluate/fad.h"
#include "evaluate/sound_novelty.h"

namespace hemiola::cli {
namespace {

using namespace audiolm;
using evaluate::SoundIndex;
using evaluate::SoundNovelty;

Result<SoundIndex> build_index(const Path& data, const SemanticEncoder& encoder,
                               const Codec* codec) {
  HEMIOLA_TRY(const SoundSet sounds, SoundSet::open(data));
  catch_interrupts();
  Progress progress("index");
  return SoundIndex::build(sounds, encoder, codec,
                           {.progress = [&](std::size_t done, std::size_t total) {
                             progress.show(static_cast<double>(done), static_cast<double>(total),
                                           fmt::format("{} pieces", done));
                             return interrupted();
                           }});
}

Result<SoundIndex> index_of(const Path& data, const SemanticEncoder& encoder, const Codec* codec) {
  const Path path = data / fmt::format("novelty-{}{}{}.safetensors", encoder.sha256().substr(0, 12),
                                       codec == nullptr ? "" : "-",
                                       codec == nullptr ? "" : codec->sha256().substr(0, 12));
  std::error_code code;
  if (std::filesystem::exists(path, code)) return SoundIndex::load(path);
  HEMIOLA_TRY(auto index, build_index(data, encoder, codec));
  HEMIOLA_CHECK(index.write(path));
  return index;
}

std::string to_text(const SoundNovelty& novelty) {
  std::string text = novelty.is_copy() ? "a copy of training sound" : "new";
  if (novelty.exact_codes) text += fmt::format("\nthe same codes as {}", novelty.exact_piece);
  return text + fmt::format(
                    "\nnearest: {} at {:.2f} s, here at {:.2f} s; distance {:.4f}, near is "
                    "below {:.4f}\n{:.0f} % of it lies in windows that are near",
                    novelty.nearest.piece, novelty.nearest.at.count(), novelty.nearest.own.count(),
                    novelty.nearest.distance, novelty.threshold, 100 * novelty.copied);
}

}  // namespace

Status write_sound_index(const Path& data, const Path& bundle) {
  HEMIOLA_TRY(const auto encoder, SemanticEncoder::load(bundle / kBundleParts[1]));
  HEMIOLA_TRY(const Codec codec, Codec::load(bundle / kBundleParts[0]));
  HEMIOLA_TRY(const auto index, build_index(data, encoder, &codec));
  return index.write(bundle / kBundleIndex);
}

bool is_sound_file(const Path& path) { return evaluate::is_sound_name(path); }

Result<int> report_sound_novelty(const SoundNoveltyRequest& request) {
  HEMIOLA_TRY(const Path file, locate_semantic(request.audiolm));
  HEMIOLA_TRY(const auto encoder, SemanticEncoder::load(file));
  HEMIOLA_TRY(const auto sound, evaluate::load_sound(request.file));
  std::optional<Codec> codec;
  std::error_code code;
  if (const Path path = file.parent_path() / "codec.safetensors";
      std::filesystem::exists(path, code)) {
    HEMIOLA_TRY(codec, Codec::load(path));
  }
  const Codec* used = codec ? &*codec : nullptr;
  std::optional<SoundIndex> index;
  if (request.data.empty()) {
    HEMIOLA_TRY(index, evaluate::bundled_index(file.parent_path(), encoder));
    if (!index) {
      return fail(
          "{} does not exist, so there is nothing to compare with; name a set of sounds with "
          "--data SET (hemiola audiolm prepare)",
          (file.parent_path() / kBundleIndex).string());
    }
  } else {
    HEMIOLA_TRY(index, index_of(request.data, encoder, used));
  }
  HEMIOLA_TRY(const auto novelty, evaluate::sound_novelty(sound, *index, encoder, used));
  if (request.json) {
    print(evaluate::to_json(novelty));
  } else {
    print(to_text(novelty));
  }
  return 0;
}

}  // namespace hemiola::cli
