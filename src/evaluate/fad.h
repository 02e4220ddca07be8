// Frechet audio distance and its relatives between two folders: files to sound, sound to frames of
// an embedding, frames to distances.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/time_units.h"
#include "evaluate/distance.h"
#include "evaluate/embedding.h"

namespace hemiola::evaluate {

// A file as one channel at kEmbeddingRate: sound as it is; music (MIDI, .jianpu, .tokens) as
// `hemiola render` would give it. `longest`: the rest is left out.
Result<std::vector<float>> load_sound(const Path& path, Seconds longest = Seconds(3600));
bool is_sound_name(const Path& path);  // .wav .flac .ogg .opus .mp3 .m4a .aif .aiff .webm
bool is_music_name(const Path& path);  // .mid .midi .kar .smf .rmi .jianpu .tokens

// Files of a folder and those below it that `wanted` takes, by name; a file is itself. Fails where
// there are none.
Result<std::vector<Path>> list_files(const Path& path, bool (*wanted)(const Path&));

struct Skipped {
  std::string path, reason;
};
Json to_json(const std::vector<Skipped>& skipped);

struct SetOfSounds {
  FrameSet frames;
  std::vector<std::string> paths;  // of each clip
  std::vector<Skipped> skipped;    // files that failed
};

struct FadOptions {
  int threads = 0;        // 0: one for each processor
  Seconds longest{3600};  // of each file
  std::size_t axes = 0;   // distances on so many principal axes of the reference; 0: all
  bool per_song = false;
  std::uint64_t seed = 0;
  // Files done so far, and of how many; true ends it early with an error.
  std::function<bool(std::size_t, std::size_t)> progress{};
};

// Every file's frames. Fails where no file could be used.
Result<SetOfSounds> embed_files(const std::vector<Path>& files, const Embedding& embedding,
                                const FadOptions& options = {});

struct FadReport {
  std::string embedding;
  int dimensions = 0;  // that the distances stand on
  double fad = 0;
  std::optional<Extrapolated> fad_infinity;
  KernelDistance kad;
  std::size_t reference_files = 0, generated_files = 0;
  std::size_t reference_frames = 0, generated_frames = 0;
  std::vector<Skipped> skipped;
  struct Song {
    std::string path;
    std::optional<double> fad;  // of this piece alone to the reference; not for a single frame
  };
  std::vector<Song> songs;  // where asked for: good for an order among them, not as a distance
};

Result<FadReport> measure_fad(const Path& reference, const Path& generated,
                              const Embedding& embedding, const FadOptions& options = {});
// The same of frames that are there already, two at least in each; report.embedding is left empty.
FadReport measure_fad(const SetOfSounds& reference, const SetOfSounds& generated,
                      const FadOptions& options = {});

Json to_json(const FadReport& report);

}  // namespace hemiola::evaluate
