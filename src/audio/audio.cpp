#include "audio/audio.h"

#include <ebur128.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>

namespace hemiola {
namespace {

double to_decibel(double amplitude) {
  return amplitude > 0 ? 20 * std::log10(amplitude) : -std::numeric_limits<double>::infinity();
}

// libsndfile's virtual file over memory, so that our own atomic writer sees whole files only.
struct MemoryFile {
  Bytes bytes;
  std::size_t position = 0;

  static sf_count_t size(void* self) {
    return static_cast<sf_count_t>(static_cast<MemoryFile*>(self)->bytes.size());
  }
  static sf_count_t seek(sf_count_t offset, int whence, void* self) {
    auto& file = *static_cast<MemoryFile*>(self);
    const sf_count_t base = whence == SEEK_SET   ? 0
                            : whence == SEEK_CUR ? static_cast<sf_count_t>(file.position)
                                                 : static_cast<sf_count_t>(file.bytes.size());
    if (base + offset < 0) return -1;
    file.position = static_cast<std::size_t>(base + offset);
    return base + offset;
  }
  static sf_count_t read(void* target, sf_count_t count, void* self) {
    auto& file = *static_cast<MemoryFile*>(self);
    if (file.position >= file.bytes.size()) return 0;
    const std::size_t n =
        std::min(static_cast<std::size_t>(count), file.bytes.size() - file.position);
    std::memcpy(target, file.bytes.data() + file.position, n);
    file.position += n;
    return static_cast<sf_count_t>(n);
  }
  static sf_count_t write(const void* source, sf_count_t count, void* self) {
    auto& file = *static_cast<MemoryFile*>(self);
    const std::size_t end = file.position + static_cast<std::size_t>(count);
    if (end > file.bytes.size()) file.bytes.resize(end);
    std::memcpy(file.bytes.data() + file.position, source, static_cast<std::size_t>(count));
    file.position = end;
    return count;
  }
  static sf_count_t tell(void* self) {
    return static_cast<sf_count_t>(static_cast<MemoryFile*>(self)->position);
  }

  static SF_VIRTUAL_IO calls() { return {size, seek, read, write, tell}; }
};

struct Close {
  void operator()(SNDFILE* file) const { sf_close(file); }
};
using SoundFile = std::unique_ptr<SNDFILE, Close>;

std::optional<int> format_of(const Path& path) {
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (ending == ".wav") return SF_FORMAT_WAV | SF_FORMAT_PCM_16;
  if (ending == ".flac") return SF_FORMAT_FLAC | SF_FORMAT_PCM_16;
  if (ending == ".ogg") return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
  if (ending == ".mp3") return SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
  return std::nullopt;
}

}  // namespace

Result<Loudness> measure_loudness(const Audio& audio) {
  const auto free_state = [](ebur128_state* state) { ebur128_destroy(&state); };
  const std::unique_ptr<ebur128_state, decltype(free_state)> state(
      ebur128_init(static_cast<unsigned>(audio.channels),
                   static_cast<unsigned long>(audio.sample_rate),
                   EBUR128_MODE_I | EBUR128_MODE_TRUE_PEAK),
      free_state);
  if (!state) {
    return fail("loudness: cannot measure {} channels at {} Hz", audio.channels, audio.sample_rate);
  }
  Loudness loudness{0, 0};
  double peak = 0;
  if (ebur128_add_frames_float(state.get(), audio.samples.data(), audio.frames()) != 0 ||
      ebur128_loudness_global(state.get(), &loudness.integrated) != 0) {
    return fail("loudness: out of memory for {} frames", audio.frames());
  }
  for (int channel = 0; channel < audio.channels; ++channel) {
    double channel_peak = 0;
    ebur128_true_peak(state.get(), static_cast<unsigned>(channel), &channel_peak);
    peak = std::max(peak, channel_peak);
  }
  loudness.true_peak = to_decibel(peak);
  return loudness;
}

Result<double> normalise_loudness(Audio& audio, const LoudnessTarget& target) {
  HEMIOLA_TRY(const Loudness loudness, measure_loudness(audio));
  if (!std::isfinite(loudness.true_peak)) return 0.0;
  double gain = target.true_peak - loudness.true_peak;
  // Shorter than one gating block has no loudness; then the peak alone decides.
  if (std::isfinite(loudness.integrated)) {
    gain = std::min(gain, target.integrated - loudness.integrated);
  }
  const auto factor = static_cast<float>(std::pow(10.0, gain / 20));
  for (float& sample : audio.samples) sample *= factor;
  return gain;
}

Status write_audio(const Path& path, const Audio& audio) {
  const auto format = format_of(path);
  if (!format) {
    return fail("{}: cannot write '{}' files; name it .wav, .flac, .ogg or .mp3", path.string(),
                path.extension().string());
  }
  SF_INFO info{};
  info.samplerate = audio.sample_rate;
  info.channels = audio.channels;
  info.format = *format;
  MemoryFile memory;
  SF_VIRTUAL_IO calls = MemoryFile::calls();
  SoundFile file(sf_open_virtual(&calls, SFM_WRITE, &info, &memory));
  if (!file) return fail("{}: {}", path.string(), sf_strerror(nullptr));
  double quality = 0.6;  // Vorbis: about 190 kbit/s
  if ((*format & SF_FORMAT_OGG) == SF_FORMAT_OGG) {
    sf_command(file.get(), SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof quality);
  }
  sf_command(file.get(), SFC_SET_CLIPPING, nullptr, SF_TRUE);
  // In pieces: libsndfile's Vorbis encoder holds a whole call's frames on the stack.
  constexpr std::size_t kFrames = 4096;
  for (std::size_t done = 0; done < audio.frames(); done += kFrames) {
    const auto n = static_cast<sf_count_t>(std::min(kFrames, audio.frames() - done));
    const float* frames = audio.samples.data() + done * static_cast<std::size_t>(audio.channels);
    if (sf_writef_float(file.get(), frames, n) != n) {
      return fail("{}: {}", path.string(), sf_strerror(file.get()));
    }
  }
  file.reset();
  return write_file(path, memory.bytes);
}

}  // namespace hemiola
