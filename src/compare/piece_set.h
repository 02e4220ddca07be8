// A set of pieces on disk: SET/notes/001.mid where it has notes, SET/sound/001.flac (one channel,
// 16 kHz), SET/made/000.json for each batch that is whole. A set that was begun goes on where it
// was; each batch depends on its number alone.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "audio/audio.h"
#include "base/files.h"
#include "base/result.h"
#include "engine/thread_pool.h"
#include "midi/events.h"

namespace hemiola::compare {

inline constexpr int kSoundRate = 16000;  // Hz

struct MadePiece {
  Bytes notes;  // MIDI; empty: it has none
  // Its sound: as it stands in a file of FLAC, or as samples (one channel, kSoundRate; brought to
  // the usual loudness), or from `file` as a loop of this length.
  Bytes flac;
  std::optional<Audio> sound;
  midi::File file;
  Seconds length{};
};

struct MadeBatch {
  std::vector<MadePiece> pieces;
  double seconds = 0;  // of work to write them, without the sound that is made here
};

struct PieceSet {
  Path folder;
  std::size_t pieces = 0;
  double music_seconds = 0;    // of all pieces
  double writing_seconds = 0;  // of work
  double sound_seconds = 0;    // of work to render, on all threads

  Path notes() const { return folder / "notes"; }
  Path sound() const { return folder / "sound"; }
  std::string sha256;  // of all its files in their order
};

std::string piece_name(std::size_t index);  // "001" for 0

// Pieces first to first + count - 1.
using MakeBatch = std::function<Result<MadeBatch>(std::size_t first, std::size_t count)>;

struct MakeOptions {
  std::size_t count = 0;
  std::size_t batch = 8;
  // Pieces done; true ends it with an error.
  std::function<bool(std::size_t)> progress{};
};
Result<PieceSet> make_set(const Path& folder, const MakeOptions& options, const MakeBatch& make,
                          engine::ThreadPool& pool);

}  // namespace hemiola::compare
