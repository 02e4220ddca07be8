#include "audio/decode.h"

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
}

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "audio/resample.h"

namespace hemiola {
namespace {

constexpr int kAvioBuffer = 1 << 15;                        // bytes
constexpr std::size_t kMostSamples = std::size_t{1} << 29;  // of all channels: 2 GiB of floats
constexpr int kMostChannels = 32;
constexpr int kLowestRate = 1000, kHighestRate = 768000;  // Hz

// What people record and keep; the many other formats that FFmpeg knows stay closed.
constexpr const char* kFormats =
    "wav,w64,flac,mp3,ogg,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,aac,aiff,caf,au";
constexpr const char* kCodecs =
    "flac,mp3float,mp3,vorbis,opus,aac,aac_fixed,alac,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,"
    "pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,"
    "pcm_s64le,pcm_s64be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be";
constexpr const char* kKinds = "WAV, FLAC, MP3, Ogg, Opus, WebM, M4A or AIFF";

// FFmpeg prints by default; a library must not.
void silence_log() {
  static const bool once = [] {
    av_log_set_level(AV_LOG_QUIET);
    return true;
  }();
  (void)once;
}

std::string reason(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof text);
  return text;
}

struct MemoryReader {
  std::span<const std::uint8_t> bytes;
  std::size_t position = 0;

  static int read(void* self, std::uint8_t* target, int size) {
    auto& reader = *static_cast<MemoryReader*>(self);
    const std::size_t left = reader.bytes.size() - reader.position;
    const std::size_t n = std::min(left, static_cast<std::size_t>(std::max(size, 0)));
    if (n == 0) return AVERROR_EOF;
    std::memcpy(target, reader.bytes.data() + reader.position, n);
    reader.position += n;
    return static_cast<int>(n);
  }
  static std::int64_t seek(void* self, std::int64_t offset, int whence) {
    auto& reader = *static_cast<MemoryReader*>(self);
    const auto size = static_cast<std::int64_t>(reader.bytes.size());
    if ((whence & AVSEEK_SIZE) != 0) return size;
    whence &= ~AVSEEK_FORCE;
    const std::int64_t base = whence == SEEK_CUR   ? static_cast<std::int64_t>(reader.position)
                              : whence == SEEK_END ? size
                                                   : 0;
    if (offset < -base || offset > size - base) return AVERROR(EINVAL);
    reader.position = static_cast<std::size_t>(base + offset);
    return base + offset;
  }
};

struct CloseIo {
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
struct CloseInput {
  void operator()(AVFormatContext* input) const { avformat_close_input(&input); }
};
struct FreeDecoder {
  void operator()(AVCodecContext* decoder) const { avcodec_free_context(&decoder); }
};
struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};

// A file that points to others gets none of them.
int refuse_to_open(AVFormatContext*, AVIOContext**, const char*, int, AVDictionary**) {
  return AVERROR(EPERM);
}

// --- Samples of any type as floats ---

template <class T>
float to_float(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<float>(value);
  } else if constexpr (std::is_same_v<T, std::uint8_t>) {
    return (static_cast<float>(value) - 128.0f) / 128.0f;
  } else {
    return static_cast<float>(static_cast<double>(value) /
                              -static_cast<double>(std::numeric_limits<T>::min()));
  }
}

template <class T>
void append_samples(const AVFrame& frame, bool planar, std::vector<float>& out) {
  const auto channels = static_cast<std::size_t>(frame.ch_layout.nb_channels);
  const auto count = static_cast<std::size_t>(frame.nb_samples);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t c = 0; c < channels; ++c) {
      const std::uint8_t* plane = frame.extended_data[planar ? c : 0];
      T value;
      std::memcpy(&value, plane + sizeof(T) * (planar ? i : i * channels + c), sizeof value);
      out.push_back(to_float(value));
    }
  }
}

