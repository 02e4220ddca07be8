// Sound files of any common kind, from memory: WAV, FLAC, MP3, Ogg (Vorbis, Opus), WebM, MP4/M4A,
// AIFF. Decoding goes through FFmpeg's libraries, which get the bytes and nothing else: no file, no
// network, no protocol. Headers are not believed; what is decoded counts.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "audio/audio.h"

namespace hemiola {

struct DecodeOptions {
  int sample_rate = 0;    // Hz; 0: as it is
  bool mono = false;      // the mean of the channels
  Seconds longest{1800};  // more sound than this is refused,
  bool cut = false;       // or, with this, left out
  // Gets the share of the bytes that are read, 0 to 1; false from it ends the work with an error.
  std::function<bool(double)> progress{};
};

// The first stream of sound. Fails where there is none, where the bytes are damaged beyond
// decoding, or beyond a limit. Damage within is passed over. Rates of 1 to 768 kHz, up to 32
// channels.
Result<Audio> decode_audio(std::span<const std::uint8_t> bytes, const DecodeOptions& options = {});

}  // namespace hemiola
