// A set of sounds as training and measuring read it: a folder with all pieces one after another in
// one file of numbers, mapped into memory, and a table that says where each begins.
//
//   sound.i16   little-endian int16, one channel at 16 kHz
//   sound.json  {"format":"hemiola-sounds-1","rate":16000,"pieces":[{"name","start","samples",
//               "split","labels":{...}}]}; start and samples in samples
//
// A set is written once and never changed; it may be read by many threads and programs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "base/result.h"

namespace hemiola::audiolm {

inline constexpr int kSoundRate = 16000;  // Hz

struct SoundPiece {
  std::string name;
  std::size_t start = 0, samples = 0;  // in sound.i16
  std::string split;                   // "train", "validation" or "test"
  Json labels = Json::object();        // of a loop: key, chords, tempo ...; else empty
};

class SoundSet {
 public:
  // Refuses tables that point outside the numbers.
  static Result<SoundSet> open(const Path& folder);

  std::size_t size() const { return pieces_.size(); }
  const SoundPiece& piece(std::size_t i) const { return pieces_[i]; }
  // Valid as long as the set; it may be moved.
  std::span<const std::int16_t> samples(std::size_t i) const;
  // Full scale becomes -1 to 1.
  std::vector<float> sound(std::size_t i) const;
  std::vector<std::size_t> of_split(std::string_view split) const;

 private:
  SoundSet(MappedFile file, std::vector<SoundPiece> pieces)
      : file_(std::move(file)), pieces_(std::move(pieces)) {}

  MappedFile file_;
  std::vector<SoundPiece> pieces_;
};

// The table of a set whose sound.i16 has so many samples.
Result<std::vector<SoundPiece>> parse_sound_table(std::string_view json, std::size_t samples,
                                                  std::string_view where);

// What a set is made of.
struct SoundSource {
  Path path;  // any file that decode_audio reads
  std::string name;
  std::string split;  // empty: by the hash of the file's bytes, 90 : 5 : 5
  Json labels = Json::object();
};

// The loops of a folder that `hemiola dataset loops --audio` wrote: names, splits and labels as
// labels.jsonl has them. Fails where a loop's sound is not there.
Result<std::vector<SoundSource>> loop_sources(const Path& folder);

struct WrittenSounds {
  std::size_t pieces = 0, samples = 0;
  struct Skipped {
    std::string path, reason;
  };
  std::vector<Skipped> skipped;  // files that could not be decoded
};

// Writes both files; a set that stands there is replaced once all is done. `progress` gets the
// files done and returns true to end early, with an error. Fails where no file could be decoded.
Result<WrittenSounds> write_sound_set(std::span<const SoundSource> sources, const Path& folder,
                                      const std::function<bool(std::size_t)>& progress = {});

}  // namespace hemiola::audiolm