Status interleave(const AVFrame& frame, std::vector<float>& out) {
  const auto format = static_cast<AVSampleFormat>(frame.format);
  const bool planar = av_sample_fmt_is_planar(format) != 0;
  out.clear();
  switch (av_get_packed_sample_fmt(format)) {
    case AV_SAMPLE_FMT_U8:
      append_samples<std::uint8_t>(frame, planar, out);
      break;
    case AV_SAMPLE_FMT_S16:
      append_samples<std::int16_t>(frame, planar, out);
      break;
    case AV_SAMPLE_FMT_S32:
      append_samples<std::int32_t>(frame, planar, out);
      break;
    case AV_SAMPLE_FMT_S64:
      append_samples<std::int64_t>(frame, planar, out);
      break;
    case AV_SAMPLE_FMT_FLT:
      append_samples<float>(frame, planar, out);
      break;
    case AV_SAMPLE_FMT_DBL:
      append_samples<double>(frame, planar, out);
      break;
    default:
      return fail("samples of a type that is not known ({})", frame.format);
  }
  for (float& sample : out) {
    if (!std::isfinite(sample)) sample = 0;
  }
  return {};
}

// --- Where the sound goes ---

// Brings every frame to one rate and number of channels, whatever comes midway.
class Sink {
 public:
  explicit Sink(const DecodeOptions& options) : options_(options) {}

  Status add(const AVFrame& frame) {
    const int rate = frame.sample_rate, channels = frame.ch_layout.nb_channels;
    if (rate < kLowestRate || rate > kHighestRate || channels < 1 || channels > kMostChannels) {
      return fail("{} channels at {} Hz; expected 1 to {} channels at {} to {} Hz", channels, rate,
                  kMostChannels, kLowestRate, kHighestRate);
    }
    if (audio_.samples.empty() && rate_ == 0) {
      audio_.sample_rate = options_.sample_rate > 0 ? options_.sample_rate : rate;
      audio_.channels = options_.mono ? 1 : channels;
    }
    if (!options_.mono && channels != audio_.channels) {
      return fail("the sound changes from {} to {} channels after {:.1f} s", audio_.channels,
                  channels, audio_.length().count());
    }
    if (rate != rate_) HEMIOLA_CHECK(change_rate(rate));
    HEMIOLA_CHECK(interleave(frame, samples_));
    if (options_.mono) {
      mono_.clear();
      mix_to_mono(samples_, channels, mono_);
      samples_.swap(mono_);
    }
    if (resampler_) {
      resampler_->process(samples_, audio_.samples);
    } else {
      audio_.samples.insert(audio_.samples.end(), samples_.begin(), samples_.end());
    }
    is_full_ = options_.cut && audio_.length() >= options_.longest;
    if ((!is_full_ && audio_.length() > options_.longest) || audio_.samples.size() > kMostSamples) {
      return fail("longer than {:.0f} s; cut it, or take a part of it",
                  std::min(options_.longest, audio_.length()).count());
    }
    return {};
  }

  Audio finish() {
    if (resampler_) resampler_->finish(audio_.samples);
    const auto most = static_cast<std::size_t>(options_.longest.count() * audio_.sample_rate);
    if (options_.cut && audio_.frames() > most) {
      audio_.samples.resize(most * static_cast<std::size_t>(audio_.channels));
    }
    return std::move(audio_);
  }
  bool is_empty() const { return rate_ == 0; }
  bool is_full() const { return is_full_; }  // what would follow is to be left out

 private:
  Status change_rate(int rate) {
    if (resampler_) resampler_->finish(audio_.samples);
    resampler_.reset();
    rate_ = rate;
    if (rate == audio_.sample_rate) return {};
    HEMIOLA_TRY(resampler_, Resampler::create(rate, audio_.sample_rate, audio_.channels));
    return {};
  }

  const DecodeOptions& options_;
  Audio audio_;
  int rate_ = 0;  // of what comes in; 0 before the first frame
  bool is_full_ = false;
  std::optional<Resampler> resampler_;
  std::vector<float> samples_, mono_;  // of one frame
};

// --- Reading ---

class Decoding {
 public:
  Decoding(std::span<const std::uint8_t> bytes, const DecodeOptions& options)
      : reader_{bytes}, options_(options), sink_(options) {}

  Result<Audio> run() {
    HEMIOLA_CHECK(open());
    HEMIOLA_CHECK(read());
    if (sink_.is_empty()) {
      return fail("the sound is damaged: nothing of it can be decoded{}",
                  problem_ == 0 ? "" : " (" + reason(problem_) + ")");
    }
    return sink_.finish();
  }

 private:
  Status open();
  Status read();
  Status take_frames();

