// Sound in memory, and as a file. Writing goes through libsndfile, loudness through libebur128;
// decode.h reads.
#pragma once

#include <vector>

#include "base/files.h"
#include "base/time_units.h"

namespace hemiola {

struct Audio {
  int sample_rate = 44100;  // Hz
  int channels = 2;
  std::vector<float> samples;  // (frames, channels) interleaved; full scale is -1 to 1

  std::size_t frames() const { return samples.size() / static_cast<std::size_t>(channels); }
  Seconds length() const { return Seconds(static_cast<double>(frames()) / sample_rate); }
};

struct Loudness {
  double integrated = 0;  // LUFS (ITU-R BS.1770-4); -infinity for silence
  double true_peak = 0;   // dBTP; -infinity for silence
};

Result<Loudness> measure_loudness(const Audio& audio);

struct LoudnessTarget {
  double integrated = -18;  // LUFS
  double true_peak = -1;    // dBTP; never exceeded, so a piece of sharp peaks stays quieter
};

// One gain for the whole piece: dynamics are kept and nothing is limited or clipped. Returns the
// gain in dB; silence is left alone.
Result<double> normalise_loudness(Audio& audio, const LoudnessTarget& target = {});

// The format follows the ending: .wav (16 bit), .flac (16 bit), .ogg (Vorbis), .mp3.
Status write_audio(const Path& path, const Audio& audio);

}  // namespace hemiola
