// Small pieces for the tests of this folder that sound like something, and folders that clean up
// behind themselves.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include <unistd.h>

#include "base/files.h"

#include "base/rng.h"
#include "score/grid_score.h"

namespace hemiola::data {

// A melody over chords, `bars` of 4/4 in a major key, that is the same for the same seed.
inline GridScore tune(std::uint64_t seed, int bars = 16) {
  Rng rng(seed);
  constexpr std::array<int, 7> kScale = {0, 2, 4, 5, 7, 9, 11};
  GridScore score;
  score.bars.assign(static_cast<std::size_t>(bars), GridBar{.key = Key{}});
  GridTrack melody{.program = 73}, chords{.program = 0};
  int degree = rng.between(4, 10);
  for (int at = 0; at < bars * 96;) {
    const int length = std::array{12, 12, 24, 24, 48}[rng.below(5)];
    degree = std::clamp(degree + rng.between(-3, 3), 0, 14);
    const int pitch = 60 + 12 * (degree / 7) + kScale[static_cast<std::size_t>(degree % 7)];
    melody.notes.push_back({.onset = GridTick(at),
                            .duration = GridTick(std::min(length, bars * 96 - at)),
                            .pitch = static_cast<std::uint8_t>(pitch)});
    at += length;
  }
  for (int bar = 0; bar < bars; ++bar) {
    const auto root = rng.below(7);
    for (const std::size_t third : {4u, 2u, 0u}) {
      const std::size_t tone = root + third;
      chords.notes.push_back(
          {.onset = GridTick(bar * 96),
           .duration = GridTick(96),
           .pitch = static_cast<std::uint8_t>(36 + 12 * (tone / 7) +
                                              static_cast<std::size_t>(kScale[tone % 7]))});
    }
  }
  score.tracks = {melody, chords};
  return score;
}

inline GridScore transposed(GridScore score, int semitones) {
  for (GridTrack& track : score.tracks) {
    if (track.is_drum) continue;
    for (GridNote& note : track.notes) {
      note.pitch = static_cast<std::uint8_t>(note.pitch + semitones);
    }
  }
  return score;
}

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              fmt::format("hemiola-{}-{}", name, ::getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code code;
    std::filesystem::remove_all(path_, code);
  }
  const Path& path() const { return path_; }

 private:
  Path path_;
};

}  // namespace hemiola::data