  MemoryReader reader_;
  const DecodeOptions& options_;
  Sink sink_;
  std::unique_ptr<AVIOContext, CloseIo> io_;
  std::unique_ptr<AVFormatContext, CloseInput> input_;
  std::unique_ptr<AVCodecContext, FreeDecoder> decoder_;
  std::unique_ptr<AVFrame, FreeFrame> frame_;
  int stream_ = -1;
  int problem_ = 0;  // the last error that was passed over
};

Status Decoding::open() {
  auto* buffer = static_cast<unsigned char*>(av_malloc(kAvioBuffer));
  if (buffer == nullptr) return fail("out of memory");
  io_.reset(avio_alloc_context(buffer, kAvioBuffer, 0, &reader_, MemoryReader::read, nullptr,
                               MemoryReader::seek));
  frame_.reset(av_frame_alloc());
  AVFormatContext* input = avformat_alloc_context();
  if (!io_ || !frame_ || input == nullptr) return fail("out of memory");
  input->pb = io_.get();
  input->io_open = refuse_to_open;
  input->format_whitelist = av_strdup(kFormats);
  input->codec_whitelist = av_strdup(kCodecs);
  input->max_streams = 16;
  // Frees the input where it fails.
  if (const int code = avformat_open_input(&input, nullptr, nullptr, nullptr); code < 0) {
    return fail("not a sound file of a kind that is known; expected {}", kKinds);
  }
  input_.reset(input);
  if (const int code = avformat_find_stream_info(input, nullptr); code < 0) problem_ = code;
  const AVCodec* codec = nullptr;
  stream_ = av_find_best_stream(input, AVMEDIA_TYPE_AUDIO, -1, -1, &codec, 0);
  if (stream_ < 0) return fail("the file holds no sound that can be decoded; expected {}", kKinds);
  for (unsigned i = 0; i < input->nb_streams; ++i) {
    if (static_cast<int>(i) != stream_) input->streams[i]->discard = AVDISCARD_ALL;
  }
  const AVStream* stream = input->streams[stream_];
  decoder_.reset(avcodec_alloc_context3(codec));
  if (!decoder_) return fail("out of memory");
  decoder_->codec_whitelist = av_strdup(kCodecs);
  decoder_->pkt_timebase = stream->time_base;
  decoder_->thread_count = 1;
  int code = avcodec_parameters_to_context(decoder_.get(), stream->codecpar);
  if (code >= 0) code = avcodec_open2(decoder_.get(), codec, nullptr);
  if (code < 0) return fail("cannot decode {}: {}", codec->long_name, reason(code));
  return {};
}

Status Decoding::take_frames() {
  while (true) {
    const int code = avcodec_receive_frame(decoder_.get(), frame_.get());
    if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return {};
    if (code < 0) {
      problem_ = code;
      return {};
    }
    const Status added = frame_->nb_samples > 0 ? sink_.add(*frame_) : Status{};
    av_frame_unref(frame_.get());
    HEMIOLA_CHECK(added);
    if (sink_.is_full()) return {};
  }
}

Status Decoding::read() {
  const std::unique_ptr<AVPacket, FreePacket> packet(av_packet_alloc());
  if (!packet) return fail("out of memory");
  const auto size = static_cast<double>(reader_.bytes.size());
  double told = 0;
  while (true) {
    if (const int code = av_read_frame(input_.get(), packet.get()); code < 0) {
      if (code != AVERROR_EOF) problem_ = code;
      break;
    }
    if (packet->stream_index == stream_) {
      if (const int code = avcodec_send_packet(decoder_.get(), packet.get()); code < 0) {
        problem_ = code;
      }
    }
    av_packet_unref(packet.get());
    HEMIOLA_CHECK(take_frames());
    if (sink_.is_full()) return {};
    const double done = static_cast<double>(reader_.position) / size;
    if (options_.progress && done >= told + 0.01) {
      told = done;
      if (!options_.progress(done)) return fail("stopped while reading the sound");
    }
  }
  avcodec_send_packet(decoder_.get(), nullptr);
  return take_frames();
}

}  // namespace

Result<Audio> decode_audio(std::span<const std::uint8_t> bytes, const DecodeOptions& options) {
  silence_log();
  if (bytes.empty()) return fail("the sound file is empty");
  return Decoding(bytes, options).run();
}

}  // namespace hemiola
